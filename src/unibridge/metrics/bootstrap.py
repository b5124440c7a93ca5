"""Bootstrap intervals over examples, and over examples and seeds together.

Counts per example add up, so nothing is scored twice: a resample says how often each kind of
example occurs.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from unibridge.metrics.base import Difference, Labels, Metric

if TYPE_CHECKING:
    import numpy as np


def bootstrap_interval(
    gold: Sequence[Labels],
    predicted: Sequence[Labels],
    metric: Metric,
    *,
    samples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile interval of a metric when the examples are drawn again with replacement.

    Of a metric that is `centred` around the score: see `Metric.resampled`.
    """
    counts = metric.count(gold, predicted)
    scores = metric.resampled(_resampled(counts, samples, seed), counts.sum(axis=0))
    return interval_of(scores, level)


def bootstrap_difference(
    gold: Sequence[Labels],
    first: Sequence[Labels],
    second: Sequence[Labels],
    metric: Metric,
    *,
    samples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Difference:
    """Paired bootstrap of first minus second: both systems are scored on the same resamples."""
    # counts of classes have their columns by label, so both systems must be counted with the same
    both = metric.count([*gold, *gold], [*first, *second])
    counts = _beside([both[: len(gold)], both[len(gold) :]])
    width = both.shape[1]
    total = counts.sum(axis=0)
    drawn = _resampled(counts, samples, seed)
    differences = metric.resampled(drawn[:, :width], total[:width])
    differences -= metric.resampled(drawn[:, width:], total[width:])
    low, high = interval_of(differences, level)
    tail = min(float((differences <= 0).mean()), float((differences >= 0).mean()))
    value = float(metric.score(total[:width]) - metric.score(total[width:]))
    return Difference(value, low, high, min(1.0, 2 * tail))


def resampled_scores(
    counts: Sequence[Any], metric: Metric, *, samples: int = 1000, seed: int = 0
) -> "np.ndarray":
    """Scores of several systems (samples, systems) on the same resamples of the examples.

    counts: of each system what `metric.count` gives for the same examples; what stands in the
    columns may differ from one system to the next.
    """
    import numpy as np

    drawn = _resampled(_beside(counts), samples, seed)
    ends = np.cumsum([part.shape[1] for part in counts])
    parts = np.split(drawn, ends[:-1], axis=1)
    scored = [
        metric.resampled(part, own.sum(axis=0)) for part, own in zip(parts, counts, strict=True)
    ]
    return np.stack(scored, axis=1)


def resampled_means(scores: "np.ndarray", *, seed: int = 0) -> "np.ndarray":
    """(samples, seeds) -> (samples,): means over seeds that are drawn again with replacement.

    With `resampled_scores` of a method's seeds, examples and trainings are drawn together, so the
    spread says what another test set and other seeds would change. Of few seeds it says too little:
    three cannot show more than they have.
    """
    import numpy as np

    generator = np.random.default_rng([seed, 1])
    chosen = generator.integers(scores.shape[1], size=scores.shape)
    return np.asarray(np.take_along_axis(scores, chosen, axis=1).mean(axis=1))


def _beside(counts: Sequence[Any]) -> Any:
    """Counts of the same examples by several systems, those of each in columns of its own."""
    import numpy as np

    if all(isinstance(one, np.ndarray) for one in counts):
        return np.concatenate(counts, axis=1)
    from scipy.sparse import hstack

    return hstack(counts).tocsr()


def _resampled(counts: "np.ndarray", samples: int, seed: int) -> "np.ndarray":
    """Summed counts of `samples` resamples: (examples, k) -> (samples, k).

    Examples with the same counts are interchangeable, so one multinomial draw over the distinct
    ones is the bootstrap itself, and its cost does not grow with the number of examples.
    """
    import numpy as np

    if isinstance(counts, np.ndarray):
        kinds, frequency = np.unique(counts, axis=0, return_counts=True)
    else:
        kinds, frequency = counts, np.ones(counts.shape[0])
    generator = np.random.default_rng(seed)
    number = counts.shape[0]
    drawn = generator.multinomial(number, frequency / number, size=samples)
    return drawn.astype(float) @ kinds


def interval_of(values: "np.ndarray", level: float = 0.95) -> tuple[float, float]:
    """Both ends of what holds that share of the values, as much of them left out on each side."""
    import numpy as np

    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
