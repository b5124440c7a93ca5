"""What an embedding initialiser is given and what it hands back.

An initialiser is any function InitRequest -> InitResult: tokenizers and a tensor in, a tensor out,
no model touched. This module needs no torch, so that settings load at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

Origin = Literal["special", "lexical", "semantic", "mixed", "random"]
ORIGINS: tuple[Origin, ...] = ("special", "lexical", "semantic", "mixed", "random")


def goes_through_translations(name: str) -> bool:
    """Whether an initialiser or a space of this name does, or is the user's own and may."""
    return name in ("wechsel", "bridge") or ":" in name


class EmbeddingSettings(BaseModel):
    """How the rows of the new vocabulary get their first values (paper §2.2, Table 7)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str = Field(
        "unibridge",
        description="initialiser: unibridge, focus, wechsel, pieces, lexical, mean, random, "
        "xavier, or pkg.mod:name",
    )
    special_tokens: Literal["role", "none"] = Field(
        "role",
        description="special tokens copy the row of the same role (role), or are treated as "
        "ordinary tokens, as in the paper (none)",
    )
    case_insensitive: bool = Field(
        False, description="tokens without an equal partner also match one that differs in case"
    )
    static_space: str = Field(
        "joint",
        description="how the static embeddings of the two vocabularies are made comparable: "
        "joint (one training on both tokenisations), separate (trained apart, the paper's way), "
        "procrustes, bridge (through translations, for scripts that the base cannot read), "
        "none (no semantic step), or pkg.mod:name",
    )
    static_model: str = Field(
        "fasttext",
        description="what makes static embeddings of tokenised text: fasttext (the paper's), "
        "counts (co-occurrences and an SVD, without n-grams), or pkg.mod:name",
    )
    joint_model: str = Field(
        "counts",
        description="the same for the joint space, which only compares the two vocabularies: rows "
        "are mixed by static_model, whose n-grams know the parts of a word",
    )
    static_similarity: str = Field(
        "cosine",
        description="what nearest means between static embeddings: cosine, as in the paper, csls "
        "(hubs are penalised), or pkg.mod:name",
    )
    csls_neighbourhood: int = Field(
        10, ge=1, description="nearest tokens of the other side that csls averages over"
    )
    static_dimension: int = Field(300, ge=2, description="dimensions of the static embeddings")
    static_epochs: int = Field(3, ge=1, description="passes of FastText over the target text")
    static_copies: int = Field(
        4,
        ge=1,
        description="copies of the text for FastText in a joint space, each stretch of text in "
        "each copy drawn from either tokenisation at random",
    )
    static_rate: float = Field(
        0.05,
        gt=0,
        description="learning rate of the static embeddings at the start, FastText's own; it falls "
        "to nearly 0 (gensim's lower one leaves all tokens alike after 3 passes over little text)",
    )
    static_objective: Literal["cbow", "skipgram"] = Field(
        "cbow", description="FastText's training objective"
    )
    static_window: int = Field(
        5,
        ge=1,
        description="context of FastText in tokens on either side",
    )
    counts_window: int = Field(
        2,
        ge=1,
        description="context of counts on either side: tokens, or in a joint space the stretches "
        "of text between common cuts of both tokenisations",
    )
    static_negatives: int = Field(10, ge=1, description="negative samples for every token")
    static_min_count: int = Field(
        1, ge=1, description="occurrences below which a token gets no static embedding"
    )
    static_ngrams: bool = Field(
        True, description="FastText's character n-grams; a joint space never has any"
    )
    static_buckets: int = Field(
        200_000,
        ge=1,
        description="hash buckets for character n-grams, each static_dimension floats "
        "(FastText's own 2,000,000 would take 2.4 GB at 300 dimensions)",
    )
    bridge_copies: int = Field(
        30, ge=1, description="times that bridge draws each aligned line from its two sides"
    )
    bridge_source_lines: int = Field(
        20_000, ge=1, description="most lines of source-language text that bridge trains on"
    )
    bridge_trusted_lines: int = Field(
        1_000,
        ge=0,
        description="a bridge on fewer aligned lines and dictionary entries is reported as not to "
        "be trusted, and is not taken unasked",
    )
    wechsel_neighbours: int = Field(
        10, ge=1, description="source tokens that a row of wechsel is mixed from"
    )
    wechsel_temperature: float = Field(
        0.1, gt=0, description="temperature of the softmax over their cosines"
    )
    search_all_source_tokens: bool = Field(
        False,
        description="also search source tokens that never occur in the target text, by their "
        "character n-grams, as the reference does",
    )
    semantic_step: Literal["trusted", "always"] = Field(
        "trusted",
        description="align tokens by static embeddings where the next settings allow it, or "
        "always, as in the paper",
    )
    untrusted_space: str = Field(
        "bridge",
        description="what aligns tokens instead where static_space is not trusted and there are "
        "bridge_trusted_lines translations: bridge, none (no semantic step), or pkg.mod:name",
    )
    max_source_unknown: float = Field(
        0.5,
        ge=0,
        le=1,
        description="share of the target text's tokens that the base tokenizer does not know, "
        "above which there is nothing to align",
    )
    min_trusted_tokens: int = Field(
        100,
        ge=0,
        description="shared tokens, and searched source tokens, below which the semantic step is "
        "not trusted",
    )
    min_held_out_precision: float = Field(
        0.2,
        ge=0,
        le=1,
        description="share of held-out shared tokens that find themselves again (P@1) below which "
        "the semantic step is not trusted",
    )
    max_same_word_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="share of a joint space's pairs that are a token and a piece of the same word, "
        "above which its nearest neighbours tell places, not meanings, and are not trusted",
    )
    same_word_pairs: Literal["drop", "keep"] = Field(
        "drop", description="what happens to these pairs where the others are trusted"
    )
    held_out_share: float = Field(
        1 / 3,
        ge=0,
        lt=1,
        description="share of the shared tokens held out to measure P@1, by a second training of "
        "the static embeddings; 0: not measured",
    )

    @property
    def translates(self) -> bool:
        """Whether the method or its space goes through translations, as far as known."""
        return any(map(goes_through_translations, (self.method, self.static_space)))

    def reads_translations(self, number: int) -> bool:
        """Whether source text and so many aligned lines and dictionary entries may decide rows."""
        unasked = (self.method, self.semantic_step) == ("unibridge", "trusted")
        enough = number >= self.bridge_trusted_lines and self.untrusted_space != "none"
        return self.translates or (unasked and enough)


@dataclass(frozen=True)
class InitRequest:
    """Everything that an initialiser may look at.

    source_embeddings: (source_vocab, hidden), any float type; rows by the source tokenizer's ids.
    lines: text in the target language. seed: feeds local generators only.
    source_lines: text in a language that the base reads; parallel: (target line, source line);
    dictionary: (target word, source word). Only `bridge` and `wechsel` look at these three.
    """

    source_embeddings: torch.Tensor
    source_tokenizer: PreTrainedTokenizerBase
    target_tokenizer: PreTrainedTokenizerBase
    lines: Sequence[str]
    settings: EmbeddingSettings
    seed: int
    source_lines: Sequence[str] = ()
    parallel: Sequence[tuple[str, str]] = ()
    dictionary: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class InitResult:
    """The new embedding matrix, and where each of its rows comes from.

    matrix: (target_vocab, hidden) float32, rows by the target tokenizer's ids.
    origin: for every row "special", "lexical" or "semantic" (a source row copied), "mixed" (a
    weighted sum of source rows) or "random" (drawn).
    source_row: (target_vocab,) int64, the source id whose row was copied, -1 where none was.
    facts: counts by origin, searched tokens and examples, as plain numbers and strings.
    """

    matrix: torch.Tensor
    origin: tuple[Origin, ...]
    source_row: torch.Tensor
    facts: dict[str, Any]
    warnings: list[str]


Initialiser = Callable[[InitRequest], InitResult]
