"""What the formats of tagged sentences share: from rows of words and tags to examples."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from unibridge.errors import UnibridgeError
from unibridge.text.examples import Example, Layout, Parsed, TaggedSentence
from unibridge.text.schemes import Row, iob2
from unibridge.text.values import OddCharacters, is_blank, too_many, trimmed


def odd_lines(lines: Iterable[str], layout: Layout) -> list[str]:
    """Notes of characters that stand for others in plain lines."""
    odd = OddCharacters()
    for number, line in enumerate(lines, start=layout.before + 1):
        odd.add(line, number)
    return odd.notes(layout.path)


# share of words that are "_" above which it is hardly a word
_LEFT_OUT = 0.05
_LONG_SENTENCE = 1000
# words that are all the same from which on they are hardly text
_FEW_ALIKE = 3
# words from which on it is told that a column hardly holds what it should
_FEW_WORDS = 20
LONGEST_SENTENCE = 1 << 20
"""Lines of a sentence in a file of any size, above which blank lines were forgotten."""


def tagged_sentences(sentences: Sequence[Sequence[Row]], layout: Layout) -> Parsed:
    """Examples from rows, those without a row left out; entity tags become IOB2.

    A sentence is untagged where any of its tags is missing. Words that a file leaves empty, or
    writes as nothing but `_`, are counted in a warning.
    """
    sentences = [sentence for sentence in sentences if sentence]
    if layout.expect == "trees" and layout.labelled:
        for sentence in sentences:
            _check_tree(sentence, layout)
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


def _check_tree(sentence: Sequence[Row], layout: Layout) -> None:
    """Raise UnibridgeError, with the line, where heads are none of the words, or in a circle.

    Unlabelled words have none.
    """
    heads = []
    for row in sentence:
        place, mark, relation = row.tag.partition("|")
        if row.tag and not (mark and relation and place.isascii() and place.isdigit()):
            raise UnibridgeError(
                f"the tag {row.tag!r} of {row.word!r} is no place in a tree",
                where=layout.at(row.line),
                do="write HEAD|DEPREL, such as 2|nsubj, or give CoNLL-U (.conllu)",
            )
        heads.append(int(place) if row.tag else 0)
    for row, head in zip(sentence, heads, strict=True):
        if head > len(heads):
            raise UnibridgeError(
                f"the word {row.word!r} has the head {head}, in a sentence of {len(heads)} words",
                where=layout.at(row.line),
            )
        above, steps = head, 0
        while above and steps <= len(heads):
            above, steps = heads[above - 1], steps + 1
        if above:
            raise UnibridgeError(
                f"the heads of the word {row.word!r} lead in a circle, not to the root",
                where=layout.at(row.line),
            )


def _doubts(sentences: Sequence[Sequence[Row]], layout: Layout) -> list[str]:
    """Warnings of words that are not there."""
    rows = [row for sentence in sentences for row in sentence]
    warnings = []
    if len(rows) > 1 and all(row.word == "_" for row in rows):
        warnings.append(
            f"{layout.path}: all {len(rows)} words are '_': the text is left out of this file, and "
            "nothing can be learnt or predicted from it. Fetch the text where the file came from"
        )
    elif len(rows) >= _FEW_ALIKE and not layout.before and len({row.word for row in rows}) == 1:
        warnings.append(
            f"{layout.path}: all {len(rows)} words are {rows[0].word!r}: is the text left out of "
            "this file, or is this another column? (`columns`)"
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
    long = [sentence for sentence in sentences if len(sentence) > _LONG_SENTENCE]
    if long:
        warnings.append(
            f"{layout.path}: sentences of more than {_LONG_SENTENCE:,} words: {len(long)}, the "
            f"first on line {layout.before + long[0][0].line}; is there a blank line after each?"
        )
    if layout.labelled and layout.expect != "trees":
        warnings += _doubtful_tags(rows, layout)
    odd = OddCharacters()
    for row in rows:
        odd.add(f"{row.word}\n{row.tag}", layout.before + row.line)
    return [*warnings, *odd.notes(layout.path, "words")]


def _doubtful_tags(rows: Sequence[Row], layout: Layout) -> list[str]:
    """Warnings of tags that are hardly tags."""
    tags = Counter(row.tag for row in rows)
    words = len({row.word for row in rows})
    warnings = []
    changed = len(rows) >= _FEW_WORDS and words <= len(tags) / 2
    if changed or too_many(len(tags), len(rows)):
        warnings.append(
            f"{layout.path}: {len(tags):,} different tags for {len(rows):,} words"
            + (f", of which {words:,} are different" if changed else "")
            + ": is this the column of the tags? (`columns`)"
        )
    alone = [tag for tag, count in tags.items() if count == 1]
    if len(rows) >= _FEW_WORDS and not layout.before and alone == [rows[0].tag]:
        warnings.append(
            f"{layout.path}: no word but the first, {rows[0].word!r}, has the tag "
            f"{rows[0].tag!r}: are these the columns' names? Take the row out then"
        )
    return warnings


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


def sentences(
    lines: Iterator[str], layout: Layout, begins: Callable[[str], bool] = lambda line: False
) -> Iterator[list[str]]:
    """Units of formats where a blank line ends a sentence.

    begins: whether one begins at a line without a blank one before it.
    """
    unit: list[str] = []
    for number, line in enumerate(lines, start=1):
        if begins(line) and unit:
            yield unit
            unit = []
        unit.append(line)
        if len(unit) > LONGEST_SENTENCE:
            raise UnibridgeError(
                f"a sentence of more than {LONGEST_SENTENCE:,} lines, the most that is held",
                where=layout.at(number),
                do="write a blank line after each sentence",
            )
        if is_blank(line):
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
