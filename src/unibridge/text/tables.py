"""Tables of texts with a class, a text a row: TSV, CSV, and plain text.

TSV knows tabs and no quotes; CSV is RFC 4180, with the separator that its rows have. Predictions
are written into the label's cell, and every other character of a row stays.
"""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.text.examples import (
    LabelledText,
    Layout,
    Parsed,
    Prediction,
    refuse_labelled,
)
from unibridge.text.files import not_csv
from unibridge.text.headers import NAMES, Body, is_known_header
from unibridge.text.roles import (
    FEW_ROWS,
    beside_numbers,
    doubtful_names,
    is_usual,
    own_label,
    refuse_twice,
    roles_of,
)
from unibridge.text.schemes import named
from unibridge.text.sentences import odd_lines
from unibridge.text.values import label_notes, trimmed

_SEPARATORS = (",", ";", "\t", "|")
# what Excel writes above a table
_SAYS_SEPARATOR = re.compile(r'"?sep=([,;|\t])"?\s*', re.IGNORECASE)
_ROWS_TO_SEE = 50

Row = tuple[int, list[str]]
Split = Callable[[Iterable[str], Layout], Iterator[Row]]


def _survey(lines: Iterator[str], layout: Layout, split: Split) -> dict[str, Any]:
    """Width and roles of a table's columns, and the line of its header (0: none)."""
    widths: Counter[int] = Counter()
    first: Row | None = None
    body: Body | None = None
    quoted, first_quoted = 0, 0
    numbers: Counter[int] = Counter()
    doubtful: list[int] = []
    recurs = False
    for number, cells in split(lines, layout):
        if _is_blank(cells):
            continue
        widths[len(cells)] += 1
        if first is None:
            first = number, cells
            doubtful = doubtful_names(cells)
            if len(cells) in (2, 3):
                body = Body(cells, 0, len(cells) - 1)
        elif body is not None and len(cells) == len(body.first):
            body.add(cells)
        if number != first[0] and len(cells) == len(first[1]):
            recurs = recurs or any(cells[p].strip() == first[1][p].strip() for p in doubtful)
        numbers.update(place for place, cell in enumerate(cells) if _NUMBER.fullmatch(cell))
        if split is _split_tsv and any(map(_is_quoted, cells)):
            quoted += 1
            first_quoted = first_quoted or number
    if first is None:
        return {"width": 0, "header": 0, "roles": (0, None, None)}
    number, cells = first
    by_name = any(isinstance(column, str) for column in layout.columns.values())
    known = by_name or (is_known_header(cells) and not recurs)
    header = known or (body is not None and body.is_below_header())
    # the width of most rows: one that has another is the odd one, be it the first
    width = widths.most_common(1)[0][0]
    if len(cells) != width:
        raise UnibridgeError(f"{len(cells)} instead of {width} columns", where=layout.at(number))
    rows = widths[width]
    counted = [p for p in range(width) if rows >= FEW_ROWS and numbers[p] == rows]
    roles = roles_of(cells if header else None, width, number, layout, counted)
    notes: list[str] = []
    if header:
        refuse_twice(cells, roles, number, layout)
        roles = own_label(cells, roles, layout, notes)
    elif "text" not in layout.columns:
        roles = beside_numbers(roles, counted, number, layout, notes)
    if header and not (by_name or is_usual(cells, layout)):
        said = ", ".join(
            f"{cells[place].strip()} ({role})"
            for role, place in zip(NAMES, roles, strict=True)
            if place is not None
        )
        notes.append(f"{layout.path}:{number}: taken for the columns' names: {said}")
    if quoted:
        notes.append(
            f"{layout.path}: cells in quotes as CSV writes them: {quoted} rows, the first on "
            f"line {first_quoted}; TSV has no quotes, so they are read as part of the text"
        )
    return {"width": width, "header": number if header else 0, "roles": roles, "notes": notes}


_NUMBER = re.compile(r"\s*\d+\s*")


def _is_quoted(cell: str) -> bool:
    """Whether a cell stands in quotes as CSV writes them, with quotes of its own doubled."""
    own = cell.strip()
    inner = own[1:-1]
    quotes = len(own) > 1 and own[0] == own[-1] == '"' and '""' in inner
    return quotes and '"' not in inner.replace('""', "")


def _is_blank(cells: Sequence[str]) -> bool:
    return not any(cell.strip() for cell in cells)


def _rows(lines: Iterable[str], layout: Layout, split: Split) -> Iterator[Row]:
    """The rows below the header that are not blank, each of the table's width."""
    width = layout.whole["width"]
    for number, cells in split(lines, layout):
        if _is_blank(cells) or layout.before + number == layout.whole["header"]:
            continue
        if len(cells) != width:
            raise UnibridgeError(
                f"{len(cells)} instead of {width} columns", where=layout.at(number)
            )
        yield number, cells


def _parse_table(lines: list[str], layout: Layout, split: Split) -> Parsed:
    text, second, label = layout.whole["roles"]
    examples: list[LabelledText] = []
    for number, cells in _rows(lines, layout, split):
        tag = None if label is None else trimmed(cells[label])
        if tag and layout.names and tag not in layout.names:
            tag = named(tag, number, layout)
        other = None if second is None else cells[second].strip()
        examples.append(text_example(cells[text].strip(), other, tag, number, layout))
    notes = list(layout.whole.get("notes", ()))
    return list(examples), [*notes, *label_notes(layout.path, examples)]


def text_example(
    text: str, second: str | None, label: str | None, line: int, layout: Layout
) -> LabelledText:
    """A labelled text, or the error that says what of it is missing."""
    if not trimmed(text) or (second is not None and not trimmed(second)):
        raise UnibridgeError("an empty text", where=layout.at(line))
    if not label and layout.labelled:
        raise UnibridgeError("a text without a label", where=layout.at(line))
    return LabelledText(text, second, label or None, layout.before + line)


# --- TSV ----------------------------------------------------------------------------------------


def _split_tsv(lines: Iterable[str], layout: Layout) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        yield number, line.split("\t")


def survey_tsv(lines: Iterator[str], layout: Layout) -> dict[str, Any]:
    """See `Reader.survey`."""
    return _survey(lines, layout, _split_tsv)


def parse_tsv(lines: list[str], layout: Layout) -> Parsed:
    """See `Reader.parse`."""
    return _parse_table(lines, layout.surveyed(lines, survey_tsv), _split_tsv)


def rewrite_tsv(lines: list[str], predictions: list[Prediction], layout: Layout) -> Iterator[str]:
    """See `Reader.rewrite`."""
    layout = layout.surveyed(lines, survey_tsv)
    place, given = layout.whole["roles"][2], iter(predictions)
    for number, line in enumerate(lines, start=1):
        cells = line.split("\t")
        if not _is_blank(cells):
            header = layout.before + number == layout.whole["header"]
            if place is None:
                cells.append("label" if header else str(next(given)))
            elif not header:
                cells[place] = str(next(given))
        yield "\t".join(cells)


# --- CSV ----------------------------------------------------------------------------------------


def _separator(lines: Sequence[str]) -> str:
    """What stands between the cells of the first rows: a comma, unless another fits and it not."""
    for separator in _SEPARATORS:
        rows = csv.reader((line + "\n" for line in lines), delimiter=separator)
        try:
            widths = {len(row) for row in rows if not _is_blank(row)}
        except csv.Error:
            continue
        if len(widths) == 1 and widths.pop() > 1:
            return separator
    return ","


def _delimiter(lines: Iterable[str], layout: Layout) -> tuple[str, Iterator[str]]:
    """The separator, as known or by the first lines, and all lines again."""
    if "separator" in layout.whole:
        return layout.whole["separator"], iter(lines)
    lines = iter(lines)
    seen = [line for _, line in zip(range(_ROWS_TO_SEE), lines, strict=False)]

    def again() -> Iterator[str]:
        yield from seen
        yield from lines

    said = _SAYS_SEPARATOR.fullmatch(seen[0]) if seen else None
    return said[1] if said else _separator(seen), again()


def _split_csv(lines: Iterable[str], layout: Layout) -> Iterator[Row]:
    separator, lines = _delimiter(lines, layout)
    reader = csv.reader((line + "\n" for line in lines), delimiter=separator, strict=True)
    start = 1
    try:
        for cells in reader:
            said = layout.before + start == 1 and _SAYS_SEPARATOR.fullmatch(separator.join(cells))
            yield start, [] if said else cells
            start = reader.line_num + 1
    except csv.Error as error:
        raise not_csv(error, layout.at(start)) from error


def survey_csv(lines: Iterator[str], layout: Layout) -> dict[str, Any]:
    """See `Reader.survey`."""
    separator, lines = _delimiter(lines, layout)
    layout = replace(layout, whole={"separator": separator})
    found = _survey(lines, layout, _split_csv)
    if separator != ",":
        note = f"{layout.path}: CSV with {separator!r} between the cells"
        found["notes"] = [note, *found.get("notes", ())]
    return found | {"separator": separator}


def parse_csv(lines: list[str], layout: Layout) -> Parsed:
    """See `Reader.parse`."""
    return _parse_table(lines, layout.surveyed(lines, survey_csv), _split_csv)


def records(lines: Iterator[str], layout: Layout) -> Iterator[list[str]]:
    """Units of CSV: the lines of a record, of which a quoted cell may hold several."""
    separator, lines = _delimiter(lines, layout)
    taken: list[str] = []

    def noted() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line + "\n"

    try:
        for _ in csv.reader(noted(), delimiter=separator, strict=True):
            yield taken.copy()
            taken.clear()
    except csv.Error:  # said with its line where these lines are parsed
        yield [*taken, *lines]


def rewrite_csv(lines: list[str], predictions: list[Prediction], layout: Layout) -> Iterator[str]:
    """See `Reader.rewrite`."""
    layout = layout.surveyed(lines, survey_csv)
    separator, place = layout.whole["separator"], layout.whole["roles"][2]
    given = iter(predictions)
    rows = list(_split_csv(lines, layout))
    starts = [number for number, _ in rows]
    for (number, cells), end in zip(rows, [*starts[1:], len(lines) + 1], strict=True):
        record = "\n".join(lines[number - 1 : end - 1])
        if not _is_blank(cells):
            header = layout.before + number == layout.whole["header"]
            if place is None:
                record += separator + ("label" if header else _cell(str(next(given)), separator))
            elif not header:
                begin, stop = _span(record, place, separator)
                record = record[:begin] + _cell(str(next(given)), separator) + record[stop:]
        yield record


def _cell(value: str, separator: str) -> str:
    if any(character in value for character in (separator, '"', "\n", "\r")):
        return '"' + value.replace('"', '""') + '"'
    return value


def _span(record: str, place: int, separator: str) -> tuple[int, int]:
    """Where a cell begins and ends within its record, quotes included."""
    mark = re.escape(separator)
    cell = re.compile(rf'"(?:[^"]|"")*"|[^{mark}]*')
    begin = 0
    for _ in range(place):
        match = cell.match(record, begin)
        begin = (match.end() if match else begin) + len(separator)
    match = cell.match(record, begin)
    return begin, match.end() if match else begin


# --- plain text, a text a line -------------------------------------------------------------------


def parse_text(lines: list[str], layout: Layout) -> Parsed:
    """See `Reader.parse`."""
    refuse_labelled(layout, "tsv")
    return [
        LabelledText(line.strip(), line=layout.before + number)
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ], odd_lines(lines, layout)


def rewrite_text(lines: list[str], predictions: list[Prediction], layout: Layout) -> Iterator[str]:
    """See `Reader.rewrite`."""
    texts = (line for line in lines if line.strip())
    for line, prediction in zip(texts, predictions, strict=True):
        yield f"{line.strip()}\t{prediction}"
