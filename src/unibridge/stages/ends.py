"""What a method ends in: a predictor, and the ensemble of stages that a pack is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.stages.ensemble import model_of
from unibridge.stages.workplace import Workplace

if TYPE_CHECKING:
    from unibridge.ensemble.model import MultiSourceModel


@dataclass(frozen=True)
class SourceWeights:
    """How much each source counts, summing to 1 where there are several.

    sentence_temperature: of weights that every sentence has of its own; None where it has none.
    stage: the `weigh` stage that found them; None for weights that were given.
    """

    by_source: Mapping[str, float]
    sentence_temperature: float | None = None
    stage: Path | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What decides them: a stage by its name, since its numbers differ in their last digits
        between one process and several."""
        if self.stage is not None:
            return {"weights": self.stage.name}
        return {
            "weights": dict(self.by_source),
            "sentence_temperature": self.sentence_temperature,
        }


@dataclass(frozen=True)
class Ensemble:
    """The stages that a model of several sources is put together from, nothing loaded yet.

    language: the target's `adapt` stage; None for the base as it is. tasks: name -> `train-task`
    stage. max_tokens: tokens of a sentence that are read.
    """

    language: Path | None
    tasks: Mapping[str, Path]
    weights: SourceWeights
    max_tokens: int

    def load(self, at: Workplace) -> "MultiSourceModel":
        """The model that predicts."""
        return model_of(
            at,
            self.language,
            self.tasks,
            self.weights.by_source,
            max_tokens=self.max_tokens,
            sentence_temperature=self.weights.sentence_temperature,
        )

    @property
    def settings(self) -> dict[str, Any]:
        """What decides its predictions, beside its stages."""
        return {**self.weights.settings, "max_tokens": self.max_tokens}


@dataclass(frozen=True)
class Predictor:
    """What a method ends in.

    predict: examples -> predictions in their order, as the task has them. settings, inputs: what
    decides these beside the stages that the journey noted. ensemble: what a pack is made of; None
    where there is no model. told: what was odd about the examples, filled while predicting.
    """

    predict: Callable[[Sequence[Any]], Sequence[Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    ensemble: Ensemble | None = None
    told: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        model: "Callable[[], MultiSourceModel]",
        settings: Mapping[str, Any],
        ensemble: "Ensemble",
    ) -> "Predictor":
        """Predictions of a model that is loaded when they are asked for, and its warnings."""
        told: list[str] = []
        return cls(
            lambda examples: model().predict(examples, warn=told.append),
            settings,
            ensemble=ensemble,
            told=told,
        )
