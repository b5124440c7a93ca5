"""Running text as words: between spaces, with the marks at their edges apart."""

import re
from collections.abc import Sequence
from typing import Protocol

_EDGES = re.compile(r"([^\w\s]*)(.*?)([^\w\s]*)", re.DOTALL)


def edges(word: str) -> tuple[str, str, str]:
    """(marks before, the word, marks after) of what stands between spaces.

    What stands within a word (don't, 3.5) is part of it; marks alone come first.
    """
    match = _EDGES.fullmatch(word)
    assert match is not None  # it matches everything
    return match[1], match[2], match[3]


def split_words(text: str) -> list[str]:
    """The words of a text as tagged corpora have them, about: every mark at an edge is a word."""
    found: list[str] = []
    for chunk in text.split():
        before, word, after = edges(chunk)
        found += [*before, *([word] if word else []), *after]
    return found


class ChangeWords(Protocol):
    """What puts the words of a sentence into other ones, as many."""

    def __call__(self, words: Sequence[str], *, single: bool) -> list[str]:
        """single: whether no word may come to hold a space."""
        ...


def changed_text(text: str, change: ChangeWords) -> str:
    """A text with words of it changed."""
    return " ".join(change(text.split(), single=False))
