import multiprocessing
import subprocess
import sys
import threading
import time

import pytest

from unibridge.locks import locked

HOLD = """
import sys, time
from pathlib import Path
from unibridge.locks import locked
with locked(Path(sys.argv[1])):
    print("have it", flush=True)
    time.sleep(60)
"""


def holder(path):
    found = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    assert found.stdout.readline() == b"have it\n"
    return found


def test_nothing_is_left_behind_and_the_folder_need_not_exist(tmp_path):
    with locked(tmp_path / "deep" / "thing"):
        assert [path.name for path in (tmp_path / "deep").iterdir()] == [".lock-thing"]
    assert not list((tmp_path / "deep").iterdir())


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    other, said = holder(tmp_path / "thing"), []

    def kill(text):
        said.append(text)
        other.kill()

    with locked(tmp_path / "thing", kill):
        pass
    assert len(said) == 1 and f"process {other.pid} on" in said[0]
    other.wait()


def test_who_waits_can_be_interrupted(tmp_path):
    def interrupt(text):
        raise KeyboardInterrupt

    other = holder(tmp_path / "thing")
    with pytest.raises(KeyboardInterrupt), locked(tmp_path / "thing", interrupt):
        pass
    other.kill()
    other.wait()


def test_threads_keep_each_other_out(tmp_path):
    inside, most = [], []

    def work():
        for _ in range(5):
            with locked(tmp_path / "thing", lambda text: None):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.002)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 20 and max(most) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_forked_worker_does_not_keep_its_parents_lock(tmp_path):
    done = multiprocessing.get_context("fork").Event()
    worker = multiprocessing.get_context("fork").Process(target=done.wait, args=(60,))
    with locked(tmp_path / "thing"):
        worker.start()
    with locked(tmp_path / "thing", lambda text: pytest.fail(text)):
        done.set()
    worker.join()
