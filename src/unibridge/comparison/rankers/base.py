"""What a ranker is: from a target and candidate sources to a number for each, higher is better."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import Field

from unibridge.errors import UnibridgeError
from unibridge.settings import Settings

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from unibridge.models.base import BaseModel as Base

Need = Literal["text", "tokenizer", "base", "head"]
"""Plain text of all languages; a base's tokenizer; a base; one with a language model's head."""


class RankerSettings(Settings):
    """How much the rankers read."""

    lines: int = Field(
        256, ge=25, le=1000, description="lines of text of each language, evenly spread"
    )
    seed: int = Field(0, ge=0, description="of masking")
    neighbours: int = Field(5, ge=1, description="nearest source tokens of a target token (k)")
    depth: float = Field(
        0.5, ge=0, le=1, description="of the layer whose states are compared; 1 is the last"
    )
    share: float = Field(
        0.15, gt=0, lt=1, description="of the weights that make a language's sub-network"
    )
    embeddings: bool = Field(
        False, description="whether rows of the vocabulary belong to a sub-network"
    )


Item = TypeVar("Item")


@dataclass(frozen=True)
class RankRequest:
    """What a ranker may look at.

    texts: code -> lines, of the target, too. path: of each language's text on disk, where it has
    one. base: the model the sources are for, or None. tokenizer: its own, also without the rest.
    """

    target: str
    sources: tuple[str, ...]
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    base: "Base | None" = None
    tokenizer: "PreTrainedTokenizerBase | None" = None
    settings: RankerSettings = field(default_factory=RankerSettings)
    kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    def once(self, key: Any, make: Callable[[], Item]) -> Item:
        """What is the same for every target, such as a language's states: made at most once."""
        if key not in self.kept:
            self.kept[key] = make()
        return self.kept[key]

    def lines(self, code: str) -> list[str]:
        """At most `settings.lines` of a language's lines. Raises UnibridgeError without text."""
        from unibridge.text.corpus import spread

        lines = [line for line in self.texts.get(code, ()) if line.strip()]
        if not lines:
            raise UnibridgeError(f"there is no text of {code}", do="give it, or another ranker")
        return spread(lines, self.settings.lines)


Ranker = Callable[[RankRequest], dict[str, float]]


def needs(*what: Need) -> Callable[[Ranker], Ranker]:
    """Mark what a ranker cannot do without."""

    def mark(ranker: Ranker) -> Ranker:
        ranker.needs = what  # type: ignore[attr-defined]
        return ranker

    return mark


def lacking(
    ranker: Ranker,
    texts: Iterable[str],
    base: "Base | None",
    tokenizer: "PreTrainedTokenizerBase | None" = None,
) -> str:
    """Why a ranker cannot be asked, in words; empty where it can."""
    needed = getattr(ranker, "needs", ())
    if "text" in needed and not list(texts):
        return "needs plain text"
    if "tokenizer" in needed and tokenizer is None:
        return "needs a base model's tokenizer"
    if ("base" in needed or "head" in needed) and base is None:
        return "needs a base model"
    if "head" in needed and base is not None and base.built_head:
        return "needs a base with a trained masked-LM head"
    return ""


@needs()
def none(request: RankRequest) -> dict[str, float]:
    """Every source alike: what a ranking is to be better than."""
    return dict.fromkeys(request.sources, 0.0)
