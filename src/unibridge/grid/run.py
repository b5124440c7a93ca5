"""Run a grid: what is finished is left alone, a row is kept at once, a failure is no score.

    cells ── without those that have a row ── jobs ── executor ── a row each

A broken-off call keeps its rows, and the same call goes on; cells that failed are tried again.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pydantic import BaseModel

from unibridge.errors import UnibridgeError
from unibridge.evaluation.rows import append_rows
from unibridge.grid.cells import Cell, Job, jobs_of
from unibridge.grid.executors import EXECUTORS, Executor
from unibridge.grid.store import Row, Store

Work = Callable[[Cell], Row]
"""Measures a cell. With the executor `processes` it must be picklable."""


@dataclass(frozen=True)
class Found:
    """What came of a cell: what was measured, or None and the error. seconds: of wall time."""

    cell: Cell
    measured: Row | None
    error: str
    seconds: float


@dataclass(frozen=True)
class Doing:
    """A job's cells one after the other, the row of each kept before the next one begins.

    before: key -> the row of a cell that failed earlier, which says nothing of this call.
    """

    work: Work
    store: Store
    before: Mapping[str, Row]

    def __call__(self, job: Job) -> Iterator[Cell]:
        """Gives each cell when its row is there; leaves alone what another call has finished."""
        for cell in job:
            if "error" not in (self.store.row(cell) or {"error": ""}):
                continue
            self.keep(self.measure(cell))
            yield cell

    def measure(self, cell: Cell) -> Found:
        """Do the work of one cell; writes nothing and raises nothing."""
        started = time.perf_counter()
        try:
            measured, error = self.work(cell), ""
        except Exception as fault:
            measured, error = None, in_words(fault)
        return Found(cell, measured, error, time.perf_counter() - started)

    def keep(self, *found: Found) -> None:
        """Write the rows of cells, on the disk together."""
        lines = [self.store.lines(f.cell, f.measured, f.error, f.seconds) for f in found]
        append_rows(self.store.path, [line for of_cell in lines for line in of_cell])

    def died(self, job: Job, why: str, *, alone: bool = True) -> Job:
        """Record as missing the cell that a process was at work on that ended without a word.

        alone: that cell only; otherwise all that it left undone. Returns the cells of the job that
        were not tried and are not recorded.
        """
        undone = [c for c in job if self.store.row(c) == self.before.get(c.key)]
        lost = undone[:1] if alone else undone
        for cell in lost:
            self.store.fail(cell, why)
        return tuple(undone[len(lost) :])

    def carried(self) -> "Doing":
        """The same with all that the work reads in memory, to be sent to other machines.

        A work says by a method `carried` how; one that has none is sent as it is.
        """
        return replace(self, work=getattr(self.work, "carried", lambda: self.work)(), before={})


def in_words(error: Exception) -> str:
    """What a row says of an error; of a fault of ours also its place."""
    if isinstance(error, UnibridgeError):
        return str(error)
    trace, place = error.__traceback__, ""
    while trace is not None:
        place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__} at {place}: {error}"


def run_grid(
    cells: Sequence[Cell],
    work: Work,
    rows: Path | Store,
    *,
    executor: str | Executor = "serial",
    workers: int = 1,
    options: BaseModel | None = None,
    jobs: Callable[[Iterable[Cell]], list[Job]] = jobs_of,
    tell: Callable[[str], None] = print,
) -> list[Row]:
    """Measure every cell that has no row yet; returns the rows of these cells that are there.

    rows: the file that they are kept in, one JSON line each, or a store of one's own. executor: a
    name in `EXECUTORS`, or an import path. workers: how many at a time, where the executor can.
    options: of the executor, as it declares them. jobs: which cells are one after the other in one
    place. tell: hears a line for each cell, with what is left and about how long it takes. Cells
    that fail are missing from what is returned, recorded with their error, and tried again by the
    next call.
    """
    store = rows if isinstance(rows, Store) else Store(rows)
    runner: Callable[..., None] = EXECUTORS.resolve(executor)
    if options is not None:
        runner = partial(runner, settings=options)
    before = store.rows()
    todo = [cell for cell in cells if "error" in before.get(cell.key, {"error": ""})]
    if len(todo) < len(cells):
        tell(f"{len(cells) - len(todo)} of {len(cells)} cells were finished before")
    open_cells = {cell.key: cell for cell in todo}
    left = TimeLeft(before.values(), todo, workers)

    def watch() -> None:
        for key, row in store.news().items():
            cell = open_cells.pop(key, None)
            if cell is None:
                continue
            left.done(cell, row)
            rest = f"; {len(open_cells)} left, {left}" if open_cells else ""
            tell(f"[{len(cells) - len(open_cells)}/{len(cells)}] {cell}: {_found(row)}{rest}")

    failed = {cell.key: before[cell.key] for cell in todo if cell.key in before}
    # whoever does the work may read the same store and would hear the news first
    runner(jobs(todo), Doing(work, store.another(), failed), workers, watch)
    watch()
    store.tidy()
    finished = store.finished()
    if gone := [cell for cell in cells if cell.key not in finished]:
        tell(f"{len(gone)} cells are missing; the same command tries them again")
    return [finished[cell.key] for cell in cells if cell.key in finished]


def _found(row: Row) -> str:
    if "error" in row:
        return f"missing: {row['error']}"
    score = f"{row['score']:.1f} {row.get('metric', '')}, " if "score" in row else ""
    return f"{score}{clock(row['cell_seconds'])}"


class TimeLeft:
    """About how long the cells that are open will take, from what the same methods took so far."""

    def __init__(self, rows: Iterable[Row], cells: Iterable[Cell], workers: int = 1) -> None:
        self.workers = max(1, workers)
        self.took: dict[str, tuple[float, int]] = {}
        self.open = Counter(cell.method for cell in cells)
        for row in rows:
            self._learn(row)

    def done(self, cell: Cell, row: Row) -> None:
        """A cell is finished, or missing."""
        self.open[cell.method] -= 1
        self._learn(row)

    def _learn(self, row: Row) -> None:
        if "cell_seconds" in row:
            seconds, count = self.took.get(row["method"], (0.0, 0))
            self.took[row["method"]] = seconds + row["cell_seconds"], count + 1

    @property
    def seconds(self) -> float | None:
        """Of wall time; None where nothing was measured yet."""
        if not self.took:
            return None
        usual = sum(s for s, _ in self.took.values()) / sum(n for _, n in self.took.values())
        mean = {method: seconds / count for method, (seconds, count) in self.took.items()}
        return sum(n * mean.get(method, usual) for method, n in self.open.items()) / self.workers

    def __str__(self) -> str:
        seconds = self.seconds
        return "nobody knows how long" if seconds is None else f"about {clock(seconds)}"


def clock(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
