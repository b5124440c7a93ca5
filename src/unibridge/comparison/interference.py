"""Negative interference: what a second and a third language adapter do to a language's own.

The published study fuses language adapters whose fusion is never trained and gives no formula
(arXiv 2403.20088, by its code). Ours: I2(g, o) = S[fuse(g, o)] - S[g], I3 likewise with two others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from unibridge.comparison.intervals import Estimate, Part, corrected, mean_estimate
from unibridge.comparison.rows import Measurement, Study
from unibridge.comparison.scores import Resampler, gain_over
from unibridge.comparison.settings import LEAST_SEEDS, ComparisonSettings

UNDRAWN = ("uniform",)
"""Modes in which nothing is drawn, so that one value is all there is."""


@dataclass(frozen=True)
class Interference:
    """One model, task, mode and step count. Points; negative where others disturb.

    languages: those with an adapter. pairs: (languages, languages), I2(g, o) of target g with o
    beside it, NaN on the diagonal and where g has no test set. low, high, q: of pairs; in `UNDRAWN`
    modes of the test examples alone. spread: standard deviation over draws of the fusion.
    vulnerability: g -> mean over o, g's test examples left to chance; aggressiveness: o -> mean
    over g. third: g -> mean over pairs of others of I3 less the mean of its two I2, what a third
    language adds; empty without triples.
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
    spread: np.ndarray
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
            least = 1 if mode in UNDRAWN else LEAST_SEEDS
            if one := _of(single, fused, settings, least):
                found.append(Interference(model, task, mode, steps, **one))
    return found


Cells = Mapping[tuple[str, frozenset[str]], Mapping[int, Measurement]]


def _by_set(rows: list[Measurement]) -> Cells:
    """(target, languages) -> seed -> score; the order of fused adapters does not count."""
    found: dict[tuple[str, frozenset[str]], dict[int, Measurement]] = {}
    for row in rows:
        found.setdefault((row.target, frozenset(row.transfer)), {})[row.seed] = row
    return found


def _of(
    single: Cells, fused: Cells, settings: ComparisonSettings, least: int
) -> dict[str, Any] | None:
    """All but the names of an `Interference`. least: fewest draws of a test."""
    languages = tuple(
        sorted({target for target, _ in fused if (target, frozenset({target})) in single})
    )
    others = tuple(sorted({o for target, both in fused if len(both) == 2 for o in both - {target}}))
    languages = tuple(dict.fromkeys((*languages, *others)))
    if len(languages) < 2:
        return None
    shape = len(languages), len(languages)
    pairs, low, high, p, spread = (np.full(shape, np.nan) for _ in range(5))
    resample = Resampler((), settings).resampled
    draws: dict[tuple[int, int], np.ndarray | None] = {}
    third: dict[str, list[tuple[float, np.ndarray | None]]] = {}
    for (target, several), cells in sorted(fused.items(), key=lambda one: len(one[0][1])):
        own = single.get((target, frozenset({target})))
        if own is None:
            continue
        found, values, drawn = gain_over(
            cells,
            {seed: resample(row) for seed, row in cells.items()},
            own,
            {seed: resample(row) for seed, row in own.items()},
            settings,
            least=least,
        )
        beside = several - {target}
        places = [(languages.index(target), languages.index(o)) for o in beside if o in languages]
        if len(several) == 2:
            (place,) = places
            pairs[place], low[place], high[place] = found.value, found.low, found.high
            p[place], draws[place] = found.p, drawn
            spread[place] = np.std(list(values.values()), ddof=1) if len(values) > 1 else np.nan
        elif len(places) == 2 and all(np.isfinite(pairs[place]) for place in places):
            change = found.value - float(np.mean([pairs[place] for place in places]))
            two = [one for place in places if (one := draws[place]) is not None]
            known = drawn is not None and len(two) == 2
            rest = np.asarray(drawn) - np.mean(two, axis=0) if known else None
            third.setdefault(target, []).append((change, rest))

    def mean(values: np.ndarray, *examples: Part) -> Estimate:
        return mean_estimate(values, (0,), further=examples, level=settings.level)

    def shared(of: Iterable[np.ndarray | None]) -> list[Part]:
        """What the test examples of one target, which all of these share, leave to chance."""
        known = [one for one in of if one is not None]
        return [(float(np.mean(known, axis=0).var(ddof=1)), np.inf)] if known else []

    tested = [i for i in range(len(languages)) if np.isfinite(pairs[i]).any()]
    disturbing = [i for i in range(len(languages)) if np.isfinite(pairs[:, i]).any()]
    return {
        "languages": languages,
        "pairs": pairs,
        "low": low,
        "high": high,
        "q": corrected(p),
        "spread": spread,
        "vulnerability": {
            languages[i]: mean(pairs[i], *shared(d for place, d in draws.items() if place[0] == i))
            for i in tested
        },
        "aggressiveness": {languages[i]: mean(pairs[:, i]) for i in disturbing},
        "third": {
            code: mean(np.array([one for one, _ in found]), *shared(d for _, d in found))
            for code, found in sorted(third.items())
        },
    }
