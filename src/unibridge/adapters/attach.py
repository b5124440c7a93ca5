"""Add adapters to a plain `transformers` model, stack them, and take their weights out again.

    ids -> [embeddings] -> NICE -> layers, each ending in [norm(adapters(.))] -> states
    states -> [LM head] -> NICE inverse -> [vocabulary projection];  task heads see the states

The model's own code is untouched: a bank of bottlenecks is a sub-module of each layer's output
norm and runs as its forward pre-hook (in a pre-norm family: of the layer, as its forward hook), the
invertible adapters are a sub-module of the embedding module. Nothing lives in closures, so deep
copies, pickling and `.to` carry everything along, and with no adapter active the base model's
numbers are exact. The rule is AdapterHub's (see `AdapterBank`); names of parts come from the
ModelFamily record. Where a model has a decoder beside its encoder, its layers take bottlenecks too
and are counted after the encoder's; the embeddings that it reads are left as they are (AdapterHub).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from unibridge.adapters.banks import AdapterBank, Bank, InvertibleBank
from unibridge.adapters.modules import Bottleneck, Nice
from unibridge.adapters.settings import AdapterConfig
from unibridge.errors import UnibridgeError, unknown_name
from unibridge.models.families import ModelFamily


def add_adapter(
    model: nn.Module, family: ModelFamily, name: str, config: AdapterConfig, *, seed: int
) -> None:
    """Give `model` a new adapter, trainable and not yet active, in the base's dtype and device.

    model: a language model of the family, or its bare encoder. name: letters, digits, "_"
    and "-". seed: of the new weights; the global generator is left alone.
    Raises UnibridgeError when the name is taken or odd, or a layer to leave out does not exist.
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
    layers = layers_of(model, family)
    left_out = layer_indices(config.leave_out, len(layers))
    generator = torch.Generator().manual_seed(seed)
    hidden = hidden_size(model, family)
    like = next(layers[0].parameters())

    for index, layer in enumerate(layers):
        if index in left_out:
            continue
        bottleneck = Bottleneck(hidden, config.reduction_factor, config.non_linearity, generator)
        bank: Any = _holder(layer, family).adapters
        bank.put(name, bottleneck.to(like))
    if config.invertible == "nice":
        coupling = Nice(hidden, config.inv_reduction_factor, config.non_linearity, generator)
        ledger.put(name, coupling.to(like))
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
    for candidate in (_part(model, family.encoder), model):
        if candidate is not None and _part(candidate, family.layers) is not None:
            return candidate
    raise UnibridgeError(
        f"a {type(model).__name__} is neither a {family.model_type} masked language model nor its "
        "encoder",
        do="pass the model as load_base gives it, with its own family",
    )


def layers_of(model: nn.Module, family: ModelFamily) -> list[nn.Module]:
    """The layers that take adapters, in the order they are counted: a decoder's own come last."""
    layers = [*encoder_of(model, family).get_submodule(family.layers).children()]
    decoder = None if family.decoder is None else _part(model, family.decoder)
    if decoder is not None:
        layers += decoder.get_submodule(family.decoder_layers).children()
    return layers


def encoder_share(
    model: nn.Module, family: ModelFamily, config: AdapterConfig, state: dict[str, Tensor]
) -> tuple[AdapterConfig, dict[str, Tensor]]:
    """What of an adapter of `model` lies in the encoder: its shape there, and its weights.

    The same as given where the model has no decoder beside the encoder.
    """
    every = len(layers_of(model, family))
    count = len(layers_of(encoder_of(model, family), family))
    if count == every:
        return config, state
    left_out = sorted(i for i in layer_indices(config.leave_out, every) if i < count)
    kept = {"invertible", *(f"layer.{index}" for index in range(count))}
    return (
        config.model_copy(update={"leave_out": tuple(left_out)}),
        {key: value for key, value in state.items() if key.rsplit(".", 2)[0] in kept},
    )


def hidden_size(model: nn.Module, family: ModelFamily) -> int:
    """The width of the encoder's states."""
    config: Any = encoder_of(model, family).config
    return config.hidden_size


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


def _part(model: nn.Module, path: str) -> nn.Module | None:
    try:
        return model.get_submodule(path)
    except AttributeError:
        return None


def _install(model: nn.Module, family: ModelFamily) -> InvertibleBank:
    """Empty banks and their hooks at every site of the model."""
    layers = layers_of(model, family)
    for layer in layers:
        holder, bank = _holder(layer, family), AdapterBank()
        holder.adapters = bank
        if family.norm_placing == "post":
            holder.register_forward_pre_hook(bank.before_norm)
        else:
            # ahead of whatever records what a layer gives
            holder.register_forward_hook(bank.after_layer, prepend=True)
        layer.register_forward_pre_hook(bank.before_layer, with_kwargs=True)
    ledger = InvertibleBank(family)
    if family.embeddings is None:
        layers[0].couplings = ledger
        layers[0].register_forward_pre_hook(ledger.before_first_layer, with_kwargs=True)
    else:
        embeddings = encoder_of(model, family).get_submodule(family.embeddings)
        embeddings.adapters = ledger
        embeddings.register_forward_hook(ledger.after_embeddings)
    return ledger


def _holder(layer: nn.Module, family: ModelFamily) -> nn.Module:
    """What holds a layer's bank: its output norm, or in a pre-norm family the layer."""
    return layer.get_submodule(family.output_norm)


def _attach_inverse(model: nn.Module, ledger: InvertibleBank) -> None:
    """Put the inverse before the vocabulary projection, unless it is there or there is none."""
    projection: Any = _part(model, ledger.family.projection)
    if projection is not None and not getattr(projection, "reads_inverse", False):
        projection.register_forward_pre_hook(ledger.before_projection)
        projection.reads_inverse = True


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
