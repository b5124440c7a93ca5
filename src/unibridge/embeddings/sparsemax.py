"""Sparsemax (Martins and Astudillo 2016) of every row of a matrix."""

import torch


def _project(descending: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Threshold τ and size of the support of each row, from its largest scores in order."""
    rank = torch.arange(1, descending.shape[1] + 1, device=descending.device)
    excess = descending.cumsum(dim=1) - 1
    support = (rank * descending > excess).sum(dim=1, keepdim=True)
    return excess.gather(1, support - 1) / support, support


def sparsemax(scores: torch.Tensor, *, top: int = 128) -> torch.Tensor:
    """Each row's nearest point on the simplex: (rows, choices) scores -> weights of that shape.

    Exact. Only the `top` largest scores of a row are sorted; a row whose support fills all of them
    might have been cut, so it is sorted whole.
    """
    if not scores.numel():
        return torch.zeros_like(scores)
    # a constant shift changes nothing but keeps the running sums small
    scores = scores - scores.amax(dim=1, keepdim=True)
    top = min(top, scores.shape[1])
    threshold, support = _project(scores.topk(top, dim=1).values)
    if top < scores.shape[1]:
        cut = support.squeeze(1) == top
        if cut.any():
            whole = scores[cut].sort(dim=1, descending=True).values
            threshold[cut] = _project(whole)[0]
    return (scores - threshold).clamp_(min=0)
