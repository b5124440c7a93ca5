"""Where the jobs of a grid are run. A further one is one file and one line."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from unibridge.grid.cells import Cell, Job
from unibridge.grid.executors import processes, serial
from unibridge.registry import Registry


class Do(Protocol):
    """What is done with a job. It can be pickled, and keeps its rows itself."""

    def __call__(self, job: Job) -> Iterator[Cell]:
        """Measure the job's cells one after the other; gives each when its row is there."""

    def died(self, job: Job, why: str) -> None:
        """Record as missing what a process left undone that ended without a word."""


Executor = Callable[[Sequence[Job], Do, int, Callable[[], None]], None]
"""(jobs, do, workers, watch): run them all; `watch` is called often, to say what is new."""

EXECUTORS: Registry[Executor] = Registry(
    "executor", {"serial": serial.run, "processes": processes.run}
)
