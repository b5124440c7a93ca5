"""Values at the door: what a reader takes from JSON or a cell is checked and repaired here.

Nothing that is not there becomes a word: null, NaN and the like are errors with their line. Half a
surrogate pair, which no UTF-8 file can hold, becomes U+FFFD.
"""

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.entities import html5
from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.text.examples import LabelledText

# space, and characters that nobody sees
_INVISIBLE = "".join(
    character
    for character in map(chr, (*range(0x3001), 0xFEFF))
    if character.isspace()
    or re.fullmatch(r"[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]", character)
)
MARK = "\ufeff"
"""A byte order mark, which stands within a file that was joined from several."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")
# what other tools write where a table has no value
_MISSING = frozenset(
    (  # noqa: SIM905
        "nan NaN NAN None NONE null Null NULL nil <NA> <NULL> NaT N/A n/a #N/A #NA #REF! #VALUE! "
        "#DIV/0! #NAME? #NUM! #NULL! \\N ? - -- undefined"
    ).split()
)


COLUMN_DOUBT = "is this the column of the labels? (`columns`)"
"""How the note ends of labels that hardly recur."""
_REFERENCE = re.compile(r"&(?:#[0-9]{2,7}|#[xX][0-9A-Fa-f]{2,6}|([A-Za-z][A-Za-z0-9]{1,30}));")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufeff]")
# the bytes of a letter beyond ASCII, or of a quotation mark, one by one in Latin-1 or Windows-1252
_CP1252 = "".join(bytes([byte]).decode("cp1252", "ignore") for byte in range(0x80, 0xA0))
_TAIL = f"[\u0080-\u00bf{_CP1252}]"
_MISREAD = re.compile(
    f"[\u00c3\u00c2][\u0080-\u00bf]|\u00e2\u20ac[\u0080-\u2122]"
    # letters of two bytes (Greek to Arabic) and of three (most other scripts), several of them
    f"|([\u00cd-\u00df]{_TAIL}){{3}}|([\u00e0-\u00ef]{_TAIL}{{2}}){{2}}"
)
_LEADS = re.compile("[\u00c2-\u00ef]")
# characters by their numbers, as programming languages and mail write them
_ESCAPES = re.compile(
    r"\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}|(?:\\x[0-9A-Fa-f]{2}){2}"
    r"|(?:=[C-F][0-9A-F](?:=[89AB][0-9A-F])+){2}"
)
_FEW_CLASSES = 50
_MANY_CLASSES = 1000
_FEW_TEXTS = 7


def is_blank(line: str) -> bool:
    """Whether nobody sees anything on a line."""
    return not line.strip() or (len(line) < 9 and not line.isprintable() and not trimmed(line))


def trimmed(text: str) -> str:
    """A text without the space and the invisible characters around it."""
    return text.strip(_INVISIBLE)


def whole_characters(text: str) -> str:
    """The text with halves of surrogate pairs as U+FFFD."""
    return _SURROGATE.sub("\ufffd", text)


@dataclass
class Repaired:
    """Records that `json_object` repaired: how many, and where the first stands."""

    count: int = 0
    first: str = ""

    def add(self, where: str) -> None:
        """One more; where: file:line, or file: place."""
        place = where.rpartition(":")[2]
        self.count += 1
        self.first = self.first or (place.strip() if " " in place else f"line {place}")

    def note(self, path: object) -> list[str]:
        """A counted note, where there are any."""
        if not self.count:
            return []
        return [
            f"{path}: halves of characters (lone surrogates), read as U+FFFD: in {self.count} "
            f"records, the first on {self.first}"
        ]


@dataclass
class OddCharacters:
    """Characters that stand for others in texts that stay as they are, counted.

    references: lines with HTML's names of characters (`&amp;`, `&#39;`). returns: lines with a
    carriage return within, which old files end their lines with. controls: with other characters
    that nobody sees, such as NUL or a byte order mark. misread: with what UTF-8 looks like where it
    was read as another encoding (`Ã©`).
    """

    seen: int = 0
    references: int = 0
    returns: int = 0
    controls: int = 0
    misread: int = 0
    escapes: int = 0
    first: dict[str, str] = field(default_factory=dict)

    def add(self, text: str, line: int = 0) -> None:
        """One more; line: where it stands, 0 where that is not known."""
        self.seen += 1
        where = f", the first on line {line}" if line else ""
        if "&" in text and (name := _reference(text)):
            self.references += 1
            self.first.setdefault("references", f"such as {name!r}{where}")
        if "\r" in text:
            self.returns += 1
            self.first.setdefault("returns", where)
        # searching takes its time, and most lines have nothing to be found
        if not text.isprintable() and (found := _CONTROL.search(text)):
            self.controls += 1
            self.first.setdefault("controls", f"such as U+{ord(found[0]):04X}{where}")
        if ("\\" in text or "=" in text) and (found := _ESCAPES.search(text)):
            self.escapes += 1
            self.first.setdefault("escapes", f"such as {found[0]!r}{where}")
        # of two bytes and more, of which the first is one of these in Latin-1
        if not text.isascii() and (said := _misread(text)):
            self.misread += 1
            self.first.setdefault("misread", f"such as {said!r}{where}")

    def notes(self, path: object, what: str = "lines") -> list[str]:
        """Counted notes; what: the texts that were added are."""
        notes = []
        if self.references:
            notes.append(
                f"{path}: {what} with HTML's names of characters, {self.first['references']}: "
                f"{self.references:,} of {self.seen:,}; they are kept as they are (html.unescape)"
            )
        if self.controls:
            notes.append(
                f"{path}: {what} with control characters or byte order marks within, "
                f"{self.first['controls']}: {self.controls:,} of {self.seen:,}; they are kept"
            )
        if self.escapes:
            notes.append(
                f"{path}: {what} with characters by their numbers, {self.first['escapes']}: "
                f"{self.escapes:,} of {self.seen:,}; they are kept as they are"
            )
        if self.misread:
            notes.append(
                f"{path}: {what} that look like UTF-8 which was read as another encoding, "
                f"{self.first['misread']}: {self.misread:,} of {self.seen:,}"
            )
        if self.returns:
            notes.append(
                f"{path}: {what} with a carriage return within, as old files end their lines: "
                f"{self.returns:,} of {self.seen:,}{self.first['returns']}; they are not parted"
            )
        return notes


def _misread(text: str) -> str:
    """The first of a text that another encoding has made of letters; "" where there is none."""
    for lead in _LEADS.finditer(text):
        if found := _MISREAD.match(text, lead.start()):
            return found[0]
    return ""


def _reference(text: str) -> str:
    for match in _REFERENCE.finditer(text):
        if match[1] is None or f"{match[1]};" in html5:
            return match[0]
    return ""


def strict_json(where: str) -> dict[str, Any]:
    """What `json.loads` is told, so that NaN and a key that stands twice are errors."""

    def refuse(name: str) -> None:
        raise UnibridgeError(
            f"not valid JSON: {name} is no value of it",
            where=where,
            do="write null where there is none, or leave the line out",
        )

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            (name, _), *_ = Counter(key for key, _ in pairs).most_common(1)
            raise UnibridgeError(
                f"the key {name!r} stands twice in an object", where=where, do="keep one of the two"
            )
        return made

    return {"parse_constant": refuse, "object_pairs_hook": once}


@contextmanager
def readable_json(where: str) -> Iterator[None]:
    """What Python's reader of JSON gives up on, beside wrong syntax, told as the user's mistake."""
    try:
        yield
    except json.JSONDecodeError:
        raise
    except RecursionError as error:
        raise UnibridgeError("JSON that is nested too deeply", where=where) from error
    except ValueError as error:
        raise UnibridgeError(
            f"JSON that cannot be read ({str(error).partition(';')[0]})", where=where
        ) from error


def json_object(line: str, where: str, repaired: Repaired | None = None) -> dict[str, Any]:
    """The object on a line of JSON; `where` is file:line, for errors and noted in `repaired`."""

    try:
        with readable_json(where):
            record = json.loads(line.lstrip(MARK), **strict_json(where))
    except json.JSONDecodeError as error:
        raise UnibridgeError(
            f"not valid JSON ({error.msg} at column {error.colno})",
            where=where,
            do="write one JSON object a line",
        ) from error
    if not isinstance(record, dict):
        raise UnibridgeError("not a JSON object", where=where, do='write {"text": "..."} a line')
    if _ESCAPED.search(line):
        mended = whole_values(record)
        if mended != record:
            if repaired is not None:
                repaired.add(where)
            record = mended
    return record


def whole_values(value: Any) -> Any:
    """A value of JSON, all of its texts and keys as `whole_characters` has them."""
    if isinstance(value, str):
        return whole_characters(value)
    if isinstance(value, list):
        return [whole_values(one) for one in value]
    if isinstance(value, dict):
        return {whole_characters(key): whole_values(one) for key, one in value.items()}
    return value


def text_value(value: Any, name: str, where: str) -> str:
    """A string that is there; raises UnibridgeError, naming what stands in its place."""
    if not isinstance(value, str):
        raise UnibridgeError(
            f'"{name}" is {_said(value)}, not a string',
            where=where,
            do="write the text in quotes, or leave the record out",
        )
    return value


def label_value(value: Any, name: str, where: str) -> str | None:
    """A label from JSON: a string or a number; None for null."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    raise UnibridgeError(
        f'"{name}" is {_said(value)}, not a class',
        where=where,
        do="write one class a record, a string or a number",
    )


def too_many(classes: int, labelled: int) -> bool:
    """Whether so many different classes of so many examples are hardly meant as classes."""
    return classes > _MANY_CLASSES or classes > max(_FEW_CLASSES, labelled / 2)


def label_notes(path: str, examples: Sequence[LabelledText]) -> list[str]:
    """Counted warnings of texts and labels that read like another tool's missing value, of labels
    that hardly recur or differ in case or space alone, and of a text with several labels."""
    odd = OddCharacters()
    for one in examples:
        odd.add("\n".join(part for part in (one.text, one.second, one.label) if part), one.line)
    notes = odd.notes(path, "examples")
    labels = [(one.line, one.label) for one in examples if one.label]
    for what, told in (
        ("labels", labels),
        ("texts", [(one.line, one.text) for one in examples]),
    ):
        if missing := [(line, value) for line, value in told if value in _MISSING]:
            meant = "taken for a class" if what == "labels" else "taken for texts"
            notes.append(
                f"{path}: {what} that read like a missing value ({missing[0][1]!r}), {meant}: "
                f"{len(missing)}, the first on line {missing[0][0]}"
            )
    different = {label for _, label in labels}
    texts = {(one.text, one.second) for one in examples}
    swapped = len(examples) > _FEW_TEXTS and len(texts) <= len(different) / 2
    if swapped or too_many(len(different), len(labels)):
        notes.append(
            f"{path}: {len(different):,} different labels for {len(labels):,} examples"
            + (f" of {len(texts):,} different texts" if swapped else "")
            + f": {COLUMN_DOUBT}"
        )
    alike: dict[str, set[str]] = defaultdict(set)
    for label in different:
        plain = " ".join(label.casefold().split())
        alike[plain.removesuffix(".0") if plain[:-2].isdecimal() else plain].add(label)
    if double := [sorted(own) for own in alike.values() if len(own) > 1]:
        notes.append(
            f"{path}: labels that differ in case, space or writing alone, taken for classes of "
            f"their own: {', '.join(map(repr, sorted(double)[0]))}"
            + (f" and {len(double) - 1} more" if len(double) > 1 else "")
        )
    said: dict[tuple[str, str | None], set[str]] = defaultdict(set)
    for one in examples:
        if one.label:
            said[one.text, one.second].add(one.label)
    if torn := sum(len(own) > 1 for own in said.values()):
        notes.append(f"{path}: texts that stand there with several labels: {torn}")
    return notes


def _said(value: Any) -> str:
    names = {type(None): "null", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "a list" if isinstance(value, list) else "an object")
