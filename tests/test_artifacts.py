import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from unibridge.artifacts import (
    FORMAT,
    MANIFEST,
    Outcome,
    build_folder,
    disk_errors,
    fingerprint,
    hash_path,
    read_json,
    read_manifest,
    run_stage,
    write_bytes,
    write_json,
    write_manifest,
)
from unibridge.errors import UnibridgeError


def builder(calls, facts=None):
    def build(folder):
        calls.append(folder)
        (folder / "result").write_text("done")
        (folder / "checkpoint.pt").write_text("half")
        return Outcome(facts or {"answer": 42}, ["little text"])

    return build


def stage(root, calls, **changed):
    given = {"settings": {"rate": 0.1}, "inputs": {"text": "abc"}} | changed
    return run_stage(root, "adapt", "xx", builder(calls), **given)


def test_a_stage_is_built_once_and_its_manifest_tells_what_it_took(tmp_path):
    calls = []
    first = stage(tmp_path, calls)
    assert stage(tmp_path, calls) == first and len(calls) == 1
    manifest = read_manifest(first)
    assert manifest["settings"] == {"rate": 0.1} and manifest["inputs"] == {"text": "abc"}
    assert manifest["facts"] == {"answer": 42} and manifest["warnings"] == ["little text"]
    assert manifest["seconds"] >= 0 and manifest["peak_memory_bytes"] > 1_000_000
    assert manifest["versions"]["python"] and manifest["versions"]["torch"]
    assert manifest["fingerprint"].startswith(first.name.rpartition("-")[2])
    assert not list(first.glob("checkpoint*")) and not list(tmp_path.glob(".partial*"))


@pytest.mark.parametrize("changed", [{"settings": {"rate": 0.2}}, {"inputs": {"text": "abd"}}])
def test_a_changed_setting_or_input_gives_a_folder_beside_the_old_one(tmp_path, changed):
    calls = []
    first, second = stage(tmp_path, calls), stage(tmp_path, calls, **changed)
    assert first != second and first.exists() and second.exists() and len(calls) == 2


def test_a_stage_that_another_root_has_finished_is_copied(tmp_path):
    calls = []
    first = stage(tmp_path / "one", calls)
    (tmp_path / "two").mkdir()
    second = stage(tmp_path / "two", calls, reuse=[tmp_path / "none", tmp_path / "one"])
    assert len(calls) == 1 and second.parent.name == "two" and first.exists()
    assert (second / "result").samefile(first / "result")
    assert (second / "result").read_text() == "done"
    assert read_manifest(second) == read_manifest(first)
    stage(tmp_path / "two", calls, reuse=[tmp_path / "one"], settings={"rate": 0.2})
    assert len(calls) == 2


def test_what_breaks_off_stays_aside_and_is_taken_up_again(tmp_path):
    seen = []

    def build(folder):
        seen.append(sorted(path.name for path in folder.iterdir()))
        (folder / "checkpoint.pt").write_text("half")
        if len(seen) == 1:
            raise KeyboardInterrupt
        return Outcome()

    given = {"settings": {}, "inputs": {}}
    with pytest.raises(KeyboardInterrupt):
        run_stage(tmp_path, "adapt", "xx", build, **given)
    assert not list(tmp_path.glob("adapt-*"))
    run_stage(tmp_path, "adapt", "xx", build, **given)
    assert seen == [[], ["checkpoint.pt"]]


def test_a_folder_of_another_version_is_refused_and_left_as_it_is(tmp_path):
    folder = stage(tmp_path, [])
    changed = read_json(folder / MANIFEST) | {"format": FORMAT + 98}
    write_json(folder / MANIFEST, changed)
    with pytest.raises(UnibridgeError, match=f"another version .*format {FORMAT + 98}") as error:
        stage(tmp_path, [])
    assert str(folder) in str(error.value) and error.value.do
    assert read_json(folder / MANIFEST) == changed


@pytest.mark.parametrize("content", [None, "{", "[1]"])
def test_a_folder_without_a_sound_manifest_is_no_finished_stage(tmp_path, content):
    if content is not None:
        (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(UnibridgeError, match=tmp_path.name):
        read_manifest(tmp_path)


@pytest.fixture
def small_disk():
    """No file may grow beyond 4096 bytes, which the system says like a full disk."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield 4096
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, small_disk):
    path = tmp_path / "deep" / "file"
    write_bytes(path, b"old")
    with pytest.raises(UnibridgeError, match="no room left on the disk") as error:
        write_bytes(path, b"new" * small_disk)
    assert "some space" in error.value.do
    assert path.read_bytes() == b"old" and [p.name for p in path.parent.iterdir()] == ["file"]


def test_a_disk_that_fills_within_a_stage_keeps_what_was_finished_and_the_checkpoint(
    tmp_path, small_disk
):
    finished = stage(tmp_path, [])
    size = small_disk

    def build(folder):
        write_bytes(folder / "checkpoint.pt", (folder / "checkpoint.pt").exists() * b"x" or b"y")
        write_bytes(folder / "result", b"r" * (size + 1))
        return Outcome()

    def again():
        return run_stage(tmp_path, "adapt", "yy", build, settings={}, inputs={})

    with pytest.raises(UnibridgeError, match="no room left"):
        again()
    (checkpoint,) = tmp_path.glob(".partial-adapt-yy-*/checkpoint.pt")
    assert checkpoint.read_bytes() == b"y" and not list(tmp_path.glob(".lock*"))
    size = 10  # there is room again
    assert (again() / "result").stat().st_size == 11
    assert stage(tmp_path, []) == finished


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_every_kind_of_full_disk_is_explained(number):
    with pytest.raises(UnibridgeError, match="somewhere: no room left"), disk_errors("somewhere"):
        raise OSError(number, os.strerror(number))


def test_other_faults_of_the_system_are_not_called_a_full_disk():
    with pytest.raises(PermissionError), disk_errors("somewhere"):
        raise PermissionError(errno.EACCES, "no")


def test_the_hash_of_a_folder_changes_with_names_and_contents(tmp_path):
    (tmp_path / "a").write_text("1")
    first = hash_path(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    second = hash_path(tmp_path)
    (tmp_path / "b").write_text("2")
    assert len({first, second, hash_path(tmp_path)}) == 3


def test_a_fingerprint_ignores_the_order_of_keys_only():
    assert fingerprint({"a": 1, "b": [1, 2]}) == fingerprint({"b": [1, 2], "a": 1})
    assert fingerprint({"a": [1, 2]}) != fingerprint({"a": [2, 1]})


def test_a_manifest_is_written_with_versions_and_time(tmp_path):
    write_manifest(tmp_path, {"stage": "pack"})
    assert {"format", "stage", "versions", "finished"} == set(read_manifest(tmp_path))


@pytest.mark.parametrize("left", ["checkpoint.pt", "model"])
def test_a_named_folder_that_breaks_off_keeps_only_what_can_be_taken_up_again(tmp_path, left):
    def build(folder):
        (folder / left).write_text("half")
        raise KeyboardInterrupt

    given = {"settings": {"rate": 0.1}, "inputs": {}}
    with pytest.raises(KeyboardInterrupt):
        build_folder(tmp_path / "out", "distil", build, **given)
    found = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert found == ([left] if "checkpoint" in left else [])
    done = build_folder(tmp_path / "out", "distil", builder([]), **given)
    assert [path.name for path in tmp_path.iterdir()] == [done.name] == ["out"]


def test_what_was_killed_just_before_its_name_is_not_made_again(tmp_path):
    calls = []
    folder = stage(tmp_path, calls)
    partial = folder.rename(tmp_path / f".partial-{folder.name}")
    (partial / "checkpoint.pt").write_text("half")
    assert stage(tmp_path, calls) == folder and len(calls) == 1
    assert sorted(path.name for path in folder.iterdir()) == [MANIFEST, "result"]


def test_what_a_killed_process_was_writing_does_not_end_in_the_stage(tmp_path):
    folder = stage(tmp_path, [])
    partial = folder.rename(tmp_path / f".partial-{folder.name}")
    (partial / MANIFEST).unlink()
    (partial / "result.1-a.tmp").write_text("hal")
    assert not list(stage(tmp_path, []).glob("*.tmp"))


@pytest.mark.parametrize("content", [None, "don"])
def test_a_stage_that_was_copied_in_part_is_refused(tmp_path, content):
    folder = stage(tmp_path / "one", [])
    (folder / "result").unlink()
    if content:
        (folder / "result").write_text(content)
    (tmp_path / "two").mkdir()
    for root, reuse in (("one", []), ("two", [tmp_path / "one"])):
        with pytest.raises(UnibridgeError, match=r"not whole: result .* 4 bytes") as error:
            stage(tmp_path / root, [], reuse=reuse)
        assert error.value.where == str(folder) and "delete it" in error.value.do


def test_a_run_folder_may_be_moved_and_copied(tmp_path):
    calls = []
    name = stage(tmp_path / "one", calls).name
    (tmp_path / "one").rename(tmp_path / "two")
    shutil.copytree(tmp_path / "two", tmp_path / "three")
    for root in ("two", "three"):
        assert stage(tmp_path / root, calls).relative_to(tmp_path / root).name == name
    assert len(calls) == 1


def test_a_folder_moved_while_it_is_made_is_said(tmp_path):
    def build(folder):
        folder.rename(tmp_path / "elsewhere")
        return Outcome()

    with pytest.raises(UnibridgeError, match="moved or deleted while"):
        run_stage(tmp_path, "adapt", "xx", build, settings={}, inputs={})


# ---- several processes, which are real ones

ONE_STAGE = """
import os, signal, sys, time
from pathlib import Path
from unibridge.artifacts import Outcome, run_stage

root, seconds, end = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3]

def build(folder):
    with (root / "built").open("a") as stream:
        stream.write(f"{os.getpid()}\\n")
    (folder / "result").write_text("half")
    time.sleep(seconds)
    if end == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if end == "fail":
        raise RuntimeError("broken")
    (folder / "result").write_text("done")
    return Outcome()

told = lambda folder, done: print(done, flush=True)
print(run_stage(root, "adapt", "xx", build, settings={}, inputs={}, on_start=told))
"""


def start(root, seconds, end="well"):
    return subprocess.Popen(
        [sys.executable, "-c", ONE_STAGE, str(root), str(seconds), end],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def begin(root, seconds, end="well"):
    """Start one and wait until it is at work."""
    first = start(root, seconds, end)
    assert first.stdout.readline() == "False\n", first.stderr.read()
    return first


def test_two_processes_on_one_stage_make_it_once(tmp_path):
    first = begin(tmp_path, 1)
    second = start(tmp_path, 0)
    said, warned = second.communicate(timeout=60)
    assert said.splitlines() == ["True", first.stdout.read().strip()]
    assert "waiting for adapt-xx-" in warned and f"process {first.pid} on " in warned
    assert len(warned.splitlines()) == 1 and first.wait() == second.returncode == 0
    assert (tmp_path / "built").read_text() == f"{first.pid}\n"
    assert sorted(path.name[:8] for path in tmp_path.iterdir()) == ["adapt-xx", "built"]


@pytest.mark.parametrize("end", ["kill", "fail"])
def test_a_process_that_dies_hands_the_stage_on(tmp_path, end):
    first = begin(tmp_path, 0.5, end)
    second = start(tmp_path, 0)
    said, _ = second.communicate(timeout=60)
    assert said.splitlines()[0] == "False" and second.returncode == 0
    assert (Path(said.splitlines()[1]) / "result").read_text() == "done"
    first.communicate()
    assert first.returncode and len((tmp_path / "built").read_text().splitlines()) == 2
    assert not list(tmp_path.glob(".*"))


def test_many_processes_end_with_one_stage(tmp_path):
    several = [start(tmp_path, 0.2) for _ in range(5)]
    ends = [one.communicate(timeout=60) for one in several]
    assert [one.returncode for one in several] == [0] * 5, ends
    assert len((tmp_path / "built").read_text().splitlines()) == 1
    assert len({said.splitlines()[-1] for said, _ in ends}) == 1


def test_a_folder_that_cannot_be_written_says_so_and_its_finished_stages_are_read(tmp_path):
    """As another user where this one is root, whom no folder refuses."""
    folder = stage(tmp_path, [])
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from unibridge.artifacts import Outcome, run_stage\n"
        "from unibridge.errors import UnibridgeError\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "root, inputs = Path(sys.argv[1]), {'text': 'abc'}\n"
        "for rate in (0.1, 0.2):\n"
        "    try: print(run_stage(root, 'adapt', 'xx', lambda folder: Outcome(),\n"
        "                         settings={'rate': rate}, inputs=inputs))\n"
        "    except UnibridgeError as error: print(error)\n"
    )
    for place in tmp_path.parents:  # pytest's own are closed to other users
        if not place.name.startswith(("pytest-", "popen-")):
            break
        place.chmod(0o755)
    tmp_path.chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True
    )
    tmp_path.chmod(0o755)
    first, second = done.stdout.splitlines()
    assert first == str(folder)
    assert second.startswith(f"{tmp_path}: nothing can be written here (Permission denied)")
