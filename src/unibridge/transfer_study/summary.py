"""What a study found, as a few lines on the terminal."""

from collections.abc import Iterable
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

from unibridge.artifacts import read_json
from unibridge.evaluation.rows import each_row
from unibridge.transfer_study.scores import CELLS


def table(folder: Path) -> str:
    """For each base, task and number of steps, the mean change in points by transfer language.

    Over the targets that are not the language itself, and over seeds; the controls last.
    """
    plan = read_json(folder / "study.json")
    # without the counts, which are most of the file
    rows = [
        {name: value for name, value in row.items() if name != "counts"}
        for row in each_row(folder / CELLS)
        if row.get("value") is not None
    ]
    base = {_score(row): row["value"] for row in rows if row["kind"] == "baseline"}
    names = {one["code"]: one["names"][0] for one in plan["transfer"]}
    lines = []
    models = list(dict.fromkeys(row["model"] for row in rows))
    for model, (task, about) in product(models, plan["tasks"].items()):
        wanted = model, task, about["metric"]
        own = [row for row in rows if (row["model"], row["task"], row["metric"]) == wanted]
        own = [row for row in own if row["kind"] in ("tuned", "shuffled", "mixed")]
        if not own:
            continue
        of = f"{model}, " if len(models) > 1 else ""
        steps = sorted({row["steps"] for row in own})
        lines += ["", f"{of}{task} ({about['metric']}): mean change in points after so many steps"]
        lines.append(f"{'':24}" + "".join(f"{count:>9,}" for count in steps))
        groups: dict[tuple[int, str], list[dict[str, Any]]] = {}
        for row in own:
            groups.setdefault(_group(row, names), []).append(row)
        for (_, label), part in sorted(groups.items()):
            means = [_mean(base, (r for r in part if r["steps"] == count)) for count in steps]
            cells = [f"{'':>9}" if mean is None else f"{mean:>+9.2f}" for mean in means]
            lines.append(f"{label:24}" + "".join(cells))
    return "\n".join(lines).lstrip("\n")


def _score(row: dict[str, Any]) -> tuple[str, ...]:
    return row["model"], row["task"], row["target"], row["metric"]


def _group(row: dict[str, Any], names: dict[str, str]) -> tuple[int, str]:
    name = names.get(str(row["transfer"]), str(row["transfer"]))
    if row["kind"] == "tuned":
        return 0, name
    return (1, f"{name}, shuffled") if row["kind"] == "shuffled" else (2, "all, mixed")


def _mean(base: dict[tuple[str, ...], float], rows: Iterable[dict[str, Any]]) -> float | None:
    changes = [
        row["value"] - base[_score(row)]
        for row in rows
        if row["target"] != row["transfer"] and _score(row) in base
    ]
    return fmean(changes) if changes else None
