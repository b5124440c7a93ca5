"""What an embedding initialiser is given and what it hands back.

An initialiser is any function InitRequest -> InitResult: tokenizers and a tensor in, a tensor out,
no model touched. This module needs no torch, so that settings load at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from unibridge.embeddings.settings import EmbeddingSettings

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

Origin = Literal["special", "lexical", "semantic", "mixed", "random"]
ORIGINS: tuple[Origin, ...] = ("special", "lexical", "semantic", "mixed", "random")


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
