import json
import subprocess
import sys

import pytest

from unibridge.errors import UnibridgeError
from unibridge.evaluation.rows import append_row, read_rows

APPEND = """
import sys
from pathlib import Path
from unibridge.evaluation.rows import append_row
for number in range(40):
    append_row(Path(sys.argv[1]), {"who": sys.argv[2], "number": number, "text": "x" * 5000})
"""


def test_rows_of_several_processes_are_all_there_and_whole(tmp_path):
    path = tmp_path / "deep" / "rows.jsonl"
    started = [subprocess.Popen([sys.executable, "-c", APPEND, str(path), who]) for who in "abc"]
    assert [one.wait(60) for one in started] == [0, 0, 0]
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for who in "abc":
        assert [row["number"] for row in rows if row["who"] == who] == list(range(40))
    assert rows == read_rows(path) and [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_full_disk_leaves_no_half_row(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "rows.jsonl"
    append_row(path, {"a": 1})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(UnibridgeError, match="no room left"):
            append_row(path, {"a": "x" * 9000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b'{"a": 1}\n'


@pytest.mark.parametrize(
    ("left", "rows"),
    [(b'{"a": 1}\n{"a": "\xe1', [1, 2]), (b'{"a": 1}', [1, 2]), (b"", [2]), (b"[3]\n", [2])],
)
def test_half_a_row_of_a_crash_is_left_out_and_removed_by_the_next(tmp_path, left, rows):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(left)
    assert [row["a"] for row in read_rows(path)] == rows[:-1]
    append_row(path, {"a": 2})
    assert [row["a"] for row in read_rows(path)] == rows
