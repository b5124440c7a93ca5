"""What a weighting is: a function from `WeightRequest` to `Weights`.

`reads` says which parts of the request it looks at, so that only these are computed and asked for.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from unibridge.errors import UnibridgeError
from unibridge.settings import Available, ChosenFrom, File, Lack, OwnOptions
from unibridge.tasks.encoded import PADDED

if TYPE_CHECKING:
    import torch

Input = Literal["parallel", "unlabelled", "labelled", "distances"]
"""What a weighting may read: states of parallel sentences, what the sources predict for unlabelled
or labelled target examples, or typological distances."""


class WeightSettings(OwnOptions):
    """Which weighting, how sharp, and how much it may read."""

    method: Annotated[str, ChosenFrom("unibridge.weighting:WEIGHTINGS", ("auto",))] = Field(
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
    distances: File | None = Field(
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

    def lacks(self, run: Available) -> Iterator[Lack]:
        """What the weighting reads and the run does not have; one source is not weighed."""
        from unibridge.weighting import WEIGHTINGS
        from unibridge.weighting.typology import check_distances

        if len(run.sources) < 2:
            return
        method = self.settled(len(run.sources), plain_text=run.plain_text).method
        read = inputs_of(WEIGHTINGS.resolve(method))
        if "labelled" in read and not run.target_labels:
            yield (
                "target.train",
                f"weighs by {method!r}, which is fitted on labels of the target; give some",
            )
        if "unlabelled" in read and not run.plain_text:
            yield (
                "weights.method",
                f"weighs by {method!r}, which predicts labels of plain text, and plain text has no "
                "pairs; choose another",
            )
        if "distances" in read:
            try:
                check_distances(run.target, list(run.sources), self.distances)
            except UnibridgeError as error:
                place = "weights.distances" if self.distances else "weights.method"
                yield place, f"weighs by {method!r}: {error}"
        for source in run.without("parallel") if "parallel" in read else ():
            yield (
                run.at(source, "parallel"),
                "must have parallel sentences to weigh by; give some, or set weights.method = "
                '"uniform"',
            )


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


@reads()
def uniform(request: WeightRequest) -> Weights:
    """Every source alike."""
    return Weights({s: 1 / len(request.source) for s in request.source})


def sharpened(scores: Mapping[str, float], request: WeightRequest) -> Weights:
    """softmax over sources of score / temperature, at the temperature that the settings ask for."""
    import torch

    values = torch.tensor(list(scores.values()), dtype=torch.float64)
    temperature, warnings = settled_temperature(values, request.settings)
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


def settled_temperature(
    scores: "torch.Tensor", settings: WeightSettings
) -> tuple[float, list[str]]:
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


def predictions_for(
    given: SourcePredictions | None, kind: Input, request: WeightRequest
) -> SourcePredictions:
    """What was predicted for the target text that a weighting reads; raises where there is none."""
    if given is None or given.log_probabilities.shape[1] == 0:
        raise UnibridgeError(
            f"the weighting {request.settings.method!r} needs predictions for {kind} target text",
            where="weights.method",
        )
    return given
