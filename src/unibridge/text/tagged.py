"""File formats of tagged sentences: CoNLL-U, column files, and plain words."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from conllu.exceptions import ParseException
from conllu.models import Token
from conllu.parser import parse_line

from unibridge.errors import UnibridgeError
from unibridge.text.examples import (
    Example,
    Layout,
    Parsed,
    Prediction,
    TaggedSentence,
    refuse_labelled,
)

# --- CoNLL-U: universal part-of-speech tags ---------------------------------------------------


_CONLLU_FIELDS = ("id", "form", "lemma", "upos")


def _conllu_rows(lines: list[str], layout: Layout) -> Iterator[tuple[int, Token | None]]:
    """(line number, syntactic word), or None for comments, blank lines, ranges and empty nodes."""
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            yield number, None
            continue
        columns = line.count("\t") + 1
        if columns != 10:
            raise UnibridgeError(
                f"{columns} instead of the 10 columns of CoNLL-U, separated by tabs",
                where=layout.at(number),
            )
        try:
            token = parse_line(line, _CONLLU_FIELDS)
        except ParseException as error:
            raise UnibridgeError(f"not CoNLL-U ({error})", where=layout.at(number)) from error
        # the id of a multiword range (3-4) or of an empty node (3.1) is a tuple
        yield number, token if isinstance(token["id"], int) else None


def parse_conllu(lines: list[str], layout: Layout) -> Parsed:
    sentences: list[list[tuple[str, str]]] = [[]]
    for number, token in _conllu_rows(lines, layout):
        if not lines[number - 1].strip():
            sentences.append([])
        if token is None:
            continue
        tag = "" if token["upos"] == "_" else token["upos"]
        if not tag and layout.labelled:
            raise UnibridgeError(
                f"the word {token['form']!r} has no UPOS tag", where=layout.at(number)
            )
        sentences[-1].append((token["form"], tag))
    return [_tagged(sentence) for sentence in sentences if sentence], []


def _tagged(sentence: list[tuple[str, str]]) -> TaggedSentence:
    """A sentence from (word, tag) rows, untagged where any of its tags is missing."""
    words, tags = zip(*sentence, strict=True)
    return TaggedSentence(words, tags if all(tags) else ())


def rewrite_conllu(
    lines: list[str], predictions: list[Prediction], layout: Layout
) -> Iterator[str]:
    tags = iter([tag for sentence in predictions for tag in sentence])
    for (_, token), line in zip(_conllu_rows(lines, layout), lines, strict=True):
        if token is not None:
            fields = line.split("\t")
            fields[3] = next(tags)
            line = "\t".join(fields)
        yield line


# --- column files, a word a line: named entities ----------------------------------------------

_COMMENT = re.compile(r"#\s*(\S+\s*=|id\s|newdoc\b|newpar\b)")
_LANGUAGE_PREFIX = re.compile(r"([a-z]{2,3}):(?=.)")
_BIO = re.compile(r"O|[BIES]-.+")


def _conll_rows(lines: Iterable[str], layout: Layout) -> Iterator[tuple[int, list[str] | None]]:
    """(line number, columns of a word), or None for blank lines, comments and -DOCSTART-."""
    width = layout.whole.get("width", 0)
    for number, line in enumerate(lines, start=1):
        tabbed = "\t" in line
        if (
            not line.strip()
            or line.startswith("-DOCSTART-")
            or (not tabbed and _COMMENT.match(line))
        ):
            yield number, None
            continue
        fields = line.split("\t") if tabbed else line.split()
        width = width or len(fields)
        if len(fields) != width:
            raise UnibridgeError(
                f"{len(fields)} instead of {width} columns",
                where=layout.at(number),
            )
        if width == 1 and layout.labelled:
            raise UnibridgeError(
                f"the word {fields[0]!r} has no tag",
                where=layout.at(number),
                do="write a word, a tab and its tag a line",
            )
        yield number, fields


def sentences(lines: Iterator[str]) -> Iterator[list[str]]:
    """Units of formats where a blank line ends a sentence."""
    unit: list[str] = []
    for line in lines:
        unit.append(line)
        if not line.strip():
            yield unit
            unit = []
    if unit:
        yield unit


def survey_conll(lines: Iterator[str], layout: Layout) -> dict[str, Any]:
    """The number of columns, and how long the language prefix is that all words share."""
    width = 0

    def words() -> Iterator[str]:
        nonlocal width
        for number, fields in _conll_rows(lines, layout):
            if fields is not None:
                width = len(fields)
                yield fields[_column(layout, "words", 0, width, number)]

    return {"prefix": _prefix_length(words()), "width": width}


def _prefix_length(words: Iterable[str]) -> int:
    """Characters of a prefix such as "am:" that every word has; 0 where one has another or none."""
    common: set[str] = set()
    for word in words:
        match = _LANGUAGE_PREFIX.match(word)
        if match is None or len(common | {match.group(1)}) > 1:
            return 0
        common.add(match.group(1))
    return len(common.pop()) + 1 if common else 0


def parse_conll(lines: list[str], layout: Layout) -> Parsed:
    sentences: list[list[tuple[int, str, str]]] = [[]]
    for number, fields in _conll_rows(lines, layout):
        if fields is None:
            sentences.append([])
            continue
        word = fields[_column(layout, "words", 0, len(fields), number)]
        tag = ""
        if len(fields) > 1:
            tag = fields[_column(layout, "tags", -1, len(fields), number)].strip()
            if not tag and layout.labelled:
                raise UnibridgeError(f"the word {word!r} has no tag", where=layout.at(number))
        if not word:
            raise UnibridgeError("a tag without a word", where=layout.at(number))
        sentences[-1].append((number, word, tag))
    sentences = [sentence for sentence in sentences if sentence]

    rows = [row for sentence in sentences for row in sentence]
    cut = layout.whole.get("prefix")
    if cut is None:
        cut = _prefix_length(row[1] for row in rows)
    is_bio = any(tag[:2] in ("B-", "I-") for _, _, tag in rows)

    examples: list[Example] = []
    repaired: list[int] = []
    for sentence in sentences:
        tags = [tag for _, _, tag in sentence]
        if is_bio:
            tags = _iob2(sentence, layout, repaired)
        examples.append(_tagged([(r[1][cut:], tag) for r, tag in zip(sentence, tags, strict=True)]))
    warnings = []
    if repaired:
        warnings.append(
            f"{layout.path}: I- tags without their B-, read as B-: {len(repaired)} in all, "
            f"the first on line {layout.before + repaired[0]}"
        )
    return examples, warnings


def _iob2(sentence: list[tuple[int, str, str]], layout: Layout, repaired: list[int]) -> list[str]:
    """The tags of a sentence as IOB2; line numbers of repaired ones go to `repaired`."""
    tags: list[str] = []
    for number, word, tag in sentence:
        if tag and not _BIO.fullmatch(tag):
            raise UnibridgeError(
                f"the tag {tag!r} of {word!r} is neither O nor B-TYPE or I-TYPE",
                where=layout.at(number),
            )
        if tag[:2] in ("S-", "E-"):
            tag = ("B-" if tag[0] == "S" else "I-") + tag[2:]
        if tag.startswith("I-") and (not tags or tags[-1][2:] != tag[2:]):
            tag = "B-" + tag[2:]
            repaired.append(number)
        tags.append(tag)
    return tags


def rewrite_conll(lines: list[str], predictions: list[Prediction], layout: Layout) -> Iterator[str]:
    tags = iter([tag for sentence in predictions for tag in sentence])
    for (number, fields), line in zip(_conll_rows(lines, layout), lines, strict=True):
        if fields is None:
            yield line
        elif len(fields) == 1:
            yield f"{line}\t{next(tags)}"
        else:
            place = _column(layout, "tags", -1, len(fields), number) % len(fields)
            if "\t" in line:
                fields[place] = next(tags)
                yield "\t".join(fields)
            else:
                begin, end = list(re.finditer(r"\S+", line))[place].span()
                yield line[:begin] + next(tags) + line[end:]


def _column(layout: Layout, role: str, default: int, width: int, line: int) -> int:
    place = layout.columns.get(role, default)
    if not isinstance(place, int) or not -width <= place < width:
        raise UnibridgeError(
            f"no column {place!r} for the {role} among {width} columns",
            where=layout.at(line),
            do="count columns from 0, or from -1 at the end",
        )
    return place


# --- plain text, a sentence a line, words between spaces ----------------------------------------


def parse_words(lines: list[str], layout: Layout) -> Parsed:
    refuse_labelled(layout, "conll")
    return [TaggedSentence(tuple(line.split())) for line in lines if line.strip()], []


def rewrite_words(lines: list[str], predictions: list[Prediction], layout: Layout) -> Iterator[str]:
    texts = (line for line in lines if line.strip())
    for line, tags in zip(texts, predictions, strict=True):
        yield from (f"{word}\t{tag}" for word, tag in zip(line.split(), tags, strict=True))
        yield ""
