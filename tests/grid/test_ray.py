"""Cells as tasks of Ray's: all measured once, deaths cost what was at work, clear refusals."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from counted_work import Work
from unibridge.errors import UnibridgeError
from unibridge.grid.cells import Cell
from unibridge.grid.executors.ray import RaySettings, _lacking
from unibridge.grid.run import run_grid
from unibridge.grid.store import Store

ray = pytest.importorskip("ray")
CELLS = [Cell("x", "m", seed, "b") for seed in range(6)]


def test_a_cluster_that_does_not_answer_is_one_clear_error(tmp_path):
    options = RaySettings(address="127.0.0.1:1")
    with pytest.raises(UnibridgeError, match=r"'127.0.0.1:1' cannot be reached.*write local"):
        run_grid(
            CELLS,
            Work(tmp_path / "calls"),
            tmp_path / "rows.jsonl",
            executor="ray",
            options=options,
        )
    assert not (tmp_path / "rows.jsonl").exists()


def node(alive=True, **resources):
    return {"Alive": alive, "Resources": resources}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"gpus": 1}, "run.options.gpus: a cell takes gpus = 1, which no machine .*each: 0.5"),
        ({"cpus": 8, "memory_gb": 9}, "options.memory_gb: a cell takes memory_gb = 9, .*each: 8"),
        ({"cpus": 8, "memory_gb": 7}, r"cpus = 8, gpus = 0, memory_gb = 7, .*each: 8, 0.5, 8\)"),
        ({"cpus": 2, "gpus": 0.5}, None),
    ],
)
def test_what_no_machine_has_is_said_before_it_is_waited_for(asked, said):
    nodes = [node(CPU=8.0, memory=4e9), node(CPU=2.0, GPU=0.5, memory=8e9)]
    nodes.append(node(alive=False, CPU=64.0, GPU=8.0, memory=1e12))
    if said is None:
        assert not _lacking(nodes, RaySettings(**asked))
        return
    with pytest.raises(UnibridgeError, match=said + ".*Ask for less"):
        _lacking(nodes, RaySettings(**asked))
    (line,) = _lacking(nodes, RaySettings(address="auto", **asked))  # it may grow
    assert line.endswith("nothing is done until the cluster has one that has")


@pytest.mark.slow
def test_what_this_machine_has_not_is_refused(tmp_path):
    work, rows = Work(tmp_path / "calls"), tmp_path / "rows.jsonl"
    options = RaySettings(memory_gb=10**6)
    with pytest.raises(UnibridgeError, match=r"run.options.memory_gb: a cell takes"):
        run_grid(CELLS, work, rows, executor="ray", options=options)


@pytest.mark.slow
def test_a_worker_that_dies_costs_its_cell_and_a_failure_is_no_score(tmp_path):
    work = Work(tmp_path / "calls", broken=("x m seed 1",), deadly=("x m seed 2",))
    said = []
    rows = run_grid(
        CELLS,
        work,
        tmp_path / "rows.jsonl",
        executor="ray",
        workers=2,
        options=RaySettings(retries=1),
        tell=said.append,
    )
    assert [row["seed"] for row in rows] == [0, 3, 4, 5]
    errors = {r["seed"]: r["error"] for r in Store(tmp_path / "rows.jsonl").missing().values()}
    assert errors[1] == "labels.conll: no such file" and "its worker died 2 times" in errors[2]
    assert {threads for _, _, threads in work.called} == {"1"}
    assert str(os.getpid()) not in {process for _, process, _ in work.called}


DRIVER = """
import sys, time
from pathlib import Path
from unibridge.grid.cells import Cell
from unibridge.grid.run import run_grid

def work(cell):
    with open(sys.argv[2] if len(sys.argv) > 2 else CALLS, "a") as stream:
        stream.write(f"{cell.seed}\\n")
    time.sleep(1)
    return {"score": 1.0}

CALLS = sys.argv[1] + ".calls"
cells = [Cell("x", "m", seed, "b") for seed in range(8)]
run_grid(cells, work, Path(sys.argv[1]), executor="ray", workers=2)
"""


def killed_driver(process):
    process.send_signal(signal.SIGKILL)


def killed_instance(process):
    """All that Ray started, at once, and none of it by the driver."""
    for child in descendants(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def descendants(pid):
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout
    children = [int(child) for child in found.split()]
    return [*children, *(further for child in children for further in descendants(child))]


@pytest.mark.slow
@pytest.mark.parametrize("kill", [killed_driver, killed_instance])
def test_what_is_killed_keeps_its_rows_and_only_what_ran_is_done_again(tmp_path, kill):
    rows, calls = tmp_path / "rows.jsonl", tmp_path / "calls"
    script = tmp_path / "driver.py"
    script.write_text(
        DRIVER.replace("sys.argv[2] if len(sys.argv) > 2 else CALLS", repr(str(calls)))
    )
    first = subprocess.Popen([sys.executable, str(script), str(rows)])
    while len(Store(rows).finished()) < 2:
        time.sleep(0.2)
        assert first.poll() is None
    kill(first)
    assert first.wait(120)  # a driver without its instance ends by itself, and says so
    kept = set(Store(rows).finished())
    subprocess.run([sys.executable, str(script), str(rows)], check=True)
    assert len(Store(rows).finished()) == 8
    done = [int(line) for line in calls.read_text().split()]
    again = {seed for seed in done if done.count(seed) > 1}
    finished = {Store(rows).finished()[key]["seed"] for key in kept}
    # two at work and two given out ahead at most
    assert not again & finished and len(again) <= 4
