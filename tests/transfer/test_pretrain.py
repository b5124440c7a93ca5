import pytest
import torch
from transformers import AutoModel

from toy import LINES as TOY_LINES
from toy import save_toy_base
from unibridge.errors import UnibridgeError
from unibridge.models.base import load_base
from unibridge.models.families import FAMILIES
from unibridge.transfer.pretrain import FURTHER, PretrainSettings, pretrain

SYLLABLES = [first + second for first in "ktmrslnhpwgbdyf" for second in "aeiou"]
WORDS = [first + second for first in SYLLABLES[::4] for second in SYLLABLES[::3]]
LINES = [" ".join(WORDS[(7 * i + 31 * j * j) % len(WORDS)] for j in range(8)) for i in range(400)]
TEXTS = {"en": LINES, "xx": [line[::-1] for line in LINES[:40]]}
PAIRS = [(line, line[::-1]) for line in LINES[:20]]


def settings(**changed):
    training = {"steps": 12, "batch_size": 8, "learning_rate": 0.01, "checkpoint_seconds": 0}
    training |= changed.pop("training", {})
    shape = {"vocabulary_size": 100, "hidden": 16, "layers": 2, "heads": 2, "max_tokens": 64}
    return PretrainSettings(**shape | changed, training=training)


def test_a_base_learns_and_loads_like_any_other(tmp_path):
    result = pretrain(TEXTS, settings(training={"steps": 60, "learning_rate": 0.02}), pairs=PAIRS)
    curve = result.fit.curve
    assert curve[-1]["train_loss"] < 0.95 * curve[0]["train_loss"]
    assert result.languages == ["en", "xx"] and not result.model.training
    result.model.save_pretrained(tmp_path)
    result.tokenizer.save_pretrained(tmp_path)
    base = load_base(tmp_path)
    assert base.family.model_type == "xlm-roberta" and not base.built_head
    assert base.tokenizer(LINES[0])["input_ids"] == result.tokenizer(LINES[0])["input_ids"]
    longest = base.tokenizer(" ".join(LINES * 5), truncation=True, return_tensors="pt")
    assert longest["input_ids"].shape == (1, 64)
    assert base.model(**longest).logits.isfinite().all()


def test_an_interrupted_pretraining_ends_with_the_same_weights(tmp_path):
    expected = pretrain(TEXTS, settings(), pairs=PAIRS, seed=3)

    def stop(step, steps, parts):
        if step == 7:
            raise KeyboardInterrupt

    given = {"pairs": PAIRS, "seed": 3, "checkpoint": tmp_path / "checkpoint.pt"}
    with pytest.raises(KeyboardInterrupt):
        pretrain(TEXTS, settings(), progress=stop, **given)
    steps = []
    found = pretrain(TEXTS, settings(), progress=lambda step, *_: steps.append(step), **given)
    assert steps == [7, 8, 9, 10, 11, 12], "step 7 had not reached its checkpoint"
    assert found.fit == expected.fit
    for one, other in zip(found.model.parameters(), expected.model.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(("alpha", "share"), [(1.0, 400 / 440), (0.0, 0.5), (0.3, 0.666)])
def test_languages_are_drawn_by_their_smoothed_share(alpha, share):
    """(400/440)^0.3 : (40/440)^0.3 = 0.972 : 0.487, so en has 0.666."""
    texts = {"en": LINES, "xx": [line[:9] for line in LINES[:40]]}
    chosen = settings(alpha=alpha, training={"steps": 60, "batch_size": 10})
    result = pretrain(texts, chosen)
    lengths = [
        sum(len(ids) for ids in result.tokenizer(texts[code])["input_ids"]) / len(texts[code])
        for code in ("en", "xx")
    ]
    found = (result.fit.tokens / (60 * 10) - lengths[1]) / (lengths[0] - lengths[1])
    assert found == pytest.approx(share, abs=0.07)


def test_translations_have_their_share_and_are_read_side_by_side():
    chosen = settings(tlm_share=0.5, training={"steps": 25})
    without, pairs = pretrain(TEXTS, chosen), pretrain(TEXTS, chosen, pairs=PAIRS)
    assert pairs.fit.tokens > 1.3 * without.fit.tokens


def test_there_must_be_text():
    with pytest.raises(UnibridgeError, match="no text to pretrain on"):
        pretrain({"en": []}, settings())


def test_the_global_generator_is_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    pretrain(TEXTS, settings(training={"steps": 1}))
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize(
    "family",
    [
        # one of each objective
        pytest.param(name, marks=() if name in ("bert", "gpt2", "mt5") else pytest.mark.slow)
        for name in FAMILIES
    ],
)
def test_a_given_base_is_trained_further_and_gets_its_head(family, tmp_path):
    folder = save_toy_base(tmp_path / "base", family)
    AutoModel.from_pretrained(folder).save_pretrained(folder)
    base = load_base(folder)
    assert base.built_head == (base.family.head != (base.family.projection,))
    was = {name: tensor.clone() for name, tensor in base.model.state_dict().items()}
    training = FURTHER.training.model_copy(update={"steps": 25, "learning_rate": 0.02})
    chosen = FURTHER.model_copy(update={"sample_words": 9, "training": training})
    result = pretrain({"en": TOY_LINES * 8}, chosen, base=base)
    curve = result.fit.curve
    assert curve[-1]["train_loss"] < 0.95 * curve[0]["train_loss"]
    assert all(torch.equal(was[name], tensor) for name, tensor in base.model.state_dict().items())
    result.model.save_pretrained(tmp_path / "further")
    result.tokenizer.save_pretrained(tmp_path / "further")
    found = load_base(tmp_path / "further")
    assert found.family.model_type == family and not found.built_head
    assert found.tokenizer.get_vocab() == base.tokenizer.get_vocab()
