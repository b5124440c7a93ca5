"""The two parts of a MAD-X adapter as bare modules: bottleneck and invertible coupling.

Pfeiffer et al. 2020 (MAD-X, arXiv 2005.00052) for both, Dinh et al. 2015 (NICE, arXiv 1410.8516)
for the coupling; they compute what AdapterHub's `seq_bn` and `seq_bn_inv` compute.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from unibridge.adapters.settings import LANGUAGE_ADAPTER, TASK_ADAPTER, AdapterConfig
from unibridge.registry import Registry

__all__ = [
    "LANGUAGE_ADAPTER",
    "NON_LINEARITIES",
    "TASK_ADAPTER",
    "AdapterConfig",
    "Bottleneck",
    "Nice",
]

NON_LINEARITIES: Registry[Callable[[Tensor], Tensor]] = Registry(
    "non-linearity",
    {
        "relu": functional.relu,
        "gelu": functional.gelu,
        "gelu_new": partial(functional.gelu, approximate="tanh"),
        "silu": functional.silu,
        "swish": functional.silu,
        "tanh": torch.tanh,
    },
)


class Bottleneck(nn.Module):
    """up(f(down(x))) without the residual, `(..., hidden)` to `(..., hidden)`.

    Weights start from N(0, 0.02), drawn with `generator` alone, and biases from zero (AdapterHub).
    """

    def __init__(
        self, hidden: int, reduction_factor: float, non_linearity: str, generator: torch.Generator
    ) -> None:
        super().__init__()
        inner = max(1, int(hidden // reduction_factor))
        self.non_linearity = NON_LINEARITIES.resolve(non_linearity)
        self.down = _linear(hidden, inner, generator)
        self.up = _linear(inner, hidden, generator)

    def forward(self, states: Tensor) -> Tensor:
        return self.up(self.non_linearity(self.down(states)))


class Nice(nn.Module):
    """Additive coupling of the halves (u1, u2) of a state, `(..., hidden)`, and its exact inverse.

    v1 = u1 + f(u2), v2 = u2 + g(v1); back again, u2 = v2 - g(v1), u1 = v1 - f(u2). f and g are
    bottlenecks from one half to the other; their inner size is the half / reduction factor.
    """

    def __init__(
        self, hidden: int, reduction_factor: float, non_linearity: str, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.non_linearity = NON_LINEARITIES.resolve(non_linearity)
        first, second = self.halves = (hidden // 2, hidden - hidden // 2)
        inner_f = max(1, int(second // reduction_factor))
        inner_g = max(1, int(first // reduction_factor))
        self.f_down = _linear(second, inner_f, generator)
        self.f_up = _linear(inner_f, first, generator)
        self.g_down = _linear(first, inner_g, generator)
        self.g_up = _linear(inner_g, second, generator)

    def forward(self, states: Tensor) -> Tensor:
        first, second = states.split(self.halves, dim=-1)
        first = first + self.f(second)
        second = second + self.g(first)
        return torch.cat((first, second), dim=-1)

    def inverse(self, states: Tensor) -> Tensor:
        """The states `(..., hidden)` that `forward` turns into `states`."""
        first, second = states.split(self.halves, dim=-1)
        second = second - self.g(first)
        first = first - self.f(second)
        return torch.cat((first, second), dim=-1)

    def f(self, second: Tensor) -> Tensor:
        """What is added to the first half, given the second."""
        return self.f_up(self.non_linearity(self.f_down(second)))

    def g(self, first: Tensor) -> Tensor:
        """What is added to the second half, given the first (already shifted)."""
        return self.g_up(self.non_linearity(self.g_down(first)))


class _Undrawn(nn.Linear):
    """nn.Linear without its own initialisation, which would draw from the global generator."""

    def reset_parameters(self) -> None:
        pass


def _linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    layer = _Undrawn(inputs, outputs)
    nn.init.normal_(layer.weight, std=0.02, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer
