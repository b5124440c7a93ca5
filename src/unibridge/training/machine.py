"""What a training runs on: precision, memory, compiled or not."""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from unibridge.training.settings import TrainingSettings

if TYPE_CHECKING:
    import torch

# narrower models are quick in any case, and their numbers stay the same on every processor
BFLOAT16_WIDTH = 192


def prepare(
    model: "torch.nn.Module", encoder: "torch.nn.Module", settings: TrainingSettings
) -> list[str]:
    """Set a model up as the settings ask, in place; returns warnings about what it cannot do.

    encoder: the part of `model` that reads input_ids and attention_mask, which is compiled, its
    adapters already active. A compiler that fails on it is found out here, by one small batch, and
    left alone.
    """
    import torch

    warnings = []
    if settings.activation_checkpointing:
        try:
            # transformers' new name for it, where there is one
            new = hasattr(model, "activation_checkpointing_enable")
            enable = getattr(model, f"{'activation' if new else 'gradient'}_checkpointing_enable")
            enable({"use_reentrant": False})
        except (AttributeError, ValueError) as error:
            warnings.append(f"This model has no activation checkpointing ({error}).")
    if settings.compile:
        ids = torch.ones(2, 8, dtype=torch.long, device=next(encoder.parameters()).device)
        training = model.training
        try:
            encoder.compile(dynamic=True)
            devices = [ids.device] if ids.device.type == "cuda" else []
            with torch.random.fork_rng(devices=devices), precision(settings, ids.device):
                states = encoder.train()(input_ids=ids, attention_mask=ids).last_hidden_state
                if states.requires_grad:  # not where only what stands above the encoder is trained
                    states.sum().backward()
        except Exception as error:  # the compilers' own, of many kinds
            encoder._compiled_call_impl = None
            reason = str(error).strip().partition("\n")[0]
            warnings.append(
                f"torch.compile failed, so the model runs as it is ({type(error).__name__}: "
                f"{reason})."
            )
        model.zero_grad(set_to_none=True)
        model.train(training)
    return warnings


def precision(settings: TrainingSettings, device: "torch.device", width: int = 0) -> Any:
    """The context of forward passes: products of matrices in bfloat16, or nothing special.

    width: of the model's states; 0: not known, and `auto` is then float32 on processors.
    """
    import torch

    wanted = settings.precision == "bfloat16"
    if settings.precision == "auto" and device.type == "cuda":
        wanted = torch.cuda.is_bf16_supported(including_emulation=False)
    if settings.precision == "auto" and device.type == "cpu":
        wanted = width >= BFLOAT16_WIDTH and _processor_has_bfloat16()
    return torch.autocast(device.type, torch.bfloat16) if wanted else nullcontext()


def _processor_has_bfloat16() -> bool:
    """Whether products of matrices in bfloat16 are instructions of this processor (AVX512, AMX)."""
    import torch

    told: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(told.get("avx512_bf16") or told.get("amx_bf16") or told.get("bf16"))
