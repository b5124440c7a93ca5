"""Static embeddings of a vocabulary from tokenised text, and the space that two of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from unibridge.embeddings.base import InitRequest
from unibridge.embeddings.match import WORD_START, canonical_forms, vocabulary_size
from unibridge.embeddings.settings import EmbeddingSettings
from unibridge.embeddings.static_models import STATIC_MODELS
from unibridge.embeddings.units import units_of_one, units_of_two
from unibridge.errors import UnibridgeError
from unibridge.registry import Registry

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


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
    """F^T and F^S as the semantic step compares them; a note where the cosines mean little.

    mixes: whether F^T is also what rows are mixed by (Eq. 7); otherwise that is trained on its own.
    same_word: (pairs, 2) int64, target and source ids that stand for one stretch of some word.
    """

    target: StaticVectors
    source: StaticVectors
    warnings: tuple[str, ...] = ()
    mixes: bool = True
    same_word: torch.Tensor | None = None


SpaceMaker = Callable[[InitRequest, Mapping[int, int]], "StaticSpace | None"]


def train_static_vectors(
    tokenizer: PreTrainedTokenizerBase,
    lines: Sequence[str],
    settings: EmbeddingSettings,
    *,
    seed: int,
    unseen: bool = False,
) -> StaticVectors:
    """`settings.static_model` on the text as this tokenizer cuts it (the paper: FastText, §2.2).

    unseen: tokens that the text never uses get a vector from their character n-grams as well.
    The same seed gives the same bits. Raises UnibridgeError for a text without tokens, and for
    `unseen` without n-grams.
    """
    if unseen and (settings.static_model != "fasttext" or not settings.static_ngrams):
        raise UnibridgeError(
            "tokens that never occur have no static embedding without character n-grams",
            where="embeddings.search_all_source_tokens",
            do="set static_model = 'fasttext', static_ngrams = true, or do not search all tokens",
        )
    forms = canonical_forms(tokenizer)
    text = units_of_one(tokenizer, lines, len(forms))
    occurrences = text.counts(0, len(forms))
    _check_text(occurrences)
    vectors = STATIC_MODELS.resolve(settings.static_model)(text, forms, settings, seed)
    if not unseen:
        vectors[occurrences < settings.static_min_count] = 0
    return _static_vectors(vectors, _unknown_share(tokenizer, forms, occurrences))


def _check_text(occurrences: np.ndarray) -> None:
    if not occurrences.sum():
        raise UnibridgeError(
            "the target text gives no tokens to train static embeddings on",
            do="pass text in the target language, or method = 'lexical', which needs none",
        )


def _static_vectors(vectors: np.ndarray, unknown_share: float) -> StaticVectors:
    """Those of (tokens, dimension) that are not all zeros."""
    table = torch.from_numpy(vectors)
    usable = table.abs().sum(dim=1) > 0
    return StaticVectors(usable.nonzero().squeeze(1), table[usable], unknown_share)


def _unknown_share(
    tokenizer: PreTrainedTokenizerBase, forms: Sequence[str], occurrences: np.ndarray
) -> float:
    marks = sum(int(occurrences[i]) for i, form in enumerate(forms) if form == WORD_START)
    unknown = tokenizer.unk_token_id
    if unknown is None:
        return 0.0
    return float(occurrences[unknown] / max(1, occurrences.sum() - marks))


# ---- semantic spaces: (request, shared target id -> source id) -> StaticSpace, None for no step


def separate(request: InitRequest, shared: Mapping[int, int]) -> StaticSpace:
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
            "(static_space = 'joint' trains them together)",
        ),
    )


def procrustes(request: InitRequest, shared: Mapping[int, int]) -> StaticSpace:
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


def joint(request: InitRequest, shared: Mapping[int, int]) -> StaticSpace:
    """F^T and F^S from one training, in which every stretch of text is read in either tokenisation.

    A shared token is one symbol with one vector, so that what is not shared is compared by contexts
    made of the same symbols. No character n-grams: what `held_out_precision` measures is what is
    used. A token and a piece of it stand in the same places, so that their vectors are alike
    whatever they mean; `same_word` names these pairs. Ours; the paper trains apart (`separate`).
    """
    settings = request.settings
    if settings.search_all_source_tokens:
        raise UnibridgeError(
            "the joint space has no vectors of source tokens that never occur in the text",
            where="embeddings.search_all_source_tokens",
            do="set static_space = 'separate' and static_model = 'fasttext', or do not search all",
        )
    target_size = vocabulary_size(request.target_tokenizer)
    source_forms = canonical_forms(request.source_tokenizer)
    text = units_of_two(request.target_tokenizer, request.source_tokenizer, request.lines)
    target_occurrences = text.counts(0, target_size)
    _check_text(target_occurrences)
    source_occurrences = text.counts(1, len(source_forms))

    # ---- symbols: the target's ids, then the source's that are not shared
    symbol = np.arange(target_size, target_size + len(source_forms))
    symbol[list(shared.values())] = list(shared.keys())
    names = [str(i) for i in range(target_size + len(source_forms))]
    read, other = text.readings
    of_both = replace(text, readings=(read, [tuple(symbol[list(ids)].tolist()) for ids in other]))

    model = STATIC_MODELS.resolve(settings.joint_model)
    without_ngrams = settings.model_copy(update={"static_ngrams": False})
    vectors = model(of_both, names, without_ngrams, request.seed)

    # ---- one table for each vocabulary, of the tokens that it uses in this text
    target, source = vectors[:target_size].copy(), vectors[symbol]
    target[target_occurrences == 0] = 0
    source[source_occurrences == 0] = 0
    unknown = _unknown_share(request.source_tokenizer, source_forms, source_occurrences)
    return StaticSpace(
        _static_vectors(target, 0.0),
        _static_vectors(source, unknown),
        mixes=False,
        same_word=torch.from_numpy(text.together(len(source_forms))),
    )


def none(request: InitRequest, shared: Mapping[int, int]) -> None:
    """No static embeddings: no semantic step and no mixing."""


STATIC_SPACES: Registry[SpaceMaker] = Registry(
    "semantic space", {"joint": joint, "separate": separate, "procrustes": procrustes, "none": none}
)
