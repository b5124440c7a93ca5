"""Low-rank updates of a layer's matrices (LoRA, Hu et al. 2021, arXiv 2106.09685).

W + (α/r) · B A with A (r, in) drawn and B (out, r) zero at first (§4.1), by the package `peft`.
What was learnt is added to W in the end, so that the result is a whole model like any other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.transfer.updates.base import Update, Updated, Whole


@contextmanager
def _low_rank(whole: Whole) -> Iterator[Updated]:
    import torch
    from transformers.pytorch_utils import Conv1D

    try:
        from peft import LoraConfig, inject_adapter_in_model
        from peft.tuners.lora import LoraLayer
    except ImportError as error:
        raise UnibridgeError(
            "low-rank updates need the package peft",
            where="updates.method",
            do='run pip install "unibridge[peft]"',
        ) from error

    # 1. The matrices: what is linear in the layers and is the encoder's own.
    encoder, settings = whole.encoder, whole.settings
    layers = f"{whole.family.layers}."
    linear: dict[str, Any] = {
        name: module
        for name, module in encoder.named_modules()
        if name.startswith(layers)
        and isinstance(module, (torch.nn.Linear, Conv1D))
        and f"{name}.weight" in whole.own
    }
    ends = settings.matrices
    chosen = {name: one for name, one in linear.items() if not ends or name.endswith(ends)}
    if not chosen:
        known = dict.fromkeys(name.removeprefix(layers).partition(".")[2] for name in linear)
        raise UnibridgeError(
            f"no matrix of a layer has a name that ends with {', '.join(ends)}",
            where="updates.matrices",
            do=f"write some of {', '.join(known)}",
        )

    # 2. A and B beside each; the global generator is lent a seed of ours.
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        target_modules=list(chosen),
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in chosen.values()),
    )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(whole.seed)
        inject_adapter_in_model(config, encoder, adapter_name="low_rank")
    try:
        added = {n: p for n, p in encoder.named_parameters() if ".lora_" in n}
        yield Updated(added, {f"{name}.weight" for name in chosen})
    finally:
        # 3. W + (α/r) · B A, and the layers as they were.
        for name in chosen:
            layer = encoder.get_submodule(name)
            assert isinstance(layer, LoraLayer)
            layer.merge()
            encoder.set_submodule(name, layer.get_base_layer())


# ten times the rate of all weights is about its best (Schulman et al. 2025, LoRA Without Regret)
LOW_RANK = Update(_low_rank, rate=10.0)
