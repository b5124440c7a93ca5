"""Sentences that say the same in two languages."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, islice, zip_longest
from pathlib import Path

from unibridge.errors import UnibridgeError
from unibridge.text.content import HEAD, recognise
from unibridge.text.files import stream_lines
from unibridge.text.held import MOST_BYTES, Held
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


def read_parallel(
    target: str | Path, source: str | Path | None = None, *, most: int | None = MOST_BYTES
) -> Parallel:
    """Read two line-aligned files, or one TSV of target, tab, source.

    most: bytes of text to hold; of more, pairs evenly spread are kept, with a note. None holds all.

    Raises UnibridgeError for files of unequal length, rows without two columns and empty sides,
    with file and line. Blank lines are allowed only at the end of a file. A first row of languages'
    names is left out, with a note.
    """
    files = (target, target if source is None else source)
    pairs = _of_one(target) if source is None else _of_two(target, source)
    held = Held[tuple[str, str]](most, lambda row: sum(len(text.encode()) + 1 for text in row))
    sides = _Side("target", target), _Side("source", files[1])
    same = 0
    for number, row in enumerate(pairs, start=1):
        for side, text in zip(sides, row, strict=True):
            side.add(text, number)
        same += row[0] == row[1]
        held.add(row)
    for side in sides:
        side.check_whole()
    if not held.items:
        raise UnibridgeError("the file holds no sentence pair", where=target)
    warnings: list[str] = []
    if _is_header(held.items, together=source is None):
        where = dict.fromkeys(f"{file}:1" for file in files)
        names = ", ".join(held.items[0])
        warnings.append(f"{' and '.join(where)}: taken for the columns' names: {names}")
    header = bool(warnings)
    total = held.numbered - header
    for side in sides:
        side.check_words(total, header)
    warnings += dict.fromkeys(note for side in sides for note in side.odd.notes(side.file))
    if same:
        warnings.append(f"{target}: the same text on both sides: {same} of {total} pairs")
    warnings += [f"{target}: {note}" for note in held.note("pairs")]
    rows = held.items[header:]
    return Parallel(tuple(t for t, _ in rows), tuple(s for _, s in rows), warnings)


class _Side:
    """One side of all pairs as they are read."""

    def __init__(self, name: str, file: str | Path) -> None:
        self.name, self.file = name, file
        self.odd = OddCharacters()
        self._empty = self._numbers = 0
        self._first = ""

    def add(self, text: str, number: int) -> None:
        self._first = self._first or text
        if not text:
            self._empty = self._empty or number
        self._numbers += _NUMBER.fullmatch(text) is not None
        self.odd.add(text, number)

    def check_whole(self) -> None:
        """Raise UnibridgeError where a side is empty."""
        if self._empty:
            raise UnibridgeError(
                f"the {self.name} side is empty", where=f"{self.file}:{self._empty}"
            )

    def check_words(self, total: int, header: bool) -> None:
        """Raise UnibridgeError where all of `total` texts behind the header are numbers."""
        self.odd.seen = total
        if total > 1 and self._numbers == total + (header and bool(_NUMBER.fullmatch(self._first))):
            raise UnibridgeError(
                f"the {self.name} side is nothing but numbers", where=f"{self.file}:1", do=ALIGNED
            )


def _of_one(path: str | Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(without_blank_end(path), start=1):
        cells = line.split("\t")
        if len(cells) != 2:
            raise UnibridgeError(
                f"{len(cells)} instead of 2 columns", where=f"{path}:{number}", do=ALIGNED
            )
        yield trimmed(cells[0]), trimmed(cells[1])


def _of_two(target: str | Path, source: str | Path) -> Iterator[tuple[str, str]]:
    lines = [0, 0]
    for row in zip_longest(without_blank_end(target), without_blank_end(source)):
        for place, text in enumerate(row):
            lines[place] += text is not None
        if lines[0] == lines[1]:
            yield trimmed(row[0]), trimmed(row[1])
    if lines[0] != lines[1]:
        raise UnibridgeError(
            f"the files are not aligned: {target} has {lines[0]} lines, {source} has {lines[1]}",
            do="give files whose lines translate each other one by one",
        )


def _is_header(rows: Sequence[tuple[str, str]], *, together: bool) -> bool:
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


def without_blank_end(path: str | Path, do: str = ALIGNED) -> Iterator[str]:
    """The lines of a plain text file without blank ones at its end.

    Raises UnibridgeError for JSON and markup, with `do` as what to write instead.
    """
    lines = stream_lines(path)
    head = list(islice(lines, HEAD))
    found = recognise(head)
    if found.kind in ("json lines", "json", "markup"):
        raise UnibridgeError(
            f"this is {found.name}, not lines of text",
            where=f"{path}:1",
            do=do,
        )
    blank: list[str] = []
    for line in chain(head, lines):
        blank.append(line)
        if line.strip():
            yield from blank
            blank.clear()
