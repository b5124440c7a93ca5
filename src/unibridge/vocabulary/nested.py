"""Token counts of vocabularies of every size, from one training.

The counts are those that SentencePiece's own training would give at each size. Its unigram
training shrinks a large vocabulary by the same steps whatever size is wanted, and only the last
step depends on the size; its BPE training at a smaller size is the beginning of a larger one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from unibridge.vocabulary.bpe import bpe_sizes
from unibridge.vocabulary.lattice import Array
from unibridge.vocabulary.train import Kind, train_sentencepiece
from unibridge.vocabulary.unigram import unigram_sizes
from unibridge.vocabulary.units import cut_units


@dataclass(frozen=True)
class Sizes:
    """Vocabularies of one text by size.

    counts: of a size, how often each token occurs in the text (tokens,), as `token_counts` gives
    it for a model of that size; raises `VocabularyTooLarge` or `VocabularyTooSmall` as training
    does. unknown_share: of characters, the same for every size.
    """

    counts: Callable[[int], Array]
    unknown_share: float


def nested_sizes(
    lines: Sequence[str],
    *,
    kind: Kind,
    character_coverage: float = 1.0,
    max_size: int,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Sizes:
    """Train once and measure any size up to `max_size` (BPE) or the largest possible (unigram).

    lines: the language's text. character_coverage: see `train_sentencepiece`. told: of unigram,
    (rounds done, about how many in all) of that training.
    Raises `UnibridgeError` for empty text.
    """
    text = cut_units(lines, character_coverage)
    if kind == "bpe":
        model = train_sentencepiece(
            lines, max_size, kind="bpe", character_coverage=character_coverage, at_most=True
        )
        return Sizes(bpe_sizes(text, model), text.unknown_share)
    return Sizes(unigram_sizes(text, told), text.unknown_share)
