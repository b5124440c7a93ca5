"""Where adapters live within a model: a bank of bottlenecks in each layer, one of couplings below.

Banks are modules that the model owns and whose bound methods are its hooks, so that deep copies,
pickling and `.to` carry them along. `unibridge.adapters.attach` puts them in.
"""

from collections.abc import Callable
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from unibridge.adapters.modules import Nice
from unibridge.adapters.settings import AdapterConfig
from unibridge.models.families import ModelFamily


class Bank(nn.Module):
    """Modules by adapter name, and the names that are active: in order, then side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.active: tuple[str, ...] = ()
        self.parallel: tuple[str, ...] = ()

    def put(self, name: str, module: nn.Module) -> None:
        """Add a module under an adapter's name."""
        # prefixed, since nn.Module has attributes of its own named like languages ("to": Tongan)
        self.add_module(f"adapter_{name}", module)

    def get(self, name: str) -> nn.Module | None:
        """The module of an adapter, None where it has no part here."""
        return self._modules.get(f"adapter_{name}")

    def remove(self, name: str) -> None:
        """Drop an adapter's module, if there is one."""
        self._modules.pop(f"adapter_{name}", None)

    def running(self) -> list[nn.Module]:
        """The modules of the active adapters that have a part here, in order."""
        modules = (self.get(name) for name in self.active)
        return [module for module in modules if module is not None]


class AdapterBank(Bank):
    """The bottlenecks at one layer's output (Pfeiffer, as AdapterHub computes it).

    With s the sum of the feed-forward output and its residual, LN the layer's own output norm, for
    each active adapter in order: s <- s + up(f(down(LN(s)))). The norm then returns LN(s). In a
    pre-norm layer, which ends with s: s <- s + up(f(down(s))).

    Parallel adapters come last. Where the first of them stands (`widens`) the batch is repeated
    once for each, and from there on every one works on its own part of the wider batch.
    """

    widens = False

    def before_norm(self, norm: nn.LayerNorm, inputs: tuple[Tensor]) -> tuple[Tensor]:
        """Hook before a layer's output norm: `inputs` with the adapters' part added."""

        def normed(states: Tensor) -> Tensor:
            # the function, since calling the module would enter this hook again
            return functional.layer_norm(
                states, norm.normalized_shape, norm.weight, norm.bias, norm.eps
            )

        return (self.adapt(inputs[0], normed),)

    def after_layer(self, _: nn.Module, __: tuple[Any, ...], output: Any) -> Any:
        """Hook after a pre-norm layer: its output with the adapters' part added."""
        if isinstance(output, tuple):
            return (self.adapt(output[0]), *output[1:])
        return self.adapt(output)

    def adapt(
        self, summed: Tensor, read: Callable[[Tensor], Tensor] = lambda states: states
    ) -> Tensor:
        """The states after all active adapters. read: what a bottleneck is given of them."""
        for bottleneck in self.running():
            summed = summed + bottleneck(read(summed))
        return self.side_by_side(summed, read(summed)) if self.parallel else summed

    def side_by_side(self, summed: Tensor, normed: Tensor) -> Tensor:
        """One step of every parallel adapter: (batch, ...) where the batch is widened here, or
        (parallel * batch, ...), to (parallel * batch, ...)."""
        count = len(self.parallel)
        parts = [summed] * count if self.widens else summed.chunk(count)
        normed_parts = [normed] * count if self.widens else normed.chunk(count)
        modules = [self.get(name) for name in self.parallel]
        return torch.cat(
            [
                part if module is None else part + module(normed_part)
                for module, part, normed_part in zip(modules, parts, normed_parts, strict=True)
            ]
        )

    def before_layer(
        self, layer: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Repeat the attention mask where the layer below has widened the batch."""
        count = len(self.parallel)
        if count < 2:
            return None
        rows = (inputs[0] if inputs else named["hidden_states"]).shape[0]

        def fit(name: str, value: Any) -> Any:
            masks = name == "attention_mask" and isinstance(value, Tensor)
            if masks and len(value) * count == rows:
                return value.repeat(count, *[1] * (value.dim() - 1))
            return value

        names = signature(layer.forward).parameters
        return (
            tuple(fit(name, value) for name, value in zip(names, inputs, strict=False)),
            {name: fit(name, value) for name, value in named.items()},
        )


class InvertibleBank(Bank):
    """The invertible adapters at the embeddings, and the list of all adapters of the model.

    configs: the shape of each adapter, those without an invertible part included.
    """

    def __init__(self, family: ModelFamily) -> None:
        super().__init__()
        self.family = family
        self.configs: dict[str, AdapterConfig] = {}

    def after_embeddings(self, _: nn.Module, __: tuple[Tensor, ...], states: Tensor) -> Tensor:
        """Hook after the embeddings: states `(batch, tokens, hidden)` through every coupling."""
        for coupling in self.running():
            states = coupling(states)
        return states

    def before_first_layer(
        self, layer: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The same as a hook before the first layer, for families without an embeddings module."""
        if inputs:
            return (self.after_embeddings(layer, (), inputs[0]), *inputs[1:]), named
        states = self.after_embeddings(layer, (), named["hidden_states"])
        return inputs, named | {"hidden_states": states}

    def before_projection(self, _: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        """Hook before the output projection: the states with the couplings undone."""
        return (self.inverse(inputs[0]),)

    def inverse(self, states: Tensor) -> Tensor:
        """Undo the active couplings, last first, on states `(..., hidden)`."""
        for coupling in reversed(self.running()):
            assert isinstance(coupling, Nice)
            states = coupling.inverse(states)
        return states
