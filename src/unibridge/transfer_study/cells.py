"""Which trainings a study has, and which scores each of them gives.

One tuned encoder serves all tasks and targets: it is a cell of the grid, and a line of the results
for every (task, target, metric).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from unibridge.artifacts import fingerprint
from unibridge.grid.cells import Cell, Job
from unibridge.transfer_study.data import StudyData, TaskData
from unibridge.transfer_study.plan import Plan
from unibridge.transfer_study.settings import StudyTask

Pair = tuple[str, str]
"""(task, target)."""


@dataclass(frozen=True)
class Unit:
    """One encoder and all that it is scored on.

    kind: baseline, tuned, shuffled, mixed or fusion. transfer: codes. mode: of a fusion of several.
    scores: (task, target) -> a fingerprint of all that decides it beside what stands here.
    """

    model: str
    kind: str
    transfer: tuple[str, ...]
    mode: str | None
    steps: int
    seed: int
    scores: Mapping[Pair, str]

    @property
    def identity(self) -> tuple[object, ...]:
        """What makes two scores those of one encoder."""
        return self.model, self.kind, self.transfer, self.mode, self.steps, self.seed

    @cached_property
    def cell(self) -> Cell:
        """The grid's cell. Those of one method take the same time."""
        what = " ".join(part for part in (self.kind, self.mode) if part)
        size = f"of {len(self.transfer)}" if self.kind == "fusion" else f"{self.steps} steps"
        settings = fingerprint(sorted([*pair, one] for pair, one in self.scores.items()))
        return Cell(
            "+".join(self.transfer) or "base", f"{what} {size}", self.seed, self.model, settings
        )


def units_of(plan: Plan, data: StudyData, base: str, base_hash: str) -> list[Unit]:
    """Every encoder of the study: the baseline, what is tuned by seed, what is fused.

    A study that is broken off has whole seeds, and of the next one whole languages.
    base: the model's name. base_hash: of its files.
    """
    settings = plan.settings
    tuning = settings.tuning.model_dump(mode="json", exclude={"steps"})
    mixed = fingerprint(sorted(data.text_hashes.values()))
    decided = {
        (name, target): decides(settings.tasks[name], data.tasks[name], plan, name, target)
        for name, target in plan.pairs()
    }

    def unit(
        kind: str,
        transfer: Sequence[str],
        mode: str | None,
        steps: int,
        seed: int,
        *besides: object,
    ) -> Unit:
        pairs = list(decided.items())
        if kind == "fusion" and len(transfer) > 2 and settings.interference.triples_on == "members":
            pairs = [(pair, one) for pair, one in pairs if pair[1] in transfer]
        prints = {pair: fingerprint([base_hash, one, *besides]) for pair, one in pairs}
        return Unit(base, kind, tuple(transfer), mode, steps, seed, prints)

    found = [unit("baseline", (), None, 0, 0)]
    controls = settings.controls
    texts: list[tuple[str, tuple[str, ...], str]] = []
    for code in plan.transfer:
        texts.append(("tuned", (code,), data.text_hashes[code]))
        if "shuffled" in controls.kinds and code in (controls.shuffled or plan.transfer):
            texts.append(("shuffled", (code,), data.text_hashes[code]))
    if "mixed" in controls.kinds:
        texts.append(("mixed", (), mixed))
    found += [
        unit(kind, transfer, None, steps, seed, tuning, text)
        for seed in settings.seeds
        for kind, transfer, text in texts
        for steps in sorted(settings.tuning.steps)
    ]
    given = settings.interference
    adaptation = given.adaptation.model_dump(mode="json")
    trained = {**given.fusion.model_dump(mode="json"), "regularisation": given.regularisation}
    for several in plan.fusions():
        hashes = [data.text_hashes[code] for code in several]
        if len(several) == 1:
            found.append(unit("fusion", several, None, 0, 0, adaptation, hashes))
            continue
        for mode in given.modes:
            seeds = given.seeds if mode != "uniform" else given.seeds[:1]
            how = trained if mode == "trained" else None
            found += [unit("fusion", several, mode, 0, s, adaptation, hashes, how) for s in seeds]
    return [one for one in found if one.scores]


def decides(section: StudyTask, data: TaskData, plan: Plan, name: str, target: str) -> object:
    """All that decides the scores of one target beside its encoder."""
    kind, how, *mix = mix_of(plan.kind(name), data, section, plan.left_out(name, target))
    precision = plan.settings.scoring_precision
    return [
        kind,
        {**how, "max_test": section.max_test},
        *mix,
        data.hashes[f"targets.{target}"],
        # scores that were made before there was a choice keep their fingerprint
        *([precision] if precision != "float32" else []),
    ]


def mix_of(kind: str, data: TaskData, section: StudyTask, left_out: str) -> tuple[Any, ...]:
    """All that decides a task adapter: kind, settings, labels, mix."""
    mix = {code: data.hashes[f"mix.{code}"] for code in data.mix if code != left_out}
    how = section.model_dump(mode="json", include={"max_mix", "balance", "training"})
    return kind, how, data.labels, mix


@dataclass(frozen=True)
class Chunks:
    """Cells after one another in one place, so many that every worker gets several.

    apart: each cell alone, where a worker outlives its job.
    """

    workers: int
    apart: bool

    def __call__(self, cells: Iterable[Cell]) -> list[Job]:
        """The baseline alone, first: without it nothing else means anything."""
        rows = list(cells)
        size = 1 if self.apart else max(1, len(rows) // (2 * max(1, self.workers)))
        first = [row for row in rows[:1] if row.data == "base"]
        rest = rows[len(first) :]
        return [tuple(first)][: len(first)] + list(self._cut(rest, size))

    @staticmethod
    def _cut(rows: Sequence[Cell], size: int) -> Iterator[Job]:
        yield from (tuple(rows[at : at + size]) for at in range(0, len(rows), size))
