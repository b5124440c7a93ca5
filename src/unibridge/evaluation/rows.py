"""A file of JSON lines that several processes append to: whole rows, each kept at once."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from unibridge.artifacts import disk_errors, may_write, write_bytes
from unibridge.locks import locked


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Add one line: all of it, or nothing where the disk is full.

    Half a line that a crash left at the end is removed first. On the disk when this returns.
    """
    line = json.dumps(row, ensure_ascii=False, default=str).encode() + b"\n"
    with disk_errors(path), may_write(path.parent), locked(path), path.open("a+b") as stream:
        stream.seek(0)
        written = stream.read()
        whole = written.rfind(b"\n") + 1
        if whole < len(written):
            if parsed(written[whole:]) is None:
                stream.truncate(whole)
            else:
                line = b"\n" + line
        before = stream.seek(0, os.SEEK_END)
        try:
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
        except BaseException:
            stream.truncate(before)
            raise


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows in their order; none where there is no file. Half a line of a crash is left out."""
    if not path.exists():
        return []
    rows = (parsed(line) for line in path.read_bytes().split(b"\n"))
    return [row for row in rows if row is not None]


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
