"""fit(): the one optimisation loop, resumable at any step.

What differs between masked-LM, task and whole-model training is the parameters, the batches and
the loss; all three are arguments. The randomness of a step (dropout, masks) is a function of the
seed and the step's number alone, so a resumed run needs no stored random state to end with the
same numbers as an uninterrupted one.
"""

import io
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from unibridge.artifacts import write_bytes
from unibridge.errors import UnibridgeError

if TYPE_CHECKING:
    import numpy as np
    import torch

Progress = Callable[[int, int, Mapping[str, float]], None]


class TrainingSettings(BaseModel):
    """How long and how fast to train. Lengths are epochs unless `steps` is given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(50, ge=1, description="passes over the training data")
    steps: int | None = Field(None, ge=1, description="optimiser steps; overrides epochs")
    batch_size: int = Field(32, ge=1, description="samples per optimiser step")
    learning_rate: float = Field(5e-4, gt=0, description="AdamW's peak rate")
    weight_decay: float = Field(0.01, ge=0, description="AdamW, none on biases and norms")
    schedule: Literal["plateau", "linear", "constant"] = Field(
        "plateau", description="plateau: × 0.6 after 3 epochs without progress (the reference)"
    )
    warmup: float = Field(0.0, ge=0, lt=1, description="share of the steps with a rising rate")
    clip: float = Field(0.0, ge=0, description="largest gradient norm; 0: no clipping")
    checkpoint_seconds: float = Field(
        60.0, ge=0, description="seconds between checkpoints; 0: after every step"
    )

    def passes(self, samples: int) -> float:
        """How often training reads each of so many samples."""
        return self.steps * self.batch_size / samples if self.steps else float(self.epochs)


@dataclass
class FitResult:
    """curve: one row per epoch (see `fit`). steps: optimiser steps. tokens: tokens trained on."""

    curve: list[dict[str, float]] = field(default_factory=list)
    steps: int = 0
    tokens: int = 0


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


def fit(
    parameters: "Mapping[str, torch.nn.Parameter]",
    loss: "Callable[[list[int], torch.Generator], tuple[torch.Tensor, dict[str, float], int]]",
    batches: Callable[[int], list[list[int]]],
    settings: TrainingSettings,
    *,
    seed: int,
    validate: Callable[[], float] | None = None,
    checkpoint: Path | None = None,
    progress: Progress = lambda step, steps, parts: None,
) -> FitResult:
    """Train `parameters` in place.

    parameters: name -> what is trained; everything else should be frozen by the caller.
    loss: (example indices, the step's generator) -> (scalar, its parts by name, tokens read).
    batches: epoch number -> that epoch's batches of indices, the same at every call.
    validate: held-out loss, computed for each row of the curve; drives `plateau`.
    checkpoint: a file to resume from and to save to; it is not removed at the end.
    curve rows: step, epoch, rate, train_loss and each part (means since the row before), and
    valid_loss; one per epoch, and in long epochs one per fifth of all steps.

    Raises UnibridgeError when the loss is not finite.
    """
    import torch

    decayed = [p for n, p in parameters.items() if p.dim() > 1 and "norm" not in n.lower()]
    others = [p for n, p in parameters.items() if p.dim() <= 1 or "norm" in n.lower()]
    device = next(iter(parameters.values())).device
    optimiser = torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": settings.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=settings.learning_rate,
        fused=True,
    )
    per_epoch = len(batches(0))
    total = settings.steps or settings.epochs * per_epoch
    warmup_steps = int(settings.warmup * total)
    row_steps = max(1, math.ceil(total / 5))

    result = FitResult()
    factor, best, waited = 1.0, float("inf"), 0
    sums: dict[str, float] = {}
    counted = 0
    if checkpoint is not None and checkpoint.exists():
        state = _load(checkpoint)
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(state["parameters"][name])
        optimiser.load_state_dict(state["optimiser"])
        result = FitResult(**state["result"])
        factor, best, waited = state["plateau"]
        sums, counted = state["sums"], state["counted"]

    def save() -> None:
        if checkpoint is None:
            return
        buffer = io.BytesIO()
        torch.save(
            {
                "parameters": {n: p.detach() for n, p in parameters.items()},
                "optimiser": optimiser.state_dict(),
                "result": {**vars(result)},
                "plateau": (factor, best, waited),
                "sums": sums,
                "counted": counted,
            },
            buffer,
        )
        write_bytes(checkpoint, buffer.getvalue())

    generator = torch.Generator()
    saved = time.monotonic()
    epoch, position = divmod(result.steps, per_epoch)
    plan = batches(epoch)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        while result.steps < total:
            rate = (
                settings.learning_rate
                * factor
                * _shape(result.steps, total, warmup_steps, settings)
            )
            for group in optimiser.param_groups:
                group["lr"] = rate
            step_seed = (seed * 1_000_003 + result.steps) % 2**63
            torch.manual_seed(step_seed)
            generator.manual_seed(step_seed)
            value, parts, tokens = loss(plan[position], generator)
            if not torch.isfinite(value):
                raise UnibridgeError(
                    f"the training loss became {value.item()} at step {result.steps + 1}",
                    do=f"lower learning_rate (now {settings.learning_rate:g}) or set clip = 1.0",
                )
            optimiser.zero_grad(set_to_none=True)
            value.backward()
            if settings.clip:
                torch.nn.utils.clip_grad_norm_(list(parameters.values()), settings.clip)
            optimiser.step()

            result.steps += 1
            result.tokens += tokens
            position += 1
            counted += 1
            for name, part in {"train_loss": value.item(), **parts}.items():
                sums[name] = sums.get(name, 0.0) + part
            progress(result.steps, total, {n: s / counted for n, s in sums.items()})
            ended = position == len(plan)
            if (
                ended
                or result.steps == total
                or (per_epoch > row_steps and result.steps % row_steps == 0)
            ):
                row = {"step": result.steps, "epoch": epoch + position / len(plan), "rate": rate}
                row |= {name: value_ / counted for name, value_ in sums.items()}
                if validate is not None:
                    row["valid_loss"] = validate()
                result.curve.append(row)
                if ended and settings.schedule == "plateau" and validate is not None:
                    if row["valid_loss"] < best:
                        best, waited = row["valid_loss"], 0
                    elif (waited := waited + 1) >= 3:
                        factor, waited = factor * 0.6, 0
                sums, counted = {}, 0
            if ended:
                epoch, position = epoch + 1, 0
                plan = batches(epoch)
            if time.monotonic() - saved >= settings.checkpoint_seconds:
                save()
                saved = time.monotonic()
    return result


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
