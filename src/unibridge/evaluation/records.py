"""Result: one scored run of one method, a line of JSON each in results.jsonl.

Needs nothing heavy, so that a report can be made on any laptop from the file alone.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.evaluation.rows import append_row


@dataclass(frozen=True)
class Result:
    """One method scored once on one target language's test set.

    method: key such as "unibridge", "floor" or "ceiling". label: what tables call it. role: floor,
    baseline, method, ablation or ceiling.
    score, low, high: 0 to 100, with the ends of the 95% bootstrap interval over test examples.
    examples: test examples scored. sources: codes of the languages whose labels were used.
    weighting: how the sources were weighed; None where there is nothing to weigh.
    steps: optimizer steps, tokens_seen: tokens, seconds: wall clock; all stages together, None
    where they do not apply. ahead, ahead_low, ahead_high: this method less the reference under the
    same seed, in points, with the ends of the paired 95% bootstrap interval. base: name of the base
    model, settings: a fingerprint of the other settings; empty in rows that were written without.
    counts: what the score was summed from, see `evaluation/counts.py`; empty in old rows.
    sources_before, sources_after: mean score on the sources' held-out labels before the target's
    text was learnt from and after it, 0 to 100; None where that was not measured.
    """

    method: str
    label: str
    target: str
    task: str
    metric: str
    score: float
    low: float
    high: float
    examples: int
    seed: int
    sources: tuple[str, ...] = ()
    weighting: str | None = None
    steps: int | None = None
    tokens_seen: int | None = None
    seconds: float | None = None
    note: str = ""
    ahead: float | None = None
    ahead_low: float | None = None
    ahead_high: float | None = None
    base: str = ""
    settings: str = ""
    role: str = "method"
    counts: str = ""
    sources_before: float | None = None
    sources_after: float | None = None

    @property
    def cell(self) -> tuple[str, int, str, str, str | None, str, str]:
        """What makes two results the same measurement, made twice."""
        made_of = self.method, self.seed, self.target, self.task, self.weighting
        return *made_of, self.base, self.settings


@dataclass(frozen=True)
class Records:
    """results: the newest result of each cell, in the order in which the cells first appeared."""

    results: list[Result]
    warnings: list[str] = field(default_factory=list)


def append_result(path: Path, result: Result) -> None:
    """Add one line to results.jsonl; half a line left by a crash is removed first."""
    append_row(path, asdict(result))


def read_results(path: Path) -> Records:
    """The results of a run. A missing file is a run without scores.

    A last line that a crash cut short is skipped with a warning. Raises UnibridgeError, with the
    line number, for any other line that is no result.
    """
    if not path.exists():
        return Records([])
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise UnibridgeError(f"cannot be read ({error.strerror})", where=path) from error
    newest: dict[tuple[str, int, str, str, str | None, str, str], Result] = {}
    warnings = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            result = _parse(line)
        except (ValueError, TypeError) as error:
            if number == len(lines):
                warnings.append(
                    f"The last line of {path.name} was cut short, probably by a crash; it is "
                    "left out here, and its method has to be scored again."
                )
                continue
            raise UnibridgeError(
                f"not a result ({error})",
                where=f"{path}:{number}",
                do="delete the line and score that method again",
            ) from error
        newest[result.cell] = result
    return Records(list(newest.values()), warnings)


def result_of_row(row: Mapping[str, Any]) -> Result:
    """The result in a row that says more, such as a grid's."""
    own = {name: row[name] for name in Result.__dataclass_fields__ if name in row}
    return Result(**_complete(own))


# the roles in rows that were written when these had none
_ROLES = {"floor": "floor", "ceiling": "ceiling", "unibridge": "method"}


def _complete(row: Mapping[str, Any]) -> dict[str, Any]:
    name = str(row.get("method"))
    before = _ROLES.get(name, "ablation" if name.startswith("unibridge-") else "baseline")
    return {"role": before, **row, "sources": tuple(row.get("sources") or ())}


def _parse(line: str) -> Result:
    row = json.loads(line)
    if not isinstance(row, dict):
        raise ValueError("a JSON object was expected")
    result = Result(**_complete(row))
    for name in ("score", "low", "high"):
        if not isinstance(getattr(result, name), int | float):
            raise ValueError(f"{name} is not a number")
    return result
