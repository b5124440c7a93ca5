"""What a method is: a name, a role, what it reads and needs, and the journey it takes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator

from unibridge.settings import Available, Lack, Settings
from unibridge.stages.inputs import Inputs
from unibridge.stages.journey import Journey, Predictor

Role = Literal["floor", "baseline", "method", "ablation", "ceiling"]
"""floor and ceiling bound what is compared and do not compete; a baseline is known from elsewhere;
an ablation is a method with something changed."""

Need = Callable[[Available], Iterator[Lack]]
"""Asked before anything is trained what the run lacks; see `methods/needs.py`."""


Check = Callable[[Inputs], None]
"""Asked once everything is read, before anything is trained: raises UnibridgeError for what of it
the method cannot do with."""


@dataclass(frozen=True)
class Method:
    """One row of the table of results.

    name: in `run.methods`. label: what tables call it. run: what it does, step by step. reads:
    sections of settings that decide its numbers. needs: what the run must have. checks: what must
    be right with it. settings: laid over the run's, {"section.field": value}. sources: all, or
    english: en alone, or the first source where en is not among them. options: settings of its own,
    which `journey.options` has; given: those that differ from their defaults.
    """

    name: str
    label: str
    role: Role
    run: Callable[[Journey], Predictor]
    reads: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    sources: Literal["all", "english"] = "all"
    options: type[BaseModel] | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()

    def sources_of(self, languages: Sequence[str]) -> list[str]:
        """Those of a run's source languages that it learns from."""
        if self.sources == "all":
            return list(languages)
        return ["en"] if "en" in languages else list(languages[:1])


class Variant(Settings):
    """A method that differs from another one by settings alone: an ablation, or [methods.NAME]."""

    label: str = Field(description="what tables call it")
    parent: str = Field(
        "unibridge", description="the method that it varies, by name or as package.module:name"
    )
    role: Role | None = Field(
        None, description="unset: ablation of a method, otherwise the role of the parent"
    )
    sources: Literal["all", "english"] | None = Field(
        None,
        description="english: en alone, or the first source where en is not among them; all; "
        "unset: as the parent",
    )
    settings: dict[str, Any] = Field(
        default_factory=dict, description='settings laid over the run\'s: {"section.field": value}'
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="settings of the parent's own, as it declares them"
    )

    @field_validator("settings", mode="before")
    @classmethod
    def _by_path(cls, value: Any) -> Any:
        """{"section": {"field": value}} is what TOML makes of section.field without quotes."""
        return dict(_paths(value)) if isinstance(value, Mapping) else value

    def of(self, parent: Method, name: str) -> Method:
        """The method that this makes of its parent."""
        sources = self.sources or parent.sources
        return Method(
            name,
            self.label,
            self.role or ("ablation" if parent.role == "method" else parent.role),
            parent.run,
            # one source is not weighed
            tuple(s for s in parent.reads if s != "weights" or sources == "all"),
            parent.needs,
            {**parent.settings, **self.settings},
            sources,
            parent.options,
            {**parent.given, **self.options},
            parent.checks,
        )


def _paths(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _paths(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
