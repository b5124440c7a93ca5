"""A study for other tools: Parquet and JSON lines, LangRank's and LITMUS's training files."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from unibridge.artifacts import write_bytes, write_json
from unibridge.comparison.predictors import MOST_RELEVANT
from unibridge.comparison.rows import Study
from unibridge.comparison.scores import Matrix
from unibridge.comparison.settings import ComparisonSettings
from unibridge.errors import UnibridgeError

Row = dict[str, Any]
URIEL = ("genetic", "syntactic", "featural", "phonological", "inventory", "geographic")
"""LangRank's order of its distances."""


def score_rows(study: Study) -> list[Row]:
    """Every cell, failed ones too, without its counts."""
    rows = []
    for score in (*study.scores, *study.failed):
        row = {name: value for name, value in vars(score).items() if name != "counts"}
        rows.append({**row, "transfer": list(score.transfer)})
    return rows


_ABOUT = ("model", "task", "metric", "kind", "steps")


def transfer_rows(matrices: Iterable[Matrix], settings: ComparisonSettings) -> list[Row]:
    """Every pair's transfer score, in points, with its interval, p and corrected p."""
    rows = []
    for matrix in matrices:
        relative = matrix.relative(settings.floor)
        about = {name: getattr(matrix, name) for name in _ABOUT}
        for i, source in enumerate(matrix.sources):
            for j, target in enumerate(matrix.targets):
                if not np.isfinite(matrix.gain[i, j]):
                    continue
                numbers = {
                    name: _number(getattr(matrix, name)[i, j])
                    for name in ("gain", "low", "high", "p", "q")
                }
                rows.append(
                    {
                        **about,
                        "source": source,
                        "target": target,
                        "own": source == target,
                        "seeds": int(np.isfinite(matrix.by_seed[i, j]).sum()),
                        "baseline": _number(matrix.baseline[j]),
                        **numbers,
                        "relative": _number(relative[i, j]),
                    }
                )
    return rows


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def write_tables(
    folder: Path, study: Study, matrices: Sequence[Matrix], settings: ComparisonSettings
) -> list[Path]:
    """scores and transfer as JSON lines, and as Parquet where pyarrow is there; returns files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    tables = {"scores": score_rows(study), "transfer": transfer_rows(matrices, settings)}
    for name, rows in tables.items():
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        write_bytes(folder / f"{name}.jsonl", lines.encode())
        written.append(folder / f"{name}.jsonl")
        try:
            written.append(write_parquet(folder / f"{name}.parquet", rows))
        except UnibridgeError:
            continue  # said by `write_parquet` to who asks for it alone
    return written


def write_parquet(path: Path, rows: Sequence[Row]) -> Path:
    """Rows as one Parquet table. Raises UnibridgeError without pyarrow."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise UnibridgeError(
            "Parquet needs the package pyarrow", where=path, do="install unibridge[parquet]"
        ) from error
    parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path)
    return path


# ---------------------------------------------------------------------------------------------
# Rankers of others
# ---------------------------------------------------------------------------------------------


def write_litmus(path: Path, study: Study, model: str, task: str) -> Path:
    """LITMUS's `scores_file` (format json): [{train_config: {pivot: amount}, eval_results}].

    An entry for every tuned encoder, its scores (0 to 1, as LITMUS has them) averaged over seeds,
    and one without training data for the baseline. Its amounts are labelled examples; ours are
    texts of the transfer language that were read: steps, times the plan's `tuning.batch_size`.
    """
    tuning = (study.plan.get("settings") or {}).get("tuning") or {}
    batch = int(tuning.get("batch_size") or 1)
    entries: dict[tuple[tuple[str, ...], int], dict[str, list[float]]] = {}
    for score in study.scores:
        if (score.model, score.task) != (model, task) or score.kind not in ("baseline", "tuned"):
            continue
        entry = entries.setdefault((score.transfer, score.steps), {})
        entry.setdefault(score.target, []).append(float(score.value or 0.0) / 100)
    pivots = sorted({code for transfer, _ in entries for code in transfer})
    content = [
        {
            "train_config": {c: steps * batch if c in transfer else 0 for c in pivots},
            "eval_results": {code: float(np.mean(own)) for code, own in sorted(results.items())},
        }
        for (transfer, steps), results in sorted(entries.items())
    ]
    write_json(path, content)
    return path


def write_langrank(
    folder: Path,
    matrix: Matrix,
    texts: Mapping[str, Sequence[str]],
    distances: Mapping[str, Mapping[tuple[str, str], float]],
) -> tuple[Path, Path]:
    """LangRank's two training files: `train_TASK.csv` (svmlight) and `train_TASK_size.csv`.

    A line a pair, a group a target: the relevance of the source (10 for the best, 9, ... 0), then
    features 0 to 12 in LangRank's order for tagging and parsing: word overlap, lines of the source,
    of the target, their ratio, type-token ratios of both, their squared distance, and six of
    `URIEL` (distances: kind -> (source, target) -> number; what is missing is left out, which
    svmlight reads as 0). Targets without text are left out. A third file,
    `train_TASK_pairs.csv`, says which pair a line is.
    """
    words = {code: _words(lines) for code, lines in texts.items() if lines}
    lines, sizes, pairs = [], [], []
    for column, target in enumerate(matrix.targets):
        gains = matrix.across[:, column]
        known = [i for i, s in enumerate(matrix.sources) if np.isfinite(gains[i]) and s in words]
        if target not in words or len(known) < 2:
            continue
        rank = stats.rankdata(-gains[known], method="min").astype(int)
        for i, place in zip(known, rank, strict=True):
            source = matrix.sources[i]
            features: list[float | None] = [*_compared(words[target], words[source])]
            features += [distances.get(kind, {}).get((source, target)) for kind in URIEL]
            said = [f"{n}:{value:.6g}" for n, value in enumerate(features) if value is not None]
            relevance = max(0, MOST_RELEVANT + 1 - place)
            lines.append(" ".join([str(relevance), *said]))
            pairs.append(f"{target},{source}")
        sizes.append(str(len(known)))
    if not lines:
        raise UnibridgeError(
            "LangRank's features need a target with text and two scored sources with text",
            where=folder,
        )
    folder.mkdir(parents=True, exist_ok=True)
    name = f"train_{matrix.task.replace(' ', '_')}"
    for suffix, content in (("", lines), ("_size", sizes), ("_pairs", pairs)):
        write_bytes(folder / f"{name}{suffix}.csv", ("\n".join(content) + "\n").encode())
    return folder / f"{name}.csv", folder / f"{name}_size.csv"


def _words(lines: Sequence[str]) -> tuple[int, int, frozenset[str]]:
    """(lines, tokens, types), tokens being what stands between spaces, as LangRank cuts them."""
    tokens = [word for line in lines for word in line.split()]
    return len(lines), len(tokens), frozenset(tokens)


def _compared(
    target: tuple[int, int, frozenset[str]], source: tuple[int, int, frozenset[str]]
) -> list[float]:
    (t_lines, t_tokens, t_types), (s_lines, s_tokens, s_types) = target, source
    overlap = len(t_types & s_types) / max(1, len(t_types) + len(s_types))
    t_ratio, s_ratio = len(t_types) / max(1, t_tokens), len(s_types) / max(1, s_tokens)
    distance = (1 - s_ratio / t_ratio) ** 2 if t_ratio else 0.0
    return [overlap, s_lines, t_lines, s_lines / t_lines, s_ratio, t_ratio, distance]
