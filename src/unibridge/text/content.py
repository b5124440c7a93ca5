"""What a file holds, told from its lines and not from its name.

A corpus is read as what it is, with a note of what was taken for what; a label file that holds
another format than its reader's is refused.
"""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

from unibridge.errors import UnibridgeError
from unibridge.text.columns import UPOS
from unibridge.text.documents import records_of
from unibridge.text.files import Form, not_csv, stream_lines
from unibridge.text.headers import is_known_header, named_roles, text_key
from unibridge.text.schemes import is_entity_tag
from unibridge.text.values import MARK, Repaired, json_object, text_value, whole_characters

Kind = Literal[
    "text", "json lines", "json", "table", "numbered", "columns", "conllu", "tagged text", "markup"
]

HEAD = 200
"""Lines that tell what a file holds."""

_NAMES: dict[Kind, str] = {
    "json lines": "JSON lines",
    "json": "JSON",
    "table": "a table with the names of its columns",
    "numbered": "numbered lines",
    "columns": "a table",
    "conllu": "CoNLL",
    "tagged text": "text between tags",
    "markup": "XML or HTML",
}
_TAG = re.compile(r"\s*</?[A-Za-z][\w:.-]*(\s[^<>]*)?/?>\s*")
_DOCUMENT_MARK = re.compile(r"\s*</?(doc|text|document|page)(\s[^<>]*)?>\s*", re.IGNORECASE)
_INLINE = re.compile(r"</?[A-Za-z][\w:.-]*(\s[^<>]*)?/?>")
_DOCUMENT = re.compile(
    r"\s*(<!--(?:(?!-->)[\s\S])*-->\s*)*"
    r"<(\?xml|!doctype|html|mediawiki|tmx|tei|teicorpus|xliff|rss|feed)\b",
    re.IGNORECASE,
)
_INLINE_SHARE = 0.2
_BEGINNING, _FEW_ROWS = 4096, 3
"""Characters of a line that tell what stands within."""
# a row of CSV whose first cell is quoted and whose last is short
_QUOTED_ROW = re.compile(r'"(?:[^"]|"")*"(,("(?:[^"]|"")*"|[^," ]*))+')
# formats that hold text among other things, by how they begin
_OTHERS = {
    "RTF": re.compile(r"\s*\{\\rtf"),
    "LaTeX": re.compile(r"\s*\\(documentclass|begin\{|usepackage)"),
    "SQL": re.compile(r"(--.*\n|/\*.*\n)*(INSERT INTO|CREATE TABLE|DROP TABLE) "),
    "BibTeX": re.compile(r"(%.*\n)*@[A-Za-z]+\{[^\s,]*,"),
    "Python's dictionaries, where JSON has double quotes": re.compile(r"\s*\[?\s*\{\s*'[^']*'\s*:"),
    "word vectors": re.compile(r"(\d+ \d+\n)?(\S+( -?\d*\.\d+(e-?\d+)?){3,} ?(\n|$)){2}"),
    "subtitles": re.compile(r"(WEBVTT|(\d+\n)?[\d:.,]+ --> [\d:.,]+)"),
    "a PO catalogue": re.compile(r"(#.*\n)*msg(id|ctxt) \""),
    "a web archive": re.compile(r"WARC/\d"),
    "mail": re.compile(
        r"(?=[\s\S]*(@|Message-ID|MIME-Version|Received: |Return-Path))"
        r"(From \S+@.*\n)?((From|To|Subject|Date|Message-ID|MIME-Version|Received|Return-Path"
        r"|Delivered-To|Reply-To|Content-[A-Za-z-]+|X-[A-Za-z-]+): [^\t\n]*\n([ \t].*\n)*){2}"
    ),
    "YAML": re.compile(r"(---\n)?[A-Za-z_]+: .*\n([A-Za-z_]+: .*\n)*---(\n|$)"),
}
_WORD = re.compile("[^ ]+")
_SLASHED = re.compile(r"\S*[^\s]([/_|])[A-Z$]{1,5}")
# what is no text of its own but stands in lines that are: how much of them is told
_WITHIN = {
    "wiki markup": re.compile(r"\[\[.*\]\]|\{\{|'''|^==.*==\s*$|^\{\||^\|-"),
    "tags of HTML": re.compile(
        r"<(br|p|b|i|u|a|span|div|li|ul|td|tr|ref|sup|sub|img)\b[^<>]*/?>", re.I
    ),
    "words in pieces, as a tokenizer cuts them": re.compile(r"\S@@ |(^| )\u2581\S.* \u2581\S"),
}


@dataclass(frozen=True)
class Content:
    """kind: what the lines are. separator: between columns, where there are any. columns: their
    number."""

    kind: Kind
    separator: str = ""
    columns: int = 1
    called: str = ""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return self.called or _NAMES.get(self.kind, self.kind)


def recognise(head: Sequence[str]) -> Content:
    """What a file holds, from its first lines."""
    rows = [line.lstrip(MARK) for line in head if line.strip().strip(MARK)]
    if not rows:
        return Content("text")
    start = "\n".join(rows[:10])
    for name, begins in _OTHERS.items():
        if begins.match(start):
            return Content("markup", called=name)
    found = _json_content(rows) or _markup_content(rows) or _table_content(rows)
    return found or Content("text")


def _json_content(rows: Sequence[str]) -> Content | None:
    if rows[0].lstrip()[:1] not in ("{", "["):
        return None
    whole = [_is_object(line) for line in rows[:5]]
    if all(whole):
        return Content("json lines")
    start = " ".join(rows[:5])
    if re.match(r'\s*(\[\s*)?\{\s*"(?:[^"\\]|\\.)*"\s*:', start):
        return Content("json")
    if re.match(r'\s*(\[\s*)+"', start) and rows[-1].rstrip().endswith(("]", ",")):
        return Content("json")
    # numbers and brackets alone are no text
    return Content("json") if re.fullmatch(r"[\s\[\]{},:.\d+-]*", start) else None


def is_document(head: Sequence[str], found: Content) -> bool:
    """Whether a file is a JSON document, of its first lines and what they were recognised as: an
    array, or an object with a list of objects, rather than a record a line."""
    rows = [line.lstrip(MARK).strip() for line in head if line.strip()]
    if found.kind == "json":
        return True
    if found.kind != "json lines" or len(rows) != 1:
        return False
    try:
        record = json.loads(rows[0])
    except (ValueError, RecursionError):
        return False
    lists = (v for v in record.values() if isinstance(v, list) and v)
    return isinstance(record.get("data"), dict) or any(isinstance(v[0], dict) for v in lists)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        # a line that means to be one and is broken is said where it is read
        return re.match(r'\s*\{\s*"[^"]*"\s*:.*\}\s*$', line) is not None


def _markup_content(rows: Sequence[str]) -> Content | None:
    if _DOCUMENT.match("\n".join(rows[:10])):
        return Content("markup")
    alone = sum(_TAG.fullmatch(line) is not None for line in rows)
    inline = sum(_INLINE.search(line) is not None for line in rows) - alone
    if _TAG.match(rows[0]) and inline > _INLINE_SHARE * (len(rows) - alone):
        return Content("markup")
    closed = sum("</" in line and _INLINE.search(line) is not None for line in rows)
    if closed - alone > max(1, _INLINE_SHARE * len(rows)):
        return Content("markup")
    # documents may be joined, the first without its mark
    if _TAG.fullmatch(rows[0]) or any(_DOCUMENT_MARK.fullmatch(line) for line in rows):
        rest = [line for line in rows if not _TAG.fullmatch(line)]
        # in columns all the same, where there are tabs
        table = _table_content(rest) if any("\t" in line for line in rest) else None
        return table or Content("tagged text")
    return None


def _table_content(rows: Sequence[str]) -> Content | None:
    for separator in ("\t", ",", ";", "|"):
        if separator not in rows[0]:
            continue
        try:
            cells = list(csv.reader((f"{row}\n" for row in rows), delimiter=separator))
        except csv.Error:
            continue
        widths = {len(one) for one in cells[: max(2, len(cells) - 1)]}
        if len(cells) > 1 and len(widths) == 1 and is_known_header(cells[0]):
            return Content("table", separator, widths.pop())
    tabs = {line.count("\t") for line in rows if not line.startswith("#")}
    if len(tabs) == 1 and (count := tabs.pop()) and len(rows) > 1:
        if count == 9:
            return Content("conllu", "\t", 10)
        first = [line.split("\t")[0] for line in rows if not line.startswith("#")]
        last = [line.split("\t")[-1] for line in rows if not line.startswith("#")]
        if all(map(is_entity_tag, last)):
            return Content("conllu", "\t", count + 1)
        if all(cell.strip().isdigit() for cell in first):
            return Content("numbered", "\t", count + 1)
        return Content("columns", "\t", count + 1)
    if len(rows) > 1 and all(" ||| " in line for line in rows):
        return Content("columns", "|||", 1 + rows[0].count(" ||| "))
    if len(rows) > 2 and all(map(_QUOTED_ROW.fullmatch, rows)):
        return Content("columns", ",", 2)
    if width := _spaced_columns(rows):
        return Content("conllu", " ", width)
    if mark := _slashed(rows):
        named = {"/": "a slash", "_": "an underline", "|": "a bar"}[mark]
        return Content("conllu", mark, 2, called=f"words with their tags behind {named}")
    return None


def _spaced_columns(rows: Sequence[str]) -> int:
    """How many columns stand between single spaces, the last of them tags; 0: no such columns."""
    words = [row for row in rows if not row.startswith(("#", "-DOCSTART-"))]
    widths = {row.count(" ") + 1 for row in words}
    if len(words) < _FEW_ROWS or len(widths) != 1 or widths == {1}:
        return 0
    last = [row.rpartition(" ")[2] for row in words]
    tags = all(is_entity_tag(tag) or tag in UPOS for tag in last)
    # plain types, such as LOC, with an O for whatever is none
    plain = "O" in last and all(tag.isascii() and tag.isupper() for tag in last)
    return widths.pop() if tags or plain else 0


def _slashed(rows: Sequence[str]) -> str:
    """What stands between every word and its tag; "" where something else stands there."""
    mark, count = "", 0
    for found in (_SLASHED.fullmatch(word[0]) for row in rows for word in _WORD.finditer(row)):
        if found is None or (mark and found[1] != mark):
            return ""
        mark, count = found[1], count + 1
    return mark if count > 3 else ""


def texts_of(path: Path, notes: list[str], form: Form | None = None) -> Iterator[str]:
    """The lines of text that a file holds, whatever its format; notes of what was taken for what.

    form: filled meanwhile, see `stream_lines`.

    Raises UnibridgeError, with file and line, where a format has no text, or does not say where.
    """
    lines = stream_lines(path, form)
    head = list(islice(lines, HEAD))
    everything = chain(head, lines)
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    found = recognise(head)
    if suffix == ".jsonl" and found.kind != "json":
        found = Content("json lines")
    if found.kind == "json lines":
        if suffix != ".jsonl":
            notes.append(f"{path}: holds JSON lines, read as such")
        return _json_texts(path, everything, notes)
    if found.kind == "json":
        notes.append(f"{path}: holds JSON, read as such")
        return _json_document(path, everything, notes)
    if found.kind == "tagged text":
        return _untagged(path, everything, notes)
    if found.kind == "numbered" and found.columns == 2:
        notes.append(f"{path}: lines begin with a number and a tab, which are left out")
        return (line.partition("\t")[2] for line in everything)
    single = suffix in (".csv", ".tsv") and found.kind == "text"
    if found.kind == "table" or single:
        return _column(path, everything, head, found, notes)
    if found.kind != "text":
        raise UnibridgeError(
            f"this is {found.name}, not plain text"
            + (f": every line has {found.columns} columns" if found.columns > 1 else ""),
            where=f"{path}:1",
            do="take the text out of it, a sentence or paragraph a line"
            + (", such as: cut -f1 FILE > NEW_FILE" if found.separator == "\t" else ""),
        )
    notes += _within(path, head)
    return everything


def _within(path: Path, head: Sequence[str]) -> list[str]:
    """Notes of what stands within many of the first lines, and is no text of its own."""
    # the beginning of a line that is a whole text is like the rest of it
    rows = [line[:_BEGINNING] for line in head if line.strip()]
    notes = []
    for what, pattern in _WITHIN.items():
        count = sum(pattern.search(line) is not None for line in rows)
        if count > max(1, _INLINE_SHARE * len(rows)):
            notes.append(
                f"{path}: {what} in {count} of the first {len(rows)} lines; they are kept as they "
                "are: take it out if it is not meant"
            )
    return notes


def _json_texts(path: Path, lines: Iterator[str], notes: list[str]) -> Iterator[str]:
    repaired = Repaired()
    told: set[str] = set()
    for number, line in enumerate(lines, start=1):
        if line.strip():
            where = f"{path}:{number}"
            yield from _texts_in(json_object(line, where, repaired), where, path, notes, told)
    notes += repaired.note(path)


def _texts_in(
    record: dict[str, Any], where: str, path: Path, notes: list[str], told: set[str]
) -> list[str]:
    key = text_key(record)
    if key is None:
        raise UnibridgeError(
            'no string under "text"',
            where=where,
            do=f"name the key of the text so; there are {', '.join(list(record)[:8]) or 'none'}",
        )
    if key != "text" and key not in told:
        told.add(key)
        notes.append(f"{path}: the text is taken from {key!r}")
    return text_value(record[key], key, where).split("\n")


def _json_document(path: Path, lines: Iterator[str], notes: list[str]) -> Iterator[str]:
    repaired = Repaired()
    told: set[str] = set()
    for number, record in enumerate(records_of(lines, path), start=1):
        where = f"{path}: record {number}"
        if isinstance(record, dict):
            line = json.dumps(record)
            yield from _texts_in(json_object(line, where, repaired), where, path, notes, told)
        else:
            yield from whole_characters(text_value(record, "text", where)).split("\n")
    notes += repaired.note(path)


def _untagged(path: Path, lines: Iterator[str], notes: list[str]) -> Iterator[str]:
    dropped = 0
    for line in lines:
        if _TAG.fullmatch(line):
            dropped += 1
        else:
            yield line
    notes.append(f"{path}: lines that are nothing but a tag, such as <doc …>, left out: {dropped}")


def _column(
    path: Path, lines: Iterator[str], head: Sequence[str], found: Content, notes: list[str]
) -> Iterator[str]:
    """The text's column of a table."""
    plain = path.name.removesuffix(".gz").lower()
    separator = found.separator or ("," if plain.endswith(".csv") else "\t")
    reader = csv.reader(
        (f"{line}\n" for line in lines),
        delimiter=separator,
        quoting=csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL,
        strict=True,
    )
    first = next(csv.reader([head[0]], delimiter=separator)) if head else []
    place = 0
    if found.kind == "table" or is_known_header(first):
        place = named_roles(first)[0] or 0
        notes.append(f"{path}:1: taken for the columns' names; the text is {first[place]!r}")
        next(reader)
    elif len(first) > 1:
        raise UnibridgeError(
            f"a table of {len(first)} columns, and none is called text",
            where=f"{path}:1",
            do="name the column of the text `text` in a first line; plain text has the suffix .txt",
        )
    start = reader.line_num + 1
    try:
        for cells in reader:
            if cells and len(cells) != max(1, len(first)):
                raise UnibridgeError(
                    f"{len(cells)} instead of {max(1, len(first))} columns",
                    where=f"{path}:{start}",
                    do="a text with commas stands in quotes; plain text has the suffix .txt",
                )
            if cells:
                yield from cells[place].split("\n")
            start = reader.line_num + 1
    except csv.Error as error:
        raise not_csv(error, f"{path}:{start}") from error


def refuse_other(path: str | Path, reader: str, lines: Iterator[str]) -> None:
    """Raise UnibridgeError where the first lines of a label file are not of its reader's format."""
    head = list(islice(lines, HEAD))
    found = recognise(head)
    never: tuple[Kind, ...] = ("json lines", "json", "markup")
    wrong: dict[str, tuple[Kind, ...]] = {
        "jsonl": ("json", "markup", "table", "conllu"),
        "questions": ("json", "markup", "table", "conllu"),
        "json": ("markup", "table", "conllu"),
        "text": (*never, "table", "conllu"),
        "words": (*never, "table", "conllu", "columns"),
        "squad": ("markup", "table", "conllu"),
    }
    if found.kind not in wrong.get(reader, never):
        return
    better = {"json lines": "jsonl", "conllu": "conllu or conll"}.get(found.kind, "")
    if found.kind == "columns" and found.separator == "\t":
        better = "conll"
    if found.kind == "table":
        better = "tsv" if found.separator == "\t" else "csv"
    raise UnibridgeError(
        f"this is {found.name}, not what the reader {reader!r} reads",
        where=f"{path}:1",
        do=f"name the file .{better.split(' or ')[0]}, or the reader {better}"
        if better
        else "write one JSON object a line (.jsonl), or a table (.tsv, .csv)",
    )
