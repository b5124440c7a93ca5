"""Mutual nearest neighbours by cosine, in blocks of matrix products."""

import torch


def mutual_nearest(
    target_vectors: torch.Tensor,
    source_vectors: torch.Tensor,
    *,
    block_bytes: int = 16 * 2**20,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pairs that are each other's nearest neighbour by cosine (paper §2.2).

    target_vectors: (targets, dimension); source_vectors: (sources, dimension); computed in float32.
    block_bytes: memory of one block of cosines; besides it and the normalised vectors only one
    number for each vector is held, never all cosines.
    Returns target indices (ascending), source indices and cosines, each (pairs,). Equal cosines go
    to the lowest index on either side.
    """
    targets, sources = len(target_vectors), len(source_vectors)
    target = torch.nn.functional.normalize(target_vectors.float(), dim=1)
    source = torch.nn.functional.normalize(source_vectors.float(), dim=1)
    device = target.device
    if not targets or not sources:
        nothing = torch.zeros(0, dtype=torch.long, device=device)
        return nothing, nothing.clone(), torch.zeros(0, device=device)

    # square blocks read each vector least often
    side = max(1, int((block_bytes / target.element_size()) ** 0.5))
    best_cosine = torch.full((targets,), -torch.inf, device=device)
    best_source = torch.zeros(targets, dtype=torch.long, device=device)
    best_of_source = torch.full((sources,), -torch.inf, device=device)
    for first_row in range(0, targets, side):
        rows = slice(first_row, first_row + side)
        for first_column in range(0, sources, side):
            columns = slice(first_column, first_column + side)
            cosines = target[rows] @ source[columns].T
            highest, position = cosines.max(dim=1)
            better = highest > best_cosine[rows]
            best_cosine[rows][better] = highest[better]
            best_source[rows][better] = position[better] + first_column
            best_of_source[columns] = best_of_source[columns].maximum(cosines.amax(dim=0))

    # a target's best cosine is its source's best too exactly when the two stored numbers are equal,
    # for both were read from the same product
    mutual = (best_cosine == best_of_source[best_source]).nonzero().squeeze(1)
    first_target = torch.full((sources,), targets, dtype=torch.long, device=device)
    first_target.scatter_reduce_(0, best_source[mutual], mutual, "amin")
    mutual = mutual[first_target[best_source[mutual]] == mutual]
    return mutual, best_source[mutual], best_cosine[mutual]
