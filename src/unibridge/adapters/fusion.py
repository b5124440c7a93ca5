"""Several adapters as one: AdapterFusion, their mean, and the same for their invertible parts.

Pfeiffer et al. 2021 (AdapterFusion, arXiv 2005.00247, section 3.2), as AdapterHub computes it:

    z = V-weighted sum of what the adapters give, by softmax(q(LN(s)) . k(up_i));  s <- s + z

with up_i the output of adapter i before its residual, q and k full linear layers, and V a matrix
that starts as the identity. AdapterHub takes the invertible part of the first adapter alone; here
they fuse too, and stay invertible: NICE shifts one half of a state by a function of the other, and
attention whose query is that other half mixes the adapters' shifts, so that both directions know
the same weights.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from unibridge.adapters.attach import hidden_size, ledger_of
from unibridge.adapters.banks import AdapterBank, InvertibleBank
from unibridge.adapters.modules import Nice
from unibridge.adapters.settings import AdapterConfig
from unibridge.errors import UnibridgeError, unknown_name

Mixing = Literal["attention", "uniform"]
# AdapterHub's: so that V is not singular where its optimiser would divide by it
_OFF_DIAGONAL = 1e-6


class Attention(nn.Module):
    """Attention over what several adapters give for a state.

    query: (..., width of what is looked at). values: (adapters, ..., width). The weights are drawn
    from N(0, 0.02) with `generator` alone, biases zero, V the identity.
    """

    def __init__(self, looks_at: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.query = nn.Linear(looks_at, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width, bias=False)
        with torch.no_grad():
            for layer in (self.query, self.key):
                layer.weight.normal_(0.0, 0.02, generator=generator)
                layer.bias.zero_()
            self.value.weight.fill_(_OFF_DIAGONAL).fill_diagonal_(1.0)

    def forward(self, query: Tensor, values: Tensor) -> Tensor:
        return self.mixed(self.weights(query, values), values)

    def weights(self, query: Tensor, values: Tensor) -> Tensor:
        """How much each adapter counts, (adapters, ...), sums of one."""
        return (self.query(query) * self.key(values)).sum(-1).softmax(0)

    def mixed(self, weights: Tensor, values: Tensor) -> Tensor:
        """What comes out, (..., width)."""
        return (weights.unsqueeze(-1) * self.value(values)).sum(0)


class Mean(nn.Module):
    """All adapters alike, whatever is looked at."""

    def forward(self, query: Tensor, values: Tensor) -> Tensor:
        return values.mean(0)


class FusedBottlenecks(nn.Module):
    """In a bank, in place of one bottleneck: what several give, mixed."""

    def __init__(self, parts: Sequence[nn.Module], mix: nn.Module) -> None:
        super().__init__()
        # in a list: they are the bank's own, and are counted and copied there
        self.parts, self.mix = list(parts), mix

    def forward(self, states: Tensor) -> Tensor:
        return self.mix(states, torch.stack([part(states) for part in self.parts]))


class FusedNice(Nice):
    """Several couplings as one, with its exact inverse.

    v1 = u1 + mix_f(u2, f_i(u2)), v2 = u2 + mix_g(v1, g_i(v1)).
    """

    def __init__(self, parts: Sequence[Nice], mix_f: nn.Module, mix_g: nn.Module) -> None:
        nn.Module.__init__(self)
        self.parts, self.mix_f, self.mix_g = list(parts), mix_f, mix_g
        self.halves = parts[0].halves

    def f(self, second: Tensor) -> Tensor:
        return self.mix_f(second, torch.stack([part.f(second) for part in self.parts]))

    def g(self, first: Tensor) -> Tensor:
        return self.mix_g(first, torch.stack([part.g(first) for part in self.parts]))


def add_fusion(
    model: nn.Module, name: str, adapters: Sequence[str], *, mixing: Mixing, seed: int = 0
) -> None:
    """Give a model a fusion of adapters that it has, not yet active; stack it by its name.

    In each layer those of them count that have a part there. mixing: attention (AdapterFusion), or
    uniform, which has no weights. seed: of the new weights; the global generator is left alone.
    Raises UnibridgeError where the name is taken, or an adapter is not there.
    """
    ledger = ledger_of(model)
    if name in ledger.configs:
        raise UnibridgeError(
            f"the model has an adapter {name!r} already", do="delete it first or pick another name"
        )
    for one in adapters:
        if one not in ledger.configs:
            raise unknown_name("adapter", one, ledger.configs)
    if len(adapters) < 2:
        raise UnibridgeError("a fusion is of two adapters or more", do="stack a single one")
    hidden = hidden_size(model, ledger.family)
    generator = torch.Generator().manual_seed(seed)

    def mix(looks_at: int, width: int) -> nn.Module:
        return Attention(looks_at, width, generator) if mixing == "attention" else Mean()

    for bank in [m for m in model.modules() if isinstance(m, AdapterBank | InvertibleBank)]:
        parts: list[Any] = [part for one in adapters if (part := bank.get(one)) is not None]
        if not parts:
            continue
        made: nn.Module
        if isinstance(bank, AdapterBank):
            made = FusedBottlenecks(parts, mix(hidden, hidden))
        else:
            first, second = parts[0].halves
            made = FusedNice(parts, mix(second, first), mix(first, second))
        bank.put(name, made.to(next(parts[0].parameters())))
    # what it is made of stands nowhere else: a fusion is not written to AdapterHub's files
    ledger.configs[name] = AdapterConfig(leave_out=(), invertible="none")


def regularisation(model: nn.Module, name: str) -> Tensor:
    """Squared distance of every V from the identity, summed (AdapterFusion's regularisation)."""
    found = [
        (torch.eye(len(m.value.weight), device=m.value.weight.device) - m.value.weight)
        .square()
        .sum()
        for bank in model.modules()
        if isinstance(bank, AdapterBank | InvertibleBank)
        for m in (bank.get(name) or nn.Module()).modules()
        if isinstance(m, Attention)
    ]
    return torch.stack(found).sum() if found else torch.zeros(())
