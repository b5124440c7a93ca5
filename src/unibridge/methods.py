"""The rows of the results table as data: what each method changes, and nothing else.

A method is a few choices and a dictionary of settings laid over the run's own, so that baselines
and ablations go through the same code as the method that they are compared with. A configuration
may add its own under [methods.NAME].
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from unibridge.registry import Registry


class Method(BaseModel):
    """One row of the table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str = Field(description="what tables call it")
    vocabulary: Literal["target", "base"] = Field(
        "target", description="target: a new vocabulary for the target; base: the base's own"
    )
    languages: Literal["adapters", "none"] = Field(
        "adapters", description="adapters: a language adapter for every language; none: no adapters"
    )
    task: Literal["per-source", "universal", "model", "target-labels", "shapes"] = Field(
        "per-source",
        description="per-source: a task adapter for each source; universal: one for all of them; "
        "model: the whole encoder on all of them; target-labels: a task adapter on the target's "
        "own labels; shapes: a count of word shapes, no model",
    )
    sources: Literal["all", "english"] = Field(
        "all", description="english: en alone, or the first source where en is not among them"
    )
    ending: Literal["vote", "merged", "distilled"] = Field(
        "vote",
        description="vote: all sources' logits, weighted; merged: their adapters and heads "
        "averaged into one; distilled: one student of what they say of the target's text",
    )
    settings: dict[str, Any] = Field(
        default_factory=dict, description='settings laid over the run\'s: {"section.field": value}'
    )

    @field_validator("settings", mode="before")
    @classmethod
    def _by_path(cls, value: Any) -> Any:
        """{"section": {"field": value}} is what TOML makes of section.field without quotes."""
        return dict(_paths(value)) if isinstance(value, Mapping) else value

    @property
    def trains_sources(self) -> bool:
        """Whether it takes a language adapter of each of its sources."""
        return self.languages == "adapters" and self.task not in ("target-labels", "shapes")

    @property
    def weighs_sources(self) -> bool:
        """Whether its sources are weighted against each other."""
        return self.languages == "adapters" and (self.task, self.sources) == ("per-source", "all")

    @property
    def reads(self) -> tuple[str, ...]:
        """The sections of settings that decide its numbers, and so may be laid over."""
        if self.task == "shapes":
            return ()
        adapts = self.languages == "adapters"
        sections = {
            "vocabulary": adapts and self.vocabulary == "target",
            "embeddings": adapts and self.vocabulary == "target",
            "adaptation": adapts,
            "source_adaptation": self.trains_sources,
            "task_training": self.task != "model",
            "fine_tuning": self.task == "model",
            "weights": self.weighs_sources,
            "merging": self.ending == "merged",
            "distillation": self.ending == "distilled",
        }
        return tuple(section for section, read in sections.items() if read)

    def sources_of(self, languages: Sequence[str]) -> list[str]:
        """Those of a run's source languages that it learns from."""
        if self.sources == "all":
            return list(languages)
        return ["en"] if "en" in languages else list(languages[:1])


def _paths(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _paths(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


METHODS: Registry[Method] = Registry(
    "method",
    {
        "floor": Method(label="Floor: word shapes only", task="shapes"),
        "fine-tune": Method(
            label="Fine-tuning, zero-shot", vocabulary="base", languages="none", task="model"
        ),
        "mad-x": Method(label="MAD-X", vocabulary="base", task="universal"),
        "unibridge": Method(label="UniBridge"),
        "unibridge-no-kl": Method(
            label="UniBridge, KL off", settings={"adaptation.kl_weight": 0.0}
        ),
        "unibridge-xavier": Method(
            label="UniBridge, Xavier embeddings", settings={"embeddings.method": "xavier"}
        ),
        "unibridge-semantic-always": Method(
            label="UniBridge, semantic step always",
            settings={"embeddings.semantic_step": "always", "embeddings.static_space": "separate"},
        ),
        "unibridge-published": Method(
            label="UniBridge, as published",
            settings={
                "embeddings.semantic_step": "always",
                "embeddings.static_space": "separate",
                "weights.method": "harmony",
            },
        ),
        "unibridge-fixed-vocabulary": Method(
            label="UniBridge, vocabulary fixed",
            settings={"vocabulary.search": "fixed", "vocabulary.on_too_large": "quarter"},
        ),
        "unibridge-english-only": Method(label="UniBridge, English only", sources="english"),
        "unibridge-harmony": Method(
            label="UniBridge, harmony weights", settings={"weights.method": "harmony"}
        ),
        "unibridge-uniform": Method(
            label="UniBridge, uniform weights", settings={"weights.method": "uniform"}
        ),
        "unibridge-single": Method(
            label="UniBridge, closest source only", settings={"weights.method": "single"}
        ),
        "unibridge-merged": Method(label="UniBridge, merged into one", ending="merged"),
        "unibridge-averaged": Method(
            label="UniBridge, averaged by weight",
            ending="merged",
            settings={"merging.shares": "weights"},
        ),
        "unibridge-distilled": Method(label="UniBridge, distilled into one", ending="distilled"),
        "ceiling": Method(label="Ceiling: trained on target labels", task="target-labels"),
    },
)
