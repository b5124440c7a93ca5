"""States of texts, and what a tokenizer puts around one."""

import pytest
import torch

from toy import LINES, toy_base, toy_model, toy_tokenizer
from unibridge.adapters.attach import activate, adapter_parameters, add_adapter, encoder_of
from unibridge.adapters.settings import AdapterConfig
from unibridge.artifacts import write_json
from unibridge.models.families import FAMILIES
from unibridge.models.states import TEXT_STATES, frame, last_states, layer_states, trained_pooling

STATES = torch.tensor(
    [[[1.0, 2.0], [3.0, 6.0], [99.0, 99.0]], [[1.0, 0.0], [2.0, 0.0], [6.0, 9.0]]]
)
MASK = torch.tensor([[1, 1, 0], [1, 1, 1]])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("first", [[1.0, 2.0], [1.0, 0.0]]),
        ("last", [[3.0, 6.0], [6.0, 9.0]]),
        ("mean", [[2.0, 4.0], [3.0, 3.0]]),
        ("summed", [[4.0, 8.0], [9.0, 9.0]]),
    ],
)
def test_the_state_that_speaks_for_a_text_leaves_padding_out(name, expected):
    assert TEXT_STATES[name](STATES, MASK).tolist() == expected


def test_the_last_state_of_a_text_padded_on_the_left():
    assert TEXT_STATES["last"](STATES[:1], torch.tensor([[0, 1, 1]])).tolist() == [[99.0, 99.0]]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_a_text_state_of_the_table(family):
    assert FAMILIES[family].text_state in TEXT_STATES


@pytest.mark.parametrize("family", FAMILIES)
def test_the_frame_is_what_surrounds_a_text(family):
    tokenizer = toy_tokenizer(family)
    before, after = frame(tokenizer)
    for line in LINES:
        inner = tokenizer(line, add_special_tokens=False)["input_ids"]
        assert tokenizer(line)["input_ids"] == [*before, *inner, *after]


def test_a_base_may_say_how_it_was_pooled(tmp_path):
    base = toy_base("bert")
    assert trained_pooling(base) == "first"
    base.model.config._name_or_path = str(tmp_path)
    (tmp_path / "1_Pooling").mkdir()
    told = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    write_json(tmp_path / "1_Pooling" / "config.json", told)
    assert trained_pooling(base) == "mean"
    base.model.config.unibridge_pooling = "summed"
    assert trained_pooling(base) == "summed"


@pytest.mark.parametrize("family", FAMILIES)
def test_states_of_every_layer_end_with_those_of_the_last(family):
    """Adapters side by side included: all layers then have the rows of the widened batch."""
    record = FAMILIES[family]
    encoder = encoder_of(toy_model(family), record)
    ids = torch.tensor([[5, 9, 17, 33, 6], [8, 8, 40, 21, 11]])
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    with torch.no_grad():
        plain = layer_states(encoder, **inputs)
    for seed, name in enumerate(("one", "two")):
        config = AdapterConfig(leave_out=(0,), invertible="none")
        add_adapter(encoder, record, name, config, seed=seed)
        for parameter in adapter_parameters(encoder, name):
            parameter.data.normal_(generator=torch.Generator().manual_seed(seed))
    activate(encoder, parallel=("one", "two"))
    with torch.no_grad():
        layers, last = layer_states(encoder, **inputs), last_states(encoder, **inputs)
    assert len(layers) == len(plain) == 4
    assert torch.equal(layers[-1], last)
    first, second = last.chunk(2)
    assert not torch.allclose(first, second, atol=0.01)
    # below the adapters nothing has changed
    torch.testing.assert_close(layers[0], plain[0].repeat(2, 1, 1))
    torch.testing.assert_close(layers[1], plain[1].repeat(2, 1, 1))
    assert not torch.allclose(layers[2][:2], plain[2], atol=0.01)
    alone = []
    for name in ("one", "two"):
        activate(encoder, name)
        with torch.no_grad():
            alone.append(layer_states(encoder, **inputs))
    for layer, one, two in zip(layers, *alone, strict=True):
        torch.testing.assert_close(layer, torch.cat([one, two]), rtol=1e-4, atol=1e-4)
