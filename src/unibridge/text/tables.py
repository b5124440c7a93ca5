"""File formats of texts with a class: TSV, CSV, JSON lines, and plain text."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from unibridge.errors import UnibridgeError, unknown_name
from unibridge.text.corpus import parse_json_line
from unibridge.text.examples import (
    Example,
    LabelledText,
    Layout,
    Parsed,
    Prediction,
    TaggedSentence,
    refuse_labelled,
)

# --- tables, a text a row: classes -------------------------------------------------------------

_NAMES = {
    "text": ("text", "premise", "sentence1", "sentence"),
    "second": ("second", "hypothesis", "sentence2"),
    "label": ("label", "category", "gold_label"),
}


@dataclass(frozen=True)
class _Table:
    """Rows with their line numbers, and which column holds what (None: absent).

    header: where it is among the lines, so not in a later part of a file.
    """

    rows: list[tuple[int, list[str]]]
    header: list[str] | None
    text: int
    second: int | None
    label: int | None


def _table(lines: list[str], layout: Layout, split: Callable) -> _Table:
    rows = [row for row in split(lines, layout) if any(cell.strip() for cell in row[1])]
    if not rows:
        return _Table([], None, 0, None, None)
    head: tuple[int, list[str]] | None = layout.whole.get("head")
    later = head is not None and layout.before >= head[0]
    first_line, first = head if head is not None and later else rows[0]
    header = _header(first, layout)
    body = rows[1:] if header and not later else rows
    width = len(first)
    for number, cells in body:
        if len(cells) != width:
            raise UnibridgeError(
                f"{len(cells)} instead of {width} columns", where=layout.at(number)
            )
    roles = _roles(header, width, first_line, layout)
    return _Table(body, None if later else header, *roles)


def _header(first: list[str], layout: Layout) -> list[str] | None:
    names = [cell.strip() for cell in first]
    by_name = any(isinstance(column, str) for column in layout.columns.values())
    return names if by_name or _named(names, "text") is not None else None


def _named(header: list[str], role: str) -> int | None:
    lowered = [name.lower() for name in header]
    return next((lowered.index(name) for name in _NAMES[role] if name in lowered), None)


def _roles(
    header: list[str] | None, width: int, line: int, layout: Layout
) -> tuple[int, int | None, int | None]:
    """Columns of the text, the second text and the label: by header, else by their number."""
    places: dict[str, int | None] = dict.fromkeys(_NAMES)
    if header:
        places = {role: _named(header, role) for role in _NAMES}
    elif width <= 2:
        places["text"] = 0
        places["second" if layout.expect == "pair" else "label"] = 1 if width == 2 else None
    elif width == 3 and layout.expect != "text":
        places = {"text": 0, "second": 1, "label": 2}
    for role, column in layout.columns.items():
        if role not in places:
            raise unknown_name("column role", role, places, where=layout.path)
        places[role] = _place(column, header, width, line, layout)
    needed = {
        "text": True,
        "second": layout.expect == "pair",
        "label": layout.labelled,
    }
    missing = [role for role, wanted in needed.items() if wanted and places[role] is None]
    if missing or places["text"] is None:
        raise UnibridgeError(
            f"no column for {' and '.join(missing)} among {width}",
            where=layout.at(line),
            do="add a header (text, label or premise, hypothesis, label), or set `columns`",
        )
    second = None if layout.expect == "text" else places["second"]
    return places["text"], second, places["label"]


def _place(
    column: str | int, header: list[str] | None, width: int, line: int, layout: Layout
) -> int:
    if isinstance(column, str):
        if column not in (header or []):
            raise unknown_name("column", column, header or [], where=layout.at(line))
        return (header or []).index(column)
    if not -width <= column < width:
        raise UnibridgeError(f"no column {column} among {width}", where=layout.at(line))
    return column % width


def _parse_table(lines: list[str], layout: Layout, split: Callable) -> Parsed:
    table = _table(lines, layout, split)
    examples: list[Example] = []
    for number, cells in table.rows:
        second = None if table.second is None else cells[table.second].strip()
        label = None if table.label is None else cells[table.label].strip()
        examples.append(_text_example(cells[table.text].strip(), second, label, number, layout))
    return examples, []


def _text_example(
    text: str, second: str | None, label: str | None, line: int, layout: Layout
) -> LabelledText:
    if not text or second == "":
        raise UnibridgeError("an empty text", where=layout.at(line))
    if not label and layout.labelled:
        raise UnibridgeError("a text without a label", where=layout.at(line))
    return LabelledText(text, second, label or None)


def _predicted_rows(
    lines: list[str], predictions: list[Prediction], layout: Layout, split: Callable
) -> Iterator[list[str]]:
    table = _table(lines, layout, split)
    if table.header:
        yield table.header + (["label"] if table.label is None else [])
    for (_, cells), prediction in zip(table.rows, predictions, strict=True):
        cells = list(cells)
        if table.label is None:
            cells.append(str(prediction))
        else:
            cells[table.label] = str(prediction)
        yield cells


def _head(lines: Iterable[str], layout: Layout, split: Callable) -> dict[str, Any]:
    """A table's first row with its line: the header, or what says how many columns there are."""
    rows = (row for row in split(lines, layout) if any(cell.strip() for cell in row[1]))
    return {"head": next(rows, None)}


def _split_tsv(lines: Iterable[str], layout: Layout) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, start=1):
        yield number, line.split("\t")


def _split_csv(lines: Iterable[str], layout: Layout) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader((line + "\n" for line in lines), strict=True)
    start = 1
    try:
        for cells in reader:
            yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        raise UnibridgeError(f"not CSV ({error})", where=layout.at(start)) from error


def parse_tsv(lines: list[str], layout: Layout) -> Parsed:
    return _parse_table(lines, layout, _split_tsv)


def survey_tsv(lines: Iterator[str], layout: Layout) -> dict[str, Any]:
    return _head(lines, layout, _split_tsv)


def rewrite_tsv(lines: list[str], predictions: list[Prediction], layout: Layout) -> Iterator[str]:
    for cells in _predicted_rows(lines, predictions, layout, _split_tsv):
        yield "\t".join(cells)


def parse_csv(lines: list[str], layout: Layout) -> Parsed:
    return _parse_table(lines, layout, _split_csv)


def survey_csv(lines: Iterator[str], layout: Layout) -> dict[str, Any]:
    return _head(lines, layout, _split_csv)


def records(lines: Iterator[str]) -> Iterator[list[str]]:
    """Units of CSV: the lines of a record, of which a quoted cell may hold several."""
    taken: list[str] = []

    def noted() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line + "\n"

    try:
        for _ in csv.reader(noted(), strict=True):
            yield taken.copy()
            taken.clear()
    except csv.Error:  # said with its line where these lines are parsed
        yield [*taken, *lines]


def rewrite_csv(lines: list[str], predictions: list[Prediction], layout: Layout) -> Iterator[str]:
    for cells in _predicted_rows(lines, predictions, layout, _split_csv):
        row = io.StringIO()
        csv.writer(row, lineterminator="\n").writerow(cells)
        yield row.getvalue().removesuffix("\n")


# --- JSON lines, for texts and for words ---------------------------------------------------------

_WORD_KEYS = ("words", "tokens")
_TAG_KEYS = ("tags", "ner_tags", "upos", "pos_tags")


def _json_rows(lines: list[str], layout: Layout) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, parse_json_line(line, layout.at(number))


def _key(record: dict[str, Any], role: str, known: Sequence[str], layout: Layout) -> str | None:
    asked = layout.columns.get(role)
    if asked is not None:
        return str(asked) if str(asked) in record else None
    return next((name for name in known if name in record), None)


def parse_jsonl(lines: list[str], layout: Layout) -> Parsed:
    examples = [_json_example(record, n, layout) for n, record in _json_rows(lines, layout)]
    return examples, []


def _json_example(record: dict[str, Any], line: int, layout: Layout) -> Example:
    words_key = _key(record, "words", _WORD_KEYS, layout)
    if layout.expect == "words" or (layout.expect is None and words_key):
        tags_key = _key(record, "tags", _TAG_KEYS, layout)
        words = record.get(words_key or "")
        tags = record.get(tags_key or "") or []
        if not isinstance(words, list) or not words or not isinstance(tags, list):
            raise UnibridgeError('no list of "words"', where=layout.at(line))
        if len(tags) != len(words) and (tags or layout.labelled):
            raise UnibridgeError(f"{len(tags)} tags for {len(words)} words", where=layout.at(line))
        return TaggedSentence(tuple(map(str, words)), tuple(map(str, tags)))
    keys = {role: _key(record, role, names, layout) for role, names in _NAMES.items()}
    if keys["text"] is None or (layout.expect == "pair" and keys["second"] is None):
        missing = "hypothesis" if keys["text"] else "text"
        raise UnibridgeError(
            f'no "{missing}" among {", ".join(record)}',
            where=layout.at(line),
            do="use the keys text and label, or premise, hypothesis and label, or set `columns`",
        )
    label = record.get(keys["label"] or "")
    second = None
    if keys["second"] and layout.expect != "text":
        second = str(record[keys["second"]]).strip()
    label = None if label is None else str(label)
    return _text_example(str(record[keys["text"]]).strip(), second, label, line, layout)


def rewrite_jsonl(lines: list[str], predictions: list[Prediction], layout: Layout) -> Iterator[str]:
    rows = _json_rows(lines, layout)
    for (number, record), prediction in zip(rows, predictions, strict=True):
        if isinstance(_json_example(record, number, replace(layout, labelled=False)), LabelledText):
            record[_key(record, "label", _NAMES["label"], layout) or "label"] = prediction
        else:
            record[_key(record, "tags", _TAG_KEYS, layout) or "tags"] = list(prediction)
        yield json.dumps(record, ensure_ascii=False)


# --- plain text, a text a line -------------------------------------------------------------------


def parse_text(lines: list[str], layout: Layout) -> Parsed:
    refuse_labelled(layout, "tsv")
    return [LabelledText(line.strip()) for line in lines if line.strip()], []


def rewrite_text(lines: list[str], predictions: list[Prediction], layout: Layout) -> Iterator[str]:
    texts = (line for line in lines if line.strip())
    for line, prediction in zip(texts, predictions, strict=True):
        yield f"{line.strip()}\t{prediction}"
