"""Each job in a process of its own on this machine, some at a time, one thread each.

A process that is killed, such as for its memory, costs the cell that it was at work on: the rest
of its job gets another one.
"""

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING

from unibridge.grid.cells import Job

if TYPE_CHECKING:
    from unibridge.grid.executors import Do

# seconds between two looks at what is new
PAUSE = 1.0
# what Python ends with after an error that nobody caught
PYTHON_ERROR = 1
# one thread each: several jobs of several threads hinder each other
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")


def run(jobs: Sequence[Job], do: "Do", workers: int, watch: Callable[[], None]) -> None:
    """workers: processes at a time. Interrupted, it ends those that are at work."""
    context = get_context("spawn")  # a fork after torch has started its threads may hang
    waiting, working = deque(jobs), dict[BaseProcess, Job]()
    try:
        while waiting or working:
            while waiting and len(working) < max(1, workers):
                job = waiting.popleft()
                process = context.Process(target=_serve, args=(do, job))
                with _one_thread():
                    process.start()
                working[process] = job
            wait([process.sentinel for process in working], timeout=PAUSE)
            for ended in [one for one in working if one.exitcode is not None]:
                ended.join()
                job = working.pop(ended)
                if ended.exitcode:
                    # an error that no cell raised, such as work that cannot be unpickled, would
                    # only be met again
                    alone = ended.exitcode != PYTHON_ERROR
                    if rest := do.died(job, _why(ended.exitcode), alone=alone):
                        waiting.appendleft(rest)
            watch()
    finally:
        for left in working:
            left.terminate()
        for left in working:
            left.join()


def _serve(do: "Do", job: Job) -> None:
    try:
        for _ in do(job):
            pass
    except KeyboardInterrupt:
        sys.exit(130)


def _why(code: int | None) -> str:
    if code is not None and code < 0:
        return f"its process was ended by signal {-code} (9: killed, often for its memory)"
    return f"its process ended with code {code}; see what it wrote on the terminal"


@contextmanager
def _one_thread() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
