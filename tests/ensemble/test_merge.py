import pytest
import torch

from toy import LINES, drawn_pack, in_turn
from toy_run import toy_lines
from unibridge.ensemble.merge import MERGED, MergeSettings, fit_merge, merge
from unibridge.ensemble.model import MultiSourceModel
from unibridge.errors import UnibridgeError

TEXT = toy_lines("en", 60)


def settings(**training):
    return MergeSettings(held_out=0.2, training={"epochs": 10} | training)


def logits(model):
    inputs = model.tokenizer(list(LINES), return_tensors="pt", padding=True)
    with torch.no_grad():
        return model(**inputs).logits


def tensors_of(model, source):
    """Every tensor of a source's adapter and head, by a name without the source."""
    return {
        name.replace(f"adapter_ner-{source}.", "").replace(f"head_{source}.", ""): tensor
        for name, tensor in model.state_dict().items()
        if f"adapter_ner-{source}." in name or f"head_{source}." in name
    }


@pytest.mark.parametrize(("name", "family"), in_turn(["ner", "pairs"] * 4))
def test_one_source_merged_is_that_source(name, family):
    model = drawn_pack(name, {"en": 0.3, "sw": 0.7}, family=family)
    alone = drawn_pack(name, {"sw": 1.0}, family=family, drawn=("en", "sw"))
    merged = merge(model, {"en": 0.0, "sw": 2.0})
    assert merged.config.sources == [MERGED] and merged.config.weights == [1.0]
    assert torch.allclose(logits(merged), logits(alone), atol=1e-6)


@pytest.mark.parametrize(
    ("weights", "share"), [(None, 0.3), ({"en": 3.0, "sw": 1.0}, 0.75)], ids=["own", "given"]
)
def test_every_tensor_is_the_weighted_mean(weights, share):
    model = drawn_pack("ner", {"en": 0.3, "sw": 0.7})
    merged = merge(model, weights)
    english, swahili, mean = (
        tensors_of(one, source) for one, source in ((model, "en"), (model, "sw"), (merged, MERGED))
    )
    assert len(mean) == len(english) > 6
    for name, tensor in mean.items():
        expected = share * english[name] + (1 - share) * swahili[name]
        torch.testing.assert_close(tensor, expected)


def test_one_source_has_no_weights_of_its_own_for_every_sentence():
    model = drawn_pack("ner", {"en": 0.3, "sw": 0.7})
    model.config.sentence_temperature = 0.5
    assert merge(model).config.sentence_temperature is None


def test_the_given_model_is_left_alone_and_the_merged_one_survives_the_disk(tmp_path):
    model = drawn_pack("ner", {"en": 0.3, "sw": 0.7})
    before = logits(model)
    merged = merge(model)
    with torch.no_grad():
        expected = logits(merged)
    merged.save_pretrained(tmp_path)
    assert torch.allclose(logits(MultiSourceModel.load(tmp_path)), expected, atol=1e-6)
    with torch.no_grad():
        for parameter in merged.parameters():
            parameter.zero_()
    assert torch.equal(logits(model), before) and model.config.sources == ["en", "sw"]


@pytest.mark.parametrize(
    ("weights", "match"),
    [
        ({"fr": 1.0}, "no source fr"),
        ({"en": 0.0}, "no source has a weight above zero"),
        ({"en": float("nan"), "sw": 1.0}, "one is no number"),
    ],
)
def test_weights_that_fit_no_source_are_refused(weights, match):
    with pytest.raises(UnibridgeError, match=match):
        merge(drawn_pack("ner", {"en": 0.5, "sw": 0.5}), weights)


@pytest.mark.parametrize("name", ["ner", "classification", "pairs"])
def test_fitted_shares_bring_the_sum_closer_to_the_sources_and_it_stays_one_of_them(name):
    model = drawn_pack(name, {"en": 0.3, "sw": 0.7})
    before = logits(model)
    plain, found = merge(model), fit_merge(model, TEXT, settings())
    assert found.divergence < 0.7 * found.before[0]
    assert torch.equal(logits(model), before), "the given model is left alone"
    fitted = found.model.state_dict()
    assert set(fitted) == set(plain.state_dict()), "no trace of how it was fitted"
    of, shares = model.state_dict(), found.facts["shares"]
    assert len(shares) > 6
    for path, tensor in plain.state_dict().items():
        if path in shares:
            tensor = sum(s * of[path.replace(MERGED, source)] for source, s in shares[path].items())
        torch.testing.assert_close(fitted[path], tensor)


def test_fitted_by_weight_is_the_plain_mean():
    model = drawn_pack("ner", {"en": 0.3, "sw": 0.7})
    found = fit_merge(model, TEXT, settings().model_copy(update={"shares": "weights"}))
    torch.testing.assert_close(logits(found.model), logits(merge(model)))
    assert found.facts["steps"] == 0 and found.before == (found.divergence, found.agreement)


def test_one_source_has_no_shares_to_fit():
    found = fit_merge(drawn_pack("ner", {"en": 1.0}), TEXT, settings())
    assert found.facts["steps"] == 0 and found.divergence < 1e-6


def test_sources_without_adapters_of_their_own_have_heads_to_merge():
    model = drawn_pack("ner", {"en": 0.3, "sw": 0.7}, leave_out=(0, 1, 2))
    found = fit_merge(model, TEXT, settings())
    assert set(found.facts["shares"]) == {
        "heads.head_merged.out.weight",
        "heads.head_merged.out.bias",
    }
    assert found.divergence < 1e-3, "the mean of heads is the head of the mean"
