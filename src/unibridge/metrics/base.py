"""What a metric is, and what scores and differences of scores are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

Labels = str | Sequence[str]
"""One example's class, or its tags."""


@dataclass(frozen=True)
class Metric:
    """count: (gold, predicted) -> counts (examples, k). score: sums (..., k) -> (...), 0 to 100.

    centred: whether resamples are moved so that their mean is the score (see `resampled`).
    """

    name: str
    count: "Callable[[Sequence[Labels], Sequence[Labels]], np.ndarray]"
    score: "Callable[[np.ndarray], np.ndarray]"
    centred: bool = False

    def __call__(self, gold: Sequence[Labels], predicted: Sequence[Labels]) -> float:
        """The score of all examples together."""
        return float(self.score(self.count(gold, predicted).sum(axis=0)))

    def resampled(self, drawn: "np.ndarray", total: "np.ndarray") -> "np.ndarray":
        """Scores of resamples, from the sums of each (samples, k) and of all examples (k,).

        A mean over classes scores lower on a resample than on all examples, the more so the fewer
        examples a class has: some of its classes are there through another class's errors alone.
        Where the metric is `centred` the bootstrap's own estimate of that bias, the mean of the
        resamples less the score, is taken off each of them (Efron & Tibshirani 1993, An
        Introduction to the Bootstrap, §10.2-10.3), so that an interval is around the score.
        """
        found = self.score(drawn)
        if not self.centred:
            return found
        return (found + (self.score(total) - found.mean(axis=0))).clip(0, 100)


@dataclass(frozen=True)
class Score:
    """metric: name in `METRICS`. value, low, high: 0 to 100, a 95% bootstrap interval.

    all: further scores of the same predictions by name, 0 to 100.
    """

    metric: str
    value: float
    low: float
    high: float
    all: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """First system minus second, with its interval; p: share of resamples on the other side of 0.

    p is two-sided (twice the smaller tail, ties counted in both, at most 1).
    """

    value: float
    low: float
    high: float
    p: float
