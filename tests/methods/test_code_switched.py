"""Code-switched training, with words from a lexicon, from aligned lines and from vectors."""

import json

import pytest
import torch

from methods.test_translating import cell_of, with_lexicon
from toy import TOY_LABELS, toy_base, toy_examples
from toy_run import write_toy_run
from unibridge.artifacts import read_manifest
from unibridge.config import load_config
from unibridge.embeddings.word_vectors import write_word_vectors
from unibridge.errors import ConfigError
from unibridge.stages.inputs import Labels
from unibridge.stages.switching import switched_labels
from unibridge.tasks import TASKS
from unibridge.transfer.task import train_task
from unibridge.transfer.task_settings import TaskSettings

ONLY = ["run.methods=['code-switched']"]


def test_every_epoch_reads_other_words_of_the_same_labels(tmp_path):
    path = with_lexicon(tmp_path)
    given = [*ONLY, "code_switching.versions=3", "code_switching.word_rate=0.9"]
    cell, inputs = cell_of(load_config(path, given), "code-switched", tmp_path)
    en, sw, task = cell.stages
    assert (en.name.partition("-")[0], sw.name.partition("-")[0]) == ("words", "words")
    words = json.loads((en / "words.json").read_text())
    assert set(words) == {"lug"} and read_manifest(en)["facts"]["entries"]["lug"]
    facts = read_manifest(task)["facts"]
    assert (facts["versions"], facts["examples"]) == (3, 60) and facts["dev_scores"]
    settings = load_config(path, given).code_switching
    found = switched_labels(inputs.task, {"en": en}, {"en": inputs.train["en"]}, settings, seed=0)[
        "en"
    ]
    rows = [found.file.examples, *found.versions]
    assert len(rows) == 3 and isinstance(found, Labels)
    plain = inputs.train["en"].file.examples
    assert all([e.tags for e in row] == [e.tags for e in plain] for row in rows)
    assert len({tuple(e.words for e in row) for row in (*rows, plain)}) == 4


def test_training_reads_a_version_an_epoch():
    """With two versions of one example each, two epochs learn what each of them says."""
    base, task = toy_base("bert", dropout=0.0), TASKS["classification"]
    examples = toy_examples("classification")
    settings = TaskSettings(training={"epochs": 2, "batch_size": 8})

    def trained(versions):
        return train_task(
            base,
            task,
            {"en": examples[:2]},
            {"en": None},
            TOY_LABELS["classification"],
            settings,
            name="x",
            versions=versions,
        )

    same, other = trained({"en": [examples[:2]]}), trained({"en": [examples[2:4]]})
    alone = trained(None)
    head = [one.head["out.weight"] for one in (same, other, alone)]
    assert torch.equal(head[0], head[2]) and not torch.equal(head[1], head[2])
    assert same.facts["examples"] == alone.facts["examples"] == 2


@pytest.mark.parametrize(
    ("method", "given"),
    [
        pytest.param(
            "alignment",
            ["code_switching.least=1", "code_switching.alignment.method=fast-align"],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "neighbours", ['sources.0.vectors=["lug.vec","en.vec"]'], marks=pytest.mark.slow
        ),
        ("none", ['sources.0.lexicons="hau-en.tsv"']),
    ],
)
def test_words_come_from_aligned_lines_vectors_and_further_lexicons_too(tmp_path, method, given):
    path = write_toy_run(tmp_path, "ner")
    for code in ("lug", "en"):
        words = sorted(set((tmp_path / f"{code}.txt").read_text().split()))[:5]
        write_word_vectors(tmp_path / f"{code}.vec", words, torch.eye(5))
    (tmp_path / "hau-en.tsv").write_text("gari\ttown\n")
    config = load_config(path, [*ONLY, f"code_switching.method={method}", *given])
    cell, _ = cell_of(config, "code-switched", tmp_path)
    entries = [
        read_manifest(path)["facts"]["entries"]
        for path in cell.stages
        if path.name.startswith("words-")
    ]
    if method == "none":
        assert not entries, "none replaces nothing, whatever else is given"
    else:
        assert entries[0]["lug"] > 0


@pytest.mark.slow
def test_text_is_mixed_before_the_task_is_learnt(tmp_path):
    path = with_lexicon(tmp_path)
    given = ["run.methods=['continued-code-switched']", "code_switching.versions=1"]
    cell, _ = cell_of(load_config(path, given), "continued-code-switched", tmp_path)
    adapted = next(path for path in cell.stages if path.name.startswith("adapt-"))
    assert {"en:switched", "sw:switched"} <= read_manifest(adapted)["inputs"].keys()


def test_words_of_no_source_is_a_fault_that_names_what_to_bring(tmp_path):
    with pytest.raises(ConfigError, match=r"sources\.0\.dictionary: 'code-switched' switches"):
        load_config(write_toy_run(tmp_path, "ner"), ONLY)
    load_config(tmp_path / "run.toml", [*ONLY, "code_switching.method=none"])
    load_config(tmp_path / "run.toml", [*ONLY, "code_switching.method=alignment"])
