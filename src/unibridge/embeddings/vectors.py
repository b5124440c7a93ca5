"""Static embeddings of a vocabulary from tokenised text, and the space that two of them share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from unibridge.embeddings.base import EmbeddingSettings, InitRequest
from unibridge.embeddings.match import WORD_START, canonical_forms
from unibridge.errors import UnibridgeError
from unibridge.registry import Registry

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LINES_AT_ONCE = 1000
# gensim silently drops what follows in a longer sentence
LONGEST_SENTENCE = 10_000
# gensim lowers the rate once a batch; small batches lower it smoothly on little text
TOKENS_IN_BATCH = 1_000


@dataclass(frozen=True)
class StaticVectors:
    """Static embeddings of the tokens that have one.

    ids: (tokens,) int64, ascending. vectors: (tokens, dimension) float32, no row all zeros.
    unknown_share: unknown tokens among all tokens of the text (bare word-start marks not counted).
    """

    ids: torch.Tensor
    vectors: torch.Tensor
    unknown_share: float

    def having(self, token_ids: torch.Tensor) -> StaticVectors:
        """Only those of `token_ids` that have a vector."""
        found = torch.isin(self.ids, token_ids)
        return replace(self, ids=self.ids[found], vectors=self.vectors[found])


@dataclass(frozen=True)
class StaticSpace:
    """F^T and F^S as the semantic step compares them; a note where the cosines mean little."""

    target: StaticVectors
    source: StaticVectors
    warnings: tuple[str, ...] = ()


SpaceMaker = Callable[[InitRequest, dict[int, int]], "StaticSpace | None"]


def train_static_vectors(
    tokenizer: PreTrainedTokenizerBase,
    lines: Sequence[str],
    settings: EmbeddingSettings,
    *,
    seed: int,
    unseen: bool = False,
) -> StaticVectors:
    """FastText on the text as this tokenizer cuts it (paper §2.2, Table 7).

    unseen: tokens that the text never uses get a vector from their character n-grams as well.
    The same seed gives the same bits. Raises UnibridgeError for a text without tokens.
    """
    import numpy as np
    from gensim.models import FastText

    forms = canonical_forms(tokenizer)
    sentences: list[list[str]] = []
    counts = np.zeros(len(forms), dtype=np.int64)
    for first in range(0, len(lines), LINES_AT_ONCE):
        batch = list(lines[first : first + LINES_AT_ONCE])
        for ids in tokenizer(batch, add_special_tokens=False, verbose=False)["input_ids"]:
            np.add.at(counts, ids, 1)
            sentence = [forms[i] for i in ids]
            sentences += [
                sentence[cut : cut + LONGEST_SENTENCE]
                for cut in range(0, len(sentence), LONGEST_SENTENCE)
            ]
    if not counts.sum():
        raise UnibridgeError(
            "the target text gives no tokens to train static embeddings on",
            do="pass text in the target language, or method = 'lexical', which needs none",
        )

    global_state = np.random.get_state()
    try:  # gensim seeds numpy's global generator
        model = FastText(
            vector_size=settings.static_dimension,
            alpha=settings.static_rate,
            window=settings.static_window,
            sg=int(settings.static_objective == "skipgram"),
            negative=settings.static_negatives,
            min_count=settings.static_min_count,
            bucket=settings.static_buckets,
            batch_words=TOKENS_IN_BATCH,
            seed=seed % 2**32,
            workers=1,
        )
        model.build_vocab(sentences)
        if len(model.wv):
            model.train(
                sentences,
                total_examples=model.corpus_count,
                total_words=model.corpus_total_words,
                epochs=settings.static_epochs,
            )
    finally:
        np.random.set_state(global_state)

    ids = [i for i, form in enumerate(forms) if form and (unseen or form in model.wv.key_to_index)]
    vectors = np.array([model.wv[forms[i]] for i in ids], dtype=np.float32)
    vectors = vectors.reshape(len(ids), settings.static_dimension)
    usable = np.abs(vectors).sum(axis=1) > 0
    marks = sum(int(counts[i]) for i, form in enumerate(forms) if form == WORD_START)
    unknown = tokenizer.unk_token_id
    return StaticVectors(
        ids=torch.tensor(ids, dtype=torch.long)[torch.from_numpy(usable)],
        vectors=torch.from_numpy(vectors[usable]),
        unknown_share=(
            0.0 if unknown is None else float(counts[unknown] / max(1, counts.sum() - marks))
        ),
    )


# ---- semantic spaces: (request, shared target id -> source id) -> StaticSpace, None for no step


def separate(request: InitRequest, shared: dict[int, int]) -> StaticSpace:
    """F^T and F^S trained apart, as published and as in the reference."""
    settings = request.settings
    target = train_static_vectors(
        request.target_tokenizer, request.lines, settings, seed=request.seed
    )
    # another seed: with the same one equal n-grams would start from equal numbers, and strings
    # rather than contexts would be compared
    source = train_static_vectors(
        request.source_tokenizer,
        request.lines,
        settings,
        seed=request.seed + 1,
        unseen=settings.search_all_source_tokens,
    )
    return StaticSpace(
        target,
        source,
        (
            "the static embeddings of the two vocabularies were trained apart, as published: "
            "cosines between them say little, so the semantic pairs are not to be trusted "
            "(static_space = 'procrustes' rotates one onto the other)",
        ),
    )


def procrustes(request: InitRequest, shared: dict[int, int]) -> StaticSpace:
    """`separate`, then F^T rotated onto F^S by the orthogonal W that fits the shared tokens best.

    W = U Vᵀ with U Σ Vᵀ the singular value decomposition of AᵀB; A and B are the vectors of the
    shared tokens in F^T and F^S. Cosines inside F^T do not change.
    """
    apart = separate(request, shared)
    target_rows = {int(i): row for row, i in enumerate(apart.target.ids)}
    source_rows = {int(i): row for row, i in enumerate(apart.source.ids)}
    anchors = [
        (target_rows[t], source_rows[s])
        for t, s in shared.items()
        if t in target_rows and s in source_rows
    ]
    warnings: tuple[str, ...] = ()
    if len(anchors) < request.settings.min_trusted_tokens:
        warnings = (
            f"the rotation of the static embeddings is fitted on {len(anchors):,} shared tokens "
            "only: the semantic pairs are not to be trusted",
        )
    if not anchors:
        return replace(apart, warnings=warnings)
    target_anchors, source_anchors = (list(side) for side in zip(*anchors, strict=True))
    cross = apart.target.vectors[target_anchors].T @ apart.source.vectors[source_anchors]
    left, _, right = torch.linalg.svd(cross)
    rotated = replace(apart.target, vectors=apart.target.vectors @ (left @ right))
    return replace(apart, target=rotated, warnings=warnings)


def none(request: InitRequest, shared: dict[int, int]) -> None:
    """No static embeddings: no semantic step and no mixing."""


STATIC_SPACES: Registry[SpaceMaker] = Registry(
    "semantic space", {"separate": separate, "procrustes": procrustes, "none": none}
)
