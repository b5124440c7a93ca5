"""Nearest neighbours between two sets of vectors, in blocks of matrix products.

Everything runs where the given vectors are, in float32, and never holds all similarities at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from unibridge.registry import Registry

BLOCK_BYTES = 4 * 2**20

Tables = tuple[torch.Tensor, torch.Tensor]


def mutual_nearest(
    target_vectors: torch.Tensor,
    source_vectors: torch.Tensor,
    *,
    similarity: str = "cosine",
    neighbourhood: int = 10,
    block_bytes: int = BLOCK_BYTES,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pairs that are each other's nearest neighbour (paper §2.2).

    target_vectors: (targets, dimension); source_vectors: (sources, dimension).
    similarity: "cosine", as in the paper, or another of SIMILARITIES. neighbourhood: vectors that
    CSLS averages over. block_bytes: memory of one block of similarities; besides it and the
    normalised vectors only a few numbers for each vector are held.
    Returns target indices (ascending), source indices and similarities, each (pairs,). Equal
    similarities go to the lowest index on either side.
    """
    device = target_vectors.device
    targets, sources = len(target_vectors), len(source_vectors)
    if not targets or not sources:
        nothing = torch.zeros(0, dtype=torch.long, device=device)
        return nothing, nothing.clone(), torch.zeros(0, device=device)
    target, source = _comparable(
        target_vectors, source_vectors, similarity, neighbourhood, block_bytes
    )

    best = torch.full((targets,), -torch.inf, device=device)
    best_source = torch.zeros(targets, dtype=torch.long, device=device)
    best_of_source = torch.full((sources,), -torch.inf, device=device)
    for rows, columns, block in _blocks(target, source, block_bytes):
        # positions cost ten times the maximum itself, so only rows that gain are asked for theirs
        highest = block.amax(dim=1)
        gains = (highest > best[rows]).nonzero().squeeze(1)
        best[rows].index_copy_(0, gains, highest[gains])
        best_source[rows].index_copy_(0, gains, block[gains].argmax(dim=1) + columns.start)
        best_of_source[columns] = best_of_source[columns].maximum(block.amax(dim=0))

    # a target's best is its source's best too exactly when the two stored numbers are equal, for
    # both were read from the same product
    mutual = (best == best_of_source[best_source]).nonzero().squeeze(1)
    first_target = torch.full((sources,), targets, dtype=torch.long, device=device)
    first_target.scatter_reduce_(0, best_source[mutual], mutual, "amin")
    mutual = mutual[first_target[best_source[mutual]] == mutual]
    return mutual, best_source[mutual], best[mutual]


def nearest(
    queries: torch.Tensor,
    keys: torch.Tensor,
    count: int,
    *,
    among: torch.Tensor | None = None,
    similarity: str = "cosine",
    neighbourhood: int = 10,
    block_bytes: int = BLOCK_BYTES,
) -> Tables:
    """The `count` most similar keys of each query, best first: similarities and indices.

    queries: (queries, dimension); keys: (keys, dimension). among: rows of `queries` to answer for,
    all by default; the others still say which keys are hubs.
    Both results are (queries asked for, count), count at most the number of keys.
    """
    asked, table = _comparable(queries, keys, similarity, neighbourhood, block_bytes)
    if among is not None:
        asked = asked[among]
    count = min(count, len(table))
    best = torch.full((len(asked), count), -torch.inf, device=asked.device)
    where = torch.zeros((len(asked), count), dtype=torch.long, device=asked.device)
    for rows, columns, block in _blocks(asked, table, block_bytes):
        gains = (block.amax(dim=1) > best[rows, -1]).nonzero().squeeze(1)
        found = block[gains].topk(min(count, block.shape[1]), dim=1)
        both = torch.cat([best[rows][gains], found.values], dim=1)
        places = torch.cat([where[rows][gains], found.indices + columns.start], dim=1)
        both, order = both.sort(dim=1, descending=True, stable=True)
        best[rows].index_copy_(0, gains, both[:, :count])
        where[rows].index_copy_(0, gains, places.gather(1, order)[:, :count])
    return best, where


# ---- similarities: (normalised target, normalised source, neighbourhood, block bytes) -> two
# tables whose products are the similarities


def cosine(target: torch.Tensor, source: torch.Tensor, _: int, __: int) -> Tables:
    """cos(x, y), the paper's choice."""
    return target, source


def csls(
    target: torch.Tensor, source: torch.Tensor, neighbourhood: int, block_bytes: int
) -> Tables:
    """2 cos(x, y) - r(x) - r(y), cross-domain similarity local scaling (Conneau et al. 2018, §2.3).

    r: mean cosine of a vector to its `neighbourhood` nearest on the other side. A hub, near to
    everything, is so nobody's first choice any more.
    """
    target_mean, source_mean = _mean_of_nearest(target, source, neighbourhood, block_bytes)
    # with two more entries a plain product is the whole formula
    return (
        torch.cat([2 * target, -target_mean[:, None], target.new_ones(len(target), 1)], dim=1),
        torch.cat([source, source.new_ones(len(source), 1), -source_mean[:, None]], dim=1),
    )


SIMILARITIES: Registry[Callable[[torch.Tensor, torch.Tensor, int, int], Tables]] = Registry(
    "similarity", {"cosine": cosine, "csls": csls}
)


def _comparable(
    target: torch.Tensor,
    source: torch.Tensor,
    similarity: str,
    neighbourhood: int,
    block_bytes: int,
) -> Tables:
    target = torch.nn.functional.normalize(target.float(), dim=1)
    source = torch.nn.functional.normalize(source.float(), dim=1)
    return SIMILARITIES.resolve(similarity)(target, source, neighbourhood, block_bytes)


def _blocks(
    target: torch.Tensor, source: torch.Tensor, block_bytes: int
) -> Iterator[tuple[slice, slice, torch.Tensor]]:
    """(target rows, source rows, their products), all pairs once; a block is valid until the next.

    Square blocks read each vector least often, and one piece of memory serves all of them.
    """
    side = max(1, int((block_bytes / target.element_size()) ** 0.5))
    memory = target.new_empty(min(side, len(target)) * min(side, len(source)))
    for first_row in range(0, len(target), side):
        rows = slice(first_row, min(first_row + side, len(target)))
        for first_column in range(0, len(source), side):
            columns = slice(first_column, min(first_column + side, len(source)))
            shape = (rows.stop - rows.start, columns.stop - columns.start)
            block = memory[: shape[0] * shape[1]].view(shape)
            yield rows, columns, torch.mm(target[rows], source[columns].T, out=block)


def _mean_of_nearest(
    target: torch.Tensor, source: torch.Tensor, neighbourhood: int, block_bytes: int
) -> Tables:
    """Mean similarity of each vector to its nearest on the other side: (targets,), (sources,)."""
    best_of_target = target.new_full((len(target), min(neighbourhood, len(source))), -torch.inf)
    best_of_source = source.new_full((len(source), min(neighbourhood, len(target))), -torch.inf)
    for rows, columns, block in _blocks(target, source, block_bytes):
        _keep_best(best_of_target[rows], block)
        _keep_best(best_of_source[columns], block.T)
    return best_of_target.mean(dim=1), best_of_source.mean(dim=1)


def _keep_best(best: torch.Tensor, found: torch.Tensor) -> None:
    """Put what is higher into `best` (rows, count), in place; found: (rows, any number)."""
    gains = (found.amax(dim=1) > best.amin(dim=1)).nonzero().squeeze(1)
    if len(gains):
        both = torch.cat([best[gains], found[gains]], dim=1)
        best.index_copy_(0, gains, both.topk(best.shape[1], dim=1, sorted=False).values)
