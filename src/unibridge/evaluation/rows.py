"""A file of JSON lines that several processes append to: whole rows, each kept at once."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from unibridge.artifacts import disk_errors, may_write, write_bytes
from unibridge.locks import locked

# bytes of a file's end that are looked at at once
_BLOCK = 1 << 16


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Add one line: all of it, or nothing where the disk is full.

    Half a line that a crash left at the end is removed first. On the disk when this returns.
    """
    append_rows(path, [row])


def append_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add a line for each row: all of them, or none; see `append_row`."""
    lines = "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
    with disk_errors(path), may_write(path.parent), locked(path), path.open("a+b") as stream:
        content, last = lines.encode(), _unended(stream)
        if last and parsed(last) is None:
            stream.truncate(stream.seek(0, os.SEEK_END) - len(last))
        elif last:
            content = b"\n" + content
        before = stream.seek(0, os.SEEK_END)
        try:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        except BaseException:
            stream.truncate(before)
            raise


def _unended(stream: BinaryIO) -> bytes:
    """What stands after the last end of a line; only the end of the file is read."""
    found, at = b"", stream.seek(0, os.SEEK_END)
    while at and b"\n" not in found:
        step = min(at, _BLOCK)
        at = stream.seek(at - step)
        found = stream.read(step) + found
    return found.rpartition(b"\n")[2]


@dataclass
class Growing:
    """The rows of a file as it grows, each read once."""

    path: Path
    _at: int = 0
    _file: int | None = None

    def new(self) -> tuple[list[dict[str, Any]], bool]:
        """Rows since the last call, and whether they are all there are: at first, and where the
        file was written anew."""
        try:
            stream = self.path.open("rb")
        except FileNotFoundError:
            anew, self._at, self._file = self._file is not None, 0, None
            return [], anew
        with stream:
            now = os.fstat(stream.fileno())
            anew = now.st_ino != self._file or now.st_size < self._at
            stream.seek(0 if anew else self._at)
            # half a line may still grow
            whole, end, _ = stream.read().rpartition(b"\n")
        self._file, self._at = now.st_ino, (0 if anew else self._at) + len(whole + end)
        return [row for line in whole.split(b"\n") if (row := parsed(line)) is not None], anew


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows in their order; none where there is no file. Half a line of a crash is left out."""
    return list(each_row(path))


def each_row(path: Path) -> Iterator[dict[str, Any]]:
    """As `read_rows`, one at a time, of a file that may be larger than memory."""
    if not path.exists():
        return
    with path.open("rb") as stream:
        yield from (row for line in stream if (row := parsed(line)) is not None)


def parsed(line: bytes) -> dict[str, Any] | None:
    """A row, or None for what is none."""
    try:
        row = json.loads(line.decode())
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def replace_rows(
    path: Path, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
) -> None:
    """Write the rows anew as `change` leaves them; nobody appends meanwhile."""
    with disk_errors(path), may_write(path.parent), locked(path):
        rows = read_rows(path)
        kept = change(rows)
        if kept != rows:
            lines = (json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in kept)
            write_bytes(path, "".join(lines).encode())
