"""Run a grid: what is finished is left alone, a row is kept at once, a failure is no score.

    cells ── without those that have a row ── jobs ── executor ── a row each

A broken-off call keeps its rows, and the same call goes on; cells that failed are tried again.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from unibridge.errors import UnibridgeError
from unibridge.grid.cells import Cell, Job, jobs_of
from unibridge.grid.executors import EXECUTORS, Executor
from unibridge.grid.store import Row, Store

Work = Callable[[Cell], Row]
"""Measures a cell. With the executor `processes` it must be picklable."""


@dataclass(frozen=True)
class Doing:
    """A job's cells one after the other, the row of each kept before the next one begins.

    before: the rows as they were; a failure among them says nothing of this call.
    """

    work: Work
    path: Path
    before: Mapping[str, Row]

    def __call__(self, job: Job) -> Iterator[Cell]:
        """Gives each cell when its row is there; leaves alone what another call has finished."""
        store = Store(self.path)
        for cell in job:
            if cell.key in store.finished():
                continue
            started = time.perf_counter()
            try:
                measured = self.work(cell)
            except Exception as error:
                store.fail(cell, _said(error))
            else:
                store.add(cell, measured, time.perf_counter() - started)
            yield cell

    def died(self, job: Job, why: str) -> None:
        """Record what a process left undone that ended without a word."""
        store = Store(self.path)
        rows = store.rows()
        for cell in job:
            if rows.get(cell.key) == self.before.get(cell.key):
                store.fail(cell, why)


def _said(error: Exception) -> str:
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
    rows: Path,
    *,
    executor: str | Executor = "serial",
    workers: int = 1,
    tell: Callable[[str], None] = print,
) -> list[Row]:
    """Measure every cell that has no row yet; returns the rows of these cells that are there.

    rows: the file that they are kept in, one JSON line each. executor: a name in `EXECUTORS`, or
    an import path. workers: how many at a time, where the executor can. tell: hears a line for
    each cell, with what is left and about how long it takes. Cells that fail are missing from what
    is returned, recorded with their error, and tried again by the next call.
    """
    store = Store(rows)
    runner = EXECUTORS.resolve(executor)
    before = store.rows()
    todo = [cell for cell in cells if "error" in before.get(cell.key, {"error": ""})]
    if len(todo) < len(cells):
        tell(f"{len(cells) - len(todo)} of {len(cells)} cells were finished before")
    open_cells = {cell.key: cell for cell in todo}

    def watch() -> None:
        now = store.rows()
        for key in [k for k in open_cells if now.get(k) != before.get(k)]:
            cell = open_cells.pop(key)
            left = time_left(now.values(), open_cells.values(), workers)
            rest = f"; {len(open_cells)} left, {left}" if open_cells else ""
            tell(f"[{len(cells) - len(open_cells)}/{len(cells)}] {cell}: {_found(now[key])}{rest}")

    runner(jobs_of(todo), Doing(work, rows, before), workers, watch)
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
    return f"{score}{_clock(row['cell_seconds'])}"


def time_left(rows: Iterable[Row], cells: Iterable[Cell], workers: int = 1) -> str:
    """About how long these cells will take, from what the same methods took so far."""
    took: dict[str, list[float]] = {}
    for row in rows:
        if "cell_seconds" in row:
            took.setdefault(row["method"], []).append(row["cell_seconds"])
    if not took:
        return "nobody knows how long"
    usual = fmean(seconds for several in took.values() for seconds in several)
    seconds = sum(fmean(took.get(cell.method, [usual])) for cell in cells)
    return f"about {_clock(seconds / max(1, workers))}"


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
