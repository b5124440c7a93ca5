"""Threads by what the machine has free, from counters of a machine that is written down."""

import os

import torch

from unibridge.training import threads

STAT = """\
cpu  300 0 30 700 0 0 0 0 0 0
cpu0 200 0 20 300 0 0 0 0 0 0
cpu1 100 0 10 400 0 0 0 0 0 0
intr 1 2 3
"""
LATER = STAT.replace("cpu0 200", "cpu0 248").replace("cpu1 100 0 10 400", "cpu1 101 0 10 440")


def times(tmp_path, text):
    file = tmp_path / "stat"
    file.write_text(text)
    return threads.core_times(file)


def test_a_core_that_another_process_keeps_busy_is_not_free(tmp_path):
    before, after = times(tmp_path, STAT), times(tmp_path, LATER)
    assert before == {
        0: [200, 0, 20, 300, 0, 0, 0, 0, 0, 0],
        1: [100, 0, 10, 400, 0, 0, 0, 0, 0, 0],
    }
    assert threads.free_cores(before, after, {0, 1}) == 1
    # cores that this process may not use are not free for it
    assert threads.free_cores(before, after, {0}) == 0


def test_a_number_that_the_user_has_set_stays(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    before = torch.get_num_threads()
    assert threads.use_free_cores(0.0) is None
    assert torch.get_num_threads() == before and os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
