"""One job after the other in this process."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from unibridge.grid.cells import Job

if TYPE_CHECKING:
    from unibridge.grid.executors import Do


def run(jobs: Sequence[Job], do: "Do", workers: int, watch: Callable[[], None]) -> None:
    """workers: does not count here."""
    for job in jobs:
        for _ in do(job):
            watch()
