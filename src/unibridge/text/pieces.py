"""Long lines in pieces, so that what is done to a line takes the time of a line."""

import unicodedata
from collections.abc import Iterable, Iterator

LONGEST = 512
"""Characters of a piece with spaces: a long paragraph."""
UNSPACED = 96
"""Characters of a piece without: some clauses. Trainers of vocabularies take it for one word."""

_SPACES = (" ", "\t", "\u00a0", "\u3000")
_STOPS = "。！？!?…።។།。.；;،,，、:："


def short_pieces(
    lines: Iterable[str], longest: int = LONGEST, size: int | None = None
) -> Iterator[str]:
    """The lines in order, those of more than `longest` characters in pieces of at most `size`, by
    default as many.

    A piece ends at a space, which is left out; where there is none at a punctuation mark, and else
    between two characters of which the second does not belong to the first. Joined, the pieces are
    the line but for the spaces between them.
    """
    size = size or longest
    for line in lines:
        if len(line) <= longest:
            yield line
            continue
        begin = 0
        while len(line) - begin > size:
            end = _end(line, begin, begin + size)
            if piece := line[begin:end].strip():
                yield piece
            begin = end
        if piece := line[begin:].strip():
            yield piece


def _end(line: str, begin: int, limit: int) -> int:
    """Where a piece that begins at `begin` ends, at most at `limit`; never at once."""
    place = max(line.rfind(space, begin + 1, limit) for space in _SPACES)
    if place >= 0:
        return place + 1
    limit = min(limit, begin + UNSPACED)
    half = begin + (limit - begin) // 2
    place = max(line.rfind(stop, half, limit) for stop in _STOPS)
    if place >= 0:
        return place + 1
    end = limit
    while end > half and _belongs(line[end - 1], line[end]):
        end -= 1
    return end if end > half else limit


def _belongs(before: str, character: str) -> bool:
    """Whether a character is part of what stands before it: marks, and what is below a virama."""
    joined = unicodedata.category(character).startswith("M") or character in "\u200c\u200d"
    return joined or unicodedata.combining(before) == 9 or before == "\u200d"
