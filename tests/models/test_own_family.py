"""A family of the user's own, by its import path, on its way to a pack and out of it again."""

import json

import pytest
from transformers import RobertaConfig, RobertaForMaskedLM

import unibridge
from toy import SHAPE
from toy_run import toy_lines, write_toy_run
from unibridge.artifacts import read_json
from unibridge.config import load_config
from unibridge.errors import ConfigError, UnibridgeError
from unibridge.models.base import load_base
from unibridge.models.families import FAMILIES, OWN, family_of
from unibridge.pack.derive import merge_pack
from unibridge.stages.inputs import base_identity
from unibridge.study.run import run

PATH = "own_family:ROBERTA"


@pytest.fixture
def roberta(tmp_path):
    """A toy run whose base is of a type that nothing here knows."""
    path = write_toy_run(tmp_path, "classification")
    tokenizer = load_base(tmp_path / "base").tokenizer
    sizes = {**SHAPE, "vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    config = RobertaConfig(**sizes, type_vocab_size=1, bos_token_id=None, eos_token_id=None)
    RobertaForMaskedLM(config).save_pretrained(tmp_path / "base")
    return path


def test_it_is_named_where_a_base_is_loaded_and_stays_with_it(roberta, tmp_path):
    with pytest.raises(UnibridgeError, match="unknown model family 'roberta'"):
        load_base(tmp_path / "base")
    base = load_base(tmp_path / "base", family=PATH)
    assert base.family.model_type == "roberta" and not base.built_head
    assert base.family is family_of(base.model.config) is family_of(base.model.config.to_dict())
    assert f"family {PATH}" in base_identity(base)
    base.model.save_pretrained(tmp_path / "again")
    base.tokenizer.save_pretrained(tmp_path / "again")
    assert read_json(tmp_path / "again" / "config.json")[OWN] == PATH
    again = load_base(tmp_path / "again")
    assert again.family is base.family and not again.notes
    # a registered one says nothing of its own
    bert = load_base(write_toy_run(tmp_path, "ner", family="bert").parent / "base", family="bert")
    assert not hasattr(bert.model.config, OWN) and family_of(bert.model.config) is FAMILIES["bert"]


def test_what_is_no_family_is_refused_in_one_line(roberta, tmp_path):
    with pytest.raises(ConfigError, match=r"base\.family: cannot import the model family"):
        load_config(roberta, ["base.family=own_family:NOTHING"])
    about = read_json(tmp_path / "base" / "config.json") | {OWN: "own_family:FAMILIES"}
    (tmp_path / "base" / "config.json").write_text(json.dumps(about))
    with pytest.raises(UnibridgeError, match="'own_family:FAMILIES' is no model family"):
        load_base(tmp_path / "base")


@pytest.mark.slow
def test_a_run_with_it_ends_in_a_pack_that_predicts(roberta, tmp_path):
    given = ["run.methods=['fine-tune', 'unibridge']", f"base.family={PATH}"]
    folder = run(load_config(roberta, given))
    rows = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    assert [row["method"] for row in rows] == ["fine-tune", "unibridge"]
    assert read_json(folder / "pack" / "config.json")["base"][OWN] == PATH
    lines = toy_lines("lug", 8)
    pack = unibridge.load(folder)
    assert set(pack.predict(lines)) <= set(pack.config.labels)
    merged = unibridge.load(merge_pack(folder, tmp_path / "merged"))
    assert len(merged.predict(lines)) == len(lines)
