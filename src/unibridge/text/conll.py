"""Column files, a word a line, and plain lines of words.

Columns stand between tabs or between spaces (U+0020), whichever most lines of a file have; no other
character separates, so that a no-break space stays inside its word. Which column is which is told
by `columns.py`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.text.columns import Columns, places
from unibridge.text.examples import Layout, Parsed, Prediction, TaggedSentence, refuse_labelled
from unibridge.text.prefixes import without
from unibridge.text.schemes import Row
from unibridge.text.sentences import Counted, odd_lines, sentences, tagged_sentences
from unibridge.text.values import MARK, is_blank, trimmed

_NUMBER_OF_SENTENCE = re.compile(r"#\s+\d+\s*")
_COMMENT = re.compile(r"#\s*(\S+\s*=|id\s|newdoc\b|newpar\b)")


def _cells(line: str, separator: str) -> list[str]:
    if separator == "\t":
        return [cell.strip(" ") for cell in line.split("\t")]
    return [cell for cell in line.split(" ") if cell]


def _parts(line: str) -> bool:
    """Whether a line stands between sentences."""
    return is_blank(line) or line.startswith("-DOCSTART-")


def _is_remark(line: str, begins: bool, layout: Layout) -> bool:
    """Whether a line is a comment: it begins with # and is no word."""
    separator, width = layout.whole["separator"], layout.whole["width"]
    if not line.startswith("#"):
        return False
    if separator == "\t" and "\t" not in line:
        return width > 1 or _COMMENT.match(line) is not None
    cells = _cells(line, separator)
    if len(cells) == width > 1 and re.fullmatch(r"#\S+", cells[0]) and cells[1] != "=":
        return False  # a word such as #id, with its tag
    if _COMMENT.match(line) and not re.match(r"#\s*\t", line):
        return True
    if not begins or cells[0] != "#":
        return False
    if layout.whole["remarks"] and _NUMBER_OF_SENTENCE.fullmatch(line):
        return True
    return len(cells) != width or re.fullmatch(r"\[.*\]", cells[-1]) is not None


def survey_conll(lines: Iterator[str], layout: Layout) -> dict[str, Any]:
    """What most lines are like: separator, width, the places of words and tags, what words share.

    prefix: the language tags before every word. header: the line of the columns' names, 0 without.
    remarks: whether # and a number stand before every sentence, and are no word and its tag.
    """
    marks = 0
    found: dict[tuple[str, int], Columns] = {}
    remarks: dict[tuple[str, int], Columns] = {}
    begins = True
    for number, line in enumerate(lines, start=1):
        line = line.lstrip(MARK)
        if _parts(line):
            begins = True
            continue
        separator = "\t" if "\t" in line else " "
        cells = _cells(line, separator)
        doubtful = line.startswith("#") and (
            _COMMENT.match(line) is not None or (begins and cells[0] == "#") or separator == " "
        )
        marks += begins and _NUMBER_OF_SENTENCE.fullmatch(line) is not None
        own = remarks if doubtful else found
        key = (separator, len(cells))
        if key in own or len(own) < 64:
            own.setdefault(key, Columns(*key)).add(number, cells, begins)
        if not doubtful:
            begins = False
    if not (found or remarks):
        return {
            "separator": "\t",
            "width": 0,
            "prefix": (),
            "words": 0,
            "tags": -1,
            "sentences": -1,
            "remarks": False,
            "header": 0,
        }
    most = max((found or remarks).values(), key=lambda one: one.count)
    return {**places(most, layout), "remarks": marks >= most.parts > 1}


def _rows(lines: Iterable[str], layout: Layout) -> Iterator[tuple[int, list[str] | None]]:
    """(line number, columns of a word), or None for blank lines, comments, names, -DOCSTART-."""
    separator, width = layout.whole["separator"], layout.whole["width"]
    begins = True
    for number, line in enumerate(lines, start=1):
        blank = _parts(line.lstrip(MARK))
        if (
            blank
            or layout.before + number == layout.whole["header"]
            or _is_remark(line.lstrip(MARK), begins, layout)
        ):
            begins = begins or blank
            yield number, None
            continue
        if layout.whole.get("counted") and line.startswith("#"):
            yield number, None  # a remark in as many cells as a word, which begins with its number
            continue
        begins = False
        if (separator == "\t") != ("\t" in line) and width > 1:
            here, there = ("spaces", "tabs") if separator == "\t" else ("a tab", "spaces")
            raise UnibridgeError(
                f"columns between {here}, where the file has them between {there}",
                where=layout.at(number),
                do="separate all columns alike",
            )
        cells = _cells(line, "\t" if "\t" in line else " ")
        if len(cells) != width:
            raise UnibridgeError(
                f"{len(cells)} instead of {width} columns", where=layout.at(number)
            )
        if layout.whole.get("counted") and not (cells[0].isascii() and cells[0].isdigit()):
            raise UnibridgeError(
                f"{cells[0]!r} is not the number of a word, which all others begin with",
                where=layout.at(number),
            )
        if layout.labelled and layout.whole["tags"] < 0:
            raise UnibridgeError(
                f"the word {cells[layout.whole['words']]!r} has no tag",
                where=layout.at(number),
                do="write a word, a tab and its tag a line",
            )
        yield number, cells


class _Numbered:
    """Sentences that a column numbers, `sentences` of a survey; -1: none does."""

    def __init__(self, place: int) -> None:
        self.place, self.last = place, ""

    def begins(self, cells: list[str]) -> bool:
        """Whether another sentence begins at these cells."""
        cell = cells[self.place] if 0 <= self.place < len(cells) else ""
        if cell in ("", self.last):
            return False
        self.last = cell
        return True


def units_conll(lines: Iterator[str], layout: Layout) -> Iterator[list[str]]:
    """See `Reader.units`."""
    numbered = _Numbered(layout.whole.get("sentences", -1))
    return sentences(
        lines, layout, lambda line: numbered.begins(_cells(line, layout.whole["separator"]))
    )


def parse_conll(lines: list[str], layout: Layout) -> Parsed:
    """See `Reader.parse`."""
    layout = layout.surveyed(lines, survey_conll)
    words, tags, prefixes = (layout.whole[name] for name in ("words", "tags", "prefix"))
    found: list[list[Row]] = [[]]
    counted, numbered = Counted(), _Numbered(layout.whole["sentences"])
    for number, cells in _rows(lines, layout):
        if cells is None:
            # a comment within a sentence does not end it
            if not lines[number - 1].lstrip(MARK).startswith("#"):
                found.append([])
                counted.ends()
            continue
        if numbered.begins(cells) or (
            layout.whole.get("counted") and counted.begins(int(cells[0]), number)
        ):
            found.append([])
        tag = "" if tags < 0 else trimmed(cells[tags])
        if not cells[words].strip():
            raise UnibridgeError("a tag without a word", where=layout.at(number))
        if not tag and layout.labelled:
            raise UnibridgeError(f"the word {cells[words]!r} has no tag", where=layout.at(number))
        found[-1].append(Row(number, without(cells[words], prefixes), tag))
    examples, warnings = tagged_sentences(found, layout)
    return examples, [*layout.whole.get("notes", ()), *warnings, *counted.notes(layout)]


def rewrite_conll(lines: list[str], predictions: list[Prediction], layout: Layout) -> Iterator[str]:
    """See `Reader.rewrite`."""
    layout = replace(layout.surveyed(lines, survey_conll), labelled=False)
    place = layout.whole["tags"]
    tags = iter([tag for sentence in predictions for tag in sentence])
    for (_, cells), line in zip(_rows(lines, layout), lines, strict=True):
        if cells is None:
            yield line
        elif place < 0:
            separator = " " if len(cells) > 1 and "\t" not in line else "\t"
            yield f"{line}{separator}{next(tags)}"
        elif "\t" in line:
            fields = line.split("\t")
            fields[place] = next(tags)
            yield "\t".join(fields)
        else:
            begin, end = list(re.finditer("[^ ]+", line))[place].span()
            yield line[:begin] + next(tags) + line[end:]


# --- plain text, a sentence a line, words between spaces ----------------------------------------


def parse_words(lines: list[str], layout: Layout) -> Parsed:
    """See `Reader.parse`."""
    refuse_labelled(layout, "conll")
    return [
        TaggedSentence(tuple(line.split()), lines=(layout.before + number,) * len(line.split()))
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ], odd_lines(lines, layout)


def rewrite_words(lines: list[str], predictions: list[Prediction], layout: Layout) -> Iterator[str]:
    """See `Reader.rewrite`."""
    texts = (line for line in lines if line.strip())
    for line, tags in zip(texts, predictions, strict=True):
        yield from (f"{word}\t{tag}" for word, tag in zip(line.split(), tags, strict=True))
        yield ""
