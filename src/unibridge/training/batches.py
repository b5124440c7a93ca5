"""Which examples each optimiser step reads, and which rows of them each process."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def batches_of(
    lengths: "Sequence[int] | np.ndarray",
    batch_size: int,
    *,
    seed: int,
    epoch: int,
    groups: Sequence[int] = (),
) -> list[list[int]]:
    """One epoch's batches of example indices, in random order, similar lengths together.

    Length grouping saves padding: examples are shuffled, sorted by length within pools of 50
    batches and cut. groups: where given, a batch never mixes two groups (source languages).
    """
    import numpy as np

    random = np.random.default_rng([seed, epoch])
    lengths_array = np.asarray(lengths)
    group_array = np.asarray(groups) if len(groups) else np.zeros(len(lengths_array), dtype=int)
    pool = batch_size * 50
    batches: list[list[int]] = []
    for group in np.unique(group_array):
        order = random.permutation(np.flatnonzero(group_array == group))
        for start in range(0, len(order), pool):
            part = order[start : start + pool]
            part = part[np.argsort(lengths_array[part], kind="stable")]
            batches += [part[i : i + batch_size].tolist() for i in range(0, len(part), batch_size)]
    return [batches[i] for i in random.permutation(len(batches))]


def shares(samples: int, micro_batch: int | None, *, rank: int, count: int) -> list[slice]:
    """The rows of a batch that one of `count` processes reads, one slice per forward pass."""
    start, end = samples * rank // count, samples * (rank + 1) // count
    step = micro_batch or max(samples, 1)
    return [slice(at, min(at + step, end)) for at in range(start, end, step)]
