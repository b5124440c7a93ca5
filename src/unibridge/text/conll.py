"""Column files, a word a line, and plain lines of words.

Columns stand between tabs or between spaces (U+0020), whichever most lines of a file have; no other
character separates, so that a no-break space stays inside its word.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.text.examples import Layout, Parsed, Prediction, TaggedSentence, refuse_labelled
from unibridge.text.schemes import Row, is_entity_tag
from unibridge.text.sentences import Counted, column, odd_lines, tagged_sentences
from unibridge.text.values import trimmed

_COMMENT = re.compile(r"#\s*(\S+\s*=|id\s|newdoc\b|newpar\b)")
# a BCP 47 tag or a Wikipedia's name: am, be-x-old, zh-Hant-TW, simple
_LANGUAGE_PREFIX = re.compile(r"([A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*):")
_WORD_HEADERS = frozenset(
    (  # noqa: SIM905
        "word words token tokens form text mot mots wort palabra palavra maneno neno "
        "слово слова 词 単語 كلمة"
    ).split()
)
_TAG_HEADERS = frozenset(
    (  # noqa: SIM905
        "tag tags label labels ner ner_tag ner_tags ner-tag ner-tags nertag entity entities iob "
        "iob2 bio pos upos xpos pos_tag pos_tags upos_tag étiquette etiqueta метка тег"
    ).split()
)
_COUNTED_WORDS = 3


@dataclass
class _Columns:
    """What the lines of one number of columns have in common."""

    separator: str
    width: int
    count: int = 0
    first: tuple[int, list[str]] | None = None
    # whether the first column counts the words of every sentence; where its count stands
    counts: bool = True
    reached: int = -1
    longest: int = 0
    # per column: whether all of it are entity tags; what its cells begin with, and how many
    entities: list[bool] = field(default_factory=list)
    prefixes: list[Counter[str]] = field(default_factory=list)
    bare: list[int] = field(default_factory=list)

    def add(self, number: int, cells: list[str], begins: bool) -> None:
        """Note the word on a line; begins: whether a sentence begins there."""
        if self.first is None:
            self.first = (number, cells)
            self.entities = [True] * self.width
            self.prefixes = [Counter() for _ in cells]
            self.bare = [0] * self.width
            if _is_header(cells):
                self.count += 1
                return
        self.count += 1
        if self.counts:
            now = int(cells[0]) if cells[0].isascii() and cells[0].isdigit() else -1
            # a sentence may begin without a blank line
            goes_on = not begins and now == self.reached + 1
            self.counts = now >= 0 and (now in (0, 1) or goes_on)
            self.reached, self.longest = now, max(self.longest, now)
        for place, cell in enumerate(cells):
            self.entities[place] = self.entities[place] and is_entity_tag(trimmed(cell))
            if len(self.prefixes[place]) < 8:
                match = _LANGUAGE_PREFIX.match(cell)
                self.prefixes[place][match.group() if match else ""] += 1
                self.bare[place] += match is not None and match.end() == len(cell)


def _cells(line: str, separator: str) -> list[str]:
    if separator == "\t":
        return [cell.strip(" ") for cell in line.split("\t")]
    return [cell for cell in line.split(" ") if cell]


def _is_header(cells: list[str]) -> bool:
    names = {cell.lower() for cell in cells}
    return len(names) == len(cells) > 1 and bool(names & _WORD_HEADERS and names & _TAG_HEADERS)


def _is_remark(line: str, begins: bool, separator: str, width: int) -> bool:
    """Whether a line that begins with # is a comment and not a word."""
    if separator == "\t" and "\t" not in line:
        return width > 1 or _COMMENT.match(line) is not None
    if _COMMENT.match(line) and not re.match(r"#\s*\t", line):
        return True
    cells = _cells(line, separator)
    if not begins or cells[0] != "#":
        return False
    return len(cells) != width or re.fullmatch(r"\[.*\]", cells[-1]) is not None


def survey_conll(lines: Iterator[str], layout: Layout) -> dict[str, Any]:
    """What most lines are like: separator, width, the places of words and tags, what words share.

    prefix: the language tag before every word. header: the line of the columns' names, 0 without.
    """
    found: dict[tuple[str, int], _Columns] = {}
    remarks: dict[tuple[str, int], _Columns] = {}
    begins = True
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("-DOCSTART-"):
            begins = True
            continue
        separator = "\t" if "\t" in line else " "
        cells = _cells(line, separator)
        if not cells:
            continue
        doubtful = line.startswith("#") and (
            _COMMENT.match(line) is not None or (begins and cells[0] == "#") or separator == " "
        )
        own = remarks if doubtful else found
        key = (separator, len(cells))
        if key in own or len(own) < 64:
            own.setdefault(key, _Columns(*key)).add(number, cells, begins)
        if not doubtful:
            begins = False
    if not (found or remarks):
        return {"separator": "\t", "width": 0, "prefix": "", "words": 0, "tags": -1, "header": 0}
    most = max((found or remarks).values(), key=lambda one: one.count)
    return _places(most, layout)


def _places(most: _Columns, layout: Layout) -> dict[str, Any]:
    """Where words and tags stand, with a note where they are not in the first and last column."""
    line, first = most.first or (1, [])
    header = line if _is_header(first) else 0
    counted = most.counts and most.longest >= _COUNTED_WORDS and most.width > 1
    notes = []
    words = column(layout, "words", 1 if counted else 0, most.width, line)
    tags = most.width - 1
    if counted and "tags" not in layout.columns:
        entities = [place for place in range(words + 1, most.width) if most.entities[place]]
        if layout.expect == "words" and most.width == 10:
            tags = 3
        elif layout.expect != "words" and entities:
            tags = entities[0]
    if most.width > 1 or layout.labelled:
        tags = column(layout, "tags", tags, most.width, line)
    if counted and "words" not in layout.columns:
        notes.append(
            f"{layout.path}: the first column counts the words of a sentence; words are taken from "
            f"column {words} and tags from column {tags}, counted from 0"
        )
    prefixes = most.prefixes[words] if most.prefixes else Counter[str]()
    prefix, number = prefixes.most_common(1)[0] if prefixes else ("", 0)
    total = sum(prefixes.values())
    if not prefix or number != total or most.bare[words] == total:
        if prefix and total > 20 and number >= 0.9 * total and len(prefixes) < 8:
            notes.append(
                f"{layout.path}: {number} of {total} words begin with {prefix!r}, the others do "
                "not: it is taken for a part of the words"
            )
        prefix = ""
    if prefix:
        empty = f"; {most.bare[words]} words are nothing else" if most.bare[words] else ""
        notes.append(
            f"{layout.path}: all {total} words begin with {prefix!r}, which is taken for the "
            f"language and left out{empty}"
        )
    if header:
        notes.append(f"{layout.path}:{header}: taken for the columns' names: {', '.join(first)}")
    return {
        "separator": most.separator,
        "width": most.width,
        "words": words,
        "tags": -1 if tags == words else tags,
        "prefix": prefix,
        "counted": counted,
        "header": header,
        "notes": notes,
    }


def _rows(lines: Iterable[str], layout: Layout) -> Iterator[tuple[int, list[str] | None]]:
    """(line number, columns of a word), or None for blank lines, comments, names, -DOCSTART-."""
    separator, width = layout.whole["separator"], layout.whole["width"]
    begins = True
    for number, line in enumerate(lines, start=1):
        blank = not line.strip() or line.startswith("-DOCSTART-")
        if (
            blank
            or layout.before + number == layout.whole["header"]
            or (line.startswith("#") and _is_remark(line, begins, separator, width))
        ):
            begins = begins or blank
            yield number, None
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
        if layout.labelled and layout.whole["tags"] < 0:
            raise UnibridgeError(
                f"the word {cells[layout.whole['words']]!r} has no tag",
                where=layout.at(number),
                do="write a word, a tab and its tag a line",
            )
        yield number, cells


def _known(lines: list[str], layout: Layout) -> Layout:
    if "separator" in layout.whole:
        return layout
    return replace(layout, whole=survey_conll(iter(lines), layout))


def parse_conll(lines: list[str], layout: Layout) -> Parsed:
    """See `Reader.parse`."""
    layout = _known(lines, layout)
    words, tags, prefix = (layout.whole[name] for name in ("words", "tags", "prefix"))
    sentences: list[list[Row]] = [[]]
    counted = Counted()
    for number, cells in _rows(lines, layout):
        if cells is None:
            # a comment within a sentence does not end it
            if not lines[number - 1].startswith("#"):
                sentences.append([])
                counted.ends()
            continue
        if layout.whole.get("counted") and counted.begins(int(cells[0]), number):
            sentences.append([])
        tag = "" if tags < 0 else trimmed(cells[tags])
        if not cells[words].strip():
            raise UnibridgeError("a tag without a word", where=layout.at(number))
        if not tag and layout.labelled:
            raise UnibridgeError(f"the word {cells[words]!r} has no tag", where=layout.at(number))
        sentences[-1].append(Row(number, cells[words].removeprefix(prefix), tag))
    examples, warnings = tagged_sentences(sentences, layout)
    return examples, [*layout.whole.get("notes", ()), *warnings, *counted.notes(layout)]


def rewrite_conll(lines: list[str], predictions: list[Prediction], layout: Layout) -> Iterator[str]:
    """See `Reader.rewrite`."""
    layout = replace(_known(lines, layout), labelled=False)
    place = layout.whole["tags"]
    tags = iter([tag for sentence in predictions for tag in sentence])
    for (_, cells), line in zip(_rows(lines, layout), lines, strict=True):
        if cells is None:
            yield line
        elif place < 0:
            yield f"{line}\t{next(tags)}"
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
