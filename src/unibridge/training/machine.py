"""What a training runs on: precision, memory, compiled or not."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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


@contextmanager
def precision(
    settings: TrainingSettings, device: "torch.device", width: int = 0
) -> "Iterator[None]":
    """The context of forward passes: products of matrices in bfloat16, or nothing special.

    width: of the model's states; 0: not known, and `auto` is then float32 on processors.
    """
    import torch

    wanted = settings.precision == "bfloat16"
    if settings.precision == "auto":
        wanted = (device.type != "cpu" or width >= BFLOAT16_WIDTH) and has_bfloat16(device)
    if not wanted:
        yield
    elif device.type == "cpu":
        with torch.autocast("cpu", torch.bfloat16), _attention_in_float32():
            yield
    else:
        with torch.autocast(device.type, torch.bfloat16):
            yield


def _attention_in_float32() -> Any:
    """A context in which attention that will be differentiated is computed in float32.

    The backward pass of torch's fused attention on processors takes 185 ms in bfloat16 where it
    takes 14 in float32 (8 samples of 160 tokens, 12 heads of 32; torch 2.13): most of a step.
    """
    import torch
    from torch.overrides import TorchFunctionMode

    attention = torch.nn.functional.scaled_dot_product_attention

    def whole(value: Any) -> Any:
        floats = isinstance(value, torch.Tensor) and value.is_floating_point()
        return value.float() if floats else value

    class InFloat32(TorchFunctionMode):
        def __torch_function__(
            self, function: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            named = kwargs or {}
            if function is not attention or not torch.is_grad_enabled():
                return function(*args, **named)
            with torch.autocast("cpu", enabled=False):
                found = function(
                    *map(whole, args), **{name: whole(value) for name, value in named.items()}
                )
            return found.to(torch.bfloat16)

    return InFloat32()


def has_bfloat16(device: "torch.device") -> bool:
    """Whether products of matrices in bfloat16 are instructions of this GPU or processor.

    Of processors AVX512-BF16, AMX and their like. Devices of other kinds: no.
    """
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    told: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    able = told.get("avx512_bf16") or told.get("amx_bf16") or told.get("bf16")
    return device.type == "cpu" and bool(able)
