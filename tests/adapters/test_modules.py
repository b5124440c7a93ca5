"""Bottleneck and NICE against their formulas."""

import pytest
import torch
from pydantic import ValidationError

from unibridge.adapters.modules import (
    LANGUAGE_ADAPTER,
    NON_LINEARITIES,
    TASK_ADAPTER,
    AdapterConfig,
    Bottleneck,
    Nice,
)
from unibridge.errors import UnibridgeError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def large_weights(module: torch.nn.Module) -> None:
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.5, generator=generator(3))


@pytest.mark.parametrize("non_linearity", NON_LINEARITIES)
def test_bottleneck_is_down_then_non_linearity_then_up(non_linearity):
    module = Bottleneck(8, 4, non_linearity, generator())
    large_weights(module)
    states = torch.randn(2, 5, 8, generator=generator(1))
    down, up = module.down, module.up
    inner = NON_LINEARITIES[non_linearity](states @ down.weight.T + down.bias)
    assert inner.shape == (2, 5, 2)
    torch.testing.assert_close(module(states), inner @ up.weight.T + up.bias)


def test_a_bottleneck_has_at_least_one_unit():
    assert Bottleneck(8, 100, "relu", generator()).down.out_features == 1


@pytest.mark.parametrize("hidden", [8, 9])
def test_nice_is_the_coupling_of_the_two_halves(hidden):
    module = Nice(hidden, 2, "relu", generator())
    large_weights(module)
    states = torch.randn(3, hidden, generator=generator(1))
    first, second = states[:, :4], states[:, 4:]

    def net(down, up, half):
        return (half @ down.weight.T + down.bias).relu() @ up.weight.T + up.bias

    shifted = first + net(module.f_down, module.f_up, second)
    expected = torch.cat([shifted, second + net(module.g_down, module.g_up, shifted)], dim=1)
    torch.testing.assert_close(module(states), expected)
    assert (module(states) - states).abs().max() > 0.1


@pytest.mark.parametrize("hidden", [8, 9])
def test_the_inverse_undoes_nice_on_either_side(hidden):
    module = Nice(hidden, 2, "gelu", generator())
    large_weights(module)
    states = torch.randn(2, 6, hidden, generator=generator(1))
    torch.testing.assert_close(module.inverse(module(states)), states, rtol=0, atol=1e-6)
    torch.testing.assert_close(module(module.inverse(states)), states, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", [Bottleneck, Nice])
def test_weights_start_from_the_generator_alone(kind):
    before = torch.get_rng_state()
    first, again, other = (kind(256, 2, "relu", generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    states = [module.state_dict() for module in (first, again, other)]
    for key, tensor in states[0].items():
        assert torch.equal(tensor, states[1][key])
        if key.endswith("bias"):
            assert not tensor.any()
        else:
            assert not torch.equal(tensor, states[2][key])
            assert abs(tensor.std().item() - 0.02) < 0.001


def test_an_unknown_non_linearity_is_named():
    with pytest.raises(UnibridgeError, match=r"'rellu'.*'relu'"):
        Bottleneck(8, 2, "rellu", generator())


def test_presets_are_the_papers():
    assert (LANGUAGE_ADAPTER.reduction_factor, LANGUAGE_ADAPTER.inv_reduction_factor) == (2, 2)
    assert (LANGUAGE_ADAPTER.invertible, LANGUAGE_ADAPTER.non_linearity) == ("nice", "relu")
    assert (TASK_ADAPTER.reduction_factor, TASK_ADAPTER.invertible) == (16, "none")
    assert TASK_ADAPTER.non_linearity == "gelu"
    assert LANGUAGE_ADAPTER.leave_out == TASK_ADAPTER.leave_out == (-1,)


@pytest.mark.parametrize("wrong", [{"reduction_factor": 0}, {"invertible": "glow"}, {"size": 3}])
def test_settings_refuse(wrong):
    with pytest.raises(ValidationError):
        AdapterConfig(**wrong)
