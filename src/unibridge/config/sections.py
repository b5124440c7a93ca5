"""A run's configuration as settings: what is given, the stages' own, which methods to compare."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from unibridge.config.faults import explained
from unibridge.config.overrides import put
from unibridge.ensemble.few_shot import FewShotSettings
from unibridge.errors import ConfigError, UnibridgeError
from unibridge.methods import METHODS, Method, Variant
from unibridge.settings import Folder, Settings
from unibridge.stages.sections import Given, StageSettings
from unibridge.text.corpus import MOST_BYTES


class RunSection(Settings):
    """Where results go, and which methods are compared."""

    folder: Path = Field(description="run folder; made if it is missing")
    title: str = Field("", description="headline of the report")
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (0,), min_length=1, description="one full run per seed, from 0 up"
    )
    methods: tuple[str, ...] = Field(
        ("floor", "fine-tune", "mad-x", "unibridge"),
        min_length=1,
        description="rows of the results table, by name",
    )
    reference: str = Field(
        "unibridge",
        description="the method that the report is about: the others are compared with it, and its "
        "pack is kept",
    )
    reuse: tuple[Folder, ...] = Field(
        (), description="folders of other runs, whose finished stages are copied, not trained again"
    )
    text_megabytes: int = Field(
        MOST_BYTES // 2**20,
        ge=0,
        description="text of a language that is held, MiB; of more, lines evenly spread; 0: all",
    )


class Config(StageSettings, Given):
    """Everything that decides a run's numbers."""

    run: RunSection
    few_shot: FewShotSettings | None = Field(
        None,
        description="sentences, draws, ...: what a few target labels are worth; unset: not run",
    )
    methods: dict[str, Variant] = Field(default_factory=dict)

    def method(self, name: str) -> Method:
        """A method of this configuration, a registered one, or one of the user's own code."""
        variant = self.methods.get(name)
        if variant is not None:
            return variant.of(METHODS.resolve(variant.parent), name)
        found = METHODS.resolve(name)
        if not isinstance(found, Method):
            raise UnibridgeError(f"{name!r} is no method", do="make it a unibridge.methods.Method")
        return replace(found, name=name)

    def for_method(self, name: str) -> "Config":
        """This configuration with a method's settings laid over it."""
        return with_settings(self, self.method(name).settings)


def with_settings(config: Config, settings: Mapping[str, Any]) -> Config:
    """A copy with "section.field" settings replaced. Raises ConfigError for unknown ones."""
    content = config.model_dump(mode="json")
    for name, value in settings.items():
        put(content, name, value)
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise ConfigError([explained(fault, Config) for fault in error.errors()]) from error
