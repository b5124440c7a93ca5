"""Plain text from files, folders or the hub, as clean lines.

The text itself is kept as it is: no Unicode normalisation, no case folding. Lines lose the space
around them, and empty ones are dropped.
"""

import random
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from unibridge.errors import UnibridgeError
from unibridge.text.content import texts_of
from unibridge.text.files import Form, not_a_file
from unibridge.text.held import MOST_BYTES, Held
from unibridge.text.languages import count_words, has_unspaced, next_turn
from unibridge.text.values import OddCharacters

Item = TypeVar("Item")

TEXT_SUFFIXES = (".txt", ".jsonl", ".txt.gz", ".jsonl.gz")

# how much text there is in a byte of .gz, about, for the time that is left; how often it is told,
# lines
_PACKED = 4
_TOLD_EVERY = 4096

_HUB_FORM = "hub:org/name:config:split#column"


@dataclass(frozen=True)
class Corpus:
    """Lines of text in reading order, the files they came from, and what a person should know.

    read: lines that there were; more than are held, where there was too much text.
    """

    lines: tuple[str, ...]
    files: tuple[Path, ...]
    warnings: list[str]
    read: int


def read_text(
    source: str | Path | Sequence[str | Path],
    *,
    most: int | None = MOST_BYTES,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Corpus:
    """Read .txt, .jsonl ({"text": ...}), .gz of either, folders of these, or hub data sets.

    source: a file, a folder (read recursively in sorted order), "hub:org/name:config:split#column"
    (all after the name may be left out: split "train", column "text"; needs the `data` extra), or a
    list of any of these. What a named file holds decides how it is read, whatever its suffix: JSON,
    tables with a header and text between document tags are known, with a note of it.
    most: bytes of text (UTF-8) to hold; of more, lines evenly spread are kept, four fifths of it at
    least, with a note. None holds all. progress: (bytes read, all) of the files.

    Raises UnibridgeError, with file and line, for text that is missing, empty, binary, not UTF-8
    or not the JSON that the suffix promises.
    """
    sources = [source] if isinstance(source, str | Path) else list(source)
    warnings: list[str] = []
    found = [(one, _text_files(Path(one), warnings)) for one in sources if not is_hub_id(one)]
    size = sum(_size(file) for _, files in found for file in files)
    held = _Lines(most, str(sources[0]) if len(sources) == 1 else f"{len(sources)} texts")
    files: list[Path] = []
    read = 0
    for one in sources:
        if is_hub_id(one):
            if not held.add_all(line for text in _hub_texts(str(one)) for line in text.split("\n")):
                raise UnibridgeError("the data set has no line of text", where=one)
            continue
        _, own = next(pair for pair in found if pair[0] == one)
        for file in own:
            form = Form()

            def tell(before: int = read, form: Form = form) -> None:
                progress(min(before + form.read, size), size)

            empty = not held.add_all(texts_of(file, warnings, form), tell)
            read += form.read
            if empty and Path(one) == file:
                raise UnibridgeError("the file is empty: it has no line of text", where=file)
            if empty:
                warnings.append(f"{file} is empty and was left out")
            files.append(file)
    if not held.held.items:
        raise UnibridgeError("no line of text", where=source, do="name a file that holds text")
    kept = tuple(held.held.items)
    return Corpus(kept, tuple(files), warnings + held.warnings(), held.held.numbered)


class _Lines:
    """Lines evenly spread of a text of any size, and what is odd about all of them."""

    def __init__(self, most: int | None, name: str) -> None:
        self.name = name
        self.held = Held[str](most, lambda line: len(line.encode()) + 1)
        self._odd = OddCharacters()

    def add_all(self, lines: Iterable[str], tell: Callable[[], None] = lambda: None) -> int:
        """Go through lines, of which the empty ones do not count; how many there were."""
        before = self.held.numbered
        for line in _clean(lines):
            self._odd.add(line)
            self.held.add(line)
            if self.held.numbered % _TOLD_EVERY == 0:
                tell()
        return self.held.numbered - before

    def warnings(self) -> list[str]:
        """What is odd, and what was let go of, counted."""
        settings = " (run.text_megabytes, --text-megabytes)"
        return [
            *self._odd.notes(self.name),
            *(note + settings for note in self.held.note("lines")),
        ]


def _size(file: Path) -> int:
    """Bytes of a file's text; of a compressed one about."""
    return file.stat().st_size * (_PACKED if file.suffix == ".gz" else 1)


def split_held_out(
    lines: Sequence[Item], share: float = 0.01, *, seed: int, least: int = 1
) -> tuple[list[Item], list[Item]]:
    """(training lines, held-out lines), both in reading order; `share` 0 holds nothing out.

    least: lines that are held out in any case, though no more than a tenth of all. At least one is
    held out and one is left to train on; the choice depends on the seed and the numbers only.
    """
    if not 0 <= share < 1:
        raise UnibridgeError(f"the held-out share {share} is not from 0 up to 1")
    if share == 0:
        return list(lines), []
    if len(lines) < 2:
        raise UnibridgeError(
            f"a text of {len(lines)} lines cannot be divided", do="give more text, or hold out 0"
        )
    count = max(1, round(share * len(lines)), min(least, len(lines) // 10))
    count = min(count, len(lines) - 1)
    chosen = set(random.Random(seed).sample(range(len(lines)), count))
    train = [line for index, line in enumerate(lines) if index not in chosen]
    return train, [lines[index] for index in sorted(chosen)]


def spread(items: Sequence[Item], limit: int) -> list[Item]:
    """`limit` of the items, or all where there are fewer, evenly spread and in their order."""
    if len(items) <= limit:
        return list(items)
    return [items[number * len(items) // limit] for number in range(limit)]


def nested_draw(items: Sequence[Item], limit: int, *, seed: int) -> list[Item]:
    """`limit` of the items, or all where there are fewer, at random; a smaller draw of the same
    seed is the beginning of a larger one."""
    import numpy as np

    order = np.random.default_rng(seed).permutation(len(items))
    return [items[number] for number in order[:limit]]


def join_samples(lines: Iterable[str], words: int) -> list[str]:
    """Join consecutive lines into samples of at most `words` words; 0 makes each line a sample.

    A line that would not fit begins the next sample; one longer than a whole sample is cut, at a
    space where its script has spaces and between characters where it has none.
    """
    if words == 0:
        return list(lines)
    samples: list[str] = []
    parts: list[str] = []
    filled = 0.0
    for line in lines:
        for piece, length in _cut(line, words):
            if parts and filled + length > words:
                samples.append(" ".join(parts))
                parts, filled = [], 0.0
            parts.append(piece)
            filled += length
    return samples + ([" ".join(parts)] if parts else [])


def is_hub_id(source: object) -> bool:
    """Whether a source names a data set of the hub rather than something on this disk."""
    return isinstance(source, str) and source.startswith("hub:")


def load_hub(hub_id: str) -> tuple[Any, str]:
    """(data set, column or "") of "hub:org/name:config:split#column", by the `datasets` package."""
    address, _, column = hub_id.removeprefix("hub:").partition("#")
    name, _, rest = address.partition(":")
    config, _, split = rest.partition(":")
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise UnibridgeError(
            "reading a hub data set needs the package `datasets`",
            where=hub_id,
            do='install it: pip install "unibridge[data]"',
        ) from error
    try:
        return load_dataset(name, config or None, split=split or "train"), column
    except Exception as error:  # the package raises a dozen kinds, all of them the address's fault
        raise UnibridgeError(
            f"the data set cannot be loaded ({error})", where=hub_id, do=f"write {_HUB_FORM}"
        ) from error


def _hub_texts(hub_id: str) -> Iterator[str]:
    dataset, column = load_hub(hub_id)
    column = column or "text"
    if column not in dataset.column_names:
        raise UnibridgeError(
            f"the data set has no column {column!r}",
            where=hub_id,
            do=f"end the id with #COLUMN, one of: {', '.join(dataset.column_names)}",
        )
    # row by row, since a whole column would be held
    texts = (row[column] for row in dataset.select_columns([column]))
    return (str(text) for text in texts if text is not None)


def _text_files(path: Path, warnings: list[str]) -> list[Path]:
    if path.is_file():
        return [path]
    if path.exists() and not path.is_dir():
        raise not_a_file(path)
    if not path.is_dir():
        raise UnibridgeError(
            "no such file or folder", where=path, do=f"for a data set of the hub write {_HUB_FORM}"
        )
    visible = [
        file
        for file in sorted(path.rglob("*"))
        if file.is_file() and not any(p.startswith(".") for p in file.relative_to(path).parts)
    ]
    texts = [file for file in visible if file.name.endswith(TEXT_SUFFIXES)]
    others = [file.name for file in visible if not file.name.endswith(TEXT_SUFFIXES)]
    if not texts:
        raise UnibridgeError(
            "the folder holds no text file", where=path, do=f"put {', '.join(TEXT_SUFFIXES)} there"
        )
    if others:
        named = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
        warnings.append(f"{path}: files of other kinds left out: {named} ({len(others)} in all)")
    return texts


def _clean(lines: Iterable[str]) -> Iterator[str]:
    # a byte order mark stands within a file that was joined from several
    return (stripped for line in lines if (stripped := line.strip().strip("\ufeff\u200b").strip()))


_UNIT = re.compile(r"\S+\s*")
_FEW = 12
"""Characters that are gone through unit by unit, where a piece ends among them."""
_LONGEST_KEPT = 32
"""Characters of a unit whose words are remembered."""
_AT_FIRST = 4096
"""Characters of a line that are counted before it is known how long its words are."""


def _cut(line: str, words: int) -> list[tuple[str, float]]:
    """Pieces of at most `words` words each, the last one shorter, and their words.

    Most of a piece is counted at once and the rest in ever shorter parts, so that text on one line
    takes the time of the same text in lines.
    """
    pieces: list[tuple[str, float]] = []
    begin = end = 0
    filled, letters_a_word, size = 0.0, 1.0, _AT_FIRST
    while end < len(line):
        stop = _unit_end(line, end + size)
        length = count_words(line[end:stop])
        if length:
            letters_a_word = (stop - end) / length
        if filled + length <= words + 1e-9:
            filled, end, most = filled + length, stop, len(line)
        elif size > _FEW:
            most = size // 2
        else:
            for unit in _units(line[end:stop]):
                length = _words_of_unit(unit)
                if end > begin and filled + length > words + 1e-9:
                    pieces.append((line[begin:end].strip(), filled))
                    begin, filled = end, 0.0
                filled, end = filled + length, end + len(unit)
            most = len(line)
        # nine tenths of what would fit if all of it were like this
        size = max(_FEW, min(int(0.9 * (words - filled) * letters_a_word), most))
    return [*pieces, (line[begin:].strip(), filled)] if begin < len(line) else pieces


def _words_of_unit(unit: str) -> float:
    # long ones hardly come again, and a cache of data URIs would take gigabytes
    return _kept_words(unit) if len(unit) <= _LONGEST_KEPT else count_words(unit)


@lru_cache(1 << 14)
def _kept_words(unit: str) -> float:
    return count_words(unit)


def _unit_end(line: str, place: int) -> int:
    """The first end of a unit from a place on: see `_units`."""
    while place < len(line):
        before, character = line[place - 1], line[place]
        if not character.isspace() and (before.isspace() or not _goes_on(before, character)):
            return place
        place = max(place + 1, next_turn(line, place))
    return len(line)


def _goes_on(before: str, character: str) -> bool:
    """Whether a character belongs to the unit of what stands before it."""
    # a mark belongs to its letter, and what follows a virama is stacked below it
    return (
        character.isspace()
        or unicodedata.category(character).startswith("M")
        or unicodedata.combining(before) == 9
        or not has_unspaced(before + character)
    )


def _units(line: str) -> list[str]:
    """The smallest parts a line may be cut into: space-separated runs, or characters."""
    units: list[str] = []
    for match in _UNIT.finditer(line):
        run = match.group()
        if not has_unspaced(run):
            units.append(run)
            continue
        parts: list[str] = []
        for character in run:
            if parts and _goes_on(parts[-1][-1], character):
                parts[-1] += character
            else:
                parts.append(character)
        units += parts
    return units
