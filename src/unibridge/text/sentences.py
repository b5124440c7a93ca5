"""What the formats of tagged sentences share: from rows of words and tags to examples."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from unibridge.errors import UnibridgeError
from unibridge.text.examples import Example, Layout, Parsed, TaggedSentence
from unibridge.text.schemes import Row, iob2
from unibridge.text.values import OddCharacters, too_many, trimmed


def odd_lines(lines: Iterable[str], layout: Layout) -> list[str]:
    """Notes of characters that stand for others in plain lines."""
    odd = OddCharacters()
    for number, line in enumerate(lines, start=layout.before + 1):
        odd.add(line, number)
    return odd.notes(layout.path)


# share of words that are "_" above which it is hardly a word
_LEFT_OUT = 0.05
LONGEST_SENTENCE = 1 << 20
"""Lines of a sentence in a file of any size, above which blank lines were forgotten."""


def tagged_sentences(sentences: Sequence[Sequence[Row]], layout: Layout) -> Parsed:
    """Examples from rows, those without a row left out; entity tags become IOB2.

    A sentence is untagged where any of its tags is missing. Words that a file leaves empty, or
    writes as nothing but `_`, are counted in a warning.
    """
    sentences = [sentence for sentence in sentences if sentence]
    tags, warnings = iob2(sentences, layout)
    examples: list[Example] = [
        TaggedSentence(
            tuple(row.word for row in sentence),
            tuple(own) if all(own) else (),
            tuple(layout.before + row.line for row in sentence),
        )
        for sentence, own in zip(sentences, tags, strict=True)
    ]
    return examples, [*warnings, *_doubts(sentences, layout)]


def _doubts(sentences: Sequence[Sequence[Row]], layout: Layout) -> list[str]:
    """Warnings of words that are not there."""
    rows = [row for sentence in sentences for row in sentence]
    warnings = []
    if len(rows) > 1 and all(row.word == "_" for row in rows):
        warnings.append(
            f"{layout.path}: all {len(rows)} words are '_': the text is left out of this file, and "
            "nothing can be learnt or predicted from it. Fetch the text where the file came from"
        )
    elif (left := sum(row.word == "_" for row in rows)) > max(1, _LEFT_OUT * len(rows)):
        warnings.append(
            f"{layout.path}: words that are '_': {left} of {len(rows)}; is their text left out?"
        )
    empty = [row.line for row in rows if not trimmed(row.word)]
    if empty:
        warnings.append(
            f"{layout.path}: empty words, read as unknown: {len(empty)} in all, "
            f"the first on line {layout.before + empty[0]}"
        )
    tags = {row.tag for row in rows} if layout.labelled and layout.expect != "trees" else set()
    if too_many(len(tags), len(rows)):
        warnings.append(
            f"{layout.path}: {len(tags):,} different tags for {len(rows):,} words: is this the "
            "column of the tags? (`columns`)"
        )
    odd = OddCharacters()
    for row in rows:
        odd.add(f"{row.word}\n{row.tag}", layout.before + row.line)
    return [*warnings, *odd.notes(layout.path, "words")]


@dataclass
class Counted:
    """Words that their file counts: where the count begins anew, and where it does not go on.

    A sentence that begins without a blank line before it begins at its first word all the same.
    """

    last: int | None = None
    joined: int = 0
    first_joined: int = 0
    odd: int = 0
    first_odd: int = 0

    def ends(self) -> None:
        """A blank line."""
        self.last = None

    def begins(self, count: int, line: int) -> bool:
        """The next word's number; whether it is the first of a sentence that nobody parted."""
        last, self.last = self.last, count
        if last is not None and count == 1 and last != 0:
            self.joined += 1
            self.first_joined = self.first_joined or line
            return True
        if count != (1 if last is None else last + 1) and not (last is None and count == 0):
            self.odd += 1
            self.first_odd = self.first_odd or line
        return False

    def notes(self, layout: Layout) -> list[str]:
        """Counted notes of both."""
        notes = []
        if self.joined:
            notes.append(
                f"{layout.path}: sentences without a blank line before them, told by their words' "
                f"numbers, which begin anew: {self.joined}, the first on line "
                f"{layout.before + self.first_joined}"
            )
        if self.odd:
            notes.append(
                f"{layout.path}: words whose number does not follow the one before: {self.odd}, "
                f"the first on line {layout.before + self.first_odd}; are words missing?"
            )
        return notes


def sentences(lines: Iterator[str], layout: Layout) -> Iterator[list[str]]:
    """Units of formats where a blank line ends a sentence."""
    unit: list[str] = []
    for number, line in enumerate(lines, start=1):
        unit.append(line)
        if len(unit) > LONGEST_SENTENCE:
            raise UnibridgeError(
                f"a sentence of more than {LONGEST_SENTENCE:,} lines, the most that is held",
                where=layout.at(number),
                do="write a blank line after each sentence",
            )
        if not line.strip():
            yield unit
            unit = []
    if unit:
        yield unit


def column(layout: Layout, role: str, default: int, width: int, line: int) -> int:
    """The number of a role's column, from 0; raises UnibridgeError where there is none."""
    place = layout.columns.get(role, default)
    if not isinstance(place, int) or not -width <= place < width:
        raise UnibridgeError(
            f"no column {place!r} for the {role} among {width} columns",
            where=layout.at(line),
            do="count columns from 0, or from -1 at the end",
        )
    return place % width
