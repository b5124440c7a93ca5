"""A base and a pack with fewer rows say the same of the texts that they were cut down to."""

import json

import pytest
import torch

import unibridge
from toy import LINES, drawn_pack, save_toy_base, say, toy_model, toy_tokenizer
from toy_run import toy_labels
from unibridge.artifacts import read_manifest
from unibridge.cli import main
from unibridge.errors import UnibridgeError
from unibridge.models.base import load_base
from unibridge.models.families import FAMILIES
from unibridge.pack.trim import TrimOutput, trim
from unibridge.text.labels import read_labels

TEXT = LINES[:2]


def texts(folder):
    (folder / "text.txt").write_text("\n".join(TEXT) + "\n")
    return [folder / "text.txt"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_base_says_the_same_with_fewer_rows(tmp_path, family):
    whole = load_base(save_toy_base(tmp_path / "base", family))
    out = trim(tmp_path / "base", tmp_path / "out", texts(tmp_path), TrimOutput())
    few = load_base(out)
    facts = read_manifest(out, "trim")["facts"]
    assert facts["pieces"] == [len(whole.tokenizer), len(few.tokenizer)]
    assert facts["parameters"][1] < facts["parameters"][0]
    assert facts["largest_difference"] < 1e-6 and facts["lines_cut_otherwise"] == 0
    places = [
        whole.tokenizer.get_vocab()[p]
        for p in few.tokenizer.convert_ids_to_tokens(list(range(len(few.tokenizer))))
    ]
    for line in TEXT:
        old, new = (b.tokenizer(line, return_tensors="pt")["input_ids"] for b in (whole, few))
        assert torch.equal(torch.tensor(places)[new], old)
        with torch.no_grad():
            before, after = say(whole.model, old), say(few.model, new)
        # the output table and its bias are cut alike
        assert torch.allclose(before[..., places], after, atol=1e-5)
    assert few.model.config.vocab_size == len(few.tokenizer)
    for name, value in whole.model.config.to_dict().items():
        if name.endswith("_token_id") and isinstance(value, int):
            ours = getattr(few.model.config, name)
            assert places[ours] == value, name


def test_an_untied_output_is_cut_too(tmp_path):
    tokenizer = toy_tokenizer("mt5")
    model = toy_model("mt5", vocab=len(tokenizer), tie_word_embeddings=False)
    model.save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    out = trim(tmp_path / "base", tmp_path / "out", texts(tmp_path), TrimOutput())
    few = load_base(out).model
    assert few.lm_head.weight.shape[0] == few.config.vocab_size
    assert not torch.equal(few.lm_head.weight, few.shared.weight)


def test_a_head_that_was_built_is_not_written(tmp_path):
    base = load_base(save_toy_base(tmp_path / "base", "bert"))
    base.model.bert.save_pretrained(tmp_path / "plain")
    base.tokenizer.save_pretrained(tmp_path / "plain")
    assert load_base(tmp_path / "plain").built_head
    out = trim(tmp_path / "plain", tmp_path / "out", texts(tmp_path), TrimOutput(store="float16"))
    assert load_base(out).built_head
    assert read_manifest(out)["facts"]["stored_megabytes"] < 0.05


@pytest.mark.parametrize("family", ["bert", "xlm-roberta", "mbart", "gpt2"])
def test_a_pack_says_the_same_and_is_scored(tmp_path, family):
    pack = drawn_pack("ner", {"en": 0.3, "sw": 0.7}, family=family)
    pack.save_pretrained(tmp_path / "pack")
    gold = tmp_path / "gold.conll"
    gold.write_text(toy_labels("ner", list(LINES)))
    out = trim(tmp_path / "pack", tmp_path / "out", texts(tmp_path), TrimOutput(), gold=gold)
    few = unibridge.load(out)
    assert len(few.tokenizer) < len(pack.tokenizer)
    for before, after in zip(pack.decided(list(TEXT)), few.decided(list(TEXT)), strict=True):
        assert torch.allclose(before, after, atol=1e-5)
    scores = read_manifest(out)["facts"]["score"]
    examples = read_labels(gold).examples
    assert scores[0] == pack.task.score(examples, pack.predict(examples)).value
    assert "only the pieces" in (out / "README.md").read_text()


def test_labels_need_a_pack(tmp_path):
    save_toy_base(tmp_path / "base", "bert")
    with pytest.raises(UnibridgeError, match="Give the folder of a pack"):
        trim(tmp_path / "base", tmp_path / "o", texts(tmp_path), TrimOutput(), gold="g.conll")


def test_the_command_prints_before_and_after(tmp_path, capsys):
    base = save_toy_base(tmp_path / "base", "bert")
    (text,) = texts(tmp_path)
    given = ["trim", str(base), str(tmp_path / "out"), "--text", str(text), "--set", "least=2"]
    assert main(given) == 0
    said = capsys.readouterr().out
    facts = read_manifest(tmp_path / "out")["facts"]
    assert f"pieces: {facts['pieces'][0]} -> {facts['pieces'][1]}" in said
    assert "lines are cut otherwise" in said
    assert json.loads((tmp_path / "out" / "config.json").read_text())["model_type"] == "bert"
