"""Add adapters to a plain `transformers` model, stack them, and take their weights out again.

    ids -> [embeddings] -> NICE -> layers, each ending in [norm(adapters(.))] -> states
    states -> [MLM head] -> NICE inverse -> [vocabulary projection];  task heads see the states

The model's own code is untouched: a bank of bottlenecks is a sub-module of each layer's output
norm and runs as its forward pre-hook, the invertible adapters are a sub-module of the embedding
module. Nothing lives in closures, so deep copies, pickling and `.to` carry everything along, and
with no adapter active the base model's numbers are exact. The rule is AdapterHub's (see
`AdapterBank`); names of parts come from the ModelFamily record.
"""

import re
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from unibridge.adapters.modules import Bottleneck, Nice
from unibridge.adapters.settings import AdapterConfig
from unibridge.errors import UnibridgeError, unknown_name
from unibridge.models.families import ModelFamily


class Bank(nn.Module):
    """Modules by adapter name, and the names that are active: in order, then side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.active: tuple[str, ...] = ()
        self.parallel: tuple[str, ...] = ()

    def put(self, name: str, module: nn.Module) -> None:
        # prefixed, since nn.Module has attributes of its own named like languages ("to": Tongan)
        self.add_module(f"adapter_{name}", module)

    def get(self, name: str) -> nn.Module | None:
        return self._modules.get(f"adapter_{name}")

    def remove(self, name: str) -> None:
        self._modules.pop(f"adapter_{name}", None)

    def running(self) -> list[nn.Module]:
        """The modules of the active adapters that have a part here, in order."""
        modules = (self.get(name) for name in self.active)
        return [module for module in modules if module is not None]


class AdapterBank(Bank):
    """The bottlenecks at one post-norm layer's output (Pfeiffer, as AdapterHub computes it).

    With s the sum of the feed-forward output and its residual, LN the layer's own output norm, for
    each active adapter in order: s <- s + up(f(down(LN(s)))). The norm then returns LN(s).

    Parallel adapters come last. Where the first of them stands (`widens`) the batch is repeated
    once for each, and from there on every one works on its own part of the wider batch.
    """

    widens = False

    def before_norm(self, norm: nn.LayerNorm, inputs: tuple[Tensor]) -> tuple[Tensor]:
        (summed,) = inputs
        for bottleneck in self.running():
            # the function, since calling the module would enter this hook again
            normed = functional.layer_norm(
                summed, norm.normalized_shape, norm.weight, norm.bias, norm.eps
            )
            summed = summed + bottleneck(normed)
        if self.parallel:
            summed = self.side_by_side(norm, summed)
        return (summed,)

    def side_by_side(self, norm: nn.LayerNorm, summed: Tensor) -> Tensor:
        """One step of every parallel adapter: (batch, ...) where the batch is widened here, or
        (parallel * batch, ...), to (parallel * batch, ...)."""
        count = len(self.parallel)
        parts = [summed] * count if self.widens else summed.chunk(count)
        normed = functional.layer_norm(
            summed, norm.normalized_shape, norm.weight, norm.bias, norm.eps
        )
        normed_parts = [normed] * count if self.widens else normed.chunk(count)
        modules = [self.get(name) for name in self.parallel]
        return torch.cat(
            [
                part if module is None else part + module(normed_part)
                for module, part, normed_part in zip(modules, parts, normed_parts, strict=True)
            ]
        )

    def before_layer(
        self, _: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Repeat the attention mask where the layer below has widened the batch."""
        count = len(self.parallel)
        rows = (inputs[0] if inputs else named["hidden_states"]).shape[0]

        def fit(value: Any) -> Any:
            if isinstance(value, Tensor) and value.dim() > 1 and len(value) * count == rows:
                return value.repeat(count, *[1] * (value.dim() - 1))
            return value

        if count < 2:
            return None
        return tuple(map(fit, inputs)), {name: fit(value) for name, value in named.items()}


class InvertibleBank(Bank):
    """The invertible adapters at the embeddings, and the list of all adapters of the model.

    configs: the shape of each adapter, those without an invertible part included.
    """

    def __init__(self, family: ModelFamily) -> None:
        super().__init__()
        self.family = family
        self.configs: dict[str, AdapterConfig] = {}

    def after_embeddings(self, _: nn.Module, __: tuple[Tensor, ...], states: Tensor) -> Tensor:
        for coupling in self.running():
            states = coupling(states)
        return states

    def before_projection(self, _: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        return (self.inverse(inputs[0]),)

    def inverse(self, states: Tensor) -> Tensor:
        """Undo the active couplings, last first, on states `(..., hidden)`."""
        for coupling in reversed(self.running()):
            assert isinstance(coupling, Nice)
            states = coupling.inverse(states)
        return states


def add_adapter(
    model: nn.Module, family: ModelFamily, name: str, config: AdapterConfig, *, seed: int
) -> None:
    """Give `model` a new adapter, trainable and not yet active, in the base's dtype and device.

    model: a masked language model of the family, or its bare encoder. name: letters, digits, "_"
    and "-". seed: of the new weights; the global generator is left alone.
    Raises UnibridgeError when the name is taken or odd, a layer to leave out does not exist, or
    the family's norm placing is not supported yet.
    """
    if not re.fullmatch(r"[\w-]+", name):
        raise UnibridgeError(
            f"{name!r} cannot name an adapter", do="use letters, digits, '_' and '-' only"
        )
    ledger = _find_ledger(model) or _install(model, family)
    if name in ledger.configs:
        raise UnibridgeError(
            f"the model has an adapter {name!r} already", do="delete it first or pick another name"
        )
    encoder = encoder_of(model, family)
    layers = attrgetter(family.layers)(encoder)
    left_out = layer_indices(config.leave_out, len(layers))
    generator = torch.Generator().manual_seed(seed)
    norms = [attrgetter(family.output_norm)(layer) for layer in layers]
    hidden = norms[0].normalized_shape[-1]

    for index, norm in enumerate(norms):
        if index in left_out:
            continue
        bottleneck = Bottleneck(hidden, config.reduction_factor, config.non_linearity, generator)
        norm.adapters.put(name, bottleneck.to(norm.weight))
    if config.invertible == "nice":
        coupling = Nice(hidden, config.inv_reduction_factor, config.non_linearity, generator)
        ledger.put(name, coupling.to(norms[0].weight))
        _attach_inverse(model, ledger)
    ledger.configs[name] = config


def activate(model: nn.Module, *names: str, parallel: Sequence[str] = ()) -> None:
    """Stack the named adapters, first name nearest to the layer; no name: the base model, exactly.

    parallel: adapters side by side on top of the stack. What lies below them is computed once; the
    states come out as (parallel * batch, length, hidden), the rows of the first name first.

    Call it again after the vocabulary projection was replaced (`resize_token_embeddings` does),
    so that the inverse is applied before the new one. Raises UnibridgeError for an unknown name,
    and for parallel adapters with invertible parts or without any part.
    """
    ledger = _find_ledger(model)
    if ledger is None and not names and not parallel:
        return
    ledger = ledger_of(model)
    for name in (*names, *parallel):
        _known(ledger, name)
    if invertible := [name for name in parallel if ledger.get(name) is not None]:
        raise UnibridgeError(
            f"{', '.join(invertible)} cannot stand side by side: they have invertible parts",
            do="stack them, or add them with invertible = none",
        )
    first = True
    for _, bank in _banks(model):
        bank.active, bank.parallel = names, tuple(parallel)
        if isinstance(bank, AdapterBank):
            bank.widens = first and any(bank.get(name) is not None for name in parallel)
            first = first and not bank.widens
            if first:
                bank.parallel = ()
    if parallel and first:
        raise UnibridgeError("the parallel adapters have no part in any layer")
    _attach_inverse(model, ledger)


def active(model: nn.Module) -> tuple[str, ...]:
    """The names of the active adapters, in order."""
    ledger = _find_ledger(model)
    return ledger.active if ledger else ()


def adapter_parameters(model: nn.Module, name: str) -> Iterator[nn.Parameter]:
    """The weights of one adapter, its invertible part included."""
    for module in _parts(model, name).values():
        yield from module.parameters()


def adapter_state(model: nn.Module, name: str) -> dict[str, Tensor]:
    """A copy of one adapter's weights, in memory: "layer.3.down.weight", "invertible.f_up.bias"."""
    return {key: tensor.to("cpu", copy=True) for key, tensor in _tensors(model, name).items()}


def load_adapter_state(model: nn.Module, name: str, state: dict[str, Tensor]) -> None:
    """Put weights from `adapter_state` into an adapter of the same shape.

    Raises UnibridgeError that names the tensors which are missing, left over or of another shape.
    """
    present = _tensors(model, name)
    faults = [f"{key} is missing" for key in present.keys() - state.keys()]
    faults += [f"{key} has no place" for key in state.keys() - present.keys()]
    faults += [
        f"{key} is {tuple(state[key].shape)}, not {tuple(tensor.shape)}"
        for key, tensor in present.items()
        if key in state and state[key].shape != tensor.shape
    ]
    if faults:
        raise UnibridgeError(
            f"these weights do not fit the adapter {name!r}: " + "; ".join(sorted(faults)[:3]),
            do="add the adapter with the configuration, and to the base model, it was made for",
        )
    with torch.no_grad():
        for key, tensor in present.items():
            tensor.copy_(state[key])


def delete_adapter(model: nn.Module, name: str) -> None:
    """Remove an adapter, from the active stack as well."""
    ledger = ledger_of(model)
    _known(ledger, name)
    activate(model, *(other for other in ledger.active if other != name))
    for _, bank in _banks(model):
        bank.remove(name)
    del ledger.configs[name]


def invert(model: nn.Module, hidden: Tensor) -> Tensor:
    """The active invertible adapters' inverse of encoder states `(..., hidden)`."""
    ledger = _find_ledger(model)
    return ledger.inverse(hidden) if ledger else hidden


def freeze(model: nn.Module) -> None:
    """Stop gradients to every parameter of the model, adapters included."""
    model.requires_grad_(False)


def ledger_of(model: nn.Module) -> InvertibleBank:
    """What knows all adapters of the model: `.configs` by name, `.active` in order, `.family`."""
    ledger = _find_ledger(model)
    if ledger is None:
        raise UnibridgeError("the model has no adapters", do="call add_adapter first")
    return ledger


def encoder_of(model: nn.Module, family: ModelFamily) -> nn.Module:
    """The family's encoder within a masked language model, or the model itself if it is one."""
    for candidate in (getattr(model, family.encoder, None), model):
        if isinstance(candidate, nn.Module) and hasattr(candidate, family.embeddings):
            return candidate
    raise UnibridgeError(
        f"a {type(model).__name__} is neither a {family.model_type} masked language model nor its "
        "encoder",
        do="pass the model as load_base gives it, with its own family",
    )


def layer_indices(leave_out: tuple[int, ...], count: int) -> set[int]:
    """Layers to leave out, of `count`, from 0: -1 is the last. Raises for one that is not there."""
    for index in leave_out:
        if not -count <= index < count:
            raise UnibridgeError(
                f"there is no layer {index} to leave out of {count}",
                where="leave_out",
                do=f"use {-count} to {count - 1}",
            )
    return {index % count for index in leave_out}


def _install(model: nn.Module, family: ModelFamily) -> InvertibleBank:
    """Empty banks and their hooks at every site of the encoder."""
    if family.norm_placing != "post":
        raise UnibridgeError(
            f"adapters for {family.norm_placing}-norm models such as {family.model_type} are not "
            "supported yet",
            do="use a bert or xlm-roberta model",
        )
    encoder = encoder_of(model, family)
    for layer in attrgetter(family.layers)(encoder):
        norm = attrgetter(family.output_norm)(layer)
        norm.adapters = AdapterBank()
        norm.register_forward_pre_hook(norm.adapters.before_norm)
        layer.register_forward_pre_hook(norm.adapters.before_layer, with_kwargs=True)
    embeddings = attrgetter(family.embeddings)(encoder)
    embeddings.adapters = InvertibleBank(family)
    embeddings.register_forward_hook(embeddings.adapters.after_embeddings)
    return embeddings.adapters


def _attach_inverse(model: nn.Module, ledger: InvertibleBank) -> None:
    """Put the inverse before the vocabulary projection, unless it is there or there is none."""
    try:
        decoder = attrgetter(ledger.family.decoder)(model)
    except AttributeError:
        return
    if not getattr(decoder, "reads_inverse", False):
        decoder.register_forward_pre_hook(ledger.before_projection)
        decoder.reads_inverse = True


def _banks(model: nn.Module) -> Iterator[tuple[str, Bank]]:
    """Every bank with its place: "layer.0", "layer.1", ..., then "invertible"."""
    banks = [module for module in model.modules() if isinstance(module, AdapterBank)]
    yield from ((f"layer.{index}", bank) for index, bank in enumerate(banks))
    yield "invertible", ledger_of(model)


def _parts(model: nn.Module, name: str) -> dict[str, nn.Module]:
    """Place -> module of one adapter."""
    _known(ledger_of(model), name)
    found = ((place, bank.get(name)) for place, bank in _banks(model))
    return {place: module for place, module in found if module is not None}


def _tensors(model: nn.Module, name: str) -> dict[str, Tensor]:
    """The weights of one adapter, detached, sharing the model's memory."""
    return {
        f"{place}.{key}": tensor
        for place, module in _parts(model, name).items()
        for key, tensor in module.state_dict().items()
    }


def _find_ledger(model: nn.Module) -> InvertibleBank | None:
    ledgers = [module for module in model.modules() if isinstance(module, InvertibleBank)]
    if len(ledgers) > 1:
        raise UnibridgeError(
            f"{len(ledgers)} models with adapters are inside this {type(model).__name__}",
            do="pass the one that is meant",
        )
    return ledgers[0] if ledgers else None


def _known(ledger: InvertibleBank, name: str) -> None:
    if name not in ledger.configs:
        raise unknown_name("adapter", name, ledger.configs)
