"""Stage facts -> tables, drawn as Markdown and as HTML from the same rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

METRIC_TITLES = {"span_f1": "F1", "macro_f1": "macro-F1"}

# ---------------------------------------------------------------------------------------------
# A table, and its two renderings
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """text. strong: set in bold. language: code when the text is not English ("und": unknown)."""

    text: str
    strong: bool = False
    language: str = ""


@dataclass(frozen=True)
class Table:
    """columns: heads. align: one letter per column, "l" or "r". rows: as many cells each.

    apart: numbers of the rows that are visibly no part of the comparison. note: one line below.
    """

    columns: tuple[str, ...]
    align: str
    rows: list[tuple[str | Cell, ...]]
    apart: frozenset[int] = frozenset()
    note: str = ""


def as_cell(value: str | Cell) -> Cell:
    """Plain text as a cell; a cell as it is."""
    return value if isinstance(value, Cell) else Cell(value)


def markdown_table(table: Table) -> str:
    """The table in GitHub's Markdown, columns padded so that it reads well as plain text."""
    body = []
    for number, row in enumerate(table.rows):
        cells = [as_cell(value) for value in row]
        # Markdown has no row classes, so what stands apart is set in italics
        marks = ["*" if number in table.apart else "**" * cell.strong for cell in cells]
        texts = [escape_markdown(cell.text) for cell in cells]
        body.append([f"{m}{t}{m}" if t else "" for m, t in zip(marks, texts, strict=True)])
    widths = [max(3, *(len(row[i]) for row in [table.columns, *body])) for i in _axis(table)]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.rjust(width) if side == "r" else cell.ljust(width)
            for cell, width, side in zip(cells, widths, table.align, strict=True)
        ]
        return f"| {' | '.join(padded)} |"

    rule = [
        "-" * (width - 1) + (":" if side == "r" else "-")
        for width, side in zip(widths, table.align, strict=True)
    ]
    text = "\n".join([line(table.columns), line(rule), *map(line, body)])
    return f"{text}\n\n{escape_markdown(table.note)}" if table.note else text


def html_table(table: Table) -> str:
    """The table as HTML; text in another language carries `lang` and its own direction."""
    heads = "".join(
        f"<th{_side(side)}>{escape(name)}</th>"
        for name, side in zip(table.columns, table.align, strict=True)
    )
    rows = []
    for number, row in enumerate(table.rows):
        cells = "".join(
            f"<td{_side(side)}>{html_text(as_cell(value))}</td>"
            for value, side in zip(row, table.align, strict=True)
        )
        rows.append(f"<tr{' class=apart' if number in table.apart else ''}>{cells}</tr>")
    note = f"<p class=note>{escape(table.note)}</p>" if table.note else ""
    body = "\n".join(rows)
    return (
        f"<div class=scroll><table>\n<thead><tr>{heads}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody></table></div>{note}"
    )


def html_text(cell: Cell) -> str:
    """A cell's text as HTML, with its language and weight."""
    text = escape(cell.text)
    if cell.language:
        text = f'<span lang="{escape(cell.language)}" dir="auto">{text}</span>'
    return f"<strong>{text}</strong>" if cell.strong else text


def escape_markdown(text: str) -> str:
    """The text with every character that Markdown would act upon made plain."""
    for character in "\\`*_|":
        text = text.replace(character, "\\" + character)
    return text.replace("<", "&lt;").replace("\n", " ")


def _axis(table: Table) -> range:
    return range(len(table.columns))


def _side(side: str) -> str:
    return " class=n" if side == "r" else ""


# ---------------------------------------------------------------------------------------------
# Numbers as text
# ---------------------------------------------------------------------------------------------


def decimal(value: float, digits: int = 1) -> str:
    """A number with a true minus sign, and no minus before a zero."""
    text = f"{value:,.{digits}f}"
    if text.startswith("-"):
        text = text[1:] if not text.strip("-0.,") else f"\u2212{text[1:]}"
    return text


def signed(value: float) -> str:
    """A difference in points, with its sign; zero has none."""
    text = decimal(value)
    return text if text.startswith("\u2212") or not text.strip("0.") else f"+{text}"


def whole(value: float | None) -> str:
    """A count with thousands apart; empty where there is none."""
    return "" if value is None else f"{value:,.0f}"


def duration(seconds: float | None) -> str:
    """Seconds as a reader says them, such as 3 min 05 s; empty where unknown."""
    if seconds is None:
        return ""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def megabytes(size: float | None) -> str:
    """Bytes in megabytes; empty where unknown."""
    return "" if size is None else f"{size / 1e6:,.0f} MB"


# ---------------------------------------------------------------------------------------------
# The tables of stages
# ---------------------------------------------------------------------------------------------


def weights_table(weights: Mapping[str, float], distances: Mapping[str, float]) -> Table:
    """Source languages with their weight and the mean distance of states (1 / d of Eq. 11)."""
    body: list[tuple[str | Cell, ...]] = [
        (source, f"{weight:.3f}", f"{distances[source]:.3f}" if source in distances else "")
        for source, weight in sorted(weights.items(), key=lambda item: -item[1])
    ]
    table = Table(("Source", "Weight", "Mean distance"), "lrr", body)
    return without_empty_columns(table)


def few_shot_table(points: Sequence[Mapping[str, Any]]) -> Table:
    """Scores by number of labelled target sentences, both starts side by side.

    points: rows of a few-shot stage, see `ensemble/few_shot.py`.
    """
    found = {(p["sentences"], p["start"]): p for p in points}
    body: list[tuple[str | Cell, ...]] = []
    for sentences in sorted({p["sentences"] for p in points}):
        row: list[str | Cell] = [whole(sentences)]
        for start in ("transferred", "scratch"):
            point = found.get((sentences, start))
            row.append("" if point is None else _with_interval(point))
        body.append(tuple(row))
    return Table(
        ("Target sentences", "From the transferred model", "From nothing"),
        "rrr",
        body,
        note="Brackets: 95% bootstrap interval over the test examples, its ends averaged over the "
        "draws of the sentences. 0 sentences: zero-shot. A fifth of them, or what the settings "
        "say, only decides when to stop.",
    )


def _with_interval(point: Mapping[str, Any]) -> str:
    return f"{decimal(point['score'])} [{decimal(point['low'])}, {decimal(point['high'])}]"


def counts_table(counts: Mapping[str, int]) -> Table:
    """Target tokens by where their embedding came from."""
    total = sum(counts.values())
    glosses = {
        "special": "the base's special token of the same role",
        "lexical": "the base's row of the same token",
        "semantic": "the base's row of the nearest token, chosen by both sides",
        "mixed": "a weighted sum of aligned tokens' rows",
        "random": "drawn at random",
    }
    body: list[tuple[str | Cell, ...]] = [
        (origin, whole(count), f"{decimal(100 * count / total if total else 0)}%", gloss)
        for origin, gloss in glosses.items()
        if (count := counts.get(origin, 0))
    ]
    return Table(("Origin", "Tokens", "Share", "Initial embedding"), "lrrl", body)


def stages_table(stages: Iterable[Mapping[str, Any]]) -> Table:
    """Time and peak memory of each stage; stages are manifests."""
    stages = list(stages)
    body: list[tuple[str | Cell, ...]] = [
        (
            str(stage["stage"]),
            str(stage["name"]),
            duration(stage.get("seconds")),
            megabytes(stage.get("peak_memory_bytes")),
        )
        for stage in stages
    ]
    total = sum(stage.get("seconds") or 0 for stage in stages)
    peak = max((stage.get("peak_memory_bytes") or 0 for stage in stages), default=0)
    body.append(("All", f"{len(stages)} stages", duration(total), megabytes(peak)))
    heads = ("Stage", "Name", "Time", "Peak memory")
    return Table(heads, "llrr", body, frozenset({len(stages)}))


def without_empty_columns(table: Table) -> Table:
    """The table less the columns that say nothing."""
    kept = [i for i in _axis(table) if any(as_cell(row[i]).text for row in table.rows)]
    return replace(
        table,
        columns=tuple(table.columns[i] for i in kept),
        align="".join(table.align[i] for i in kept),
        rows=[tuple(row[i] for i in kept) for row in table.rows],
    )
