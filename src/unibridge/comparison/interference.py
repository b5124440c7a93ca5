"""Negative interference: what a second and a third language adapter do to a language's own.

The published study fuses language adapters whose fusion is never trained and gives no formula
(arXiv 2403.20088, by its code). Ours: I2(g, o) = S[fuse(g, o)] - S[g], I3 likewise with two others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from unibridge.comparison.intervals import Estimate, corrected, mean_estimate
from unibridge.comparison.rows import Measurement, Study
from unibridge.comparison.scores import Resampler, gain_over
from unibridge.comparison.settings import ComparisonSettings


@dataclass(frozen=True)
class Interference:
    """One model, task, mode and step count. Points; negative where others disturb.

    languages: those with an adapter. pairs: (languages, languages), I2(g, o) of target g with o
    beside it, NaN on the diagonal and where g has no test set. low, high, q: of pairs.
    vulnerability: g -> mean over o; aggressiveness: o -> mean over g. third: g -> mean over pairs
    of others of I3 less the mean of its two I2, what a third language adds; empty without triples.
    """

    model: str
    task: str
    mode: str
    steps: int
    languages: tuple[str, ...]
    pairs: np.ndarray
    low: np.ndarray
    high: np.ndarray
    q: np.ndarray
    vulnerability: Mapping[str, Estimate]
    aggressiveness: Mapping[str, Estimate]
    third: Mapping[str, Estimate]


def interference(study: Study, settings: ComparisonSettings) -> list[Interference]:
    """Of every (model, task, mode, steps) that has single adapters and fused pairs of them."""
    groups: dict[tuple[str, str, int], list[Measurement]] = {}
    for score in study.scores:
        if score.kind == "fusion" and score.target in score.transfer:
            groups.setdefault((score.model, score.task, score.steps), []).append(score)
    found = []
    for (model, task, steps), rows in sorted(groups.items()):
        # a single adapter is the same in every mode
        single = _by_set([row for row in rows if len(row.transfer) == 1])
        for mode in sorted({row.mode or "" for row in rows if len(row.transfer) > 1}):
            fused = _by_set(
                [row for row in rows if len(row.transfer) > 1 and (row.mode or "") == mode]
            )
            if one := _of(single, fused, settings):
                found.append(Interference(model, task, mode, steps, **one))
    return found


Cells = Mapping[tuple[str, frozenset[str]], Mapping[int, Measurement]]


def _by_set(rows: list[Measurement]) -> Cells:
    """(target, languages) -> seed -> score; the order of fused adapters does not count."""
    found: dict[tuple[str, frozenset[str]], dict[int, Measurement]] = {}
    for row in rows:
        found.setdefault((row.target, frozenset(row.transfer)), {})[row.seed] = row
    return found


def _of(single: Cells, fused: Cells, settings: ComparisonSettings) -> dict[str, Any] | None:
    languages = tuple(
        sorted({target for target, _ in fused if (target, frozenset({target})) in single})
    )
    others = tuple(sorted({o for target, both in fused if len(both) == 2 for o in both - {target}}))
    languages = tuple(dict.fromkeys((*languages, *others)))
    if len(languages) < 2:
        return None
    shape = len(languages), len(languages)
    pairs, low, high, p = (np.full(shape, np.nan) for _ in range(4))
    resample = Resampler((), settings).resampled
    for (target, both), cells in fused.items():
        own = single.get((target, frozenset({target})))
        if own is None or len(both) != 2:
            continue
        (other,) = both - {target}
        found, _, _ = gain_over(
            cells,
            {seed: resample(row) for seed, row in cells.items()},
            own,
            {seed: resample(row) for seed, row in own.items()},
            settings,
        )
        place = languages.index(target), languages.index(other)
        pairs[place], low[place], high[place], p[place] = (
            found.value,
            found.low,
            found.high,
            found.p,
        )
    third: dict[str, list[float]] = {}
    for (target, three), cells in fused.items():
        own = single.get((target, frozenset({target})))
        if own is None or len(three) != 3:
            continue
        row = [
            pairs[languages.index(target), languages.index(o)]
            for o in three - {target}
            if o in languages
        ]
        change = _mean(cells) - _mean(own) - float(np.mean(row))
        if len(row) == 2 and np.isfinite(change):
            third.setdefault(target, []).append(change)

    def mean(values: np.ndarray) -> Estimate:
        return mean_estimate(values, (0,), level=settings.level)

    return {
        "languages": languages,
        "pairs": pairs,
        "low": low,
        "high": high,
        "q": corrected(p),
        "vulnerability": {
            code: mean(pairs[i]) for i, code in enumerate(languages) if np.isfinite(pairs[i]).any()
        },
        "aggressiveness": {
            code: mean(pairs[:, i])
            for i, code in enumerate(languages)
            if np.isfinite(pairs[:, i]).any()
        },
        "third": {code: mean(np.array(values)) for code, values in sorted(third.items())},
    }


def _mean(cells: Mapping[int, Measurement]) -> float:
    return float(np.mean([row.value for row in cells.values()]))
