"""Each cell a task of Ray's: a local instance, or a cluster that is there (https://ray.io).

    driver: put work with its data once ── tasks ── take what comes ── write its row

What the work carries is put into the object store once, from where Ray brings it to every node
once; each worker unpacks it once. Only the driver writes rows. A worker or a node that dies costs
the cells that it was at work on, which are given out again. Needs the extra `ray`.
"""

import math
import os
import socket
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pydantic import Field

from unibridge.errors import UnibridgeError
from unibridge.grid.cells import Cell, Job
from unibridge.settings import Settings, takes

if TYPE_CHECKING:
    from unibridge.grid.executors import Do

# seconds between two looks at what is new, and until a cluster that does not answer is given up
PAUSE, PATIENCE = 1.0, 10.0
# tasks given out beside those at work, so that a worker never waits for its next one
AHEAD = 2


class RaySettings(Settings):
    """Where Ray is, and what a cell asks of it."""

    address: str = Field(
        "local",
        description='local: an instance of its own; "host:6379", "ray://host:10001", or auto: the '
        "cluster that this machine is part of",
    )
    cpus: float = Field(1.0, gt=0, description="processors that a cell takes")
    gpus: float = Field(0.0, ge=0, description="GPUs that a cell takes; 0.5: two cells share one")
    memory_gb: float = Field(
        0.0, ge=0, description="memory that a cell takes, 10^9 bytes; 0: unsaid"
    )
    retries: int = Field(
        3, ge=0, description="how often a cell is given out again whose worker or node died"
    )


@takes(RaySettings)
def run(
    jobs: Sequence[Job],
    do: "Do",
    workers: int,
    watch: Callable[[], None],
    settings: RaySettings | None = None,
) -> None:
    """workers: cells at a time; of a cluster at most so many of ours.

    Raises UnibridgeError where Ray is not installed, the cluster does not answer, or this machine
    has less than a cell takes.
    """
    settings = settings or RaySettings()
    if not any(jobs):
        return
    ray = _connected(settings, max(1, workers))
    try:
        _lacking(ray.nodes(), settings)
        _give_out(ray, [cell for job in jobs for cell in job], do, max(1, workers), watch, settings)
    finally:
        ray.shutdown()


def check(workers: int, settings: RaySettings | None = None) -> list[str]:
    """Connect and let go again, before hours are spent on what is to be given out.

    Raises what `run` would; returns what a cluster lacks that may yet grow.
    """
    settings = settings or RaySettings()
    ray = _connected(settings, max(1, workers))
    try:
        return _lacking(ray.nodes(), settings)
    finally:
        ray.shutdown()


run.check = check  # type: ignore[attr-defined]


def _lacking(nodes: Sequence[Mapping[str, Any]], settings: RaySettings) -> list[str]:
    """Cells that no machine has room for would wait without end, and Ray would say nothing.

    nodes: as Ray lists them, the dead ones too. Raises UnibridgeError where there is this machine
    alone; of a cluster, which may grow, it is said.
    """
    asked = {
        **{"cpus": ("CPU", settings.cpus), "gpus": ("GPU", settings.gpus)},
        "memory_gb": ("memory", settings.memory_gb * 10**9),
    }
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    if any(all(node.get(of, 0) >= wanted for of, wanted in asked.values()) for node in alive):
        return []
    most = {name: max(node.get(of, 0) for node in alive) for name, (of, _) in asked.items()}
    short = [name for name, (_, wanted) in asked.items() if wanted > most[name]] or list(asked)
    wishes = ", ".join(f"{name} = {getattr(settings, name):g}" for name in short)
    there = ", ".join(f"{most[n] / (10**9 if n == 'memory_gb' else 1):.3g}" for n in short)
    what = f"a cell takes {wishes}, which no machine has together (the most of each: {there})"
    where = f"run.options.{short[0]}"
    if settings.address == "local":
        raise UnibridgeError(what, where=where, do="ask for less, or give a cluster's address")
    return [f"{where}: {what}; nothing is done until the cluster has one that has"]


def _give_out(
    ray: Any,
    cells: Sequence[Cell],
    do: "Do",
    workers: int,
    watch: Callable[[], None],
    settings: RaySettings,
) -> None:
    held = ray.put(do.carried())
    asked: dict[str, Any] = {"num_cpus": settings.cpus, "num_gpus": settings.gpus, "max_retries": 0}
    if settings.memory_gb:
        asked["memory"] = int(settings.memory_gb * 10**9)
    task = ray.remote(**asked)(_measure)
    waiting = deque((cell, 0) for cell in cells)
    working: dict[Any, tuple[Cell, int]] = {}
    at_once = workers + (AHEAD if settings.address == "local" else 0)
    while waiting or working:
        while waiting and len(working) < at_once:
            cell, before = waiting.popleft()
            # in a list, so that the worker gets the reference and can unpack it once for all cells
            working[task.options(name=str(cell)).remote([held], cell)] = cell, before
        ready, _ = ray.wait([*working], num_returns=len(working), timeout=0)
        if not ready:
            ready, _ = ray.wait([*working], num_returns=1, timeout=PAUSE)
        found = []
        for reference in ready:
            cell, before = working.pop(reference)
            try:
                found.append(ray.get(reference))
            except ray.exceptions.RayTaskError as error:
                do.died((cell,), f"it could not be unpacked: {_first_line(error.cause)}")
            except ray.exceptions.RayError as error:
                if before < settings.retries:
                    waiting.appendleft((cell, before + 1))
                else:
                    do.died((cell,), f"its worker died {before + 1} times ({_first_line(error)})")
        if found:
            do.keep(*found)
        watch()


_unpacked: dict[str, Any] = {}


def _measure(holder: list[Any], cell: Cell) -> Any:
    """In a worker: the work of one cell."""
    import ray

    (reference,) = holder
    name = reference.hex()
    if name not in _unpacked:
        _unpacked.clear()
        _unpacked[name] = ray.get(reference)
    return _unpacked[name].measure(cell)


def _connected(settings: RaySettings, workers: int) -> Any:
    if find_spec("ray") is None:
        raise UnibridgeError(
            "the executor ray needs the package ray", do='run pip install "unibridge[ray]"'
        )
    # no figures of use are sent anywhere
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if settings.address == "local":
        count = math.ceil(workers * settings.cpus)
        # workers find what this process finds, such as a task of the user's own
        before, paths = os.environ.get("PYTHONPATH"), [path for path in sys.path if path]
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)
        try:
            ray.init(address="local", num_cpus=count, include_dashboard=_has_dashboard(), **quiet)
        except Exception as error:  # of many kinds, all of them the machine's
            raise UnibridgeError(
                f"Ray did not start on this machine ({_first_line(error)})",
                where="executor",
                do="try again where less is running, or take the executor processes",
            ) from error
        finally:
            os.environ.pop("PYTHONPATH")
            os.environ.update({} if before is None else {"PYTHONPATH": before})
        return ray
    _answers(settings.address)
    try:
        ray.init(address=settings.address, **quiet)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        raise _unreachable(settings.address, _first_line(error)) from error
    return ray


def _has_dashboard() -> bool:
    """Whether Ray was installed with what its dashboard needs."""
    return find_spec("aiohttp_cors") is not None


def _answers(address: str) -> None:
    """Raise UnibridgeError where nothing listens: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdigit():
        return  # "auto": Ray looks for the instance itself
    try:
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()
    except OSError as error:
        raise _unreachable(address, str(error.strerror or error)) from error


def _unreachable(address: str, reason: str) -> UnibridgeError:
    return UnibridgeError(
        f"the Ray cluster {address!r} cannot be reached ({reason})",
        where="run.options.address",
        do="start it (ray start --head), give its address, or write local",
    )


def _first_line(error: object) -> str:
    return str(error).strip().partition("\n")[0]
