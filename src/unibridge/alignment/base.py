"""Which words of two sentences translate each other: what is aligned, how, and what comes out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from unibridge.settings import ChosenFrom, Settings

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base

Links = tuple[tuple[int, int], ...]
"""Places of words, in the first and in the second sentence, sorted."""
WordPair = tuple[Sequence[str], Sequence[str]]
"""The words of a sentence and those of its translation."""


class WordAlignmentSettings(Settings):
    """How words of translated sentences are matched."""

    method: Annotated[str, ChosenFrom("unibridge.alignment:ALIGNERS")] = Field(
        "states",
        description="states: by the base's own states (SimAlign); fast-align, ibm1: by what occurs "
        "together in the translations themselves; none: no word; or package.module:name",
    )
    iterations: int = Field(5, ge=1, description="ibm1, fast-align: rounds of EM (fast_align's)")
    symmetry: Literal["intersection", "union"] = Field(
        "intersection",
        description="ibm1, fast-align: links that both directions find, or that either does",
    )
    layer: int | None = Field(
        None,
        ge=0,
        description="states: the layer that is read, 0: the embeddings; unset: two thirds of the "
        "way up, the paper's 8 of 12",
    )
    units: Literal["pieces", "words"] = Field(
        "pieces",
        description="states: words are linked where pieces of theirs are each other's nearest, or "
        "where the means of their pieces are",
    )


DEFAULTS = WordAlignmentSettings()


@dataclass(frozen=True)
class ToAlign:
    """What is aligned, and what may help.

    pairs: the sentences. more: further translations between the same languages to learn from.
    base: what reads them; None where there is none.
    """

    pairs: Sequence[WordPair]
    settings: WordAlignmentSettings = DEFAULTS
    more: Sequence[WordPair] = ()
    base: "Base | None" = None


Aligner = Callable[[ToAlign], list[Links]]
"""What is to be aligned -> the links of each pair."""
