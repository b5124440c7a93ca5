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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.artifacts import write_bytes
from unibridge.errors import UnibridgeError
from unibridge.processes import processes
from unibridge.training.batches import shares
from unibridge.training.machine import precision
from unibridge.training.recovery import go_back, new_watch, risen
from unibridge.training.settings import TrainingSettings

if TYPE_CHECKING:
    import torch

Progress = Callable[[int, int, Mapping[str, float]], None]
Loss = Callable[
    [list[int], "torch.Generator", slice],
    tuple["torch.Tensor", Mapping[str, "torch.Tensor"], int],
]
# devices that have AdamW in one kernel
FUSED = {"cpu", "cuda", "mps", "xpu"}


class DivergedError(UnibridgeError):
    """The training loss is no number any more."""


@dataclass
class FitResult:
    """curve: one row per epoch (see `fit`). steps: optimiser steps. tokens: tokens trained on.

    stopped: ended early, since the held-out loss fell no more. kept_epoch: after how many epochs
    the weights were those that are left, where the best ones are kept. went_back: the steps at
    which the loss had risen so far that earlier weights were put back, at half the rate.
    """

    curve: list[dict[str, float]] = field(default_factory=list)
    steps: int = 0
    tokens: int = 0
    stopped: bool = False
    kept_epoch: float | None = None
    went_back: list[int] = field(default_factory=list)

    @property
    def warnings(self) -> list[str]:
        """What a user should know of how it went."""
        if not self.went_back:
            return []
        steps = ", ".join(map(str, self.went_back))
        return [
            f"The training loss rose sharply before step {steps} of {self.steps}: the weights from "
            "before were put back, and training went on at half the rate. Lower learning_rate, or "
            "raise warmup."
        ]


_SEEDS = 1_000_003


def step_of(generator: "torch.Generator", seed: int) -> int:
    """The step that a loss is asked for, from 0: `fit` seeds its generator by it."""
    return (generator.initial_seed() - seed * _SEEDS) % 2**63


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
    keep_best: bool = False,
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
    keep_best: leave the weights with the lowest held-out loss, those before the first step among
    them, without `patience` as well.
    checkpoint: a file to resume from and to save to; it is not removed at the end. save_end: save
    to it when all steps are done, too, so that a call with more of them goes on from there.
    curve rows: step, epoch, rate, train_loss and each part (means since the row before), and
    valid_loss; one per epoch, and in long epochs `looks` of them over all steps.

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
    row_steps = max(1, math.ceil(total / settings.looks))

    result = FitResult()
    plateau = {"factor": 1.0, "best": float("inf"), "waited": 0}
    # the best weights so far, kept only where they may be what is left
    early: dict[str, Any] = {"best": float("inf"), "waited": 0, "parameters": {}}
    watch = new_watch(total)
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
        watch = state.get("watch", watch)  # checkpoints of before 27 November 2026 have none
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
                "watch": watch,
                "sums": sums,
                "counted": counted,
            },
            buffer,
        )
        write_bytes(checkpoint, buffer.getbuffer())

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

    def held_out() -> Mapping[str, float]:
        if validate is None:
            return {}
        with precision(settings, device, width):
            found = group.told(validate())
        return found if isinstance(found, Mapping) else {"valid_loss": found}

    def compare(loss: float, epoch: float) -> None:
        """Keep the weights as they are if they are the best so far."""
        if _wait(early, loss):
            result.kept_epoch = epoch
            early["parameters"] = {
                n: p.detach().to("cpu", copy=True) for n, p in parameters.items()
            }

    trained = list(parameters.values())
    if keep_best and validate is not None and not result.steps:
        compare(held_out()["valid_loss"], 0.0)
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
            step_seed = (seed * _SEEDS + result.steps) % 2**63
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
            if settings.recovery and risen(watch, figures["train_loss"], parameters):
                go_back(watch, parameters)
                optimiser.state.clear()
                plateau["factor"] *= 0.5
                result.went_back.append(result.steps)
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
                row |= held_out()
                if validate is not None:
                    if ended and settings.schedule == "plateau":
                        _wait(plateau, row["valid_loss"])
                        if plateau["waited"] >= 3:
                            plateau |= {"factor": plateau["factor"] * 0.6, "waited": 0}
                    if keep_best or settings.patience:
                        compare(row["valid_loss"], row["epoch"])
                        result.stopped = 0 < settings.patience <= early["waited"]
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
