"""The rows of a grid: a file of JSON lines, each there as soon as its cell is finished.

A row has its cell's key, data, method, seed, base and settings, then what was measured, how many
`cell_seconds` it took and when it was `made`; one with an `error` says why a cell is missing. Of
several rows with one key the last one counts.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unibridge.evaluation.rows import Growing, append_rows, replace_rows
from unibridge.grid.cells import Cell

Row = Mapping[str, Any]


class Store:
    """Several processes may read and append at once; each row is read once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = Growing(path)
        self._rows: dict[str, Row] = {}

    def another(self) -> "Store":
        """One of the same file that has read nothing yet."""
        return Store(self.path)

    def news(self) -> dict[str, Row]:
        """key -> newest row, of the rows since the last look, by whatever method."""
        rows, anew = self._file.new()
        if anew:
            self._rows.clear()
        found: dict[str, Row] = {row["key"]: row for row in rows if "key" in row}
        self._rows |= found
        return found

    def rows(self) -> dict[str, Row]:
        """key -> newest row, in the order in which the keys first appeared."""
        self.news()
        return dict(self._rows)

    def row(self, cell: Cell) -> Row | None:
        """The newest row of a cell, None where there is none."""
        self.news()
        return self._rows.get(cell.key)

    def finished(self) -> dict[str, Row]:
        """The rows of cells that were measured."""
        return {key: row for key, row in self.rows().items() if "error" not in row}

    def missing(self) -> dict[str, Row]:
        """The rows of cells that failed, each with its `error`."""
        return {key: row for key, row in self.rows().items() if "error" in row}

    def add(self, cell: Cell, measured: Row, seconds: float) -> None:
        """Keep a finished cell. seconds: of wall time."""
        append_rows(self.path, self.lines(cell, measured, "", seconds))

    def fail(self, cell: Cell, error: str) -> None:
        """Record that a cell is missing, and why."""
        append_rows(self.path, self.lines(cell, None, error, 0.0))

    def lines(self, cell: Cell, measured: Row | None, error: str, seconds: float) -> list[Row]:
        """What is written of a cell: what was measured, or None and the error."""
        made = datetime.now(UTC).isoformat(timespec="milliseconds")
        found: Row = {"error": error}
        if measured is not None:
            found = {**measured, "cell_seconds": round(seconds, 1)}
        return [{"key": cell.key, **asdict(cell), **found, "made": made}]

    def tidy(self) -> None:
        """Drop the rows that newer ones of the same cell replaced."""
        replace_rows(self.path, lambda rows: list({row.get("key"): row for row in rows}.values()))
