"""Estimates with intervals, from parts of variance that each have their degrees of freedom."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import stats

Part = tuple[float, float]
"""(variance of the estimate from one source of chance, its degrees of freedom)"""


@dataclass(frozen=True)
class Estimate:
    """value with the ends of its interval; p: two-sided, of no difference from 0.

    error: standard error. freedom: degrees of freedom. All but value are NaN where nothing says how
    much it could vary.
    """

    value: float
    low: float = np.nan
    high: float = np.nan
    p: float = np.nan
    error: float = np.nan
    freedom: float = np.nan

    @property
    def known(self) -> bool:
        """Whether there is an interval."""
        return bool(np.isfinite(self.low))

    def exceeds(self, bound: float) -> float:
        """One-sided p of a value that is not above `bound`; NaN where it cannot be tested."""
        if not self.known or self.error == 0:
            return np.nan
        return float(stats.t.sf((self.value - bound) / self.error, self.freedom))


def estimate(value: float, parts: Iterable[Part], *, level: float = 0.95) -> Estimate:
    """A t interval whose degrees of freedom are pooled as Welch and Satterthwaite do.

    Parts that nothing is known of (NaN) leave the value without an interval. Where nothing varied
    at all, equal to 0 is certain (p = 1) and anything else is untested.
    """
    parts = list(parts)
    variance = sum(part for part, _ in parts)
    if not parts or not np.isfinite(variance) or not np.isfinite(value):
        return Estimate(value)
    if variance == 0:
        return Estimate(value, value, value, 1.0 if value == 0 else np.nan, 0.0, np.inf)
    within = sum(part**2 / df for part, df in parts)
    freedom = variance**2 / within if within else np.inf
    error = float(np.sqrt(variance))
    reach = float(stats.t.ppf((1 + level) / 2, freedom)) * error
    p = 2 * float(stats.t.sf(abs(value) / error, freedom))
    return Estimate(value, value - reach, value + reach, p, error, freedom)


def spread(values: np.ndarray) -> Part:
    """What the mean of these varies by; NaN of fewer than two. NaN among them are left out."""
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return np.nan, np.nan
    return float(values.var(ddof=1) / len(values)), len(values) - 1.0


def mean_estimate(
    values: np.ndarray,
    axes: tuple[int, ...],
    *,
    further: Iterable[Part] = (),
    level: float = 0.95,
) -> Estimate:
    """The mean of all values that are not NaN, taken to be drawn along each of `axes`.

    Each axis is a sample of its own, such as languages, targets or seeds: its part of the variance
    is that of the means over all else. What is due to single cells is so counted once an axis,
    which errs on the side of wider intervals. further: more parts.
    """
    if not np.isfinite(values).any():
        return Estimate(np.nan)
    parts = []
    for axis in axes:
        moved = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
        kept = moved[np.isfinite(moved).any(1)]
        parts.append(spread(np.nanmean(kept, axis=1)))
    return estimate(float(np.nanmean(values)), [*parts, *further], level=level)


def corrected(p: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's p over all that are not NaN, in the same shape."""
    found = np.full(p.shape, np.nan)
    tested = np.isfinite(p)
    if tested.any():
        found[tested] = stats.false_discovery_control(p[tested])
    return found
