"""How well a base's own tokenizer reads a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unibridge.text.corpus import spread
from unibridge.text.languages import count_words
from unibridge.text.pieces import short_pieces

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base

MOST_UNKNOWN = 0.02
MOST_TOKENS = 3.0


@dataclass(frozen=True)
class Reading:
    """unknown: share of tokens that are unknown. tokens_per_word: words counted by script."""

    unknown: float
    tokens_per_word: float

    @property
    def well(self) -> bool:
        """Whether the text is better read as it is than by a vocabulary of its own.

        At most 2% unknown and 3 tokens a word. Luganda under multilingual-e5 has 2.5, and every new
        vocabulary lost to its own there (docs/log.md).
        """
        return self.unknown <= MOST_UNKNOWN and self.tokens_per_word <= MOST_TOKENS


def reading_of(base: "Base", lines: Sequence[str], *, limit: int = 400) -> Reading:
    """Measured on at most `limit` lines, or pieces of long ones, evenly spread."""
    from unibridge.models.base import unknown_share

    # words and tokens of the same characters, however long a line and the model's input
    chosen = spread(list(short_pieces(spread(lines, limit))), limit)
    read = base.tokenizer(chosen, add_special_tokens=False, verbose=False)["input_ids"]
    words = sum(map(count_words, chosen))
    return Reading(unknown_share(base.tokenizer, chosen), sum(map(len, read)) / max(words, 1e-9))
