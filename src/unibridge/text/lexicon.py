"""Words with their translations, one pair a line."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from unibridge.errors import UnibridgeError
from unibridge.text.held import MOST_BYTES, Held
from unibridge.text.parallel import SIDES, are_codes, are_languages, without_blank_end
from unibridge.text.values import OddCharacters


@dataclass(frozen=True)
class Lexicon:
    """entries: (target word, source word), each once and in the file's order; an entry may be of
    several words. warnings: what was left out."""

    entries: tuple[tuple[str, str], ...]
    warnings: list[str] = field(default_factory=list)


def read_lexicon(
    path: str | Path, *, languages: Collection[str] = (), most: int | None = MOST_BYTES
) -> Lexicon:
    """Read a TSV of target word, tab, source word, or MUSE's form of it with a space between.

    languages: the two codes, which a first row may consist of. Such a row or one of two languages'
    names, rows with an empty side and entries that are there before are left out, each kind with
    one counted note. most: bytes of text to hold; of more, entries evenly spread are kept, with a
    note. None holds all.
    Raises UnibridgeError, with file and line, for a row of more or fewer columns, and for a file
    without an entry.
    """
    lines = without_blank_end(path, "write target word, a tab and source word a line")
    names = {*SIDES, *(code.lower() for code in languages)}
    held = Held[tuple[str, str]](most, lambda row: sum(len(word.encode()) + 1 for word in row))
    known: set[tuple[str, str]] = set()
    thinned = numbers = 0
    warnings: list[str] = []
    empty = first_empty = 0
    repeated, odd = 0, OddCharacters()
    for number, line in enumerate(lines, start=1):
        cells = line.split("\t") if "\t" in line else line.split()
        if not any(cell.strip() for cell in cells):
            empty, first_empty = empty + 1, first_empty or number
            continue
        if len(cells) != 2:
            raise UnibridgeError(
                f"{len(cells)} instead of 2 columns",
                where=f"{path}:{number}",
                do="keep the target word, a tab and the source word a line (cut -f1,2)",
            )
        target, source = (" ".join(cell.split()) for cell in cells)
        odd.add(line.rstrip(), number)
        if not (target and source):
            empty, first_empty = empty + 1, first_empty or number
        elif number == 1 and (
            {target.lower(), source.lower()} <= names or are_languages(target, source)
        ):
            warnings.append(f"{path}:1: taken for the columns' names: {target}, {source}")
        elif number == 1 and are_codes(target, source):
            warnings.append(
                f"{path}:1: taken for an entry, though both are codes of languages: "
                f"{target}, {source}"
            )
            held.add((target, source))
            known.add((target, source))
        elif (target, source) in known:
            repeated += 1
        else:
            numbers += target.isdecimal() or source.isdecimal()
            if held.add((target, source)):
                known.add((target, source))
            if held.thinned != thinned:
                thinned, known = held.thinned, set(held.items)
    if not held.items:
        raise UnibridgeError("the file holds no pair of words", where=path)
    if held.numbered > 1 and numbers == held.numbered:
        raise UnibridgeError(
            "a side is nothing but numbers",
            where=f"{path}:1",
            do="keep the target word, a tab and the source word a line (cut -f2,3)",
        )
    if empty:
        warnings.append(
            f"{path}: rows with an empty side: {empty:,}, the first on line {first_empty}; they "
            "are left out"
        )
    if repeated:
        warnings.append(f"{path}: entries that are there before: {repeated:,}; they are left out")
    warnings += [f"{path}: {note}" for note in held.note("entries")]
    return Lexicon(tuple(held.items), [*warnings, *odd.notes(path, "entries")])
