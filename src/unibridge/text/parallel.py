"""Sentences that say the same in two languages."""

from dataclasses import dataclass
from pathlib import Path

from unibridge.errors import UnibridgeError
from unibridge.text.files import read_lines


@dataclass(frozen=True)
class Parallel:
    """Line k of one side translates line k of the other; the two are equally long."""

    target_lines: tuple[str, ...]
    source_lines: tuple[str, ...]


def read_parallel(target: str | Path, source: str | Path | None = None) -> Parallel:
    """Read two line-aligned files, or one TSV of target, tab, source.

    Raises UnibridgeError for files of unequal length, rows without two columns and empty sides,
    with file and line. Blank lines are allowed only at the end of a file.
    """
    if source is None:
        rows = []
        for number, line in enumerate(_without_blank_end(target), start=1):
            cells = line.split("\t")
            if len(cells) != 2:
                raise UnibridgeError(
                    f"{len(cells)} instead of 2 columns",
                    where=f"{target}:{number}",
                    do="write target, a tab and source a line, or give two line-aligned files",
                )
            rows.append((cells[0].strip(), cells[1].strip()))
        files = (target, target)
    else:
        target_lines, source_lines = _without_blank_end(target), _without_blank_end(source)
        if len(target_lines) != len(source_lines):
            raise UnibridgeError(
                f"the files are not aligned: {target} has {len(target_lines)} lines, "
                f"{source} has {len(source_lines)}",
                do="give files whose lines translate each other one by one",
            )
        rows = [(t.strip(), s.strip()) for t, s in zip(target_lines, source_lines, strict=True)]
        files = (target, source)
    for number, row in enumerate(rows, start=1):
        for side, file, text in zip(("target", "source"), files, row, strict=True):
            if not text:
                raise UnibridgeError(f"the {side} side is empty", where=f"{file}:{number}")
    if not rows:
        raise UnibridgeError("the file holds no sentence pair", where=target)
    return Parallel(tuple(t for t, _ in rows), tuple(s for _, s in rows))


def _without_blank_end(path: str | Path) -> list[str]:
    lines = read_lines(path)
    while lines and not lines[-1].strip():
        lines.pop()
    return lines
