"""Which trainings a study has, and which scores each of them gives.

One tuned encoder serves all tasks and targets: it is a cell of the grid, and a line of the results
for every (task, target, metric).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

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
    """Every encoder of the study: the baseline first, then by language, fewest steps first.

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
    for code in plan.transfer:
        kinds = ["tuned"]
        if "shuffled" in settings.controls.kinds:
            kinds += ["shuffled"] if code in (settings.controls.shuffled or plan.transfer) else []
        found += [
            unit(kind, (code,), None, steps, seed, tuning, data.text_hashes[code])
            for kind in kinds
            for steps in sorted(settings.tuning.steps)
            for seed in settings.seeds
        ]
    if "mixed" in settings.controls.kinds:
        found += [
            unit("mixed", (), None, steps, seed, tuning, mixed)
            for steps in sorted(settings.tuning.steps)
            for seed in settings.seeds
        ]
    given = settings.interference
    adaptation = given.adaptation.model_dump(mode="json")
    trained = {**given.fusion.model_dump(mode="json"), "regularisation": given.regularisation}
    for several in plan.fusions():
        texts = [data.text_hashes[code] for code in several]
        if len(several) == 1:
            found.append(unit("fusion", several, None, 0, 0, adaptation, texts))
            continue
        for mode in given.modes:
            seeds = given.seeds if mode != "uniform" else given.seeds[:1]
            how = trained if mode == "trained" else None
            found += [unit("fusion", several, mode, 0, s, adaptation, texts, how) for s in seeds]
    return [one for one in found if one.scores]


def decides(section: StudyTask, data: TaskData, plan: Plan, name: str, target: str) -> object:
    """All that decides the scores of one target beside its encoder."""
    left_out = plan.left_out(name, target)
    mix = {code: data.hashes[f"mix.{code}"] for code in data.mix if code != left_out}
    return [
        plan.kind(name),
        section.model_dump(mode="json", include={"max_mix", "balance", "max_test", "training"}),
        data.labels,
        mix,
        data.hashes[f"targets.{target}"],
    ]


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
