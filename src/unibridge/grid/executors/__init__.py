"""Where the jobs of a grid are run. A further one is one file and one line."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from unibridge.grid.cells import Cell, Job
from unibridge.grid.executors import processes, ray, serial
from unibridge.registry import Registry


class Do(Protocol):
    """What is done with a job. It can be pickled, and keeps its rows itself."""

    def __call__(self, job: Job) -> Iterator[Cell]:
        """Measure the job's cells one after the other; gives each when its row is there."""

    def measure(self, cell: Cell) -> Any:
        """Do the work of one cell; writes nothing and raises nothing."""

    def keep(self, *found: Any) -> None:
        """Write the rows of what `measure` gave, on the disk together."""

    def carried(self) -> "Do":
        """The same with all that it reads in memory, to be sent to other machines."""
        ...

    def died(self, job: Job, why: str, *, alone: bool = True) -> Job:
        """Record as missing the cell that a process was at work on that ended without a word.

        alone: that cell only; otherwise all that it left undone. Returns what was not tried.
        """
        ...


Executor = Callable[..., None]
"""(jobs, do, workers, watch, and `settings` where it declares some by `takes`): run them all;
`watch` is called often, to say what is new. One that has a `check` (workers, and `settings`) is
asked beforehand: it raises what would be in the way, and returns warnings."""

EXECUTORS: Registry[Executor] = Registry(
    "executor", {"serial": serial.run, "processes": processes.run, "ray": ray.run}
)
