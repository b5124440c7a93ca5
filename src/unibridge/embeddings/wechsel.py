"""WECHSEL (Minixhofer et al. 2022): subwords meet through word vectors and a dictionary."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from unibridge.embeddings.base import InitRequest, InitResult
from unibridge.embeddings.bridge import word2vec
from unibridge.embeddings.draft import Draft
from unibridge.embeddings.neighbours import nearest
from unibridge.embeddings.random import normal_rows
from unibridge.embeddings.rotation import best_rotation
from unibridge.embeddings.settings import StaticSettings, WechselSettings, reads, translated_by
from unibridge.errors import UnibridgeError
from unibridge.models.reading import token_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@translated_by("dictionary")
@reads(StaticSettings, WechselSettings)
def wechsel(request: InitRequest) -> InitResult:
    """Each row a mixture of the source rows whose subwords mean most nearly the same.

    Unlike `unibridge` it copies no shared token and needs no parallel line, but a dictionary.
    Raises UnibridgeError without source text, or where no dictionary entry has vectors.
    """
    settings = request.settings
    draft = Draft(request, normal_rows(request))

    # ---- word vectors of either language, each from its own text
    if not request.source_lines or not request.dictionary:
        raise UnibridgeError(
            "WECHSEL needs text in a language that the base reads, and a dictionary into it",
            where="embeddings.method = 'wechsel'",
            do="give a source text and a dictionary (TSV of target word, tab, source word)",
        )
    target_words, target_table = _word_vectors(request.lines, settings, seed=request.seed)
    source_words, source_table = _word_vectors(
        request.source_lines, settings, seed=request.seed + 1
    )

    # ---- one space: the rotation that fits the dictionary best
    target_place = {word: place for place, word in enumerate(target_words)}
    source_place = {word: place for place, word in enumerate(source_words)}
    anchors = [
        (target_place[t], source_place[s])
        for t, s in request.dictionary
        if t in target_place and s in source_place
    ]
    draft.facts["anchors"] = len(anchors)
    if not anchors:
        raise UnibridgeError(
            "no entry of the dictionary has both words in the texts",
            where="embeddings.method = 'wechsel'",
            do="check its columns (target word, tab, source word), or give more text",
        )
    if len(anchors) < settings.static_dimension:
        draft.warnings.append(
            f"{len(anchors):,} dictionary entries leave a rotation in "
            f"{settings.static_dimension:,} dimensions undetermined: the rows are not to be trusted"
        )
    rows, onto = torch.tensor(anchors).unbind(1)
    target_table = target_table @ best_rotation(target_table[rows], source_table[onto])

    # ---- subword vectors: mean of the words that hold them, by their counts
    targets, of_target = _subwords(request.target_tokenizer, target_words, target_table)
    sources, of_source = _subwords(request.source_tokenizer, source_words, source_table)

    # ---- E^T[t] = Σ over the k nearest s of softmax(cos(t, s) / τ) E^S[s]
    open_rows = torch.isin(targets, draft.rows_of("random"))
    targets, of_target = targets[open_rows], of_target[open_rows]
    cosines, where = nearest(of_target, of_source, settings.wechsel_neighbours)
    weights = torch.softmax(cosines / settings.wechsel_temperature, dim=1)
    draft.mix(targets, (weights[:, :, None] * draft.source[sources[where]]).sum(dim=1))
    draft.facts["searched_source_tokens"] = len(sources)
    left = len(draft.rows_of("random"))
    if left:
        draft.warnings.append(f"{left:,} tokens are in no word of the text: their rows stay random")
    return draft.finish()


def _word_vectors(
    lines: Sequence[str], settings: StaticSettings, *, seed: int
) -> tuple[Counter[str], torch.Tensor]:
    """Words with their counts, and their unit vectors (words, dimension) in the same order."""
    sentences = [[w for word in line.split() if (w := _bare(word))] for line in lines]
    found = word2vec(sentences, settings, seed=seed)
    counts = Counter({word: found.get_vecattr(word, "count") for word in found.index_to_key})
    return counts, torch.nn.functional.normalize(torch.from_numpy(found.vectors.copy()), dim=1)


def _bare(word: str) -> str:
    """Without the punctuation around it."""
    first, last = 0, len(word)
    while first < last and unicodedata.category(word[first])[0] in "PS":
        first += 1
    while first < last and unicodedata.category(word[last - 1])[0] in "PS":
        last -= 1
    return word[first:last] or word


def _subwords(
    tokenizer: PreTrainedTokenizerBase, words: Counter[str], table: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids of the tokens in these words, ascending, and their vectors (ids, dimension)."""
    special = set(tokenizer.all_special_ids)
    pieces = [
        (place, i)
        for place, ids in enumerate(token_ids(tokenizer, list(words)))
        for i in sorted(set(ids) - special)
    ]
    places, tokens = torch.tensor(pieces, dtype=torch.long).reshape(-1, 2).unbind(1)
    counts = torch.tensor(list(words.values()), dtype=torch.float32)
    ids, row = tokens.unique(return_inverse=True)
    # a cosine does not see the sum's length, so it need not be divided by the counts
    sums = torch.zeros(len(ids), table.shape[1])
    sums.index_add_(0, row, table[places] * counts[places, None])
    return ids, sums
