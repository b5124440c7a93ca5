"""How much each source language counts for a target (paper §2.4, Eq. 10-12, and alternatives).

A weighting is one function, `WeightRequest` -> `Weights`, with a line in `WEIGHTINGS`. `reads`
says which parts of the request it looks at, so that only these are computed and asked for.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from unibridge.errors import UnibridgeError
from unibridge.registry import Registry
from unibridge.tasks.base import PADDED

if TYPE_CHECKING:
    import torch

    from unibridge.models.base import BaseModel as Base
    from unibridge.transfer.language import AdaptedLanguage, HeldState

Input = Literal["parallel", "unlabelled", "labelled", "distances"]
"""What a weighting may read: states of parallel sentences, what the sources predict for unlabelled
or labelled target examples, or typological distances."""


class WeightSettings(BaseModel):
    """Which weighting, how sharp, and how much it may read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str = Field(
        "auto",
        description="auto: agreement where there are three sources or more and the task is on "
        "plain text, else harmony; harmony (the paper's), typology, confidence, agreement, "
        "per_sentence, fitted, fitted_logits, best_single, single, uniform, or package.module:name",
    )
    temperature: float = Field(
        1.0, gt=0, description="of the softmax; 1 is the paper's, smaller is sharper"
    )
    entropy: float | None = Field(
        None,
        gt=0,
        le=1,
        description="the weights' entropy as a share of equal weights'; sets the temperature. "
        "Unset: the temperature as it stands (the paper's)",
    )
    sentences: int = Field(10, ge=1, description="parallel sentences used per pair (K)")
    unlabelled_sentences: int = Field(
        500, ge=1, description="lines of target text that the sources are compared on"
    )
    labelled_sentences: int = Field(
        50, ge=1, description="labelled target examples that weights are fitted on"
    )
    pseudo_labels: float = Field(
        1.0,
        ge=0,
        description="labels that each source is taken to explain before any is seen: draws fitted "
        "weights towards equal ones; 0: maximum likelihood",
    )
    typology: Literal["featural", "syntactic", "genetic", "geographic"] = Field(
        "featural", description="kind of distance that URIEL+ is asked for"
    )
    distances: str | None = Field(
        None, description="TSV of language, language, distance, instead of asking URIEL+"
    )

    def settled(self, sources: int, *, plain_text: bool) -> "WeightSettings":
        """With what `auto` stands for, for so many sources.

        Two sources always agree as much with each other, and plain text has no pairs to label.
        plain_text: whether there is unlabelled target text that the sources can predict.
        """
        if self.method != "auto":
            return self
        method = "agreement" if sources > 2 and plain_text else "harmony"
        return self.model_copy(update={"method": method})


@dataclass(frozen=True)
class SourcePredictions:
    """What every source says of some target examples, before anything is weighed.

    A position is a decision of the task, such as a word's tag. log_probabilities: (sources,
    positions, classes), nats; `PADDED` where a decision has fewer classes. entropies: (sources,
    examples), see `Task.entropies`. examples: (positions,), the number of each position's example.
    gold: (positions,), the class's number, negative where there is none.
    """

    sources: tuple[str, ...]
    log_probabilities: "torch.Tensor"
    entropies: "torch.Tensor"
    examples: "torch.Tensor"
    gold: "torch.Tensor"


def side_by_side(parts: "Sequence[torch.Tensor]", *, dim: int = 0) -> "torch.Tensor":
    """Decisions joined along `dim`; those with fewer classes (the last axis) get `PADDED` ones."""
    import torch

    widest = max(part.shape[-1] for part in parts)
    grown = [
        part
        if part.shape[-1] == widest
        else torch.nn.functional.pad(part, (0, widest - part.shape[-1]), value=PADDED)
        for part in parts
    ]
    return torch.cat(grown, dim)


@dataclass(frozen=True)
class WeightRequest:
    """What a weighting may look at; parts that it does not read are empty.

    target, source: source language -> mean-pooled states of K parallel sentences, (K, hidden), in
    the target's own model and in the source's; the keys of `source` are always there.
    distances: source language -> typological distance to the target.
    """

    target: "Mapping[str, torch.Tensor]"
    source: "Mapping[str, Any]"
    settings: WeightSettings = field(default_factory=WeightSettings)
    unlabelled: SourcePredictions | None = None
    labelled: SourcePredictions | None = None
    distances: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Weights:
    """weights: source -> share, summing to one. distances: source -> 1 / d_{t,s}, or empty.

    temperature: of the softmax, None where there is none. sentence_temperature: where every
    sentence has weights of its own (`sentence_weights`); `weights` is then their mean.
    """

    weights: dict[str, float]
    distances: dict[str, float] = field(default_factory=dict)
    temperature: float | None = None
    sentence_temperature: float | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def entropy(self) -> float:
        """Nats; log(sources) when uniform, 0 when one source has everything."""
        return -sum(w * math.log(w) for w in self.weights.values() if w > 0)


Weighting = Callable[[WeightRequest], Weights]


def reads(*inputs: Input) -> Callable[[Weighting], Weighting]:
    """Mark what a weighting looks at."""

    def mark(weighting: Weighting) -> Weighting:
        weighting.reads = inputs  # type: ignore[attr-defined]
        return weighting

    return mark


def inputs_of(weighting: Weighting) -> tuple[Input, ...]:
    """What a weighting looks at; one that does not say is given parallel sentences."""
    return getattr(weighting, "reads", ("parallel",))


# ------------------------------------------------------------------------- a softmax over scores


def sharpened(scores: Mapping[str, float], request: WeightRequest) -> Weights:
    """softmax over sources of score / temperature, at the temperature that the settings ask for."""
    import torch

    values = torch.tensor(list(scores.values()), dtype=torch.float64)
    temperature, warnings = _temperature(values, request.settings)
    shares = (values / temperature).softmax(-1).tolist()
    return Weights(dict(zip(scores, shares, strict=True)), {}, temperature, warnings=warnings)


def temperature_for(scores: "torch.Tensor", share: float) -> float:
    """The temperature at which softmax(scores / temperature) has that share of log(sources).

    scores: (..., sources); where there are several rows, the mean of their entropies counts.
    Entropy grows with the temperature, so it is bisected. For share 1 and for equal scores it is
    the largest float, which makes all weights equal; where the best scores are tied and the share
    out of reach, the sharpest.
    """
    import sys

    import torch

    spread = float((scores.amax(-1) - scores.amin(-1)).max())
    if share >= 1 or spread == 0:
        return sys.float_info.max

    def reached(temperature: float) -> float:
        shares = (scores.double() / temperature).softmax(-1)
        return float(torch.special.entr(shares).sum(-1).mean()) / math.log(scores.shape[-1])

    low, high = math.log(spread) - 30, math.log(spread) + 30
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(math.exp(middle)) > share else (middle, high)
    return math.exp(low)


def _temperature(scores: "torch.Tensor", settings: WeightSettings) -> tuple[float, list[str]]:
    """The settings' temperature for these scores (..., sources), and what went wrong."""
    import torch

    if settings.entropy is None or scores.shape[-1] == 1:
        return settings.temperature, []
    found = temperature_for(scores, settings.entropy)
    shares = (scores / found).softmax(-1)
    reached = float(torch.special.entr(shares).sum(-1).mean()) / math.log(scores.shape[-1])
    if abs(reached - settings.entropy) < 1e-3:
        return found, []
    return found, [
        f"weights.entropy = {settings.entropy:g} cannot be reached, since sources are tied: it is "
        f"{reached:.3f}"
    ]


# ---------------------------------------------------------------------- from parallel sentences


def harmony_distances(request: WeightRequest) -> dict[str, float]:
    """mean_k ‖H_t^k − H_s^k‖₂ for each source (Eq. 11's inner part)."""
    return {
        source: max(
            float((request.target[source] - states).norm(dim=-1).mean()),
            1e-9,  # equal states: an infinite closeness would make the softmax NaN
        )
        for source, states in request.source.items()
    }


@reads("parallel")
def harmony(request: WeightRequest) -> Weights:
    """softmax over sources of d_{t,s} = 1 / mean_k ‖H_t^k − H_s^k‖₂ (Eq. 11, 12)."""
    return _closest_most(harmony_distances(request), request)


@reads("parallel")
def single(request: WeightRequest) -> Weights:
    """Only the source whose states are closest; the first by name on a tie."""
    distances = harmony_distances(request)
    best = min(sorted(distances), key=distances.__getitem__)
    return Weights({s: float(s == best) for s in distances}, distances)


@reads("distances")
def typology(request: WeightRequest) -> Weights:
    """Eq. 11 and 12 with typological distances (paper, Tables 14 and 15, from lang2vec)."""
    return _closest_most({s: max(request.distances[s], 1e-9) for s in request.source}, request)


def _closest_most(distances: dict[str, float], request: WeightRequest) -> Weights:
    found = sharpened({s: 1 / d for s, d in distances.items()}, request)
    return Weights(found.weights, distances, found.temperature, warnings=found.warnings)


# ------------------------------------------------------------------- from unlabelled target text


@reads("unlabelled")
def confidence(request: WeightRequest) -> Weights:
    """w_s ∝ 1 / H̄_s, with H̄_s the mean entropy of the source's predictions on target text.

    That is the softmax of −log H̄_s, whose temperature the settings may change. Not the paper's.
    """
    found = _predictions(request.unlabelled, "unlabelled", request)
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
    found = _predictions(request.unlabelled, "unlabelled", request)
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
    found = _predictions(request.unlabelled, "unlabelled", request)
    temperature, warnings = _temperature(_confidences(found.entropies), request.settings)
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


# ------------------------------------------------------------------ from labelled target examples


@reads("labelled")
def fitted(request: WeightRequest) -> Weights:
    """The mixture Σ_s w_s p_s(label) under which a few gold labels are likeliest, by EM.

    E: r_is = w_s p_s(y_i) / Σ_s' w_s' p_s'(y_i). M: w_s = (Σ_i r_is + a) / (labels + a · sources),
    with a = `pseudo_labels`, the mode under a symmetric Dirichlet prior. Not the paper's.
    """
    import torch

    found = _predictions(request.labelled, "labelled", request)
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

    found = _predictions(request.labelled, "labelled", request)
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
    found = _predictions(request.labelled, "labelled", request)
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


# ---------------------------------------------------------------------------------- from nothing


@reads()
def uniform(request: WeightRequest) -> Weights:
    """Every source alike."""
    return Weights({s: 1 / len(request.source) for s in request.source})


WEIGHTINGS: Registry[Weighting] = Registry(
    "weighting",
    {
        "harmony": harmony,
        "typology": typology,
        "confidence": confidence,
        "agreement": agreement,
        "per_sentence": per_sentence,
        "fitted": fitted,
        "fitted_logits": fitted_logits,
        "best_single": best_single,
        "single": single,
        "uniform": uniform,
    },
)


def _predictions(
    given: SourcePredictions | None, kind: Input, request: WeightRequest
) -> SourcePredictions:
    if given is None or given.log_probabilities.shape[1] == 0:
        raise UnibridgeError(
            f"the weighting {request.settings.method!r} needs predictions for {kind} target text",
            where="weights.method",
        )
    return given


# ---------------------------------------------------------------------------------- the entry


def harmony_weights(
    base: "Base",
    target: "AdaptedLanguage",
    sources: "Mapping[str, AdaptedLanguage]",
    parallel: Mapping[str, Sequence[tuple[str, str]]],
    settings: WeightSettings | None = None,
    *,
    state: "HeldState" = "encoder",
    unlabelled: SourcePredictions | None = None,
    labelled: SourcePredictions | None = None,
    distances: Mapping[str, float] | None = None,
) -> Weights:
    """Weights of the sources for a target language, by the method that the settings name.

    parallel: source -> (target sentence, source sentence) pairs (Eq. 10-12). state: the tensor h,
    the same choice as in adaptation. unlabelled, labelled: what `MultiSourceModel.predict_sources`
    says of target examples; distances: source -> typological distance. Each is needed by the
    weightings that read it. Raises UnibridgeError when something that is read is missing.
    """
    from unibridge.transfer.language import language_model, pooled_states

    settings = (settings or WeightSettings()).settled(
        len(sources), plain_text=unlabelled is not None
    )
    weigh = WEIGHTINGS.resolve(settings.method)
    needed = inputs_of(weigh)
    target_states: dict[str, torch.Tensor] = {}
    source_states: dict[str, Any] = dict.fromkeys(sources)
    if "parallel" in needed:
        missing = [s for s in sources if not parallel.get(s)]
        if missing:
            raise UnibridgeError(
                f"no parallel sentences for {', '.join(missing)}",
                do='give sources.parallel, or set weights.method = "uniform"',
            )

        def states(adapted: "AdaptedLanguage", sentences: Sequence[str]) -> "torch.Tensor":
            return pooled_states(
                language_model(base, adapted),
                base.family,
                adapted.tokenizer or base.tokenizer,
                sentences,
                state=state,
            )

        pairs = {s: list(parallel[s])[: settings.sentences] for s in sources}
        joined = [sentence for s in sources for sentence, _ in pairs[s]]
        everything = states(target, joined).split([len(pairs[s]) for s in sources])
        for (source, adapted), rows in zip(sources.items(), everything, strict=True):
            target_states[source] = rows
            source_states[source] = states(adapted, [sentence for _, sentence in pairs[source]])
    if "distances" in needed and (unknown := [s for s in sources if s not in (distances or {})]):
        raise UnibridgeError(
            f"no typological distance for {', '.join(unknown)}", where="weights.distances"
        )
    return weigh(
        WeightRequest(
            target_states, source_states, settings, unlabelled, labelled, dict(distances or {})
        )
    )
