"""Word vectors in the text format of word2vec: words and dimension on the first line, then one word
and its numbers a line, single spaces between them.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import torch

from unibridge.artifacts import write_bytes
from unibridge.errors import UnibridgeError

FORM = 'write "WORDS DIMENSION" on the first line, then a word and its numbers a line'


@dataclass(frozen=True)
class WordVectors:
    """words: distinct, in the file's order, which all tools make the most frequent first.

    vectors: (words, dimension) float32.
    """

    words: tuple[str, ...]
    vectors: torch.Tensor
    warnings: tuple[str, ...] = ()


def read_word_vectors(path: str | Path, *, limit: int | None = None) -> WordVectors:
    """Read a file in word2vec's text format, .gz or not; `limit`: its first words only.

    A word may hold spaces. Of a word that is there twice the first one counts, and a warning says
    how many were left out. Raises UnibridgeError, with file and line, for everything else that is
    not as the first line promises.
    """
    path = Path(path)
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            return _read(cast(BinaryIO, stream), path, limit)
    except FileNotFoundError as error:
        raise UnibridgeError("no such file", where=path) from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UnibridgeError(f"not a whole gzip file ({error})", where=path) from error


def _read(stream: BinaryIO, path: Path, limit: int | None) -> WordVectors:
    count, dimension = _header(stream.readline(), path)
    wanted = count if limit is None else min(count, limit)
    place: dict[str, int] = {}
    rows: list[np.ndarray] = []
    twice = 0
    for number in range(2, wanted + 2):
        where = f"{path}:{number}"
        line = stream.readline()
        if not line:
            raise UnibridgeError(
                f"the file ends after {number - 2:,} of the {count:,} words that its first line "
                "promises",
                where=where,
                do="fetch or write it again",
            )
        word, row = _row(line, dimension, where)
        if word in place:
            twice += 1
            continue
        place[word] = len(rows)
        rows.append(row)
    if limit is None and stream.readline().strip():
        raise UnibridgeError(
            f"more words than the {count:,} that the first line promises",
            where=f"{path}:{count + 2}",
            do="mend the first line",
        )
    warnings = (f"{path.name}: {twice:,} words are there twice; the first counts",) if twice else ()
    table = np.stack(rows) if rows else np.zeros((0, dimension), dtype=np.float32)
    return WordVectors(tuple(place), torch.from_numpy(table), warnings)


def _header(line: bytes, path: Path) -> tuple[int, int]:
    cells = line.split()
    if len(cells) == 2 and all(cell.isdigit() for cell in cells) and int(cells[1]) > 0:
        return int(cells[0]), int(cells[1])
    raise UnibridgeError("no word vectors in word2vec's text format", where=f"{path}:1", do=FORM)


def _row(line: bytes, dimension: int, where: str) -> tuple[str, np.ndarray]:
    try:
        # not split(): words may be, or hold, spaces of other kinds
        word, *cells = line.decode("utf-8").rstrip(" \r\n").rsplit(" ", dimension)
    except UnicodeDecodeError as error:
        raise UnibridgeError(f"not UTF-8 ({error.reason})", where=where) from error
    try:
        row = np.array([float(cell) for cell in cells], dtype=np.float32)
    except ValueError as error:
        raise UnibridgeError(f"not a row of {dimension} numbers ({error})", where=where) from error
    if len(row) != dimension:
        raise UnibridgeError(
            f"{len(row)} instead of {dimension} numbers after the word", where=where, do=FORM
        )
    if not word:
        raise UnibridgeError("the word is empty", where=where, do=FORM)
    if not np.isfinite(row).all():
        raise UnibridgeError(f"the vector of {word!r} is not finite", where=where)
    return word, row


def write_word_vectors(path: str | Path, words: Sequence[str], vectors: torch.Tensor) -> None:
    """Write vectors (words, dimension) so that reading them gives the same words and bits.

    Raises UnibridgeError for a word that the format cannot hold: an empty one, or one with a line
    break or a space at its end.
    """
    rows = vectors.float().tolist()
    lines = [f"{len(rows)} {vectors.shape[1]}"]
    for word, row in zip(words, rows, strict=True):
        if not word or "\n" in word or "\r" in word or word.endswith(" "):
            raise UnibridgeError(f"the format cannot hold the word {word!r}", where=path)
        lines.append(f"{word} {' '.join(f'{number:.9g}' for number in row)}")
    write_bytes(Path(path), ("\n".join(lines) + "\n").encode())
