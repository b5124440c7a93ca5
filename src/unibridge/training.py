"""fit(): the one optimisation loop, resumable at any step.

What differs between masked-LM, task and whole-model training is the parameters, the batches and
the loss; all three are arguments. The randomness of a step (dropout, masks) is a function of the
seed and the step's number alone, so a resumed run needs no stored random state to end with the
same numbers as an uninterrupted one. A batch is divided over processes, and over forward passes
where memory is short, without changing what is learnt from it.
"""

import io
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from unibridge.artifacts import write_bytes
from unibridge.errors import UnibridgeError
from unibridge.processes import processes

if TYPE_CHECKING:
    import numpy as np
    import torch

Progress = Callable[[int, int, Mapping[str, float]], None]
Loss = Callable[
    [list[int], "torch.Generator", slice],
    tuple["torch.Tensor", Mapping[str, "torch.Tensor"], int],
]
# devices that have AdamW in one kernel
FUSED = {"cpu", "cuda", "mps", "xpu"}
# UniBridge, Tables 8 and 9: one of those for languages and of those for tasks
PUBLISHED_RATE = 5e-4
# narrower models are quick in any case, and their numbers stay the same on every processor
BFLOAT16_WIDTH = 192


class DivergedError(UnibridgeError):
    """The training loss is no number any more."""


class TrainingSettings(BaseModel):
    """How long and how fast to train. Lengths are epochs unless `steps` is given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(50, ge=1, description="passes over the training data")
    steps: int | None = Field(None, ge=1, description="optimiser steps; overrides epochs")
    batch_size: int = Field(
        32, ge=1, description="samples per optimiser step, those of all processes together"
    )
    micro_batch: int | None = Field(
        None, ge=1, description="samples per forward pass, for small memories; unset: all"
    )
    learning_rate: float | None = Field(
        None, gt=0, description="AdamW's peak rate; unset: 5e-4, or what a search for it finds"
    )
    weight_decay: float = Field(0.01, ge=0, description="AdamW, none on biases and norms")
    schedule: Literal["plateau", "linear", "constant"] = Field(
        "plateau", description="plateau: × 0.6 after 3 epochs without progress (the reference)"
    )
    warmup: float = Field(0.0, ge=0, lt=1, description="share of the steps with a rising rate")
    patience: int = Field(
        0,
        ge=0,
        description="rows of the curve without a better held-out loss after which training ends, "
        "with the best weights; 0: it never ends early (the paper). Needs held-out data",
    )
    clip: float = Field(0.0, ge=0, description="largest gradient norm; 0: no clipping")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="of products of matrices; auto: bfloat16 on GPUs that have it, and on "
        "processors that have it for models wide enough to gain by it",
    )
    vocabulary_rows: Literal["used", "all"] = Field(
        "used",
        description="used: rows of the vocabulary that the text never has are left out of the "
        "optimiser and of the softmax, where they would be negatives; all: as published",
    )
    compile: bool = Field(False, description="torch.compile the encoder; a warning if it cannot")
    activation_checkpointing: bool = Field(
        False, description="compute activations twice instead of keeping them, for small memories"
    )
    checkpoint_seconds: float = Field(
        60.0, ge=0, description="seconds between checkpoints; 0: after every step"
    )

    @property
    def peak_rate(self) -> float:
        """learning_rate, or where it is unset one that the paper has for languages and tasks."""
        return PUBLISHED_RATE if self.learning_rate is None else self.learning_rate

    def passes(self, samples: int) -> float:
        """How often training reads each of so many samples."""
        return self.steps * self.batch_size / samples if self.steps else float(self.epochs)


@dataclass
class FitResult:
    """curve: one row per epoch (see `fit`). steps: optimiser steps. tokens: tokens trained on.

    stopped: ended early, since the held-out loss fell no more.
    """

    curve: list[dict[str, float]] = field(default_factory=list)
    steps: int = 0
    tokens: int = 0
    stopped: bool = False


def batches_of(
    lengths: "Sequence[int] | np.ndarray",
    batch_size: int,
    *,
    seed: int,
    epoch: int,
    groups: Sequence[int] = (),
) -> list[list[int]]:
    """One epoch's batches of example indices, in random order, similar lengths together.

    Length grouping saves padding: examples are shuffled, sorted by length within pools of 50
    batches and cut. groups: where given, a batch never mixes two groups (source languages).
    """
    import numpy as np

    random = np.random.default_rng([seed, epoch])
    lengths_array = np.asarray(lengths)
    group_array = np.asarray(groups) if len(groups) else np.zeros(len(lengths_array), dtype=int)
    pool = batch_size * 50
    batches: list[list[int]] = []
    for group in np.unique(group_array):
        order = random.permutation(np.flatnonzero(group_array == group))
        for start in range(0, len(order), pool):
            part = order[start : start + pool]
            part = part[np.argsort(lengths_array[part], kind="stable")]
            batches += [part[i : i + batch_size].tolist() for i in range(0, len(part), batch_size)]
    return [batches[i] for i in random.permutation(len(batches))]


def shares(samples: int, micro_batch: int | None, *, rank: int, count: int) -> list[slice]:
    """The rows of a batch that one of `count` processes reads, one slice per forward pass."""
    start, end = samples * rank // count, samples * (rank + 1) // count
    step = micro_batch or max(samples, 1)
    return [slice(at, min(at + step, end)) for at in range(start, end, step)]


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


def fit(
    parameters: "Mapping[str, torch.nn.Parameter]",
    loss: Loss,
    batches: Callable[[int], list[list[int]]],
    settings: TrainingSettings,
    *,
    seed: int,
    width: int = 0,
    factors: Mapping[str, float] | None = None,
    validate: Callable[[], float | Mapping[str, float]] | None = None,
    checkpoint: Path | None = None,
    save_end: bool = False,
    progress: Progress = lambda step, steps, parts: None,
) -> FitResult:
    """Train `parameters` in place.

    parameters: name -> what is trained; everything else should be frozen by the caller.
    loss: (example indices of a step, the step's generator, rows) -> (scalar, its parts by name,
    tokens read) of these rows. Scalar and parts are divided by what the whole step has (tokens to
    predict, examples), so that those of all rows add up; what is drawn is drawn for the whole step.
    batches: epoch number -> that epoch's batches of indices, the same at every call.
    width: of the model's states, for `precision`. factors: what a parameter's rate is multiplied
    by, where it is not 1.
    validate: held-out loss, computed for each row of the curve; drives `plateau`, `patience`. Or
    several figures for the row, `valid_loss` among them.
    checkpoint: a file to resume from and to save to; it is not removed at the end. save_end: save
    to it when all steps are done, too, so that a call with more of them goes on from there.
    curve rows: step, epoch, rate, train_loss and each part (means since the row before), and
    valid_loss; one per epoch, and in long epochs one per fifth of all steps.

    Raises DivergedError when the loss is not finite.
    """
    import torch

    group = processes()
    device = next(iter(parameters.values())).device
    optimiser = torch.optim.AdamW(
        _parameter_groups(parameters, settings.weight_decay, factors or {}),
        lr=settings.peak_rate,
        fused=device.type in FUSED,
    )
    per_epoch = len(batches(0))
    total = settings.steps or settings.epochs * per_epoch
    warmup_steps = int(settings.warmup * total)
    row_steps = max(1, math.ceil(total / 5))

    result = FitResult()
    plateau = {"factor": 1.0, "best": float("inf"), "waited": 0}
    # the best weights so far, kept only where training may end early
    early: dict[str, Any] = {"best": float("inf"), "waited": 0, "parameters": {}}
    sums: dict[str, float] = {}
    counted = 0
    if checkpoint is not None and checkpoint.exists():
        state = _load(checkpoint)
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(state["parameters"][name])
        optimiser.load_state_dict(state["optimiser"])
        result = FitResult(**state["result"])
        plateau, early = state["plateau"], state["early"]
        sums, counted = state["sums"], state["counted"]

    def save() -> None:
        if checkpoint is None or not group.main:
            return
        buffer = io.BytesIO()
        torch.save(
            {
                "parameters": {n: p.detach() for n, p in parameters.items()},
                "optimiser": optimiser.state_dict(),
                "result": {**vars(result)},
                "plateau": plateau,
                "early": early,
                "sums": sums,
                "counted": counted,
            },
            buffer,
        )
        write_bytes(checkpoint, buffer.getvalue())

    def step_loss(indices: list[int], step_seed: int) -> tuple[dict[str, float], int]:
        """Gradients of a whole step, of all processes; its loss and parts, and its tokens."""
        figures: dict[str, torch.Tensor] = {}
        tokens = 0
        mine = shares(len(indices), settings.micro_batch, rank=group.rank, count=group.count)
        # a process without rows takes part in the sums all the same
        for rows in mine or [slice(0, 1)]:
            generator.manual_seed(step_seed)
            with precision(settings, device, width):
                value, parts, read = loss(indices, generator, rows)
            (value if mine else value * 0).backward()
            tokens += read
            for name, part in {"train_loss": value.detach(), **parts}.items():
                figures[name] = figures[name] + part if name in figures else part
        # one transfer from the device
        told = torch.stack([torch.as_tensor(f, device=device).float() for f in figures.values()])
        if group.count > 1:
            told = torch.cat([told, torch.tensor([float(tokens)], device=device)]) * bool(mine)
            gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in trained]
            flat = torch.cat([told, *(g.flatten() for g in gradients)])
            group.sum_in_place(flat)
            told, *summed = flat.split([len(told), *(p.numel() for p in trained)])
            for parameter, gradient in zip(trained, summed, strict=True):
                parameter.grad = gradient.view_as(parameter)
            tokens = int(told[-1])
        return dict(zip(figures, told.tolist(), strict=False)), tokens

    trained = list(parameters.values())
    generator = torch.Generator()
    saved = time.monotonic()
    epoch, position = divmod(result.steps, per_epoch)
    plan = batches(epoch)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        while result.steps < total and not result.stopped:
            rate = (
                settings.peak_rate
                * plateau["factor"]
                * _shape(result.steps, total, warmup_steps, settings)
            )
            for one in optimiser.param_groups:
                one["lr"] = rate * one["factor"]
            step_seed = (seed * 1_000_003 + result.steps) % 2**63
            # masks are drawn alike in all processes, dropout is not
            torch.manual_seed(step_seed + 7_919 * group.rank)
            optimiser.zero_grad(set_to_none=True)
            figures, tokens = step_loss(plan[position], step_seed)
            if not math.isfinite(figures["train_loss"]):
                raise DivergedError(
                    f"the training loss became {figures['train_loss']} at step {result.steps + 1}",
                    do=f"lower learning_rate (now {settings.peak_rate:g}) or set clip = 1.0",
                )
            if settings.clip:
                torch.nn.utils.clip_grad_norm_(trained, settings.clip)
            optimiser.step()

            result.steps += 1
            result.tokens += tokens
            position += 1
            counted += 1
            for name, part in figures.items():
                sums[name] = sums.get(name, 0.0) + part
            progress(result.steps, total, {n: s / counted for n, s in sums.items()})
            ended = position == len(plan)
            if (
                ended
                or result.steps == total
                or (per_epoch > row_steps and result.steps % row_steps == 0)
            ):
                row = {"step": result.steps, "epoch": epoch + position / len(plan), "rate": rate}
                row |= {name: value / counted for name, value in sums.items()}
                if validate is not None:
                    with precision(settings, device, width):
                        found = group.told(validate())
                    row |= found if isinstance(found, Mapping) else {"valid_loss": found}
                    if ended and settings.schedule == "plateau":
                        _wait(plateau, row["valid_loss"])
                        if plateau["waited"] >= 3:
                            plateau |= {"factor": plateau["factor"] * 0.6, "waited": 0}
                    if settings.patience:
                        if _wait(early, row["valid_loss"]):
                            early["parameters"] = {
                                n: p.detach().to("cpu", copy=True) for n, p in parameters.items()
                            }
                        result.stopped = early["waited"] >= settings.patience
                result.curve.append(row)
                sums, counted = {}, 0
            if ended:
                epoch, position = epoch + 1, 0
                plan = batches(epoch)
            if time.monotonic() - saved >= settings.checkpoint_seconds:
                save()
                saved = time.monotonic()
    if save_end:
        save()
        group.wait()  # whoever goes on from it has to find it
    with torch.no_grad():
        for name, best in early["parameters"].items():
            parameters[name].copy_(best)
    return result


def _parameter_groups(
    parameters: "Mapping[str, torch.nn.Parameter]",
    weight_decay: float,
    factors: Mapping[str, float],
) -> list[dict[str, Any]]:
    """Parameters by decay (matrices, but of norms) and by the factor of their rate."""
    groups: dict[tuple[float, bool], list[torch.nn.Parameter]] = {}
    for name, parameter in parameters.items():
        plain = parameter.dim() <= 1 or "norm" in name.lower()
        groups.setdefault((factors.get(name, 1.0), plain), []).append(parameter)
    return [
        {"params": group, "weight_decay": 0.0 if plain else weight_decay, "factor": factor}
        for (factor, plain), group in sorted(groups.items(), key=lambda one: one[0])
    ]


def _wait(state: dict[str, Any], value: float) -> bool:
    """Note whether a held-out loss is the best so far, or how many in a row were not."""
    better = value < state["best"]
    state |= {"best": value, "waited": 0} if better else {"waited": state["waited"] + 1}
    return better


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


def _shape(step: int, total: int, warmup: int, settings: TrainingSettings) -> float:
    """The rate's share of its peak at a step: rising through the warm-up, then flat or falling."""
    if step < warmup:
        return (step + 1) / warmup
    if settings.schedule == "linear":
        return (total - step) / max(1, total - warmup)
    return 1.0


def _load(checkpoint: Path) -> dict[str, Any]:
    import torch

    try:
        return torch.load(checkpoint, weights_only=True)
    except Exception as error:
        # torch's own message runs over many lines and advises to load it without protection
        raise UnibridgeError(
            "the checkpoint cannot be read", where=checkpoint, do="delete it to start over"
        ) from error
