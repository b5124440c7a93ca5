"""How many threads a training gets: no more than there are cores that nobody else uses.

The threads of one product of matrices wait for each other, so where one of them shares its core
with another process all are as slow as that one, and spin meanwhile.
"""

import os
import time
from pathlib import Path

# whoever set one of these has decided
DECIDED = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
STATES = Path("/proc/stat")
IDLE, WAITING = 3, 4  # of a core's counters there: user, nice, system, idle, iowait, ...


def use_free_cores(seconds: float = 0.5) -> int | None:
    """Give torch as many threads as cores are free for so many seconds, one at least.

    Threads that wait sleep, unless OMP_WAIT_POLICY says otherwise or torch is loaded already.
    Returns their number, or None where all cores are free, where the user has set it, or on systems
    that do not tell (others than Linux): torch's own choice stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    if any(os.environ.get(name) for name in DECIDED) or not STATES.exists():
        return None
    before = core_times()
    time.sleep(seconds)
    free = max(1, free_cores(before, core_times(), os.sched_getaffinity(0)))
    if free >= torch.get_num_threads():
        return None
    torch.set_num_threads(free)
    return free


def core_times(file: Path = STATES) -> dict[int, list[int]]:
    """Core -> what it did since the machine was started, in ticks by kind (proc(5))."""
    rows = (line.split() for line in file.read_text(encoding="ascii").splitlines())
    return {int(row[0][3:]): list(map(int, row[1:])) for row in rows if row[0][3:].isdigit()}


def free_cores(
    before: dict[int, list[int]], after: dict[int, list[int]], allowed: "set[int]"
) -> int:
    """How many of the allowed cores had nothing to do for more than half of the time between."""
    count = 0
    for core in allowed & before.keys() & after.keys():
        spent = [now - then for then, now in zip(before[core], after[core], strict=True)]
        count += 2 * (spent[IDLE] + spent[WAITING]) > sum(spent)
    return count
