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
    """count: (gold, predicted) -> counts (examples, k). score: sums (..., k) -> (...), 0 to 100."""

    name: str
    count: "Callable[[Sequence[Labels], Sequence[Labels]], np.ndarray]"
    score: "Callable[[np.ndarray], np.ndarray]"

    def __call__(self, gold: Sequence[Labels], predicted: Sequence[Labels]) -> float:
        """The score of all examples together."""
        return float(self.score(self.count(gold, predicted).sum(axis=0)))


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
