"""Prompts within a run: what is asked, on which labels, and on which base."""

import pytest

from methods.test_translating import cell_of
from toy import write_toy_run
from unibridge.artifacts import read_manifest
from unibridge.config import load_config
from unibridge.errors import ConfigError, UnibridgeError
from unibridge.study.inputs import read_inputs

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
def test_every_prompt_ends_in_labels_of_the_test(tmp_path, name, given, learnt):
    config = load_config(
        write_toy_run(tmp_path, "classification"), [f"run.methods=['{name}']", *SHORT, *given]
    )
    cell, _ = cell_of(config, name, tmp_path)
    assert cell.sources == learnt and [s.name.partition("-")[0] for s in cell.stages] == ["prompt"]
    facts = read_manifest(cell.prediction)["facts"]
    assert facts["examples"] == 14 and cell.ensemble is None


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
