"""What a study will cost, before it begins: trainings, steps, time and disk."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unibridge.grid.run import clock
from unibridge.transfer_study.cells import Unit
from unibridge.transfer_study.measure import Kit
from unibridge.transfer_study.plan import Plan
from unibridge.transfer_study.tuning import TuningText, tune

STEPS = 3
"""Steps that are measured for the estimate, after one that warms up."""


@dataclass(frozen=True)
class Speed:
    """Measured here. step: seconds of one tuning step. scoring: seconds of one encoder's scores."""

    step: float
    scoring: float


@dataclass(frozen=True)
class Cost:
    """encoders: still to be made. scores: still to be measured. steps: of their tuning. fusions:
    encoders of them that are fused, which tune nothing. bytes: that they add to cells.jsonl, and of
    encoders that are kept. seconds: of wall time, None where nothing was measured."""

    encoders: int
    scores: int
    steps: int
    fusions: int
    bytes: int
    seconds: float | None = None

    def __str__(self) -> str:
        when = "" if self.seconds is None else f"; about {clock(self.seconds)}"
        fused = f", {self.fusions:,} of them fused" if self.fusions else ""
        return (
            f"{self.encoders:,} encoders{fused}, {self.steps:,} steps, {self.scores:,} scores, "
            f"{self.bytes / 1e6:,.0f} MB{when}"
        )


def measure_speed(kit: Kit) -> Speed:
    """Time a few steps on the first language, and the plain encoder on a part of every test set."""
    import torch

    plan = kit.plan
    torch.set_num_threads(plan.settings.run.threads)
    lines = kit.data.texts[plan.transfer[0]]
    text = TuningText(kit.base, lines[:500], plan.settings.tuning)
    took = []
    for steps in (1, 1 + STEPS):
        started = time.perf_counter()
        tune(kit.base, text, steps, seed=0)
        took.append(time.perf_counter() - started)
    encoder = kit.base.model.get_submodule(kit.base.family.encoder)
    scoring = 0.0
    for task, target in plan.pairs():
        rows = kit.encoded(task, target)
        data = kit.data.tasks[task]
        batch = sorted(rows, key=lambda row: len(row.input_ids))[len(rows) // 2 :][:8]
        inputs = data.task.collate(batch, kit.base.tokenizer.pad_token_id)
        inputs = {name: inputs[name].to(kit.base.model.device) for name in inputs}
        for name in data.task.head_inputs:
            inputs.pop(name)
        started = time.perf_counter()
        with torch.inference_mode():
            encoder(**inputs)
        scoring += (time.perf_counter() - started) * len(rows) / len(batch)
    return Speed(max(0.0, (took[1] - took[0]) / STEPS), scoring)


def cost_of(
    plan: Plan,
    todo: Sequence[Unit],
    pending: Mapping[str, Sequence[object]],
    sizes: Mapping[tuple[str, str], int],
    speed: Speed | None = None,
    encoder: int = 0,
) -> Cost:
    """pending: key of a unit -> its scores that are missing. sizes: (task, target) -> examples.

    encoder: bytes of one on the disk.
    """
    settings = plan.settings
    scores = sum(len(pending[unit.cell.key]) for unit in todo)
    steps = sum(unit.steps for unit in todo)
    # "[3, 12], " an example, and what a line says beside its counts
    size = sum(400 + 10 * sizes[pair] for unit in todo for pair in unit.scores)
    if settings.keep_encoders:
        size += encoder * sum(unit.steps > 0 for unit in todo)
    seconds = None
    if speed is not None:
        most = max(1, len(sizes))
        seconds = steps * speed.step + scores / most * speed.scoring
        seconds /= settings.run.workers if settings.run.executor != "serial" else 1
    return Cost(
        len(todo), scores, steps, sum(unit.kind == "fusion" for unit in todo), size, seconds
    )
