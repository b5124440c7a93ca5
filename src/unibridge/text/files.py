"""Lines of UTF-8 files, plain or .gz, and how a file ends its lines."""

import csv
import gzip
import zlib
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO, cast

from unibridge.errors import UnibridgeError

_CONTROL_BYTES = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b")) + b"\x7f"
# a stray control character does occur in crawled text; more than this share of bytes does not
_CONTROL_SHARE = 0.01
_BYTE_ORDER_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
# what other files begin with, and what makes text of them
_BEGINNINGS = {
    b"\x1f\x8b": ("a gzip file", "name it .gz, or unpack it: gunzip -c {name} > NEW_FILE"),
    b"BZh": ("a bzip2 file", "unpack it: bunzip2 -c {name} > NEW_FILE"),
    b"\xfd7zXZ\0": ("an xz file", "unpack it: xz -dc {name} > NEW_FILE"),
    b"\x28\xb5\x2f\xfd": ("a zstd file", "unpack it: zstd -dc {name} > NEW_FILE"),
    b"PK\x03\x04": ("a zip file, as those of Word and Excel are", "save its text as UTF-8"),
    b"\xd0\xcf\x11\xe0": ("a file of an older Word or Excel", "save its text as UTF-8"),
    b"PAR1": ("a Parquet file", "write its rows as JSON lines (.jsonl)"),
    b"ARROW1": ("an Arrow file", "write its rows as JSON lines (.jsonl)"),
    b"SQLite format 3\0": ("a SQLite database", "write its rows as JSON lines (.jsonl)"),
    b"%PDF-": ("a PDF", "take the text out of it: pdftotext {name} NEW_FILE"),
}
_PART_BYTES = 1 << 20
LONGEST = 128 << 20
"""Bytes of a line, or of what else has to be held at once, above which a file is refused."""
LONGEST_CELL = LONGEST >> 2
"""Characters of a cell of CSV: a whole document, but not all of a file whose quotes never close."""

csv.field_size_limit(LONGEST_CELL)


@dataclass
class Form:
    """What of a file's bytes is not in its lines: filled by `stream_lines`.

    mark: whether it begins with a byte order mark. ended: whether its last line ends at all. read:
    bytes.
    """

    mark: bool = False
    ended: bool = True
    read: int = 0
    # how the lines end that were not written yet: [how many, "\\n" or "\\r\\n"], in order
    ends: deque[tuple[int, str]] | None = None

    @classmethod
    def to_write(cls) -> "Form":
        """One that notes how each line ends, until it is written (`encode`)."""
        return cls(ends=deque())

    def note(self, data: bytes) -> None:
        """How further lines end."""
        if self.ends is None:
            return
        count, returns = data.count(b"\n"), data.count(b"\r\n")
        if returns in (0, count):
            self.ends.append((count, "\r\n" if returns else "\n"))
            return
        lines = data.removesuffix(b"\n").split(b"\n")
        for returned, group in groupby(line.endswith(b"\r") for line in lines):
            self.ends.append((sum(1 for _ in group), "\r\n" if returned else "\n"))

    def take(self, count: int) -> list[str]:
        """The ends of the next lines."""
        found: list[str] = []
        while len(found) < count and self.ends:
            run, end = self.ends.popleft()
            taken = min(run, count - len(found))
            found += [end] * taken
            if taken < run:
                self.ends.appendleft((run - taken, end))
        return found + ["\n"] * (count - len(found))  # what comes from no file has none

    def encode(self, parts: Iterable[tuple[Sequence[str], Iterable[str]]]) -> Iterator[bytes]:
        """The file with lines that were rewritten. parts: lines in order, and what they became.

        A line keeps its end; where there are other lines now, all of the part end like most did.
        """
        between: str | None = None
        for lines, rewritten in parts:
            if between is None:
                between = "\ufeff" if self.mark else ""
            ends = self.take(len(lines))
            now = [line for one in rewritten for line in one.split("\n")]
            if len(now) != len(ends):
                ends = [end for line, end in zip(lines, ends, strict=True) if line.strip()]
            if len(now) != len(ends):
                most = Counter(ends).most_common(1)
                ends = [most[0][0] if most else "\n"] * len(now)
            written = [between]
            for line, end in zip(now, ends, strict=True):
                written += [line, end]
            if now:
                between = written.pop()
                yield "".join(written).encode()
        if self.ended and between:
            yield between.encode()


def _end_like(data: bytes) -> bytes:
    """The end that the last of some lines would have: that of the line before it."""
    return b"\r\n" if data[: data.rfind(b"\n") + 1].endswith(b"\r\n") else b"\n"


def read_lines(path: str | Path) -> list[str]:
    """The raw lines of a UTF-8 file, .gz or not, without their line ends; a BOM is dropped.

    Raises UnibridgeError for a file that is missing, unreadable, binary or in another encoding.
    """
    return list(stream_lines(path))


def stream_lines(path: str | Path, form: Form | None = None) -> Iterator[str]:
    """The lines of `read_lines` one after the other; a fault is raised where it is met."""
    path = Path(path)
    form = form or Form()
    lines = count = controls = 0
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise not_a_file(path)
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            for data in _whole_lines(cast(IO[bytes], stream)):
                if not count:
                    form.mark = data.startswith(b"\xef\xbb\xbf")
                form.ended = data.endswith(b"\n")
                form.note(data if form.ended else data + _end_like(data))
                controls += len(data) - len(data.translate(None, _CONTROL_BYTES))
                text = _decode(data, path, before=(lines, count), controls=controls)
                if len(data) > LONGEST and not form.ended:
                    raise too_long("a line", f"{path}:{lines + 1}")
                lines, count = lines + data.count(b"\n") + (not form.ended), count + len(data)
                form.read = count
                found = [line.removesuffix("\r") for line in text.split("\n")]
                yield from found[:-1] if found[-1] == "" else found
    except FileNotFoundError as error:
        raise UnibridgeError("no such file", where=path) from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UnibridgeError(
            f"not a whole gzip file ({error})",
            where=path,
            do="fetch or compress it again; the name of what is not compressed has no .gz",
        ) from error
    except OSError as error:
        raise UnibridgeError(f"cannot be read ({error.strerror})", where=path) from error


def _whole_lines(stream: IO[bytes]) -> Iterator[bytes]:
    """The bytes in parts that end where lines do; a line longer than `LONGEST` ends the last."""
    rest = b""
    while part := stream.read(_PART_BYTES):
        rest += part
        end = rest.rfind(b"\n") + 1
        if end:
            yield rest[:end]
            rest = rest[end:]
        elif len(rest) > LONGEST:
            # cut where a character begins, so that the encoding is judged fairly
            while rest and rest[-1] & 0xC0 == 0x80:
                rest = rest[:-1]
            yield rest[:-1] if rest[-1] >= 0xC0 else rest
            return
    if rest:
        yield rest


def not_a_file(path: Path) -> UnibridgeError:
    """The error for a pipe or a device, which gives its lines once only."""
    return UnibridgeError(
        "neither a file nor a folder (a pipe, or a device): files are read more than once",
        where=path,
        do="write its text to a file first",
    )


def held_at_once(lines: Iterable[str], what: str, where: object) -> Iterator[str]:
    """The lines, which somebody holds together; `too_long` where they are."""
    size = 0
    for line in lines:
        size += len(line) + 1
        if size > LONGEST:
            raise too_long(what, where)
        yield line


def too_long(what: str, where: object) -> UnibridgeError:
    """The error for what would have to be held whole and is too large."""
    return UnibridgeError(
        f"{what} of more than {LONGEST >> 20} MB, the most that is held at once",
        where=where,
        do="write a sentence, a paragraph or a record a line",
    )


def not_csv(error: csv.Error, where: str) -> UnibridgeError:
    """The error for a record of CSV, which begins there."""
    return UnibridgeError(
        f"not CSV ({error})",
        where=where,
        do="close the quotes of this record; a quote within a cell is written twice",
    )


def _decode(data: bytes, path: Path, *, before: tuple[int, int], controls: int) -> str:
    """Whole lines of a file as text. before: lines and bytes before them. controls: control
    characters up to their end."""
    lines, count = before
    if not count:
        for begin, (what, do) in _BEGINNINGS.items():
            if data.startswith(begin) and (b"\0" in begin + data or not begin.isalnum()):
                raise UnibridgeError(
                    f"this is {what}, not text", where=f"{path}:1", do=do.format(name=path.name)
                )
        for mark, encoding in _BYTE_ORDER_MARKS.items():
            if data.startswith(mark):
                what = f"the text is {encoding}, not UTF-8"
                raise _wrong_encoding(what, f"{path}:1", encoding, path)
    if not count and (guess := _without_mark(data)):
        what = f"the text looks like {guess}, not UTF-8"
        raise _wrong_encoding(what, f"{path}:1", guess, path)
    # a line end of another kind at the end, or here and there, makes no other file of it
    alone = data.count(b"\r") - data.count(b"\r\n") - data.endswith(b"\r")
    if not count and alone and (alone > data.count(b"\n") or alone == data.count(b"\n") > 1):
        raise UnibridgeError(
            "lines end with a carriage return alone",
            where=f"{path}:1",
            do=f"convert them: tr '\\r' '\\n' < {path.name} > NEW_FILE",
        )
    if b"\0" in data or controls > _CONTROL_SHARE * (count + len(data)):
        first = next(place for place, byte in enumerate(data) if byte in _CONTROL_BYTES)
        few = controls <= _CONTROL_SHARE * (count + len(data))
        clean = f"take them out: tr -d '\\000' < {path.name} > NEW_FILE"
        raise UnibridgeError(
            "a NUL character, which no text has"
            if few
            else f"binary data, not text ({controls} control characters)",
            where=f"{path}:{lines + data.count(10, 0, first) + 1}",
            do=clean if few else "name a text file (.txt, .jsonl, or .gz of either)",
        )
    try:
        return data.decode("utf-8" if count else "utf-8-sig")
    except UnicodeDecodeError as error:
        # the codec counts from behind a byte order mark
        place = error.start + (3 if not count and data.startswith(b"\xef\xbb\xbf") else 0)
        line = lines + data.count(10, 0, place) + 1
        what = f"byte {count + place} (0x{data[place]:02x}) is not UTF-8"
        raise _wrong_encoding(what, f"{path}:{line}", "ISO-8859-1", path) from error


def _without_mark(data: bytes) -> str:
    """UTF-16 or UTF-32 without its mark, by where its zero bytes stand; "" for anything else."""
    head = data[: 4 * (min(len(data), 4096) // 4)]
    zeros = [head[place::4].count(0) for place in range(4)]
    quarter = len(head) / 4
    if sum(zeros) < 4:
        return ""
    if min(zeros[2:]) > 0.4 * quarter and not zeros[0]:
        return "UTF-32LE"
    if min(zeros[:2]) > 0.4 * quarter and not zeros[3]:
        return "UTF-32BE"
    # spaces and line ends are in every script
    low, high = zeros[0] + zeros[2], zeros[1] + zeros[3]
    if high > 0.05 * quarter and not low:
        return "UTF-16LE"
    return "UTF-16BE" if low > 0.05 * quarter and not high else ""


def _wrong_encoding(what: str, where: str, guess: str, path: str | Path) -> UnibridgeError:
    convert = f"if it is {guess}: iconv -f {guess} -t UTF-8 {Path(path).name} > NEW_FILE"
    return UnibridgeError(what, where=where, do=convert)
