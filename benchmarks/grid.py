"""What a grid's executors cost: many tiny cells scheduled and recorded, and two workers beside one.

    python benchmarks/grid.py [--executor ray] [--cells 10000] [--busy 30 --seconds 1.0]

First so many cells that do nothing, by two workers; then as many cells as `--busy` says that keep a
core at work for so many seconds, by one worker and by two: efficiency is the time of one over twice
the time of two, starting the workers left out (a first cell of each is waited for).
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unibridge.grid.cells import Cell, Job
from unibridge.grid.executors import EXECUTORS
from unibridge.grid.run import run_grid


@dataclass(frozen=True)
class Busy:
    """Keeps a core at work for so many seconds of its own time."""

    seconds: float

    def __call__(self, cell: Cell) -> dict[str, Any]:
        """When it began and ended, on the machine's clock."""
        started, until = time.time(), time.process_time() + self.seconds
        while time.process_time() < until:
            pass
        return {"began": started, "ended": time.time()}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--executor", default="ray", help=", ".join(EXECUTORS))
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--busy", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args(arguments)
    if options.cells:
        started = time.perf_counter()
        rows = run(options.executor, 2, options.cells, 0.0)
        took = time.perf_counter() - started
        print(f"{len(rows):,} empty cells by {options.executor}, 2 workers: {took:.1f} s")
    if options.busy:
        one, two = (
            span(run(options.executor, workers, options.busy, options.seconds))
            for workers in (1, 2)
        )
        print(
            f"{options.busy} cells of {options.seconds:g} s: {one:.1f} s by one worker, "
            f"{two:.1f} s by two, efficiency {one / (2 * two):.0%}"
        )


def run(executor: str, workers: int, cells: int, seconds: float) -> list[Any]:
    """Rows of a grid in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return run_grid(
            [Cell("x", "m", number, "b") for number in range(cells)],
            Busy(seconds),
            Path(folder) / "rows.jsonl",
            executor=executor,
            workers=workers,
            jobs=lambda rows: parts(list(rows), workers),
            tell=lambda line: None,
        )


def parts(cells: list[Cell], workers: int) -> list[Job]:
    """Equal shares, for executors that start a process for each job."""
    return [tuple(cells[at::workers]) for at in range(workers)]


def span(rows: Sequence[Any]) -> float:
    """Seconds from the first cell's beginning to the last one's end."""
    return max(row["ended"] for row in rows) - min(row["began"] for row in rows)


if __name__ == "__main__":
    main()
