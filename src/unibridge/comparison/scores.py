"""Transfer scores: what tuning on language l adds to the task on language g, and how surely.

The published study averages runs whose seeds are not set and names no test (arXiv 2403.20088 as far
as it could be read); the score is its own, everything about chance is ours.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from zlib import crc32

import numpy as np

from unibridge.comparison.intervals import Estimate, corrected, estimate, spread
from unibridge.comparison.rows import Measurement, Study, metric_of
from unibridge.comparison.settings import LEAST_SEEDS, ComparisonSettings, settings_of


@dataclass(frozen=True)
class Matrix:
    """Transfer scores of one model, task and step count, in points of the task's metric.

    kind: tuned, or a control (shuffled, mixed). sources, targets: codes; the one source of `mixed`
    is all of them. by_seed: (sources, targets, seeds), score less the baseline's, NaN where it is
    missing. gain, low, high, p, error, freedom: (sources, targets), see `Estimate`; of the mean
    over seeds, with training and test examples both left to chance. q: p corrected over the matrix,
    and apart from it over the cells of `own`, where source and target are one language. baseline:
    (targets,). draws: (sources, targets, samples), the gain on resampled test examples, or None.
    """

    model: str
    task: str
    metric: str
    kind: str
    steps: int
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    seeds: tuple[int, ...]
    by_seed: np.ndarray = field(repr=False)
    gain: np.ndarray = field(repr=False)
    low: np.ndarray = field(repr=False)
    high: np.ndarray = field(repr=False)
    p: np.ndarray = field(repr=False)
    q: np.ndarray = field(repr=False)
    error: np.ndarray = field(repr=False)
    freedom: np.ndarray = field(repr=False)
    baseline: np.ndarray = field(repr=False)
    draws: np.ndarray | None = field(default=None, repr=False)

    @cached_property
    def own(self) -> np.ndarray:
        """(sources, targets): whether both are one language."""
        return np.array([[s == t for t in self.targets] for s in self.sources])

    @cached_property
    def across(self) -> np.ndarray:
        """The gains with those of `own` left out (NaN)."""
        return np.where(self.own, np.nan, self.gain)

    def helped(self, alpha: float) -> np.ndarray:
        """(sources, targets): whether the target surely gains."""
        return (self.q < alpha) & (self.gain > 0)

    def harmed(self, alpha: float) -> np.ndarray:
        """(sources, targets): whether the target surely loses."""
        return (self.q < alpha) & (self.gain < 0)

    def relative(self, floor: float) -> np.ndarray:
        """Gains as percent of the baseline; NaN where that is below `floor` points."""
        safe = np.where(self.baseline >= floor, self.baseline, np.nan)
        return 100 * self.gain / safe

    def at(self, source: str, target: str) -> Estimate:
        """One pair's transfer score."""
        place = self.sources.index(source), self.targets.index(target)
        parts = (self.gain, self.low, self.high, self.p, self.error, self.freedom)
        return Estimate(*(float(part[place]) for part in parts))


def transfer_matrices(study: Study, settings: ComparisonSettings | None = None) -> list[Matrix]:
    """One matrix for each model, task, kind and step count; models are never pooled."""
    settings = settings or settings_of(study.plan)
    baselines = Resampler(study.scores, settings)
    groups: dict[tuple[str, str, str, int], list[Measurement]] = {}
    for score in study.scores:
        if score.kind in ("tuned", "shuffled", "mixed"):
            key = score.model, score.task, score.kind, score.steps
            groups.setdefault(key, []).append(score)
    order = {kind: place for place, kind in enumerate(("tuned", "shuffled", "mixed"))}
    found = sorted(
        groups.items(), key=lambda one: (one[0][0], one[0][1], order[one[0][2]], one[0][3])
    )
    return [_matrix(rows, baselines, settings) for _, rows in found]


def headline_steps(matrices: Iterable[Matrix], settings: ComparisonSettings) -> int:
    """The step count that is shown first: chosen before the scores are looked at."""
    steps = sorted({matrix.steps for matrix in matrices if matrix.kind == "tuned"})
    if settings.headline in steps:
        return int(settings.headline or 0)
    return max((s for s in steps if s <= 100), default=steps[0] if steps else 0)


class Resampler:
    """The untuned base's scores by (model, task, target), with the resamples of its examples."""

    def __init__(self, scores: Iterable[Measurement], settings: ComparisonSettings) -> None:
        self.settings = settings
        self.of: dict[tuple[str, str, str], dict[int, Measurement]] = {}
        for score in scores:
            if score.kind == "baseline":
                key = score.model, score.task, score.target
                self.of.setdefault(key, {})[score.seed] = score
        self._weights: tuple[tuple[str, str, int], np.ndarray] | None = None

    def resampled(self, score: Measurement) -> np.ndarray | None:
        """(samples,): the score on resamples of its test examples, the same ones for every cell."""
        metric = metric_of(score.metric)
        if score.counts is None or metric is None:
            return None
        number = len(score.counts)
        key = score.task, score.target, number
        if self._weights is None or self._weights[0] != key:
            chance = np.random.default_rng([self.settings.seed, crc32(repr(key).encode())])
            drawn = chance.multinomial(number, np.full(number, 1 / number), self.settings.samples)
            self._weights = key, drawn.astype(np.float32)
        return metric.resampled(self._weights[1] @ score.counts, score.counts.sum(0, dtype=float))


def _matrix(
    rows: Sequence[Measurement], baselines: Resampler, settings: ComparisonSettings
) -> Matrix:
    model, task, kind = rows[0].model, rows[0].task, rows[0].kind
    by_pair: dict[tuple[str, str], dict[int, Measurement]] = {}
    for row in rows:
        by_pair.setdefault(("+".join(row.transfer), row.target), {})[row.seed] = row
    sources = tuple(sorted({source for source, _ in by_pair}))
    targets = tuple(sorted({target for _, target in by_pair}))
    seeds = tuple(sorted({row.seed for row in rows}))
    shape = len(sources), len(targets)
    by_seed = np.full((*shape, len(seeds)), np.nan)
    parts = {name: np.full(shape, np.nan) for name in _PARTS}
    baseline = np.full(len(targets), np.nan)
    draws = np.full((*shape, settings.samples), np.nan, np.float32)
    for column, target in enumerate(targets):
        base = baselines.of.get((model, task, target), {})
        base_draws = {seed: baselines.resampled(row) for seed, row in base.items()}
        if base:
            baseline[column] = np.mean([row.value for row in base.values()])
        for line, source in enumerate(sources):
            pair = by_pair.get((source, target), {})
            if not pair or not base:
                continue
            own_draws = {seed: baselines.resampled(row) for seed, row in pair.items()}
            found, values, drawn = gain_over(pair, own_draws, base, base_draws, settings)
            for seed, value in values.items():
                by_seed[line, column, seeds.index(seed)] = value
            for name in _PARTS:
                own = found.value if name == "gain" else getattr(found, name)
                parts[name][line, column] = own
            if drawn is not None:
                draws[line, column] = drawn
    own = np.array([[s == t for t in targets] for s in sources]).reshape(shape)
    q = np.where(
        own,
        corrected(np.where(own, parts["p"], np.nan)),
        corrected(np.where(own, np.nan, parts["p"])),
    )
    known = draws if np.isfinite(draws).any() else None
    return Matrix(
        *(model, task, rows[0].metric, kind, rows[0].steps, sources, targets, seeds, by_seed),
        gain=parts["gain"],
        low=parts["low"],
        high=parts["high"],
        p=parts["p"],
        q=q,
        error=parts["error"],
        freedom=parts["freedom"],
        baseline=baseline,
        draws=known,
    )


_PARTS = ("gain", "low", "high", "p", "error", "freedom")


def gain_over(
    first: Mapping[int, Measurement],
    first_draws: Mapping[int, np.ndarray | None],
    second: Mapping[int, Measurement],
    second_draws: Mapping[int, np.ndarray | None],
    settings: ComparisonSettings,
    *,
    least: int = LEAST_SEEDS,
) -> tuple[Estimate, dict[int, float], np.ndarray | None]:
    """The mean of the first's seeds less the second's, in points, by seed, and on resamples.

    Seed by seed where the second has all seeds of the first, else less the second's mean, whose own
    spread then counts. The variance is that of training (between seeds, over their number) plus
    that of the test examples (a bootstrap that both sides share). Of a single seed nothing is known
    of training: there is an interval over the examples, and no p. least: fewest seeds of a p; 1 for
    what draws nothing.
    """
    paired = set(first) <= set(second)
    over = {seed: [seed] if paired else sorted(second) for seed in first}
    values = {
        seed: float(row.value or 0.0) - float(np.mean([second[s].value or 0.0 for s in over[seed]]))
        for seed, row in first.items()
    }
    parts = [spread(np.array(list(values.values())))] if len(values) >= LEAST_SEEDS else []
    if not paired and len(second) >= LEAST_SEEDS:
        parts.append(spread(np.array([float(row.value or 0.0) for row in second.values()])))
    drawn = None
    with_draws = [*first_draws.values(), *second_draws.values()]
    if with_draws and all(d is not None for d in with_draws):
        drawn = np.mean(
            [
                np.asarray(first_draws[seed])
                - np.mean([np.asarray(second_draws[s]) for s in over[seed]], axis=0)
                for seed in first
            ],
            axis=0,
        )
        # the examples of a test set are many: their part has a normal's tails
        parts.append((float(drawn.var(ddof=1)) * _few_differ(first, second), np.inf))
    found = estimate(float(np.mean(list(values.values()))), parts, level=settings.level)
    if len(values) < least:
        found = Estimate(found.value, found.low, found.high, np.nan, found.error, found.freedom)
    return found, values, drawn


def _few_differ(first: Mapping[int, Measurement], second: Mapping[int, Measurement]) -> float:
    """(m + 2) / m, where m examples are not scored alike in all cells.

    A difference that five examples make, all in one direction, is 5 / √5 standard errors to the
    bootstrap, which an exact sign test does not believe. Two more that differ, as Agresti and Min
    (2005) add them to a paired table, bring both together: 5 / √7, p = 0.06.
    """
    counts = [row.counts for row in (*first.values(), *second.values()) if row.counts is not None]
    if len({one.shape for one in counts}) != 1:
        return 1.0
    differ = int(np.any([(one != counts[0]).any(1) for one in counts], axis=0).sum())
    return (differ + 2) / differ if differ else 1.0
