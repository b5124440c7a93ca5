"""What labels are read into, and what a reader of one file format is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from unibridge.errors import UnibridgeError

Expected = Literal["words", "text", "pair"]
Columns = Mapping[str, str | int]


@dataclass(frozen=True)
class TaggedSentence:
    """Words with one tag each; `tags` is empty where there are no labels."""

    words: tuple[str, ...]
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabelledText:
    """A text, or a pair of texts, with its class; `label` is None where there is none."""

    text: str
    second: str | None = None
    label: str | None = None


Example = TaggedSentence | LabelledText
Prediction = str | Sequence[str]


@dataclass(frozen=True)
class Layout:
    """How a file is to be read. labelled: whether a missing label is an error.

    columns: where things stand, by role: "words" and "tags", or "text", "second" and "label"; a
    column number from 0 (negative from the end) or, where the format has names, a name.
    """

    path: str
    labelled: bool = True
    expect: Expected | None = None
    columns: Columns = field(default_factory=dict)

    def at(self, line: int) -> str:
        """file:line, lines from 1."""
        return f"{self.path}:{line}"


Parsed = tuple[list[Example], list[str]]
"""Examples, and warnings."""


@dataclass(frozen=True)
class Reader:
    """One file format, as a pair of functions over its lines.

    parse: lines to examples. rewrite: lines with predictions where the labels stand, the rest of
    each line left alone. Both walk the file through the same helper, so they cannot disagree about
    what an example is.
    """

    gives: Literal["words", "texts", "either"]
    parse: Callable[[list[str], Layout], Parsed]
    rewrite: Callable[[list[str], list[Prediction], Layout], Iterator[str]]


def refuse_labelled(layout: Layout, reader: str) -> None:
    """Raise UnibridgeError where labels are wanted of a format that has none."""
    if layout.labelled:
        raise UnibridgeError(
            "plain text has no labels", where=layout.path, do=f"name the reader, such as {reader}"
        )
