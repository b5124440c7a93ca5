"""How much each source language counts for a target (paper §2.4, Eq. 10-12)."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from unibridge.errors import UnibridgeError
from unibridge.registry import Registry

if TYPE_CHECKING:
    import torch

    from unibridge.models.base import BaseModel as Base
    from unibridge.transfer.language import AdaptedLanguage, HeldState


class WeightSettings(BaseModel):
    """Which weighting, and how sharp."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str = Field("harmony", description="harmony, uniform, single, or package.module:name")
    temperature: float = Field(
        1.0, gt=0, description="of the softmax; 1 is the paper's, smaller is sharper"
    )
    sentences: int = Field(10, ge=1, description="parallel sentences used per pair (K)")


@dataclass(frozen=True)
class WeightRequest:
    """What a weighting may look at.

    target, source: source language -> mean-pooled states of K parallel sentences, (K, hidden), in
    the target's own model and in the source's.
    """

    target: "Mapping[str, torch.Tensor]"
    source: "Mapping[str, Any]"
    temperature: float = 1.0


@dataclass(frozen=True)
class Weights:
    """weights: source -> share, summing to one. distances: source -> 1 / d_{t,s}, or empty."""

    weights: dict[str, float]
    distances: dict[str, float]

    @property
    def entropy(self) -> float:
        """Nats; log(sources) when uniform, 0 when one source has everything."""
        return -sum(w * math.log(w) for w in self.weights.values() if w > 0)


def harmony_distances(request: WeightRequest) -> dict[str, float]:
    """mean_k ‖H_t^k − H_s^k‖₂ for each source (Eq. 11's inner part)."""
    return {
        source: max(
            float((request.target[source] - states).norm(dim=-1).mean()),
            1e-9,  # equal states: an infinite closeness would make the softmax NaN
        )
        for source, states in request.source.items()
    }


def harmony(request: WeightRequest) -> Weights:
    """softmax over sources of d_{t,s} = 1 / mean_k ‖H_t^k − H_s^k‖₂ (Eq. 11, 12)."""
    distances = harmony_distances(request)
    closeness = {s: 1 / d / request.temperature for s, d in distances.items()}
    top = max(closeness.values())
    powers = {s: math.exp(c - top) for s, c in closeness.items()}
    total = sum(powers.values())
    return Weights({s: p / total for s, p in powers.items()}, distances)


def uniform(request: WeightRequest) -> Weights:
    """Every source alike."""
    return Weights({s: 1 / len(request.source) for s in request.source}, {})


def single(request: WeightRequest) -> Weights:
    """Only the source whose states are closest; the first by name on a tie."""
    distances = harmony_distances(request)
    best = min(sorted(distances), key=distances.__getitem__)
    return Weights({s: float(s == best) for s in distances}, distances)


WEIGHTINGS: Registry[Callable[[WeightRequest], Weights]] = Registry(
    "weighting", {"harmony": harmony, "uniform": uniform, "single": single}
)


def harmony_weights(
    base: "Base",
    target: "AdaptedLanguage",
    sources: "Mapping[str, AdaptedLanguage]",
    parallel: Mapping[str, Sequence[tuple[str, str]]],
    settings: WeightSettings | None = None,
    *,
    state: "HeldState" = "encoder",
) -> Weights:
    """Weights of the sources for a target language, from a few parallel sentences (Eq. 10-12).

    parallel: source -> (target sentence, source sentence) pairs. state: the tensor h, the same
    choice as in adaptation. Raises UnibridgeError when a source has no pairs.
    """
    from unibridge.transfer.language import language_model, pooled_states

    settings = settings or WeightSettings()
    if settings.method == "uniform":  # looks at no states, so it needs no parallel text either
        return uniform(WeightRequest({}, dict.fromkeys(sources)))
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
    target_states, source_states = {}, {}
    joined = [sentence for s in sources for sentence, _ in pairs[s]]
    everything = states(target, joined).split([len(pairs[s]) for s in sources])
    for (source, adapted), rows in zip(sources.items(), everything, strict=True):
        target_states[source] = rows
        source_states[source] = states(adapted, [sentence for _, sentence in pairs[source]])
    request = WeightRequest(target_states, source_states, settings.temperature)
    return WEIGHTINGS.resolve(settings.method)(request)
