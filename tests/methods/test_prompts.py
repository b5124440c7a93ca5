"""Prompts within a run: what is asked, on which labels, and on which base."""

import pytest

from methods.test_translating import cell_of, with_lexicon
from toy_run import write_toy_run
from unibridge.artifacts import read_manifest
from unibridge.config import load_config
from unibridge.errors import ConfigError, UnibridgeError
from unibridge.methods import METHODS
from unibridge.prompting.cloze import Wording
from unibridge.prompting.translated import translated
from unibridge.stages.journey import Journey
from unibridge.study.inputs import read_inputs
from unibridge.translation import Between, TranslationSettings

SHORT = ["prompting.training.steps=2", "prompting.length=2", "prompting.steps=1"]


@pytest.mark.parametrize(
    ("name", "given", "learnt"),
    [
        ("prompt-cloze", [], []),
        ("prompt-soft", ["prompting.shots=2"], ["en", "sw"]),
        *(
            pytest.param(*case, ["en", "sw"], marks=pytest.mark.slow)
            for case in (
                ("prompt-cloze", ["prompting.search=gradient"]),
                ("prompt-cloze", ["prompting.search=mined"]),
                ("prompt-tuned", []),
            )
        ),
    ],
)
def test_every_prompt_ends_in_labels_of_the_test(tmp_path, monkeypatch, name, given, learnt):
    asked, settings = set(), Journey.settings
    monkeypatch.setattr(
        Journey, "settings", lambda self, section: asked.add(section) or settings(self, section)
    )
    config = load_config(
        write_toy_run(tmp_path, "classification"), [f"run.methods=['{name}']", *SHORT, *given]
    )
    cell, _ = cell_of(config, name, tmp_path)
    assert cell.sources == learnt and [s.name.partition("-")[0] for s in cell.stages] == ["prompt"]
    facts = read_manifest(cell.prediction)["facts"]
    assert facts["examples"] == 14 and cell.ensemble is None
    assert asked == set(METHODS[name].reads)
    made = {path.name for path in (tmp_path / "stages").iterdir() if path.name[0] != "."}
    assert made == {path.name for path in [*cell.stages, cell.prediction]}


def test_a_base_without_a_head_is_refused_before_training(tmp_path):
    from transformers import XLMRobertaModel

    path = write_toy_run(tmp_path, "classification")
    XLMRobertaModel.from_pretrained(tmp_path / "base").save_pretrained(tmp_path / "base")
    config = load_config(path, ["run.methods=['prompt-soft']"])
    with pytest.raises(UnibridgeError, match="no masked-language-model head that was trained"):
        read_inputs(config)


def test_words_have_no_blank(tmp_path):
    with pytest.raises(ConfigError, match=r"task\.kind: 'prompt-cloze' asks for one word a text"):
        load_config(write_toy_run(tmp_path, "ner"), ["run.methods=['prompt-cloze']"])


def test_a_template_is_translated_word_by_word_for_a_target_without_one(tmp_path):
    path = with_lexicon(tmp_path, "classification")
    lug, en = ((tmp_path / "lug-en-words.tsv").read_text().split("\n")[0]).split("\t")
    template = f"{{text}} {en}, {{mask}} ."
    given = [
        "run.methods=['prompt-cloze']",
        f"prompting.templates.en={template}",
        "prompting.translation.translator=lexicon",
    ]
    cell, _ = cell_of(load_config(path, given), "prompt-cloze", tmp_path)
    made = read_manifest(cell.prediction)
    assert made["settings"]["translation"]["translator"] == "lexicon"
    assert any("lug-en-words" in name for name in made["inputs"])
    between = Between("en", "lug", TranslationSettings(translator="lexicon"), [(en, lug)])
    found = translated(Wording(template, (en, "zz")), between)
    assert found == Wording(f"{{text}} {lug}, {{mask}} .", (lug, "zz"))


def test_what_a_translator_of_templates_needs_is_asked_for(tmp_path):
    given = ["run.methods=['prompt-cloze']", "prompting.translation.translator=seq2seq"]
    with pytest.raises(ConfigError, match=r"prompting\.translation\.model: 'prompt-cloze' transl"):
        load_config(write_toy_run(tmp_path, "classification"), given)
