"""Label a file of any size in its own format, holding no more than a block of its lines."""

import gzip
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, cast

from unibridge.artifacts import whole_file
from unibridge.errors import UnibridgeError
from unibridge.text.content import refuse_other
from unibridge.text.examples import AS_IT_IS, Example, Expected, Layout, Prediction, ReadAs, Reader
from unibridge.text.files import Form
from unibridge.text.labels import (
    READERS,
    LabelFile,
    check_predictions,
    choose_reader,
    raw_lines,
    writing_errors,
)

_BLOCK_CHARACTERS = 1 << 22
"""Of the lines that are held at a time, where lines are long."""

# lines of the first reading
_TOLD_EVERY = 1 << 16

Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Unlabelled:
    """A file of any size that was read through once, and is read again a block at a time.

    reader: the name of its format's. examples: how many. notes: what is odd,
    each kind once.
    """

    source: str
    reader: str
    layout: Layout
    block_lines: int
    examples: int = 0
    notes: Sequence[str] = ()

    def parts(self, form: Form | None = None) -> Iterator[tuple[list[str], LabelFile]]:
        """Lines with what they hold; form: filled meanwhile, see `stream_lines`."""
        format_, before = READERS.resolve(self.reader), 0
        lines = raw_lines(self.source, form)
        for block in blocks(lines, format_, self.block_lines, self.layout):
            here = replace(self.layout, before=before)
            examples, warnings = format_.parse(block, here)
            yield block, LabelFile(examples, self.reader, self.source, warnings, here)
            before += len(block)


def look_through(
    source: str | Path,
    read_as: ReadAs = AS_IT_IS,
    expect: Expected | None = None,
    *,
    block_lines: int = 8192,
    progress: Told = lambda done, total: None,
) -> Unlabelled:
    """Read a file to its end, so that a fault on its last line is told before anything is done.

    Parameters and errors as for `label_file`.
    """
    layout = Layout(str(source), False, expect, dict(read_as.columns or {}), read_as.names)
    name, said = choose_reader(source, read_as.reader, layout)
    refuse_other(source, name, raw_lines(source))
    lines = _told(raw_lines(source), progress)
    layout = replace(layout, whole=READERS.resolve(name).survey(lines, layout))
    file = Unlabelled(str(source), name, layout, block_lines)
    total, notes = 0, Notes()
    notes.add(said)
    for _, part in file.parts():
        total += len(part.examples)
        progress(total, 0)
        notes.add(part.warnings)
    if not total:
        raise UnibridgeError("the file holds no example", where=source)
    return replace(file, examples=total, notes=notes.said())


def label_file(
    source: str | Path,
    target: str | Path,
    predict: Callable[[list[Example], Told], Sequence[Prediction]],
    *,
    read_as: ReadAs = AS_IT_IS,
    expect: Expected | None = None,
    block_lines: int = 8192,
    progress: Told = lambda done, total: None,
    warn: Callable[[str], None] = lambda text: None,
) -> int:
    """What `read_labels`, predicting and `write_predictions` do together, in bounded memory.

    predict: examples of one block and what it may tell of them (done, all of the block) ->
    predictions. read_as, expect: as `read_labels` takes them. warn: is told what is odd.
    block_lines: lines held at a time, fewer where they are long; a sentence or a record that is
    longer is held whole. progress: (done, all) examples; while the file is read through, (read, 0),
    first of lines and then of examples.

    Returns the number of examples; the target appears only once it is whole. Raises UnibridgeError
    as those two do, before anything is predicted.
    """
    file = look_through(source, read_as, expect, block_lines=block_lines, progress=progress)
    for note in file.notes:
        warn(f"warning: {note}")
    rewrite, done, form = READERS.resolve(file.reader).rewrite, 0, Form.to_write()

    def inform(now: int, _: int) -> None:
        progress(done + now, file.examples)

    def rewritten() -> Iterator[tuple[list[str], Iterator[str]]]:
        nonlocal done
        for lines, part in file.parts(form):
            found = predict(part.examples, inform) if part.examples else []
            check_predictions(part, found)
            yield lines, rewrite(lines, list(found), part.layout)
            done += len(part.examples)

    with writing_errors(target), _written(Path(target)) as stream:
        for piece in form.encode(rewritten()):
            stream.write(piece)
    return done


class Notes:
    """What is noted of the parts of a file, each kind once."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._parts: Counter[str] = Counter()

    def add(self, notes: Iterable[str]) -> None:
        """The notes of the next part."""
        for note in notes:
            # two that differ in their numbers and examples alone say the same of two parts
            kind = _OWN.sub("", note)
            self._first.setdefault(kind, note)
            if note != self._first[kind] or not self._parts[kind]:
                self._parts[kind] += 1

    def said(self) -> list[str]:
        """One line a kind, with the number of parts that have it."""
        parts = self._parts
        return [
            note + (f" (in the first of {parts[kind]} parts)" if parts[kind] > 1 else "")
            for kind, note in self._first.items()
        ]


_OWN = re.compile(r"'[^']*'|\"[^\"]*\"|\d[\d,.]*")


def blocks(lines: Iterator[str], reader: Reader, size: int, layout: Layout) -> Iterator[list[str]]:
    """The lines in order, up to `size` at a time, cut only where the format may be cut."""
    block: list[str] = []
    held = 0
    for unit in reader.units(lines, layout):
        length = sum(map(len, unit))
        if block and (len(block) + len(unit) > size or held + length > _BLOCK_CHARACTERS):
            yield block
            block, held = [], 0
        block += unit
        held += length
    if block:
        yield block


def _told(lines: Iterator[str], progress: Told) -> Iterator[str]:
    """The lines, of which every so many are told of."""
    for number, line in enumerate(lines, start=1):
        if number % _TOLD_EVERY == 0:
            progress(number, 0)
        yield line


@contextmanager
def _written(target: Path) -> Iterator[IO[Any]]:
    """A stream into the target, compressed where its name says so."""
    with whole_file(target) as stream:
        if target.suffix != ".gz":
            yield stream
            return
        with gzip.GzipFile(filename="", fileobj=stream, mode="wb", mtime=0) as packed:
            yield cast(IO[bytes], packed)
