"""Weights fitted on a few labelled target examples."""

from typing import TYPE_CHECKING

from unibridge.errors import UnibridgeError
from unibridge.weighting.base import (
    SourcePredictions,
    WeightRequest,
    Weights,
    predictions_for,
    reads,
)

if TYPE_CHECKING:
    import torch


@reads("labelled")
def fitted(request: WeightRequest) -> Weights:
    """The mixture Σ_s w_s p_s(label) under which a few gold labels are likeliest, by EM.

    E: r_is = w_s p_s(y_i) / Σ_s' w_s' p_s'(y_i). M: w_s = (Σ_i r_is + a) / (labels + a · sources),
    with a = `pseudo_labels`, the mode under a symmetric Dirichlet prior. Not the paper's.
    """
    import torch

    found = predictions_for(request.labelled, "labelled", request)
    likelihoods = _gold_log_probabilities(found)
    count, prior = likelihoods.shape[1], request.settings.pseudo_labels
    weights = torch.full((len(found.sources),), 1 / len(found.sources), dtype=torch.float64)
    for _ in range(1000):
        shares = (weights.log()[:, None] + likelihoods).softmax(0)
        better = (shares.sum(1) + prior) / (count + prior * len(weights))
        moved, weights = float((better - weights).abs().max()), better
        if moved < 1e-9:
            break
    named = dict(zip(found.sources, weights.tolist(), strict=True))
    return Weights({s: named[s] for s in request.source})


@reads("labelled")
def fitted_logits(request: WeightRequest) -> Weights:
    """Like `fitted`, for what inference computes: the softmax of Σ_s w_s ŷ_s (Eq. 13).

    Minimises −Σ_i log softmax(Σ_s w_s ŷ_s)(y_i) − a Σ_s log w_s over shares w = softmax(v), by
    L-BFGS from equal ones; a = `pseudo_labels`. The first term is convex in w. Not the paper's.
    """
    import numpy as np
    import torch
    from scipy.optimize import minimize

    found = predictions_for(request.labelled, "labelled", request)
    _gold_log_probabilities(found)
    known = found.gold >= 0
    logits, gold = found.log_probabilities[:, known].double(), found.gold[known]

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        free = torch.tensor(values, dtype=torch.float64, requires_grad=True)
        shares = free.log_softmax(0)
        pooled = (shares.exp()[:, None, None] * logits).sum(0)
        total = torch.nn.functional.cross_entropy(pooled, gold, reduction="sum")
        total = total - request.settings.pseudo_labels * shares.sum()
        total.backward()
        return float(total.detach()), np.asarray(free.grad)

    best = minimize(loss, np.zeros(len(found.sources)), jac=True, method="L-BFGS-B")
    named = dict(zip(found.sources, torch.tensor(best.x).softmax(0).tolist(), strict=True))
    return Weights({s: named[s] for s in request.source})


@reads("labelled")
def best_single(request: WeightRequest) -> Weights:
    """Only the source under which a few gold labels are likeliest; the first by name on a tie."""
    found = predictions_for(request.labelled, "labelled", request)
    likelihood = dict(zip(found.sources, _gold_log_probabilities(found).mean(1), strict=True))
    best = max(sorted(likelihood), key=lambda source: float(likelihood[source]))
    return Weights({s: float(s == best) for s in request.source})


def _gold_log_probabilities(found: SourcePredictions) -> "torch.Tensor":
    """log p_s(gold label): (sources, labelled positions)."""
    known = found.gold >= 0
    if not bool(known.any()):
        raise UnibridgeError(
            "the labelled target examples have no label that the sources know",
            do="check that they use the sources' labels",
        )
    chosen = found.gold[known].expand(len(found.sources), -1).unsqueeze(-1)
    return found.log_probabilities[:, known].gather(-1, chosen).squeeze(-1).double()
