import errno
import os

import pytest

from unibridge.artifacts import (
    FORMAT,
    MANIFEST,
    Outcome,
    build_folder,
    disk_errors,
    fingerprint,
    hash_path,
    peak_memory,
    read_json,
    read_manifest,
    reset_peak_memory,
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


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "file"
    write_bytes(path, b"old")
    path.with_name("file.tmp").symlink_to("/dev/full")
    with pytest.raises(UnibridgeError, match="no room left on the disk") as error:
        write_bytes(path, b"new")
    assert "some space" in error.value.do
    assert path.read_bytes() == b"old"


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


def test_peak_memory_sees_a_large_array_that_is_gone_again():
    reset_peak_memory()
    before = peak_memory()
    block = bytearray(200_000_000)
    block[::4096] = b"x" * len(block[::4096])
    del block
    assert peak_memory() - before > 150_000_000


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
