"""Labels and test examples in another language, by files that are brought and by a lexicon."""

import pytest

import unibridge
from toy_run import toy_lines, write_toy_run
from unibridge.artifacts import read_manifest
from unibridge.config import load_config
from unibridge.errors import ConfigError
from unibridge.stages.predict import read_predictions
from unibridge.stages.translation import read_translated
from unibridge.stages.workplace import Workplace
from unibridge.study.cell import run_method
from unibridge.study.inputs import read_inputs

SLOW = pytest.mark.slow
WAYS = ["translate-train", "translate-train-all", "translate-test"]


def with_lexicon(folder, task="ner"):
    """A dictionary for each source: the n-th word of one language is that of the other."""
    path = write_toy_run(folder, task)
    text = path.read_text()
    for source in ("en", "sw"):
        words = [
            list(dict.fromkeys(word for line in toy_lines(code, 60) for word in line.split()))
            for code in ("lug", source)
        ]
        rows = [f"{target}\t{other}\n" for target, other in zip(*words, strict=False)]
        (folder / f"lug-{source}-words.tsv").write_text("".join(rows))
        own = f'language = "{source}"\n'
        text = text.replace(own, f'{own}dictionary = "lug-{source}-words.tsv"\n')
    path.write_text(text + '[translation]\ntranslator = "lexicon"\n')
    return path


def cell_of(config, name, folder):
    inputs = read_inputs(config)
    at = Workplace(folder / "stages", inputs.base, inputs.base_hash)
    return run_method(config.for_method(name), name, inputs, at, 0), inputs


def test_every_source_is_translated_by_its_own_lexicon_and_learnt(tmp_path):
    config = load_config(with_lexicon(tmp_path), ["run.methods=['translate-train-all']"])
    cell, inputs = cell_of(config, "translate-train-all", tmp_path)
    assert [path.name.rpartition("-")[0] for path in cell.stages[:2]] == [
        "translate-en-lug",
        "translate-sw-lug",
    ]
    facts = read_manifest(cell.stages[0])["facts"]
    assert facts["labels_lost"] == 0 and facts["labels"] and facts["words_unlinked"] == 0
    assert 0 < facts["known"] <= 1 and facts["entries"]
    found, given = read_translated(cell.stages[0]).examples, inputs.train["en"].file.examples
    assert [len(one.words) for one in found] == [len(one.words) for one in given]
    assert found != given
    # the sources' own labels beside the translations
    assert read_manifest(cell.stages[2])["facts"]["examples"] == 2 * 60
    assert cell.sources == ["en", "sw"] and "0.0% of the labels were lost" in cell.note


@pytest.mark.parametrize("task", ["ner", pytest.param("classification", marks=SLOW)])
def test_the_test_is_read_in_a_sources_language_and_labels_are_brought_back(tmp_path, task):
    given = ["run.methods=['translate-test']", "translation.pivot=sw"]
    config = load_config(with_lexicon(tmp_path, task), given)
    cell, inputs = cell_of(config, "translate-test", tmp_path)
    (folder,) = (path for path in cell.stages if path.name.startswith("translate-lug-sw"))
    assert len(read_translated(folder).examples) == len(inputs.test.file.examples)
    assert cell.ensemble is None and read_manifest(cell.prediction)["facts"]["examples"] == 14


def test_trees_come_along_word_by_word_and_are_not_brought_back(tmp_path):
    path = with_lexicon(tmp_path, "parsing")
    with pytest.raises(ConfigError) as error:
        load_config(path, [f"run.methods={WAYS}"])
    (fault,) = error.value.faults
    assert fault.startswith("task.kind: 'translate-test' cannot bring trees back")
    cell, inputs = cell_of(
        load_config(path, ["run.methods=['translate-train']", "fine_tuning.training.steps=1"]),
        "translate-train",
        tmp_path,
    )
    found, given = read_translated(cell.stages[0]).examples, inputs.train["en"].file.examples
    assert [one.tags for one in found] == [one.tags for one in given]
    assert found != given and "0.0% of the labels were lost" in cell.note


@pytest.mark.parametrize("name", ["translate-test", pytest.param("translate-train", marks=SLOW)])
def test_answers_come_along_and_are_brought_back(tmp_path, name):
    given = [f"run.methods=['{name}']", "translation.projection=markers"]
    cell, inputs = cell_of(load_config(with_lexicon(tmp_path, "qa"), given), name, tmp_path)
    (folder, *_) = (path for path in cell.stages if path.name.startswith("translate-"))
    facts = read_manifest(folder)["facts"]
    if name == "translate-test":
        # what is to be labelled is translated without its labels
        assert facts["labels"] == 0 and "marked" not in facts
        said = read_predictions(cell.prediction, inputs.test, inputs.task)
        passages = [one.second for one in inputs.test.file.examples]
        assert all(one.text in p for own, p in zip(said, passages, strict=True) for one in own)
        assert any(said)
    else:
        assert facts["labels"] == facts["marked"] == 30 and facts["labels_lost"] == 0


LEXICON, POS = "translation.translator=lexicon", "task.kind=pos"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["run.methods=['translate-test']"], "target.translated: 'translate-test' needs the test"),
        (
            [
                "run.methods=['translate-test']",
                "translation.translator=none",
                "translation.pivot=x",
            ],
            "translation.pivot: 'translate-test' reads in 'x', no source of its; write en or sw",
        ),
        (
            ["run.methods=['translate-train']", "translation.translator=seq2seq"],
            "translation.model: 'translate-train' translates by a model; name its folder",
        ),
        (
            ["run.methods=['translate-train']", "translation.projection=none", LEXICON],
            "translation.projection: 'translate-train' needs the labels of words",
        ),
        (
            ["run.methods=['translate-test']", "translation.projection=markers", LEXICON, POS],
            "translation.projection: 'translate-test' has a label for every word",
        ),
        (
            ["run.methods=['translate-train']", "translation.translator=lexikon"],
            "translation.translator: .*Did you mean 'lexicon'",
        ),
    ],
)
def test_what_is_missing_is_named_before_anything_is_read(tmp_path, given, said):
    with pytest.raises(ConfigError, match=said):
        load_config(write_toy_run(tmp_path, "ner"), given)


def test_a_lexicon_can_come_from_aligned_lines_and_without_either_is_asked_for(tmp_path):
    path, given = write_toy_run(tmp_path, "ner"), ["run.methods=['translate-train']"]
    given += ["translation.translator=lexicon", "translation.alignment.method=fast-align"]
    cell, _ = cell_of(
        load_config(path, [*given, "translation.least=1"]), "translate-train", tmp_path
    )
    assert read_manifest(cell.stages[0])["facts"]["entries"]
    path.write_text(path.read_text().replace("parallel = ", "# parallel = "))
    with pytest.raises(ConfigError, match=r"sources\.0\.dictionary: .*'en' by a lexicon"):
        load_config(path, given)


def test_ready_translations_of_the_test_are_one_for_one(tmp_path):
    path = write_toy_run(tmp_path, "ner")
    (tmp_path / "few.conll").write_text("boat\tO\n")
    config = load_config(path, ["run.methods=['translate-test']", "target.translated=few.conll"])
    with pytest.raises(unibridge.UnibridgeError, match="1 translations of 14 test examples"):
        read_inputs(config)


def test_ready_questions_are_on_the_passages_of_the_test(tmp_path):
    path = write_toy_run(tmp_path, "qa")
    given = ["run.methods=['translate-test']", "target.translated=en.test.json"]
    with pytest.raises(ConfigError, match=r"translation\.passages: .*cannot find answers again"):
        load_config(path, given)
    config = load_config(path, [*given, "translation.passages=false"])
    with pytest.raises(unibridge.UnibridgeError, match="question 1 is on another passage"):
        read_inputs(config)
