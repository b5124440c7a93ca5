"""Rows are kept at once, failures are no scores, and a broken-off grid goes on."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from counted_work import Work
from unibridge.errors import UnibridgeError
from unibridge.grid.cells import Cell, jobs_of
from unibridge.grid.executors import EXECUTORS
from unibridge.grid.run import TimeLeft, run_grid
from unibridge.grid.store import Store

CELLS = [
    Cell(data, method, seed, "toy")
    for data in ("ner/a", "ner/b")
    for seed in (0, 1)
    for method in ("main", "other")
]

# Ray takes seconds to start
ALL = [pytest.param(n, marks=pytest.mark.slow) if n == "ray" else n for n in sorted(EXECUTORS)]


def grid(folder, work, cells=CELLS, **how):
    said = []
    found = run_grid(cells, work, folder / "rows.jsonl", tell=said.append, **how)
    return found, said


def test_a_key_differs_with_everything_that_makes_a_cell():
    one = CELLS[0]
    others = {"data": "x", "method": "x", "seed": 9, "base": "x", "settings": "x"}
    keys = {replace(one, **{name: value}).key for name, value in others.items()}
    assert len(keys | {one.key}) == 6 and replace(one).key == one.key


def test_jobs_hold_what_shares_its_work_in_the_order_given():
    jobs = jobs_of(CELLS)
    assert [[cell.method for cell in job] for job in jobs] == [["main", "other"]] * 4
    assert len({(cell.data, cell.seed) for job in jobs for cell in job}) == 4


@pytest.mark.parametrize("executor", ALL)
def test_every_executor_measures_all_and_nothing_twice(tmp_path, executor):
    work = Work(tmp_path / "calls")
    found, said = grid(tmp_path, work, executor=executor, workers=2)
    assert [(r["data"], r["method"], r["seed"]) for r in found] == [
        (c.data, c.method, c.seed) for c in CELLS
    ]
    assert [row["score"] for row in found] == [40.0, 40.0, 41.0, 41.0] * 2
    assert len(said) == 8 and said[-1].startswith("[8/8] ")
    assert " F1" in said[0] and "7 left, about" in said[0]
    again, said = grid(tmp_path, work, executor=executor)
    assert again == found and len(work.called) == 8
    assert said == ["8 of 8 cells were finished before"]
    if executor != "serial":
        assert str(os.getpid()) not in {process for _, process, _ in work.called}
        assert {threads for _, _, threads in work.called} == {"1"}


@pytest.mark.parametrize("executor", ALL)
def test_a_failed_cell_is_missing_with_its_error_and_tried_again(tmp_path, executor):
    broken = ("ner/a main seed 1",)
    found, said = grid(tmp_path, Work(tmp_path / "calls", broken), executor=executor)
    assert len(found) == 7 and all(row["score"] >= 40 for row in found)
    assert any("missing: labels.conll: no such file" in line for line in said)
    assert said[-1] == "1 cells are missing; the same command tries them again"
    (row,) = Store(tmp_path / "rows.jsonl").missing().values()
    assert row["error"] == "labels.conll: no such file" and "score" not in row
    found, said = grid(tmp_path, Work(tmp_path / "calls"), executor=executor)
    assert len(found) == 8 and said[0] == "7 of 8 cells were finished before"
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert len(rows) == 8 and not any("error" in row for row in rows)


def test_a_fault_of_ours_names_its_line(tmp_path):
    def work(cell):
        raise ZeroDivisionError("by zero")

    grid(tmp_path, work, CELLS[:1])
    (row,) = Store(tmp_path / "rows.jsonl").missing().values()
    assert row["error"].startswith("ZeroDivisionError at test_grid.py:")


def test_a_killed_process_takes_no_other_with_it(tmp_path):
    work = Work(tmp_path / "calls", deadly=("ner/a main seed 0", "ner/a main seed 1"))
    one_job = {"jobs": lambda cells: [tuple(cells)]}
    found, said = grid(tmp_path, work, executor="processes", workers=2, **one_job)
    assert len(found) == 6 and len(work.called) == 8  # the rest of its job goes on
    assert sum("ended by signal 9" in line for line in said) == 2
    found, _ = grid(tmp_path, Work(tmp_path / "calls"), executor="processes", workers=2)
    assert len(found) == 8


class Unreadable(Work):
    """Cannot be unpickled."""

    def __reduce__(self):
        return open, ("gone",)


def test_work_that_no_process_can_read_is_not_tried_for_every_cell(tmp_path, capfd):
    # a process for each of the four jobs, not for each of the eight cells
    found, said = grid(tmp_path, Unreadable(tmp_path / "calls"), executor="processes", workers=2)
    assert not found and capfd.readouterr().err.count("FileNotFoundError") == 4
    assert sum("ended with code 1; see what it wrote" in line for line in said) == 8


BREAK = """
import os, signal, sys
from pathlib import Path
from unibridge.grid.cells import Cell
from unibridge.grid.run import run_grid

def work(cell):
    if cell.seed == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"score": 1.0}

run_grid([Cell("x", "m", seed, "b") for seed in range(4)], work, Path(sys.argv[1]))
"""


def test_a_grid_that_is_killed_keeps_its_rows_and_goes_on(tmp_path):
    done = subprocess.run([sys.executable, "-c", BREAK, str(tmp_path / "rows.jsonl")])
    assert done.returncode == -signal.SIGKILL
    assert [row["seed"] for row in Store(tmp_path / "rows.jsonl").finished().values()] == [0, 1]
    cells = [Cell("x", "m", seed, "b") for seed in range(4)]
    found, said = grid(tmp_path, Work(tmp_path / "calls"), cells)
    assert len(found) == 4 and len(work_lines(tmp_path)) == 2
    assert said[0] == "2 of 4 cells were finished before"


def work_lines(folder):
    return (folder / "calls").read_text().splitlines()


def test_other_settings_are_other_cells(tmp_path):
    work = Work(tmp_path / "calls")
    grid(tmp_path, work, CELLS[:1])
    grid(tmp_path, work, [replace(CELLS[0], settings="other")])
    assert len(work.called) == 2 and len(Store(tmp_path / "rows.jsonl").finished()) == 2


def test_the_time_left_follows_from_the_same_methods():
    rows = [{"method": "main", "cell_seconds": s} for s in (100, 140)]
    rows += [{"method": "other", "error": "x"}]
    assert str(TimeLeft(rows, CELLS[:1])) == "about 2 min"
    assert str(TimeLeft(rows, CELLS[:4], workers=2)) == "about 4 min"
    assert str(TimeLeft([], CELLS)) == "nobody knows how long"
    left = TimeLeft([], CELLS[:2])
    left.done(CELLS[0], {"method": "main", "cell_seconds": 30})
    assert left.seconds == 30


def test_an_unknown_executor_is_refused_before_anything_is_done(tmp_path):
    with pytest.raises(UnibridgeError, match=r"unknown executor 'proceses'.*'processes'"):
        grid(tmp_path, Work(tmp_path / "calls"), executor="proceses")
    assert not (tmp_path / "calls").exists()
