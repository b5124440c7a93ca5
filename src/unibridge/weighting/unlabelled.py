"""Weights from what the sources predict for the target's unlabelled text."""

from typing import TYPE_CHECKING

from unibridge.weighting.base import (
    WeightRequest,
    Weights,
    predictions_for,
    reads,
    settled_temperature,
    sharpened,
    uniform,
)

if TYPE_CHECKING:
    import torch


@reads("unlabelled")
def confidence(request: WeightRequest) -> Weights:
    """w_s ∝ 1 / H̄_s, with H̄_s the mean entropy of the source's predictions on target text.

    That is the softmax of −log H̄_s, whose temperature the settings may change. Not the paper's.
    """
    found = predictions_for(request.unlabelled, "unlabelled", request)
    entropy = -(found.log_probabilities.exp() * found.log_probabilities).sum(-1).mean(-1)
    scores = -entropy.double().clamp(min=_CERTAIN).log()
    return sharpened({s: float(scores[found.sources.index(s)]) for s in request.source}, request)


@reads("unlabelled")
def agreement(request: WeightRequest) -> Weights:
    """w_s ∝ a_s / (1 − a_s), with a_s how often the source agrees with all others together.

    a_s: share of the positions whose best label is that of the other sources' mean logits, with one
    agreement and one disagreement added. That is the softmax of the log odds, whose temperature the
    settings may change. Two sources always get equal weights. Not the paper's.
    """
    found = predictions_for(request.unlabelled, "unlabelled", request)
    logs = found.log_probabilities
    if len(found.sources) == 1:
        return uniform(request)
    # a log-probability is a logit less the same number for every label
    others = (logs.sum(0) - logs).argmax(-1)
    agreed = (logs.argmax(-1) == others).sum(-1).double()
    odds = ((agreed + 1) / (logs.shape[1] - agreed + 1)).log()
    return sharpened({s: float(odds[found.sources.index(s)]) for s in request.source}, request)


@reads("unlabelled")
def per_sentence(request: WeightRequest) -> Weights:
    """Each sentence weighs the sources by their confidence on it: see `sentence_weights`.

    The temperature is chosen on the unlabelled text where an entropy is asked for: the mean of its
    sentences' entropies. Not the paper's.
    """
    found = predictions_for(request.unlabelled, "unlabelled", request)
    temperature, warnings = settled_temperature(_confidences(found.entropies), request.settings)
    means = sentence_weights(found.entropies, temperature).mean(-1).tolist()
    named = dict(zip(found.sources, means, strict=True))
    weights = {s: named[s] for s in request.source}
    return Weights(weights, {}, None, temperature, warnings)


# below it a source counts as certain, in nats: weights stay finite
_CERTAIN = 1e-4


def sentence_weights(entropies: "torch.Tensor", temperature: float) -> "torch.Tensor":
    """w_s(x) ∝ H_s(x)^(−1 / temperature), of mean entropies in nats: both (sources, sentences)."""
    return (_confidences(entropies) / temperature).softmax(-1).T.to(entropies)


def _confidences(entropies: "torch.Tensor") -> "torch.Tensor":
    return -entropies.double().clamp(min=_CERTAIN).log().T
