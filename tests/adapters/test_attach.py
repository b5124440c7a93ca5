"""Adapters on a whole model: one contract for every family."""

import copy
import io
from functools import cache

import pytest
import torch
from torch.nn import functional

from toy import say, toy_model
from unibridge.adapters.attach import (
    activate,
    active,
    adapter_parameters,
    adapter_state,
    add_adapter,
    delete_adapter,
    encoder_of,
    encoder_share,
    freeze,
    invert,
    layers_of,
    ledger_of,
    load_adapter_state,
)
from unibridge.adapters.modules import LANGUAGE_ADAPTER, TASK_ADAPTER, AdapterConfig
from unibridge.errors import UnibridgeError
from unibridge.models.families import FAMILIES

IDS = torch.tensor([[5, 9, 17, 33, 6], [8, 8, 40, 21, 11]])


@pytest.fixture(params=FAMILIES)
def family(request):
    return FAMILIES[request.param]


@pytest.fixture
def model(family):
    """A toy with a language adapter "to" (Tongan) and a task adapter "ner", none active."""
    return copy.deepcopy(toy_with_adapters(family.model_type))


@cache
def toy_with_adapters(family):
    return with_adapters(toy_model(family), FAMILIES[family])


def with_adapters(model, family):
    add_adapter(model, family, "to", LANGUAGE_ADAPTER, seed=0)
    add_adapter(model, family, "ner", TASK_ADAPTER, seed=1)
    for name in ("to", "ner"):
        enlarge(model, name)
    return model


def enlarge(model, name):
    """Weights that change the results plainly."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in adapter_parameters(model, name):
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))


def logits(model):
    with torch.no_grad():
        return say(model, IDS)


def test_no_active_adapter_is_the_base_exactly(family, model):
    base = toy_model(family.model_type)
    assert torch.equal(logits(model), logits(base))
    activate(model, "to", "ner")
    assert (logits(model) - logits(base)).abs().max() > 0.01
    activate(model)
    assert torch.equal(logits(model), logits(base))
    assert set(base.state_dict()) <= set(model.state_dict())


@pytest.mark.parametrize("family", ["bert", "xlm-roberta"], indirect=True)
def test_each_layer_follows_the_formula(family, model):
    """s <- s + up(f(down(LN(s)))) for each adapter in order, then LN; NICE at the embeddings."""
    activate(model, "to", "ner")
    encoder = encoder_of(model, family)
    plain = encoder_of(toy_model(family.model_type), family)
    weights = {name: adapter_state(model, name) for name in ("to", "ner")}

    def linear(name, place, states):
        return functional.linear(
            states, weights[name][f"{place}.weight"], weights[name][f"{place}.bias"]
        )

    with torch.no_grad():
        first, second = plain.embeddings(IDS).chunk(2, dim=-1)
        first = first + linear(
            "to", "invertible.f_up", linear("to", "invertible.f_down", second).relu()
        )
        second = second + linear(
            "to", "invertible.g_up", linear("to", "invertible.g_down", first).relu()
        )
        states = torch.cat([first, second], dim=-1)
        for index, layer in enumerate(plain.encoder.layer):
            attended = layer.attention(states)[0]
            summed = layer.output.dense(layer.intermediate(attended)) + attended
            norm = layer.output.LayerNorm
            if index < 2:
                for name, bend in (("to", functional.relu), ("ner", functional.gelu)):
                    inner = bend(linear(name, f"layer.{index}.down", norm(summed)))
                    summed = summed + linear(name, f"layer.{index}.up", inner)
            states = norm(summed)
        found = encoder(IDS).last_hidden_state
    torch.testing.assert_close(found, states, rtol=0, atol=1e-5)


PRE_NORM = [name for name in FAMILIES if FAMILIES[name].norm_placing == "pre"]


@pytest.mark.parametrize("family", PRE_NORM, indirect=True)
def test_each_pre_norm_layer_follows_the_formula(family, model):
    """s <- s + up(f(down(s))) for each adapter in order, s being what the plain layer gives."""
    activate(model, "to", "ner")
    plain = layers_of(toy_model(family.model_type), family)
    weights = {name: adapter_state(model, name) for name in ("to", "ner")}
    calls = {}
    handles = [
        layer.register_forward_hook(
            lambda layer, inputs, named, output: calls.update({layer: (inputs, named, output)}),
            with_kwargs=True,
        )
        for layer in layers_of(model, family)
    ]
    logits(model)
    for index, layer in enumerate(layers_of(model, family)):
        inputs, named, output = calls[layer]
        with torch.no_grad():
            states = plain[index](*inputs, **named)
        states, found = (x[0] if isinstance(x, tuple) else x for x in (states, output))
        for name, bend in (("to", functional.relu), ("ner", functional.gelu)):
            if f"layer.{index}.down.weight" in weights[name]:
                down, up = (
                    [weights[name][f"layer.{index}.{part}.{kind}"] for kind in ("weight", "bias")]
                    for part in ("down", "up")
                )
                states = states + functional.linear(bend(functional.linear(states, *down)), *up)
        torch.testing.assert_close(found, states, rtol=0, atol=1e-6)
    assert len(calls) == len(plain)
    for handle in handles:
        handle.remove()


def test_the_order_of_the_stack_matters(model):
    results = []
    for stack in (("to",), ("ner",), ("to", "ner"), ("ner", "to")):
        activate(model, *stack)
        assert active(model) == stack
        results.append(logits(model))
    for index, one in enumerate(results):
        assert all((one - other).abs().max() > 1e-3 for other in results[:index])


@torch.no_grad()
def given_to_projection(model, family, states):
    """What the vocabulary projection gets when the head reads `states`."""
    seen = []
    handle = model.get_output_embeddings().register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0])
    )
    family.vocabulary_logits(model, states)
    handle.remove()
    return seen[0]


def test_the_inverse_comes_right_before_the_projection(family, model):
    states = torch.randn(2, 4, 16, generator=torch.Generator().manual_seed(0))
    plain = given_to_projection(model, family, states)
    assert torch.equal(invert(model, plain), plain)
    activate(model, "to", "ner")
    inverted = given_to_projection(model, family, states)
    assert torch.equal(inverted, invert(model, plain))
    assert (inverted - plain).abs().max() > 0.01


def test_inverse_after_forward_is_identity(family, model):
    activate(model, "to")
    states = torch.randn(2, 4, 16, generator=torch.Generator().manual_seed(0))
    coupling = ledger_of(model).get("to")
    torch.testing.assert_close(invert(model, coupling(states)), states, rtol=0, atol=1e-6)


def test_a_replaced_projection_gets_the_inverse_on_the_next_activate(family, model):
    activate(model, "to")
    expected = logits(model)
    model.resize_token_embeddings(100, mean_resizing=False)
    activate(model, "to")
    activate(model, "to")
    torch.testing.assert_close(logits(model)[..., :90], expected)


@pytest.mark.parametrize(("leave_out", "rows"), [((), 1), ((), 2), ((0,), 2), ((-1,), 1)])
def test_side_by_side_each_adapter_gives_what_it_gives_alone(family, model, leave_out, rows):
    shape = TASK_ADAPTER.model_copy(update={"leave_out": leave_out})
    for seed, name in enumerate(("a", "b", "c")):
        add_adapter(model, family, name, shape, seed=seed)
        with torch.no_grad():
            for parameter in adapter_parameters(model, name):
                parameter += 0.3 * torch.randn(
                    parameter.shape, generator=torch.Generator().manual_seed(seed)
                )
    encoder = encoder_of(model, family)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])[-rows:]

    def states(*names, parallel=()):
        activate(model, *names, parallel=parallel)
        with torch.no_grad():
            return encoder(IDS[-rows:], attention_mask=mask).last_hidden_state

    together = states("to", parallel=("a", "b", "c"))
    alone = [states("to", name) for name in ("a", "b", "c")]
    assert not torch.allclose(alone[0], alone[1], atol=0.01)
    torch.testing.assert_close(together, torch.cat(alone))


def test_a_deep_copy_is_independent(model):
    activate(model, "to", "ner")
    expected = logits(model)
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in adapter_parameters(model, "to"):
            parameter.zero_()
    activate(model, "to")
    assert torch.equal(logits(twin), expected)
    assert active(twin) == ("to", "ner")
    assert not torch.equal(logits(model), expected)


def test_the_whole_model_survives_torch_save(model):
    activate(model, "to", "ner")
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    again = torch.load(file, weights_only=False)
    assert torch.equal(logits(again), logits(model))
    activate(again)
    activate(model)
    assert torch.equal(logits(again), logits(model))


def test_adapters_follow_the_dtype(family, model):
    activate(model, "to", "ner")
    model.to(torch.bfloat16)
    add_adapter(model, family, "late", LANGUAGE_ADAPTER, seed=0)
    activate(model, "to", "ner", "late")
    assert logits(model).dtype == torch.bfloat16
    assert {p.dtype for p in adapter_parameters(model, "late")} == {torch.bfloat16}
    assert logits(model.double()).dtype == torch.float64


@pytest.mark.parametrize("trained", ["to", "ner"])
def test_only_what_is_trained_gets_gradients(model, trained):
    freeze(model)
    wanted = list(adapter_parameters(model, trained))
    for parameter in wanted:
        parameter.requires_grad_(True)
    activate(model, "to", "ner")
    say(model, IDS).square().mean().backward()
    touched = {id(p) for p in model.parameters() if p.grad is not None and p.grad.any()}
    assert touched == {id(parameter) for parameter in wanted}


def test_gradient_checkpointing_changes_nothing(family):
    model = with_adapters(
        toy_model(family.model_type, **dict.fromkeys(family.dropouts, 0.0)), family
    )
    freeze(model)
    for parameter in adapter_parameters(model, "ner"):
        parameter.requires_grad_(True)
    activate(model, "to", "ner")
    model.train()

    def gradients():
        model.zero_grad()
        say(model, IDS, attention_mask=torch.ones_like(IDS)).square().mean().backward()
        return [parameter.grad.clone() for parameter in adapter_parameters(model, "ner")]

    plain = gradients()
    model.gradient_checkpointing_enable()
    assert model.is_gradient_checkpointing
    for one, other in zip(plain, gradients(), strict=True):
        torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-5 * float(one.abs().max()))


def test_a_bare_encoder_takes_adapters_too(family, model):
    activate(model, "to", "ner")
    bare = family.new_encoder(model.config).eval()
    bare.load_state_dict(encoder_of(toy_model(family.model_type), family).state_dict())
    for name in ("to", "ner"):
        own = ledger_of(model).configs[name], adapter_state(model, name)
        config, state = encoder_share(model, family, *own)
        add_adapter(bare, family, name, config, seed=5)
        load_adapter_state(bare, name, state)
    activate(bare, "to", "ner")
    with torch.no_grad():
        expected = encoder_of(model, family)(IDS).last_hidden_state
        assert torch.equal(bare(IDS).last_hidden_state, expected)


def test_the_same_seed_gives_the_same_adapter_and_leaves_the_global_generator(family, model):
    before = torch.get_rng_state()
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        add_adapter(model, family, name, LANGUAGE_ADAPTER, seed=seed)
    assert torch.equal(torch.get_rng_state(), before)
    a, b, c = (adapter_state(model, name) for name in "abc")
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert not torch.equal(a["layer.0.down.weight"], c["layer.0.down.weight"])
    assert not torch.equal(a["layer.0.down.weight"], a["layer.1.down.weight"])


@pytest.mark.parametrize(
    ("leave_out", "absent"), [((), set()), ((-1,), {-1}), ((0, -1), {0, -1}), ((2, -1), {2, -1})]
)
def test_left_out_layers_have_no_bottleneck(family, model, leave_out, absent):
    """A decoder's layers are counted after the encoder's."""
    config = AdapterConfig(leave_out=leave_out, invertible="none")
    add_adapter(model, family, "x", config, seed=0)
    count = 3 if family.decoder is None else 3 + 2
    present = set(range(count)) - {index % count for index in absent}
    assert {int(key.split(".")[1]) for key in adapter_state(model, "x")} == present


def test_delete_leaves_the_base_and_the_others(family, model):
    activate(model, "ner")
    expected = logits(model)
    activate(model, "to", "ner")
    delete_adapter(model, "to")
    assert active(model) == ("ner",)
    assert torch.equal(logits(model), expected)
    delete_adapter(model, "ner")
    base = toy_model(family.model_type)
    assert torch.equal(logits(model), logits(base))
    assert set(model.state_dict()) == set(base.state_dict())


def test_states_that_do_not_fit_are_named(model):
    state = adapter_state(model, "to")
    weight = state.pop("layer.1.up.weight")
    state["layer.7.up.weight"] = weight
    state["layer.0.up.weight"] = weight[:, :3]
    before = adapter_state(model, "to")
    with pytest.raises(UnibridgeError) as error:
        load_adapter_state(model, "to", state)
    for part in ("layer.1.up.weight is missing", "layer.7.up.weight has no place", "(16, 3)"):
        assert part in str(error.value)
    assert all(torch.equal(before[key], now) for key, now in adapter_state(model, "to").items())


def test_mistakes_are_named(family, model):
    other = next(FAMILIES[name] for name in FAMILIES if name != family.model_type)
    for mistake, words in (
        (lambda: activate(model, "tp"), "unknown adapter 'tp'"),
        (lambda: add_adapter(model, family, "to", TASK_ADAPTER, seed=0), "'to' already"),
        (lambda: add_adapter(model, family, "a.b", TASK_ADAPTER, seed=0), "cannot name"),
        (
            lambda: add_adapter(toy_model(other.model_type), family, "a", TASK_ADAPTER, seed=0),
            "nor",
        ),
        (
            lambda: add_adapter(model, family, "a", AdapterConfig(leave_out=(7,)), seed=0),
            "no layer 7",
        ),
        (lambda: activate(toy_model(family.model_type), "to"), "no adapters"),
        (lambda: activate(model, parallel=("to",)), "to cannot stand side by side"),
    ):
        with pytest.raises(UnibridgeError, match=words):
            mistake()
    assert set(ledger_of(model).configs) == {"to", "ner"}
