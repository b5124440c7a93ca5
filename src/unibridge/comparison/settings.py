"""How a study is judged: every threshold that decides what its report calls settled."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from unibridge.errors import UnibridgeError
from unibridge.settings import ChosenFrom, Settings

LEAST_SEEDS = 2
"""Seeds of which a spread, and so a test, can be made."""


class ComparisonSettings(Settings):
    """Ours throughout: the published study names no test, no threshold and no order of means."""

    alpha: float = Field(
        0.05, gt=0, lt=1, description="a pair is settled below this corrected p; claims, too"
    )
    level: float = Field(0.95, gt=0, lt=1, description="of every interval")
    samples: int = Field(1000, ge=100, description="bootstrap resamples of the test examples")
    seed: int = Field(0, ge=0, description="of the resamples")
    floor: float = Field(
        5.0, gt=0, description="baseline in points below which no relative score is given"
    )
    headline: int | None = Field(
        None,
        ge=1,
        description="step count shown first; unset: the largest up to 100, else the first",
    )
    agreeing: int = Field(
        2,
        ge=1,
        description="a pair is consistent where at least so many of its (task, steps) cells are "
        "settled with one sign, and none with the other",
    )
    across_tasks: Annotated[str, ChosenFrom("unibridge.comparison.rankings:SCALES")] = Field(
        "rank", description="how tasks are put on one scale: rank, z or none"
    )
    almost: float = Field(
        0.8, gt=0, le=1, description="share of the transfer languages that is 'almost any'"
    )
    hardly: float = Field(
        0.5, gt=0, description="points: a mean gain that is surely smaller is 'hardly'"
    )
    few: int = Field(10, ge=1, description="so many steps are 'few'")
    enough: float = Field(
        0.8, gt=0, le=1, description="few steps suffice with this share of the most steps' gain"
    )
    unknown: float = Field(
        0.02,
        ge=0,
        le=1,
        description="without a published list a base has seen a language of which it knows all but "
        "this share of the tokens, if it also guesses its words",
    )
    loss: float = Field(
        5.0, gt=0, description="masked-LM loss, nats, up to which it guesses a language's words"
    )


def settings_of(plan: Mapping[str, Any]) -> ComparisonSettings:
    """What a study's study.json says of its report: study.toml's [report]."""
    given = (plan.get("settings") or {}).get("report") or {}
    try:
        return ComparisonSettings.model_validate(given)
    except ValidationError as error:
        raise UnibridgeError(
            f"its report's settings cannot be read ({error})",
            where="study.json",
            do="run the same `unibridge study` again, which writes it anew",
        ) from error
