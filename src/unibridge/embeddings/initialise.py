"""The table of embedding initialisers, and the one call that runs any of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from unibridge.embeddings.base import ORIGINS, Initialiser, InitRequest, InitResult, Origin
from unibridge.embeddings.bridge import bridge
from unibridge.embeddings.focus import focus
from unibridge.embeddings.lexical import lexical
from unibridge.embeddings.match import extends, vocabulary_size
from unibridge.embeddings.mean import mean
from unibridge.embeddings.pieces import pieces
from unibridge.embeddings.random import random, xavier
from unibridge.embeddings.settings import EmbeddingSettings
from unibridge.embeddings.unibridge import unibridge
from unibridge.embeddings.vectors import STATIC_SPACES
from unibridge.embeddings.wechsel import wechsel
from unibridge.errors import UnibridgeError
from unibridge.registry import Registry

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

INITIALISERS: Registry[Initialiser] = Registry(
    "initialiser",
    {
        "unibridge": unibridge,
        "focus": focus,
        "wechsel": wechsel,
        "pieces": pieces,
        "lexical": lexical,
        "mean": mean,
        "random": random,
        "xavier": xavier,
    },
)
# registered here because a bridge is built from what vectors.py offers
STATIC_SPACES.register("bridge", bridge)


def initialise_embeddings(
    source_embeddings: torch.Tensor,
    source_tokenizer: PreTrainedTokenizerBase,
    target_tokenizer: PreTrainedTokenizerBase,
    lines: Sequence[str],
    settings: EmbeddingSettings | None = None,
    *,
    seed: int = 0,
    source_lines: Sequence[str] = (),
    parallel: Sequence[tuple[str, str]] = (),
    dictionary: Sequence[tuple[str, str]] = (),
) -> InitResult:
    """First values for the embeddings of a new vocabulary (paper §2.2).

    source_embeddings: (source_vocab, hidden), the base's input table, or what
    `install.embedding_table` reads from a model. lines: text in the target language.
    source_lines, parallel, dictionary: for `bridge` and `wechsel`, see InitRequest.
    The result's matrix is (target_vocab, hidden) float32; no model is touched and no global
    random state is used, and the same seed gives the same bits. Where the target tokenizer extends
    the base's, the base's rows stay as they are, and the initialiser makes the new ones.
    Raises UnibridgeError for an unknown method, for a source tokenizer with more ids than the
    table has rows, and for an initialiser whose matrix has the wrong shape or numbers.
    """
    settings = settings or EmbeddingSettings()
    initialiser = INITIALISERS.resolve(settings.method)
    needed, rows = vocabulary_size(source_tokenizer), len(source_embeddings)
    if needed > rows:
        raise UnibridgeError(
            f"the base tokenizer has {needed:,} ids but the embedding table {rows:,} rows",
            do="pass the tokenizer that belongs to the base model",
        )
    result = initialiser(
        InitRequest(
            source_embeddings,
            source_tokenizer,
            target_tokenizer,
            lines,
            settings,
            seed,
            source_lines,
            parallel,
            dictionary,
        )
    )
    expected = (vocabulary_size(target_tokenizer), source_embeddings.shape[1])
    if result.matrix.shape != expected or not result.matrix.isfinite().all():
        raise UnibridgeError(
            f"the initialiser made a matrix {tuple(result.matrix.shape)}, not finite numbers of "
            f"shape {expected}",
            where=f"embeddings.method = {settings.method!r}",
            do="return one finite row for every id of the target tokenizer",
        )
    if extends(source_tokenizer, target_tokenizer):
        return _with_base_rows(result, source_embeddings[:needed], source_tokenizer)
    return result


def _with_base_rows(
    result: InitResult, rows: torch.Tensor, tokenizer: PreTrainedTokenizerBase
) -> InitResult:
    """The base's rows (source_vocab, hidden) in the first places."""
    matrix, source_row, own = result.matrix.clone(), result.source_row.clone(), len(rows)
    matrix[:own] = rows.detach().float().cpu()
    source_row[:own] = source_row.new_tensor(range(own))
    special = set(tokenizer.all_special_ids)
    kept: list[Origin] = ["special" if i in special else "lexical" for i in range(own)]
    origin = (*kept, *result.origin[own:])
    counts = Counter(origin)
    facts = {**result.facts, "counts": {name: counts[name] for name in ORIGINS}, "base_rows": own}
    return replace(result, matrix=matrix, origin=origin, source_row=source_row, facts=facts)
