"""Read and write adapters in AdapterHub's own files, so that MAD-X adapters travel both ways.

A folder has `adapter_config.json` and `adapter.safetensors`, or the older `pytorch_adapter.bin`,
which is only read, and only as plain tensors. What these adapters compute is described in
`unibridge.adapters.attach`; configurations that would compute something else are refused.
"""

import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from unibridge.adapters.attach import (
    adapter_state,
    add_adapter,
    delete_adapter,
    encoder_of,
    hidden_size,
    layer_indices,
    layers_of,
    ledger_of,
    load_adapter_state,
)
from unibridge.adapters.modules import NON_LINEARITIES
from unibridge.adapters.settings import AdapterConfig
from unibridge.errors import UnibridgeError, unknown_name
from unibridge.models.families import ModelFamily

CONFIG_FILE, WEIGHTS_FILE, PICKLE_FILE = (
    "adapter_config.json",
    "adapter.safetensors",
    "pytorch_adapter.bin",
)

# the one value that our bottleneck computes, for each setting that changes the computation
UNDERSTOOD: dict[str, object] = {
    "mh_adapter": False,
    "output_adapter": True,
    "cross_adapter": False,
    "original_ln_before": True,
    "original_ln_after": True,
    "residual_before_ln": True,
    "adapter_residual_before_ln": False,
    "ln_before": False,
    "ln_after": False,
    "is_parallel": False,
    "use_gating": False,
    "scaling": 1.0,
    "dropout": 0.0,
    "phm_layer": False,
    "stochastic_depth": 0.0,
}
# AdapterHub's defaults, for files that leave a setting out
DEFAULTS = UNDERSTOOD | {"original_ln_before": False, "mh_adapter": None, "output_adapter": None}
# without effect unless one of the above is on, or only at initialisation
IGNORED = {
    "init_weights",
    "init_weights_seed",
    "phm_dim",
    "phm_rank",
    "phm_bias",
    "phm_c_init",
    "phm_init_range",
    "learn_phm",
    "shared_phm_rule",
    "factorized_phm_rule",
    "factorized_phm_W",
    "shared_W_phm",
    "hypercomplex_nonlinearity",
}
SETTINGS = {
    "reduction_factor",
    "non_linearity",
    "leave_out",
    "inv_adapter",
    "inv_adapter_reduction_factor",
}

# the library before `adapters` 1.0 (it wrote no version) meant other functions by these names
OLD_NON_LINEARITIES = {"gelu": "gelu_new", "gelu_orig": "gelu"}
OLD_PLACES = {
    "attention_text_task_adapters": "adapters",
    "attention_text_lang_adapters": "adapters",
    "layer_text_task_adapters": "adapters",
    "layer_text_lang_adapters": "adapters",
    "invertible_lang_adapters": "invertible_adapters",
}
PARTS = {
    "down": "adapter_down.0",
    "up": "adapter_up",
    "f_down": "F.0",
    "f_up": "F.2",
    "g_down": "G.0",
    "g_up": "G.2",
}


def save_adapter(model: nn.Module, name: str, folder: str | Path) -> None:
    """Write one adapter of `model` as AdapterHub would; the folder is made if it is missing.

    Raises UnibridgeError for an unknown name, a non-linearity that other programs could not name,
    and a folder that cannot be written.
    """
    state, ledger, folder = adapter_state(model, name), ledger_of(model), Path(folder)
    config, family = ledger.configs[name], ledger.family
    if config.non_linearity not in NON_LINEARITIES:
        raise UnibridgeError(
            f"the non-linearity {config.non_linearity!r} cannot be written into an adapter's file",
            do="give it a name with NON_LINEARITIES.register, here and where it will be loaded",
        )
    left_out = layer_indices(config.leave_out, len(layers_of(model, family)))
    inverse = None if config.invertible == "none" else config.invertible
    record = {
        "config": UNDERSTOOD
        | {
            "reduction_factor": config.reduction_factor,
            "non_linearity": config.non_linearity,
            "leave_out": sorted(left_out),
            "inv_adapter": inverse,
            "inv_adapter_reduction_factor": inverse and config.inv_reduction_factor,
        },
        "hidden_size": hidden_size(model, family),
        "model_type": family.model_type,
        "name": name,
        "version": f"unibridge.{version('unibridge')}",
    }
    names = dict(_hub_names(model, family, state, name))
    tensors = {names[key]: tensor.cpu() for key, tensor in state.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(tensors, folder / WEIGHTS_FILE)
        (folder / CONFIG_FILE).write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")
    except (OSError, SafetensorError) as error:
        raise UnibridgeError(f"cannot write the adapter ({error})", where=folder) from error


def load_adapter(
    model: nn.Module,
    family: ModelFamily,
    folder: str | Path,
    name: str | None = None,
    *,
    leave_out: tuple[int, ...] = (),
) -> str:
    """Add an adapter from AdapterHub's files to `model`, not yet active; returns its name.

    name: the adapter's name in the model, by default the one in the file. leave_out: layers
    whose bottleneck is dropped although the file has one (MAD-X 2.0 drops the last: -1).
    Raises UnibridgeError when files are missing or broken, when the adapter is for another family
    or hidden size, or computes something that ours do not. `model` is then unchanged.
    """
    folder = Path(folder)
    record = _read_record(folder)
    hidden = hidden_size(model, family)
    if (record.get("model_type"), record.get("hidden_size")) != (family.model_type, hidden):
        raise UnibridgeError(
            f"the adapter is for {record.get('model_type')} models of hidden size "
            f"{record.get('hidden_size')}, this is {family.model_type} of {hidden}",
            where=folder,
            do="load it into the base model that it was trained with",
        )
    config = _read_config(record, folder)
    dropped = layer_indices(leave_out, len(layers_of(model, family)))
    config = config.model_copy(update={"leave_out": tuple(sorted({*config.leave_out, *dropped}))})
    weights = _read_weights(folder)

    name = name or str(record["name"])
    add_adapter(model, family, name, config, seed=0)
    try:
        own = adapter_state(model, name)
        names = dict(_hub_names(model, family, own, str(record["name"])))
        ours = {hub: key for key, hub in names.items()}
        sites = tuple(f"{site}." for i, site in enumerate(_sites(model, family)) if i in dropped)
        state = {
            ours.get(key, key): tensor
            for key, tensor in ((_current_name(k, family), t) for k, t in weights.items())
            if not key.startswith(sites)
        }
        load_adapter_state(model, name, state)
    except UnibridgeError as error:
        delete_adapter(model, name)
        raise UnibridgeError(error.what, where=folder, do=error.do) from error
    return name


def _hub_names(
    model: nn.Module, family: ModelFamily, state: dict[str, Tensor], name: str
) -> Iterator[tuple[str, str]]:
    """(our key, AdapterHub's key) of every tensor."""
    sites = _sites(model, family)
    for key in state:
        *place, part, kind = key.split(".")
        if place == ["invertible"]:
            site = f"{family.adapter_prefix}{family.encoder}.invertible_adapters.{name}"
        else:
            site = f"{sites[int(place[1])]}.adapters.{name}"
        yield key, f"{site}.{PARTS[part]}.{kind}"


def _sites(model: nn.Module, family: ModelFamily) -> list[str]:
    """What AdapterHub's keys name before an adapter, for each layer, the decoder's last."""
    count = len(layers_of(model, family))
    own = len(layers_of(encoder_of(model, family), family))
    encoder = f"{family.adapter_prefix}{family.encoder}.{family.layers}"
    decoder = f"{family.adapter_prefix}{family.decoder}.{family.decoder_layers}"
    decoder_site = family.decoder_adapter_site or family.adapter_site
    return [
        *(f"{encoder}.{index}.{family.adapter_site}" for index in range(own)),
        *(f"{decoder}.{index}.{decoder_site}" for index in range(count - own)),
    ]


def _current_name(key: str, family: ModelFamily) -> str:
    """A key of a file as AdapterHub would write it today, from a model with head."""
    for old, new in OLD_PLACES.items():
        key = key.replace(f".{old}.", f".{new}.")
    prefix = f"{family.encoder}."
    # what was saved from a model of one half may lack its name
    return key if family.decoder is not None or key.startswith(prefix) else prefix + key


def _read_record(folder: Path) -> dict[str, Any]:
    file = folder / CONFIG_FILE
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnibridgeError(
            f"cannot read the adapter's configuration ({error})",
            where=file,
            do="pass a folder that was written by save_adapter, here or in AdapterHub",
        ) from error
    if not isinstance(record, dict) or not isinstance(record.get("config"), dict):
        raise UnibridgeError(
            'the adapter\'s configuration is not spelled out under "config"',
            where=file,
            do="load and save the adapter once with the adapters library",
        )
    return record


def _read_config(record: dict[str, Any], folder: Path) -> AdapterConfig:
    """Our settings for AdapterHub's, or an error that names everything we do not compute."""
    theirs = record["config"]
    faults = [
        f"{key} = {theirs.get(key, DEFAULTS[key])!r} (known: {value!r})"
        for key, value in UNDERSTOOD.items()
        if theirs.get(key, DEFAULTS[key]) != value
    ]
    if theirs.get("inv_adapter") not in (None, "nice"):
        faults.append(f"inv_adapter = {theirs['inv_adapter']!r} (known: 'nice', none)")
    if not isinstance(theirs.get("reduction_factor"), int | float):
        faults.append(f"reduction_factor = {theirs.get('reduction_factor')!r} (known: one number)")
    faults += [
        f"{key} = {value!r} (unknown setting)"
        for key, value in theirs.items()
        if key not in UNDERSTOOD.keys() | IGNORED | SETTINGS and value is not None
    ]
    if faults:
        raise UnibridgeError(
            "the adapter is of a kind that is not handled here: " + ", ".join(faults),
            where=folder / CONFIG_FILE,
            do="use a bottleneck adapter of AdapterHub's seq_bn or seq_bn_inv (Pfeiffer) kind",
        )
    non_linearity = str(theirs.get("non_linearity")).lower()
    if "version" not in record:
        non_linearity = OLD_NON_LINEARITIES.get(non_linearity, non_linearity)
    if non_linearity not in NON_LINEARITIES:
        raise unknown_name(
            "non-linearity", non_linearity, NON_LINEARITIES, where=folder / CONFIG_FILE
        )
    try:
        return AdapterConfig(
            reduction_factor=theirs["reduction_factor"],
            non_linearity=non_linearity,
            leave_out=tuple(theirs.get("leave_out") or ()),
            invertible=theirs.get("inv_adapter") or "none",
            inv_reduction_factor=theirs.get("inv_adapter_reduction_factor") or 2,
        )
    except ValidationError as error:
        raise UnibridgeError(
            f"the adapter's configuration is broken ({error.errors()[0]['msg']})",
            where=folder / CONFIG_FILE,
        ) from error


def _read_weights(folder: Path) -> dict[str, Tensor]:
    file = folder / WEIGHTS_FILE
    if not file.exists():
        file = folder / PICKLE_FILE
    try:
        if file.name == WEIGHTS_FILE:
            return load_file(file)
        return torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, UnpicklingError, RuntimeError, EOFError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UnibridgeError(
            f"cannot read the adapter's weights ({reason})",
            where=file,
            do=f"the folder needs a whole {WEIGHTS_FILE} (or {PICKLE_FILE} of plain tensors)",
        ) from error
