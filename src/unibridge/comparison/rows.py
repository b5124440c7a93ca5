"""A study's folder, read: study.json, and cells.jsonl with one score a line."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from unibridge.artifacts import read_json
from unibridge.errors import UnibridgeError
from unibridge.metrics import METRICS, Metric
from unibridge.text.languages import canonical

KINDS = ("baseline", "tuned", "shuffled", "mixed", "fusion")
PLAN, CELLS, READING = "study.json", "cells.jsonl", "reading.json"
_TEXTS = ("model", "kind", "task", "target", "metric")


@dataclass(frozen=True)
class Measurement:
    """One score of one cell.

    kind: baseline (the base as it is), tuned (on text of `transfer`), shuffled and mixed (the
    controls) or fusion (of the language adapters of `transfer`, in a `mode`). transfer: codes, none
    of a baseline. steps: of tuning, 0 for none. value: 0 to 100, None of a cell that failed, whose
    error says why. counts: (examples, k) per test example, what the metric is computed from, or
    None. settings: a fingerprint of all else.
    """

    model: str
    kind: str
    transfer: tuple[str, ...]
    mode: str | None
    steps: int
    seed: int
    task: str
    target: str
    metric: str
    value: float | None
    examples: int = 0
    counts: np.ndarray | None = field(default=None, repr=False, compare=False)
    seconds: float | None = None
    settings: str = ""
    error: str | None = None

    @property
    def cell(self) -> tuple[Any, ...]:
        """What makes two rows the same score, made twice."""
        made_of = self.model, self.kind, self.transfer, self.mode, self.steps, self.seed
        return *made_of, self.task, self.target, self.metric


@dataclass(frozen=True)
class Study:
    """plan: study.json. scores: the newest of each cell. failed: cells that have no score.

    further: tasks that are another one's further metric, such as "dep uas" beside "dep".
    """

    folder: Path
    plan: Mapping[str, Any]
    scores: list[Measurement]
    failed: list[Measurement] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    further: frozenset[str] = frozenset()

    @property
    def models(self) -> list[str]:
        """Names of the base models, in the order in which they appear."""
        return list(dict.fromkeys(score.model for score in self.scores))


def read_plan(folder: Path | str) -> Mapping[str, Any]:
    """A study's study.json. Raises UnibridgeError for a folder that is no study."""
    folder = Path(folder)
    if missing := [name for name in (PLAN, CELLS) if not (folder / name).exists()]:
        raise UnibridgeError(
            f"not a study: it has no {missing[0]}",
            where=folder,
            do="pass the folder that `unibridge study` wrote",
        )
    plan = read_json(folder / PLAN)
    return plan if isinstance(plan, Mapping) else {}


def read_study(folder: Path | str) -> Study:
    """Read a study, finished or not.

    Codes of one language that are written in several ways (swa, sw) become the one that comes
    first, transfer languages before targets. Raises UnibridgeError for a folder that is no study, a
    line that is no score (with its number), and counts that do not give the value they stand by.
    """
    folder = Path(folder)
    plan = read_plan(folder)
    newest: dict[tuple[Any, ...], Measurement] = {}
    warnings: list[str] = []
    broken: UnibridgeError | None = None
    for number, line in _lines(folder / CELLS):
        if broken:
            raise broken  # which was not the last line
        try:
            row = _measurement(json.loads(line))
        except (ValueError, TypeError, KeyError) as error:
            broken = UnibridgeError(
                f"no score of a study ({_said(error)})",
                where=f"{folder / CELLS}:{number}",
                do="delete the line; the same `unibridge study` measures its cell again",
            )
            broken.__cause__ = error
            continue
        before = newest.get(row.cell)
        if before is not None and before.value is not None and row.value is None:
            continue  # a later failure takes no finished score away
        if before is not None and before.value is not None and before.settings != row.settings:
            warnings.append(f"{_named(row)} was measured with two settings; the newer counts.")
        newest[row.cell] = row
    if broken:
        warnings.append(f"The last line of {CELLS} was cut short and is left out.")
    rows = list(_one_spelling(newest.values()))
    if (folder / READING).exists():
        plan = {**plan, "reading": read_json(folder / READING)}
    rows, further = _one_metric_a_task(rows, plan)
    return Study(
        folder,
        plan,
        [row for row in rows if row.value is not None],
        [row for row in rows if row.value is None],
        list(dict.fromkeys(warnings)),
        further,
    )


def metric_of(name: str) -> Metric | None:
    """A metric by name, those of question answering among them; None for one that is unknown."""
    from unibridge.tasks import answers  # noqa: F401 registers its metrics

    return METRICS.get(name)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with path.open(encoding="utf-8", errors="replace") as stream:
        yield from ((n, line) for n, line in enumerate(stream, start=1) if line.strip())


def _measurement(row: Any) -> Measurement:
    if not isinstance(row, dict):
        raise ValueError("a JSON object was expected")
    if wrong := [name for name in _TEXTS if not isinstance(row[name], str)]:
        raise ValueError(f"{wrong[0]} is no text")
    if row["kind"] not in KINDS:
        raise ValueError(f"kind {row['kind']!r} is none of {', '.join(KINDS)}")
    value, transfer = row.get("value"), row.get("transfer") or []
    if value is None and not row.get("error"):
        raise ValueError("neither a value nor an error")
    if value is not None and not 0 <= float(value) <= 100:
        raise ValueError(f"{value} is not between 0 and 100")
    found = Measurement(
        **{name: row[name] for name in _TEXTS},
        transfer=(transfer,) if isinstance(transfer, str) else tuple(map(str, transfer)),
        mode=row.get("mode"),
        steps=int(row.get("steps") or 0),
        seed=int(row.get("seed") or 0),
        value=None if value is None else float(value),
        examples=int(row.get("examples") or 0),
        counts=_counts(row),
        seconds=row.get("seconds"),
        settings=str(row.get("settings") or ""),
        error=row.get("error"),
    )
    if found.kind == "baseline" and found.transfer:
        raise ValueError("a baseline has no transfer language")
    if found.kind not in ("baseline", "mixed") and not found.transfer:
        raise ValueError("transfer is empty")
    return found


def _counts(row: Mapping[str, Any]) -> np.ndarray | None:
    if not row.get("counts") or row.get("value") is None:
        return None
    counts = np.asarray(row["counts"], dtype=np.float32)
    if counts.ndim != 2:
        raise ValueError("counts are no table")
    metric = metric_of(row["metric"])
    if metric is None:
        return None
    own = float(metric.score(counts.sum(0, dtype=float)))
    if abs(own - float(row["value"])) > 0.02:
        raise ValueError(f"value is {row['value']}, and its counts give {own:.2f}")
    return counts


def _said(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _named(row: Measurement) -> str:
    languages = "+".join(row.transfer) or "no tuning"
    return f"{row.kind} {languages}, {row.steps} steps, seed {row.seed}, {row.task} {row.target}"


def _one_spelling(rows: Iterable[Measurement]) -> Iterator[Measurement]:
    rows = list(rows)
    chosen: dict[str, str] = {}
    for code in (*(c for row in rows for c in row.transfer), *(row.target for row in rows)):
        chosen.setdefault(canonical(code), code)
    for row in rows:
        transfer = tuple(chosen[canonical(code)] for code in row.transfer)
        yield replace(row, transfer=transfer, target=chosen[canonical(row.target)])


def _one_metric_a_task(
    rows: list[Measurement], plan: Mapping[str, Any]
) -> tuple[list[Measurement], frozenset[str]]:
    """A task that is scored in several ways becomes several; the plan names the main one."""
    main: dict[str, str] = {}
    for row in rows:
        about = (plan.get("tasks") or {}).get(row.task)
        said = about.get("metric") if isinstance(about, Mapping) else None
        main.setdefault(row.task, said or row.metric)
    renamed = [
        row if row.metric == main[row.task] else replace(row, task=f"{row.task} {row.metric}")
        for row in rows
    ]
    return renamed, frozenset(row.task for row in renamed if row.task not in main)
