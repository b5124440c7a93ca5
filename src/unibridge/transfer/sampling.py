"""How often each source is read: as often as it has examples, alike, or in between."""

from collections.abc import Callable, Sequence
from typing import Annotated

from pydantic import Field

from unibridge.registry import Registry
from unibridge.settings import ChosenFrom, Settings

Shares = Callable[[Sequence[int], float], list[float]]
"""(examples of each source, the exponent) -> how much of an epoch each is to be."""


def balanced(sizes: Sequence[int], exponent: float) -> list[float]:
    """Every source as much as the others."""
    return [1 / len(sizes)] * len(sizes)


def temperature(sizes: Sequence[int], exponent: float) -> list[float]:
    """q ∝ p^α, which lifts small sources (Conneau & Lample 2019, arXiv 1901.07291, §3.1)."""
    powers = [(size / sum(sizes)) ** exponent for size in sizes]
    return [power / sum(powers) for power in powers]


SAMPLINGS: Registry[Shares] = Registry(
    "sampling", {"balanced": balanced, "temperature": temperature}
)


class SamplingSettings(Settings):
    """How the sources are mixed in an epoch, which stays as long as it is."""

    method: Annotated[str, ChosenFrom("unibridge.transfer.sampling:SAMPLINGS", ("none",))] = Field(
        "none",
        description="none: every example once; balanced: every source alike; temperature: by its "
        "size to the power of the exponent",
    )
    exponent: float = Field(
        0.3, ge=0, le=1, description="α of temperature (XLM-R, arXiv 1911.02116: 0.3; XLM: 0.5)"
    )


def drawn(owners: Sequence[int], settings: SamplingSettings, *, seed: int, epoch: int) -> list[int]:
    """Indices of an epoch's examples, as many as there are, by the settings.

    owners: of each example its source's number. A source that is read more often than it is long is
    read whole before any of it comes again.
    """
    import numpy as np

    if settings.method == "none":
        return list(range(len(owners)))
    random = np.random.default_rng([seed, epoch, 1])
    groups = [np.flatnonzero(np.asarray(owners) == number) for number in sorted(set(owners))]
    shares = SAMPLINGS.resolve(settings.method)([len(g) for g in groups], settings.exponent)
    # whole numbers that sum to the epoch's length, the largest remainders rounded up
    exact = np.array(shares) * len(owners)
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: len(owners) - counts.sum()]] += 1
    found: list[int] = []
    for group, count in zip(groups, counts, strict=True):
        rounds = -(-count // len(group))
        order = [i for _ in range(rounds) for i in random.permutation(group).tolist()]
        found += order[:count]
    return found
