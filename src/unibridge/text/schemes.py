"""Entity tags of any scheme as IOB2: B-TYPE begins an entity, I-TYPE goes on with it, O is outside.

Understood are IOB1, IOB2, IOE1, IOE2, IOBES, BILOU, BMES and BMEWO, with the letter before the type
or behind it (`B-PER`, `B_PER`, `PER-B`), letters without types, and types without letters. What a
letter means does not depend on which others occur, so a file of one-word entities is no exception.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from unibridge.errors import UnibridgeError
from unibridge.text.examples import Layout

UNTYPED = "ENTITY"
"""The type of entities whose tags are letters alone."""

_PART = {
    "B": "begin",
    "I": "inside",
    "M": "inside",
    "E": "end",
    "L": "end",
    "S": "single",
    "U": "single",
    "W": "single",
}
_SCHEMES = {"IOB": "BI", "IOE": "IE", "IOBES": "BIES", "BILOU": "BILU", "BMES": "BMES"} | {
    "BMEWO": "BMEW"
}
_OUTSIDE = ("O", "o")
# written for "no entity" where a column is blank otherwise; never the only tags of a file
_BLANK = ("_", "-")
_MARK = r"[-_:/.|\u2010-\u2015\u2212]"
_BEFORE = re.compile(rf"([BIMELSUW]){_MARK}(.+)", re.IGNORECASE | re.DOTALL)
_BEHIND = re.compile(rf"(.+){_MARK}([BIMELSUW])", re.IGNORECASE | re.DOTALL)
# What is more like a slip than like a plain type: a letter of no scheme, or one without a type or
# before another mark; a letter's name; brackets; a key; a word without any letter or digit.
_NO_TYPE = re.compile(
    r"[^\W\d_][\W_].*|.*[<>\[\](){}=].*|[\W_]+"
    rf"|(?:BEGIN|BEGINNING|INSIDE|INTERMEDIATE|MIDDLE|END|LAST|SINGLE|UNIT|OUTSIDE){_MARK}.*",
    re.DOTALL,
)
# what is printed like O and is another character: Cyrillic, Greek, full width, a circle
_LIKE_O = frozenset("\u041e\u043e\u039f\u03bf\uff2f\uff4f\u3007\u25cb")
# "B-B-PER": the letter stands twice; "E-E-MAIL" may be the end of an E-MAIL
_TWICE = re.compile(r"([BIMLSUW])[-_]\1[-_].+", re.IGNORECASE | re.DOTALL)
# "B-PER|B-ORG": two tags of one word
_SECOND_TAG = re.compile(r"[|,;+/&#^~!*\\\s](?:[BIMELSUW][-_:].|O$)")
# what other tools write for "no entity": a type of this name is none
_NOTHING = frozenset("NONE NULL NAN NIL OUT OUTSIDE NA N/A".split())  # noqa: SIM905
_NUMBER = re.compile(r"[-+]?\d+(\.0)?")

Kind = Literal["before", "behind", "letters", "plain", "number"]
_WRITTEN: dict[str, str] = {
    "before": "tags such as B-TYPE",
    "behind": "tags such as TYPE-B",
    "letters": "letters without a type",
    "plain": "types without B- or I-",
    "number": "numbers",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A word of a sentence with its tag ("" where there is none) and its line in the part."""

    line: int
    word: str
    tag: str


def is_entity_tag(tag: str) -> bool:
    """Whether a tag is O, or a type with a scheme's letter before it."""
    return tag in _OUTSIDE or _BEFORE.fullmatch(tag) is not None


def name_numbers(sentences: Sequence[Sequence[Row]], layout: Layout) -> list[list[str]]:
    """The tags of sentences, numbers among them by their names in `Layout.names`.

    Raises UnibridgeError, with the line, for numbers without a name: what they stand for is in
    nobody's file, and 0 is not always outside.
    """
    tags = [[row.tag for row in sentence] for sentence in sentences]
    seen = {tag for sentence in tags for tag in sentence if tag}
    if not seen or not layout.labelled or not all(map(_NUMBER.fullmatch, seen)):
        return tags
    return [[named(row.tag, row.line, layout) for row in sentence] for sentence in sentences]


def named(tag: str, line: int, layout: Layout) -> str:
    """The name of a class given by its number."""
    if not layout.names:
        raise UnibridgeError(
            f"the tags are numbers, such as {tag}, and nothing says what they stand for",
            where=layout.at(line),
            do="give their names in order, from 0: task.labels = [...] in a configuration, "
            "--label-names on the command line",
        )
    if not _NUMBER.fullmatch(tag) or not float(tag).is_integer():
        raise UnibridgeError(
            f"the label {tag!r} is neither one of the given names nor the number of one",
            where=layout.at(line),
            do=f"the names are {', '.join(layout.names[:8])}, numbered from 0",
        )
    number = int(float(tag))
    if not 0 <= number < len(layout.names):
        raise UnibridgeError(
            f"the tag {tag} has no name: {len(layout.names)} are given, for 0 to "
            f"{len(layout.names) - 1}",
            where=layout.at(line),
            do="give a name for every number in task.labels or --label-names",
        )
    return layout.names[number]


def iob2(sentences: Sequence[Sequence[Row]], layout: Layout) -> tuple[list[list[str]], list[str]]:
    """The tags of sentences as IOB2, and counted notes of what was written otherwise.

    layout: `expect` "entities" takes every file for entities; None does where its tags look like
    them; other tags stay as they are. Raises UnibridgeError, with the line, for a tag of another
    kind than the file's others, and for tags that are no entities.
    """
    tags = name_numbers(sentences, layout)
    rows = [
        Row(row.line, row.word, tag)
        for sentence, own in zip(sentences, tags, strict=True)
        for row, tag in zip(sentence, own, strict=True)
    ]
    if not layout.labelled or not _are_entities(rows, layout):
        seen = {row.tag for row in rows} - {"", *_OUTSIDE}
        if layout.expect == "words" and seen and all(map(is_entity_tag, seen)):
            return tags, [
                f"{layout.path}: all tags are entities', such as {min(seen)!r}: are these the "
                "tags that are meant? (`columns`)"
            ]
        return tags, []
    kind = _kind_of(rows, layout)
    changed: list[int] = []
    repaired: list[int] = []
    letters: set[str] = set()
    found = []
    for sentence, own in zip(sentences, tags, strict=True):
        parts = [_part(tag, kind) for tag in own]
        letters |= {letter for letter, _ in parts if letter}
        found.append(_as_iob2(parts, [row.line for row in sentence], kind, repaired))
    for row, tag in zip(rows, (tag for own in found for tag in own), strict=True):
        # a missing B- has a note of its own
        if tag != row.tag and not (kind == "before" and row.tag[:2] == "I-" and tag[:2] == "B-"):
            changed.append(row.line)
    notes = _notes(kind, letters, changed, repaired, layout)
    notes += _alike({tag[2:] for own in found for tag in own if tag != "O"}, layout)
    if layout.expect == "entities" and rows and all(tag == "O" for own in found for tag in own):
        notes.append(
            f"{layout.path}: all {len(rows)} tags are O: there is no entity to learn or to find"
        )
    return found, notes


def _are_entities(rows: Sequence[Row], layout: Layout) -> bool:
    if layout.expect == "entities":
        return True
    if layout.expect is not None:
        return False
    tags = {row.tag for row in rows} - set(_OUTSIDE)
    return any(tag[:2] in ("B-", "I-") for tag in tags) or (
        bool(tags) and all(map(is_entity_tag, tags))
    )


def _kinds(tag: str) -> list[Kind]:
    """The ways in which a tag can be written, likeliest first."""
    ways: list[Kind] = []
    if _BEFORE.fullmatch(tag):
        ways.append("before")
    if _BEHIND.fullmatch(tag):
        ways.append("behind")
    if tag in _PART:
        ways.append("letters")
    if _NUMBER.fullmatch(tag):
        ways.append("number")
    return ways or ["plain"]


def _kind_of(rows: Sequence[Row], layout: Layout) -> Kind:
    """How the tags of a file are written; raises UnibridgeError at the first that is not so."""
    counts = Counter(row.tag for row in rows if row.tag not in _OUTSIDE)
    blank = [tag for tag in counts if tag in _BLANK]
    if blank and len(blank) == len(counts):
        raise UnibridgeError(
            f"the tags are nothing but {' and '.join(map(repr, blank))}",
            where=layout.at(next(row.line for row in rows if row.tag in blank)),
            do="name the column that holds the tags: columns = { words = 0, tags = 1 }",
        )
    if odd := next((row for row in rows if row.tag in _LIKE_O), None):
        raise UnibridgeError(
            f"the tag {odd.tag!r} of {odd.word!r} looks like O and is U+{ord(odd.tag):04X}",
            where=layout.at(odd.line),
            do="write the letter O of ASCII",
        )
    ways = {tag: _kinds(tag) for tag in counts if tag not in _BLANK}
    if not ways:
        return "before"
    # of the ways in which a file may be written that of the most words
    order: tuple[Kind, ...] = ("before", "behind", "letters", "plain")
    weight = {kind: sum(counts[tag] for tag in ways if kind in ways[tag]) for kind in order}
    kind = max(order, key=lambda one: weight[one])
    for row in rows:
        if row.tag in ways and kind not in ways[row.tag]:
            raise UnibridgeError(
                f"the tag {row.tag!r} of {row.word!r} is not written as the others: they are O and "
                f"{_WRITTEN[kind]}, it is one of {_WRITTEN[ways[row.tag][0]]}",
                where=layout.at(row.line),
                do="write all tags alike",
            )
        if row.tag in ways and _SECOND_TAG.search(row.tag):
            raise UnibridgeError(
                f"the tag {row.tag!r} of {row.word!r} is more than one",
                where=layout.at(row.line),
                do="keep one tag a word, such as that of the longest entity",
            )
        if row.tag in ways and kind == "before" and _TWICE.fullmatch(row.tag):
            raise UnibridgeError(
                f"the tag {row.tag!r} of {row.word!r} has its letter twice",
                where=layout.at(row.line),
                do=f"write {row.tag[2:]}",
            )
        if row.tag in ways and kind == "plain" and _is_no_type(row.tag, ways):
            raise UnibridgeError(
                f"the tag {row.tag!r} of {row.word!r} is no entity type, and of no known scheme",
                where=layout.at(row.line),
                do=f"write B-TYPE, I-TYPE and O (or, before a type, any of {', '.join(_PART)})",
            )
    if kind == "plain" and not any(row.tag in (*_OUTSIDE, *_BLANK) for row in rows):
        first = rows[0]
        raise UnibridgeError(
            f"no word is O, and each has a type, such as {first.tag!r}: these are no entity tags",
            where=layout.at(first.line),
            do="write B-TYPE, I-TYPE and O, or choose the task pos for tags of all words",
        )
    return kind


def _is_no_type(tag: str, tags: Collection[str]) -> bool:
    """Whether a tag, among others, is not simply a type: X-LOC, B(LOC), or BLOC beside ILOC."""
    both = {f"B{tag[1:]}", f"I{tag[1:]}"}
    if tag.upper() in _NOTHING:
        return True
    return _NO_TYPE.fullmatch(tag) is not None or (tag in both and both <= {*tags})


def _part(tag: str, kind: Kind) -> tuple[str, str]:
    """(letter, type) of a tag; "" for both outside."""
    if tag in _OUTSIDE or tag in _BLANK:
        return "", ""
    if kind == "plain":
        return "I", tag
    if kind == "letters":
        return tag, UNTYPED
    match = (_BEFORE if kind == "before" else _BEHIND).fullmatch(tag)
    if match is None:
        raise ValueError(f"{tag!r} is not written as {kind}")
    letter, entity = match.groups() if kind == "before" else match.groups()[::-1]
    return letter.upper(), entity.strip()


def _as_iob2(
    parts: Sequence[tuple[str, str]], lines: Sequence[int], kind: Kind, repaired: list[int]
) -> list[str]:
    """One sentence; lines of entities that go on without having begun go to `repaired`."""
    tags = []
    open_type: str | None = None
    for (letter, entity), line in zip(parts, lines, strict=True):
        if not letter:
            tags.append("O")
            open_type = None
            continue
        part = _PART[letter]
        goes_on = part in ("inside", "end") and open_type == entity
        if part == "inside" and not goes_on and kind == "before":
            repaired.append(line)
        tags.append(("I-" if goes_on else "B-") + entity)
        open_type = None if part in ("end", "single") else entity
    return tags


def _alike(types: Collection[str], layout: Layout) -> list[str]:
    """A note of types that differ in case or in marks alone, of which each is learnt apart."""
    written: dict[str, list[str]] = {}
    for entity in sorted(types):
        plain = "".join(filter(str.isalnum, entity.casefold())) or entity
        written.setdefault(plain, []).append(entity)
    double = [own for own in written.values() if len(own) > 1]
    if not double:
        return []
    return [
        f"{layout.path}: entity types that differ in case or marks alone, taken for types of their "
        f"own: {', '.join(map(repr, double[0]))}"
        + (f" and {len(double) - 1} more" if len(double) > 1 else "")
    ]


def _notes(
    kind: Kind, letters: set[str], changed: list[int], repaired: list[int], layout: Layout
) -> list[str]:
    notes = []
    if changed:
        scheme = next((s for s, own in _SCHEMES.items() if letters <= set(own)), "mixed letters")
        written = f"{_WRITTEN[kind]}, neighbouring words of a type as one entity"
        if kind != "plain":
            written = f"tags in {scheme}" if kind == "before" else f"{_WRITTEN[kind]} ({scheme})"
        notes.append(
            f"{layout.path}: {written}, read as IOB2: {len(changed)} written otherwise, "
            f"the first on line {layout.before + changed[0]}"
        )
    if repaired:
        notes.append(
            f"{layout.path}: I- tags without their B-, read as B-: {len(repaired)} in all, "
            f"the first on line {layout.before + repaired[0]}"
        )
    return notes
