"""Label a file of any size in its own format, holding no more than a block of its lines."""

import gzip
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
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

_NOTES = 10
"""Notes told of one file: a counted one comes once a block."""

# lines of the first reading
_TOLD_EVERY = 1 << 16

Told = Callable[[int, int], None]


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
    block_lines: lines held at a
    time; a sentence or a record that is longer is held whole. progress: (done, all) examples;
    while the file is read through, (read, 0), first of lines and then of examples.

    The file is read through once before anything is predicted, so that a fault on its last line is
    told first. Returns the number of examples; the target appears only once it is whole.
    Raises UnibridgeError as those two do.
    """
    layout = Layout(str(source), False, expect, dict(read_as.columns or {}), read_as.names)
    name = choose_reader(source, read_as.reader, layout)
    format_ = READERS.resolve(name)
    refuse_other(source, name, raw_lines(source))
    form = Form()
    layout = replace(layout, whole=format_.survey(_told(raw_lines(source), progress), layout))

    def parts() -> Iterator[tuple[list[str], LabelFile]]:
        before = 0
        for lines in blocks(raw_lines(source, form), format_, block_lines, layout):
            here = replace(layout, before=before)
            examples, warnings = format_.parse(lines, here)
            yield lines, LabelFile(examples, name, str(source), warnings, here)
            before += len(lines)

    total, said = 0, list(dict.fromkeys(layout.whole.get("notes", ())))
    for _, part in parts():
        total += len(part.examples)
        progress(total, 0)
        said += [note for note in part.warnings if note not in said and len(said) < _NOTES]
    for note in said:
        warn(f"warning: {note}")
    if not total:
        raise UnibridgeError("the file holds no example", where=source)
    done = 0

    def inform(now: int, _: int) -> None:
        progress(done + now, total)

    def rewritten() -> Iterator[str]:
        nonlocal done
        for lines, part in parts():
            found = predict(part.examples, inform) if part.examples else []
            check_predictions(part, found)
            yield from format_.rewrite(lines, list(found), part.layout)
            done += len(part.examples)

    with writing_errors(target), _written(Path(target)) as stream:
        for piece in form.encode(rewritten()):
            stream.write(piece)
    return done


def blocks(lines: Iterator[str], reader: Reader, size: int, layout: Layout) -> Iterator[list[str]]:
    """The lines in order, up to `size` at a time, cut only where the format may be cut."""
    block: list[str] = []
    for unit in reader.units(lines, layout):
        if block and len(block) + len(unit) > size:
            yield block
            block = []
        block += unit
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
