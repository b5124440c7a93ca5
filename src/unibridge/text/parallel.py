"""Sentences that say the same in two languages."""

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from unibridge.errors import UnibridgeError
from unibridge.text.content import HEAD, recognise
from unibridge.text.files import read_lines
from unibridge.text.languages import language, languages_called
from unibridge.text.values import OddCharacters, trimmed


@dataclass(frozen=True)
class Parallel:
    """Line k of one side translates line k of the other; the two are equally long."""

    target_lines: tuple[str, ...]
    source_lines: tuple[str, ...]
    warnings: list[str] = field(default_factory=list)


_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)*")
SIDES = frozenset(
    "source target src tgt trg text translation original word sentence sentences".split()  # noqa: SIM905
)
"""Words that rows of columns' names are made of."""
ALIGNED = "write target, a tab and source a line, or give two line-aligned files"


def read_parallel(target: str | Path, source: str | Path | None = None) -> Parallel:
    """Read two line-aligned files, or one TSV of target, tab, source.

    Raises UnibridgeError for files of unequal length, rows without two columns and empty sides,
    with file and line. Blank lines are allowed only at the end of a file. A first row of languages'
    names is left out, with a note.
    """
    warnings: list[str] = []
    found: list[str] = []
    if source is None:
        rows = []
        lines = without_blank_end(target)
        for number, line in enumerate(lines, start=1):
            cells = line.split("\t")
            if len(cells) != 2:
                raise UnibridgeError(
                    f"{len(cells)} instead of 2 columns",
                    where=f"{target}:{number}",
                    do=ALIGNED,
                )
            rows.append((trimmed(cells[0]), trimmed(cells[1])))
        files = (target, target)
    else:
        target_lines, source_lines = without_blank_end(target), without_blank_end(source)
        if len(target_lines) != len(source_lines):
            raise UnibridgeError(
                f"the files are not aligned: {target} has {len(target_lines)} lines, "
                f"{source} has {len(source_lines)}",
                do="give files whose lines translate each other one by one",
            )
        rows = [(trimmed(t), trimmed(s)) for t, s in zip(target_lines, source_lines, strict=True)]
        files = (target, source)
    if _is_header(rows, together=source is None):
        where = dict.fromkeys(f"{file}:1" for file in files)
        names = ", ".join(rows[0])
        warnings.append(f"{' and '.join(where)}: taken for the columns' names: {names}")
    for number, row in enumerate(rows, start=1):
        for side, file, text in zip(("target", "source"), files, row, strict=True):
            if not text:
                raise UnibridgeError(f"the {side} side is empty", where=f"{file}:{number}")
    if not rows:
        raise UnibridgeError("the file holds no sentence pair", where=target)
    rows = rows[bool(warnings) :]
    for side, file, texts in zip(("target", "source"), files, zip(*rows, strict=True), strict=True):
        if len(texts) > 1 and all(map(_NUMBER.fullmatch, texts)):
            raise UnibridgeError(
                f"the {side} side is nothing but numbers", where=f"{file}:1", do=ALIGNED
            )
    for file, texts in zip(files, zip(*rows, strict=True), strict=True):
        odd = OddCharacters()
        for number, text in enumerate(texts, start=1 + bool(warnings)):
            odd.add(text, number)
        found += odd.notes(file)
    warnings += dict.fromkeys(found)
    if same := sum(target == source for target, source in rows):
        warnings.append(f"{files[0]}: the same text on both sides: {same} of {len(rows)} pairs")
    return Parallel(tuple(t for t, _ in rows), tuple(s for _, s in rows), warnings)


def _is_header(rows: list[tuple[str, str]], *, together: bool) -> bool:
    """Whether the first row names the sides. Codes of languages are short words of some language
    as well, so these are names only above rows of several words, not in a dictionary, and not where
    each stands in a file of its own."""
    if len(rows) < 2:
        return False
    if are_languages(*rows[0]):
        return True
    if not together:
        return False
    if all(set(re.split(r"[_\s]+", cell.lower())) & SIDES for cell in rows[0]):
        return all(len(cell.split()) <= 3 for cell in rows[0])
    several = sum(len(cell.split()) > 1 for row in rows[1:] for cell in row)
    return all(map(_is_code, rows[0])) and several > 0.8 * 2 * (len(rows) - 1)


def are_codes(first: str, second: str) -> bool:
    """Whether two cells are codes, or English names, of two languages."""
    return _is_code(first) and _is_code(second) and first.lower() != second.lower()


def are_languages(first: str, second: str) -> bool:
    """Whether two cells are the names of two languages, be it with a word such as "sentence".

    Two names of one language are its translation, an entry of a dictionary like any other.
    """
    names = []
    for cell in (first, second):
        words = [word for word in re.split(r"[_\s()\[\]]+", cell) if word.lower() not in SIDES]
        names.append(" ".join(filter(None, words)))
    # the names of all languages take two seconds: only for what looks like a name, or is one
    known = any(name.lower() in _names() for name in names)
    if not all(_NAME.fullmatch(name) and (known or not name[0].islower()) for name in names):
        return False
    here, there = map(languages_called, names)
    return bool(here and there) and not here & there


_NAME = re.compile(r"[^\W\d_][^\d_.,;:!?]{1,39}")


def _is_code(cell: str) -> bool:
    if cell.lower() in _names():
        return True
    code = re.fullmatch(r"[A-Za-z]{2,3}([-_]\w{2,8})*", cell)
    return code is not None and language(cell.lower()).name.lower() != cell.lower()


@cache
def _names() -> frozenset[str]:
    """What languages are called in English."""
    from babel.core import Locale

    return frozenset(name.lower() for name in Locale("en").languages.values())


def without_blank_end(path: str | Path, do: str = ALIGNED) -> list[str]:
    """The lines of a plain text file without blank ones at its end.

    Raises UnibridgeError for JSON and markup, with `do` as what to write instead.
    """
    lines = read_lines(path)
    found = recognise(lines[:HEAD])
    if found.kind in ("json lines", "json", "markup"):
        raise UnibridgeError(
            f"this is {found.name}, not lines of text",
            where=f"{path}:1",
            do=do,
        )
    while lines and not lines[-1].strip():
        lines.pop()
    return lines
