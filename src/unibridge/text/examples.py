"""What labels are read into, and what a reader of one file format is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from unibridge.errors import UnibridgeError

Expected = Literal["words", "entities", "trees", "text", "pair", "question"]
"""What a task reads: words with tags of their own, of entities or of trees, a text, two, or a
question on a passage."""
Columns = Mapping[str, str | int]


@dataclass(frozen=True)
class TaggedSentence:
    """Words with one tag each; `tags` is empty where there are no labels.

    lines: where the words stand in their file, for errors; empty where they come from none.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...] = ()
    lines: tuple[int, ...] = field(default=(), compare=False, repr=False)

    @property
    def text(self) -> str:
        """The words with a space between."""
        return " ".join(self.words)


@dataclass(frozen=True)
class LabelledText:
    """A text, or a pair of texts, with its class; `label` is None where there is none.

    line: where it stands in its file, for errors; 0 where it comes from none.
    """

    text: str
    second: str | None = None
    label: str | None = None
    line: int = field(default=0, compare=False, repr=False)


class Answer(NamedTuple):
    """text: as it stands in the passage. start: its first character there. language: the passage's,
    "" where the file does not say."""

    text: str
    start: int
    language: str = ""


@dataclass(frozen=True)
class Question(LabelledText):
    """text: the question. second: the passage. answers: gold ones, none where the passage has none;
    None without labels."""

    answers: tuple[Answer, ...] | None = None
    language: str = ""


Example = TaggedSentence | LabelledText
Prediction = str | Sequence[str]


class ReadAs(NamedTuple):
    """What a user says of label files: see `read_labels`."""

    reader: str | None = None
    columns: Columns | None = None
    names: Sequence[str] = ()


AS_IT_IS = ReadAs()
"""Nothing said: the file's name and its lines tell how it is read."""


@dataclass(frozen=True)
class Layout:
    """How a file is to be read. labelled: whether a missing label is an error.

    columns: where things stand, by role: "words" and "tags", or "text", "second" and "label"; a
    column number from 0 (negative from the end) or, where the format has names, a name.
    names: of classes that are given by number, in order from 0.
    before: lines of the file before these, where they are a later part of it. whole: what a format
    has to know of the whole file to read a part of it (see `Reader.survey`).
    """

    path: str
    labelled: bool = True
    expect: Expected | None = None
    columns: Columns = field(default_factory=dict)
    names: Sequence[str] = ()
    before: int = 0
    whole: Mapping[str, Any] = field(default_factory=dict)

    def at(self, line: int) -> str:
        """file:line, lines from 1; `line` counts from the beginning of the part."""
        return f"{self.path}:{self.before + line}"

    def surveyed(self, lines: Sequence[str], survey: "Survey") -> "Layout":
        """With what a survey finds in these lines, unless that of the whole file is known."""
        return self if self.whole else replace(self, whole=survey(iter(lines), self))


Survey = Callable[[Iterator[str], Layout], Mapping[str, Any]]
"""What has to be known of all lines of a file to read a part of it."""


Parsed = tuple[list[Example], list[str]]
"""Examples, and warnings."""


def single_lines(lines: Iterator[str], layout: Layout) -> Iterator[list[str]]:
    """Units of formats where every line stands for itself."""
    return ([line] for line in lines)


def nothing_to_know(lines: Iterator[str], layout: Layout) -> Mapping[str, Any]:
    """The survey of formats whose parts need none."""
    return {}


@dataclass(frozen=True)
class Reader:
    """One file format, as a pair of functions over its lines.

    parse: lines to examples. rewrite: lines with predictions where the labels stand, the rest of
    each line left alone. Both walk the file through the same helper, so they cannot disagree about
    what an example is.
    units: the smallest parts of a file that can be parsed and rewritten apart. survey: what has to
    be known of all lines for that, as `Layout.whole`.
    """

    gives: Literal["words", "texts", "either", "questions"]
    parse: Callable[[list[str], Layout], Parsed]
    rewrite: Callable[[list[str], list[Prediction], Layout], Iterator[str]]
    units: Callable[[Iterator[str], Layout], Iterator[list[str]]] = single_lines
    survey: Survey = nothing_to_know


def refuse_labelled(layout: Layout, reader: str) -> None:
    """Raise UnibridgeError where labels are wanted of a format that has none."""
    if layout.labelled:
        raise UnibridgeError(
            "plain text has no labels", where=layout.path, do=f"name the reader, such as {reader}"
        )
