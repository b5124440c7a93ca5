"""Who gives and who takes: languages ranked on either side, and pairs that keep their sign."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from unibridge.comparison.intervals import Estimate, Part, corrected, mean_estimate
from unibridge.comparison.scores import Matrix
from unibridge.comparison.settings import ComparisonSettings
from unibridge.registry import Registry


@dataclass(frozen=True)
class Ranked:
    """gain: the mean over the other side's languages. q: its p corrected over the ranking.

    pairs: how many have a score; helped, harmed: how many of them surely gain and lose.
    """

    language: str
    gain: Estimate
    q: float
    pairs: int
    helped: int
    harmed: int


def donors(matrix: Matrix, settings: ComparisonSettings) -> list[Ranked]:
    """Transfer languages by their mean over all targets but themselves, best first.

    Targets and seeds are drawn. One tuned encoder is scored on all targets, so that the luck of its
    training is common to them: the seeds are a part of their own.
    """
    values = np.where(matrix.own[..., None], np.nan, matrix.by_seed)
    found = [
        mean_estimate(values[place], (0, 1), level=settings.level)
        for place in range(len(matrix.sources))
    ]
    return _ranked(matrix, matrix.sources, found, 0, settings)


def recipients(matrix: Matrix, settings: ComparisonSettings) -> list[Ranked]:
    """Targets by their mean over all transfer languages but themselves, best first.

    Transfer languages and seeds are drawn, and the test examples, which its cells all share.
    """
    values = np.where(matrix.own[..., None], np.nan, matrix.by_seed)
    found = []
    for place in range(len(matrix.targets)):
        examples: list[Part] = []
        if matrix.draws is not None:
            others = matrix.draws[~matrix.own[:, place], place]
            others = others[np.isfinite(others).all(1)]
            examples = [(float(others.mean(0).var(ddof=1)), np.inf)] if len(others) else []
        column = values[:, place]
        found.append(mean_estimate(column, (0, 1), further=examples, level=settings.level))
    return _ranked(matrix, matrix.targets, found, 1, settings)


def _ranked(
    matrix: Matrix,
    languages: Sequence[str],
    found: Sequence[Estimate],
    axis: int,
    settings: ComparisonSettings,
) -> list[Ranked]:
    q = corrected(np.array([one.p for one in found]))
    there = np.isfinite(matrix.across)
    counts = [
        np.moveaxis(mask & there, axis, 0).sum(1)
        for mask in (there, matrix.helped(settings.alpha), matrix.harmed(settings.alpha))
    ]
    ranked = [
        Ranked(language, found[i], float(q[i]), *(int(count[i]) for count in counts))
        for i, language in enumerate(languages)
        if counts[0][i]
    ]
    return sorted(ranked, key=lambda one: -one.gain.value)


# ---------------------------------------------------------------------------------------------
# Tasks side by side
# ---------------------------------------------------------------------------------------------

Scale = Callable[[np.ndarray], np.ndarray]
"""Values of one task's languages -> values that may be averaged with another task's."""


def ranks(values: np.ndarray) -> np.ndarray:
    """1 for the best and 0 for the worst, evenly between; ties share theirs."""
    if len(values) < 2:
        return np.full(len(values), np.nan)
    return (stats.rankdata(values) - 1) / (len(values) - 1)


def z_scores(values: np.ndarray) -> np.ndarray:
    """Standard deviations above the task's mean."""
    deviation = values.std(ddof=1) if len(values) > 1 else 0.0
    return (values - values.mean()) / deviation if deviation else np.full(len(values), np.nan)


def apart(values: np.ndarray) -> np.ndarray:
    """Tasks are not put together."""
    return np.full(len(values), np.nan)


SCALES: Registry[Scale] = Registry("scale", {"rank": ranks, "z": z_scores, "none": apart})


def across_tasks(
    rankings: Mapping[str, Sequence[Ranked]], settings: ComparisonSettings
) -> list[tuple[str, float, int]]:
    """(language, mean over tasks on one scale, tasks), best first; never of raw points.

    rankings: task -> its donors, or its recipients. Languages that only some of the tasks have are
    averaged over those.
    """
    scale = SCALES.resolve(settings.across_tasks)
    values: dict[str, list[float]] = {}
    for ranked in rankings.values():
        scaled = scale(np.array([one.gain.value for one in ranked]))
        for one, value in zip(ranked, scaled, strict=True):
            if np.isfinite(value):
                values.setdefault(one.language, []).append(float(value))
    means = [(code, float(np.mean(own)), len(own)) for code, own in values.items()]
    return sorted(means, key=lambda one: (-one[1], one[0]))


# ---------------------------------------------------------------------------------------------
# Pairs
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """A pair whose sign holds. sign: +1 or -1. settled, cells: of its (task, steps) cells.

    gains: (task, steps) -> transfer score. q: the smallest corrected p.
    """

    source: str
    target: str
    sign: int
    settled: int
    cells: int
    gains: Mapping[tuple[str, int], float]
    q: float


def consistent_pairs(matrices: Iterable[Matrix], settings: ComparisonSettings) -> list[Pair]:
    """Pairs of two languages that are settled with one sign in k cells and with the other in none.

    matrices: of one model. k is `settings.agreeing`, or all cells where a pair has fewer. The most
    often settled first, then the largest.
    """
    cells: dict[tuple[str, str], list[tuple[tuple[str, int], float, float]]] = {}
    for matrix in matrices:
        if matrix.kind != "tuned":
            continue
        tested = np.isfinite(matrix.q) & ~matrix.own
        for line, column in zip(*np.nonzero(tested), strict=True):
            pair = matrix.sources[line], matrix.targets[column]
            own = float(matrix.gain[line, column]), float(matrix.q[line, column])
            cells.setdefault(pair, []).append(((matrix.task, matrix.steps), *own))
    found = []
    for (source, target), own_cells in cells.items():
        sure = [gain for _, gain, q in own_cells if q < settings.alpha and gain]
        up, down = sum(gain > 0 for gain in sure), sum(gain < 0 for gain in sure)
        if min(up, down) or max(up, down) < min(settings.agreeing, len(own_cells)):
            continue
        found.append(
            Pair(
                source,
                target,
                1 if up else -1,
                len(sure),
                len(own_cells),
                {cell: gain for cell, gain, _ in own_cells},
                min(q for _, _, q in own_cells),
            )
        )
    return sorted(found, key=lambda p: (-p.sign, -p.settled, -abs(np.mean(list(p.gains.values())))))
