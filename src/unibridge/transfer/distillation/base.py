"""What a student learns from the frozen base's states of words, and in which units."""

from collections.abc import Callable, Collection
from typing import Annotated

from pydantic import Field

from unibridge.settings import ChosenFrom, Settings

Spans = list[tuple[int, int]]
Unit = Callable[[str, Collection[int]], Spans]
"""(text, places in it at which both tokenizers cut) -> stretches of it, [start, end)."""
Share = Annotated[float, Field(gt=0, le=1)]


class DistillationSettings(Settings):
    """Regression on a teacher's states at several layers (FitNets, arXiv 1412.6550), by words.

    Student and teacher may have different vocabularies: what both have is the text.
    """

    method: Annotated[str, ChosenFrom("unibridge.transfer.distillation:UNITS", ("none",))] = Field(
        "none",
        description="words: the frozen base's mean state of each word is matched, where a script "
        "has no spaces that of stretches both tokenizers cut; pieces: such stretches everywhere; "
        "none: the paper",
    )
    weight: float = Field(
        1.0,
        gt=0,
        description="of the squared error in the teacher's variances: one who always says the mean "
        "state has 1",
    )
    lm_weight: float = Field(
        1.0,
        ge=0,
        description="of the language model's loss (nats) beside it; 0: none, and no softmax",
    )
    layers: tuple[Share, ...] = Field(
        (1 / 3, 2 / 3, 1.0),
        min_length=1,
        description="layers whose states are matched, as shares of the base's depth",
    )

    def levels(self, depth: int) -> list[int]:
        """Numbers of the layers in a base of so many, from 1, each once."""
        return sorted({max(1, round(share * depth)) for share in self.layers})
