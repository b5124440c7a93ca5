"""cells.jsonl: a line for each score, as a grid's store, whose cells have several.

A line: model, kind, transfer (codes), mode, steps, seed, task, target, metric, value (0 to 100, or
null with an error), examples, counts (per test example, from which the metric is computed),
seconds (its share of the encoder's), made, settings (fingerprint), error.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unibridge.evaluation.rows import append_rows, read_rows, replace_rows
from unibridge.grid.cells import Cell
from unibridge.grid.store import Row, Store
from unibridge.transfer_study.cells import Pair, Unit

CELLS, ELSEWHERE = "cells.jsonl", "cells-other-settings.jsonl"
Line = dict[str, Any]


def identity_of(line: Row) -> tuple[object, ...]:
    """Of whose scores a line is one: see `Unit.identity`."""
    transfer = line.get("transfer") or []
    several = (transfer,) if isinstance(transfer, str) else tuple(transfer)
    return (
        *(line.get("model"), line.get("kind"), several),
        *(line.get("mode"), line.get("steps"), line.get("seed")),
    )


class Scores(Store):
    """The scores of a study's units, and of each cell whether it is finished.

    metrics: task -> names, all of which a pair needs to be finished.
    """

    def __init__(
        self, path: Path, units: Iterable[Unit], metrics: Mapping[str, tuple[str, ...]]
    ) -> None:
        super().__init__(path)
        self.metrics = metrics
        self.units = {unit.identity: unit for unit in units}
        self.by_key = {unit.cell.key: unit for unit in self.units.values()}
        self._lines: dict[str, dict[tuple[str, str, str], Line]] = {}

    def another(self) -> "Scores":
        return Scores(self.path, self.units.values(), self.metrics)

    def news(self) -> dict[str, Row]:
        lines, anew = self._file.new()
        if anew:
            self._rows.clear()
            self._lines.clear()
        touched = dict.fromkeys(key for line in lines if (key := self._take(line)))
        found = {}
        for key in touched:
            row = self._row_of(self.by_key[key])
            if row is not None:
                self._rows[key] = found[key] = row
        return found

    def _take(self, line: Line) -> str | None:
        """Keep a line with its unit; the unit's key, None where the line is of no unit here."""
        unit = self.units.get(identity_of(line))
        task, target, metric = (str(line.get(name)) for name in ("task", "target", "metric"))
        if unit is None or unit.scores.get((task, target)) != line.get("settings"):
            return None
        score = (task, target, metric)
        own = self._lines.setdefault(unit.cell.key, {})
        # a later failure takes no score away; what counts here are not the counts
        if line.get("value") is not None or own.get(score, {}).get("value") is None:
            own[score] = {k: v for k, v in line.items() if k != "counts"}
        return unit.cell.key

    def _row_of(self, unit: Unit) -> Row | None:
        """What the grid is told of a unit: nothing while a score is neither there nor failed."""
        own = self._lines.get(unit.cell.key, {})
        wanted = [(*pair, metric) for pair in unit.scores for metric in self.metrics[pair[0]]]
        if any(score not in own for score in wanted):
            return None
        lines = [own[score] for score in wanted]
        failed = [line for line in lines if line["value"] is None]
        about = {"method": unit.cell.method, "made": max(line["made"] for line in lines)}
        if failed:
            which = f"{failed[0]['task']} {failed[0]['target']}"
            return {
                **about,
                "error": f"{len(failed)} scores missing ({which}: {failed[0]['error']})",
            }
        return {**about, "cell_seconds": sum(line["seconds"] or 0.0 for line in lines)}

    def pending(self, unit: Unit) -> list[Pair]:
        """The (task, target) of a unit that have no score yet."""
        self.news()
        own = self._lines.get(unit.cell.key, {})
        return [
            pair
            for pair in unit.scores
            if any(
                own.get((*pair, metric), {}).get("value") is None
                for metric in self.metrics[pair[0]]
            )
        ]

    def lack(self, why: Mapping[str, Mapping[Pair, str]]) -> None:
        """Record scores as missing that nobody can measure. why: key of a unit -> pair -> why."""
        self.news()
        append_rows(
            self.path,
            [
                {**line_of(unit, pair, metric), "error": error, "made": _now()}
                for key, pairs in why.items()
                for unit in [self.by_key[key]]
                for pair, error in pairs.items()
                for metric in self.metrics[pair[0]]
                if self._lines.get(key, {}).get((*pair, metric), {}).get("error") != error
            ],
        )

    def failures(self) -> list[Line]:
        """The lines of scores that are missing."""
        self.news()
        return [line for own in self._lines.values() for line in own.values() if line["error"]]

    def lines(self, cell: Cell, measured: Row | None, error: str, seconds: float) -> list[Row]:
        """The cell's `scores`, or of every score that it still owes why it is missing."""
        unit = self.by_key[cell.key]
        if measured is None:
            return [
                {**line_of(unit, pair, metric), "error": error, "made": _now()}
                for pair in self.pending(unit)
                for metric in self.metrics[pair[0]]
            ]
        each = round(seconds / len(measured["scores"]), 4)
        return [{**line, "seconds": each, "made": _now()} for line in measured["scores"]]

    def tidy(self) -> None:
        """Leave of several lines of one score the last that has a value."""
        replace_rows(self.path, _newest)


def line_of(unit: Unit, pair: Pair, metric: str) -> Line:
    """The line of a score that is not there yet."""
    return {
        **{"model": unit.model, "kind": unit.kind},
        "transfer": unit.transfer[0] if len(unit.transfer) == 1 else list(unit.transfer),
        **{"mode": unit.mode, "steps": unit.steps, "seed": unit.seed},
        **{"task": pair[0], "target": pair[1], "metric": metric, "value": None, "examples": 0},
        **{"counts": [], "seconds": None, "made": None, "settings": unit.scores[pair]},
        "error": None,
    }


def put_aside(folder: Path, units: Iterable[Unit]) -> tuple[int, int]:
    """Leave in cells.jsonl the scores of these units alone; the others wait beside it.

    Returns how many wait there, and how many came back. Nothing is ever lost: what waits returns
    when the settings do.
    """
    wanted = {unit.identity: unit for unit in units}
    known = {unit.model for unit in wanted.values()}

    def belongs(line: Line) -> bool:
        unit = wanted.get(identity_of(line))
        pair = (str(line.get("task")), str(line.get("target")))
        # scores of another base in the same folder are another study's rows
        if line.get("model") not in known:
            return True
        return unit is not None and unit.scores.get(pair) == line.get("settings")

    here, there = folder / CELLS, folder / ELSEWHERE
    now, waiting = read_rows(here), read_rows(there)
    goes = [line for line in now if not belongs(line) and line.get("value") is not None]
    comes = [line for line in waiting if belongs(line)]
    if any(not belongs(line) for line in now) or comes:
        stays = [line for line in waiting if not belongs(line)]
        append_rows(there, goes)
        replace_rows(here, lambda rows: _newest([*filter(belongs, rows), *comes]))
        replace_rows(there, lambda rows: _newest([*stays, *goes]))
    return len([*filter(lambda line: not belongs(line), read_rows(there))]), len(comes)


def _newest(lines: list[Line]) -> list[Line]:
    kept: dict[tuple[object, ...], Line] = {}
    for line in lines:
        score = (
            *identity_of(line),
            *(line.get(n) for n in ("task", "target", "metric", "settings")),
        )
        if line.get("value") is not None or kept.get(score, {}).get("value") is None:
            kept[score] = line
    return list(kept.values())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def write_parquet(folder: Path) -> Path | None:
    """cells.parquet beside cells.jsonl, without the counts; None without pyarrow or scores."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        return None
    rows = [{k: v for k, v in line.items() if k != "counts"} for line in read_rows(folder / CELLS)]
    if not rows:
        return None
    for row in rows:
        row["transfer"] = list(identity_of(row)[2])  # type: ignore[call-overload]
    path = folder / "cells.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path
