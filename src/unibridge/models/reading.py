"""How a tokenizer reads a text, and how well a base's own does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unibridge.text.corpus import spread
from unibridge.text.languages import count_words
from unibridge.text.pieces import UNSPACED, short_pieces

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from unibridge.models.base import BaseModel as Base

MOST_UNKNOWN = 0.02
MOST_TOKENS = 4.0


@dataclass(frozen=True)
class Reading:
    """unknown: share of tokens that are unknown. tokens_per_word: words counted by script.
    whole: share of what stands between spaces that is one token."""

    unknown: float
    tokens_per_word: float
    whole: float

    @property
    def well(self) -> bool:
        """Whether the text is better read as it is than by a vocabulary of its own.

        At most 2% unknown and 4 tokens a word. Luganda and Quechua under multilingual-e5 have 2.7
        and 3.6, and every new vocabulary lost to its own there (docs/log.md); nothing was measured
        above that.
        """
        return self.unknown <= MOST_UNKNOWN and self.tokens_per_word <= MOST_TOKENS

    @property
    def reason(self) -> str:
        """What was measured, beside the bounds."""
        return (
            f"{self.unknown:.1%} unknown (kept up to {MOST_UNKNOWN:.0%}), "
            f"{self.tokens_per_word:.1f} tokens a word (kept up to {MOST_TOKENS:.0f})"
        )


def reading_of(base: "Base", lines: Sequence[str], *, limit: int = 400) -> Reading:
    """Measured on at most `limit` lines, or pieces of long ones, evenly spread."""
    from unibridge.models.base import unknown_share

    def tokens_of(texts: Sequence[str]) -> list[int]:
        if not texts:
            return []
        read = base.tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
        return [len(tokens) for tokens in read]

    # words and tokens of the same characters, however long a line and the model's input
    chosen = short_lines(lines, limit)
    words = [word for line in chosen for word in line.split()]
    return Reading(
        unknown=unknown_share(base.tokenizer, chosen),
        tokens_per_word=sum(tokens_of(chosen)) / max(sum(map(count_words, chosen)), 1e-9),
        whole=tokens_of(words).count(1) / max(len(words), 1),
    )


def short_lines(lines: Sequence[str], limit: int) -> list[str]:
    """At most `limit` lines, or pieces of long ones, evenly spread.

    The pieces are as long as a sentence, so that as much is read of a text in long lines.
    """
    return spread(list(short_pieces(spread(lines, limit), size=UNSPACED)), limit)


def token_ids(tokenizer: "PreTrainedTokenizerBase", lines: Sequence[str]) -> list[list[int]]:
    """Ids of every line, without special tokens added."""
    if not lines:
        return []
    return list(tokenizer(list(lines), add_special_tokens=False, verbose=False)["input_ids"])
