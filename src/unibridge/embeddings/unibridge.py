"""The initialisation of UniBridge (arXiv 2406.09717, §2.2)."""

import torch

from unibridge.embeddings.base import InitRequest, InitResult
from unibridge.embeddings.draft import EXAMPLES, Draft
from unibridge.embeddings.lexical import copy_shared_tokens
from unibridge.embeddings.mixing import mix_remaining
from unibridge.embeddings.neighbours import mutual_nearest
from unibridge.embeddings.precision import judge_space, unreadable
from unibridge.embeddings.random import normal_rows
from unibridge.embeddings.vectors import (
    STATIC_SPACES,
    StaticSpace,
    StaticVectors,
    none,
    train_static_vectors,
)


def unibridge(request: InitRequest) -> InitResult:
    """Lexical, semantic, then mixed rows (Eq. 2-8).

    `lexical` is step 1 alone and `focus` steps 1 and 3. Departures from the paper, each a setting:
    special tokens go by role, only source tokens that occur in the text are searched, the static
    embeddings of both vocabularies are trained together (`static_space`, `static_model`), and the
    semantic step is left out, with a warning, where they cannot be trusted (`semantic_step`).
    Tokens that no step reaches stay random with the mean and spread of E^S, and a warning counts
    them.
    """
    settings = request.settings
    draft = Draft(request, normal_rows(request))

    # ---- 1. lexical: O^L = V^T ∩ V^S, E^T[o] = E^S[o]
    shared = copy_shared_tokens(draft)

    # ---- static embeddings F^T, F^S of both vocabularies, from the target text
    make = STATIC_SPACES.resolve(settings.static_space)
    if make is none:
        return draft.finish()
    # what goes through translations needs neither a script that the base reads nor shared tokens
    translated = settings.reads_translations
    doubt = "" if translated else unreadable(request, draft.facts)
    if doubt:
        target_vectors = train_static_vectors(
            request.target_tokenizer, request.lines, settings, seed=request.seed
        )
    else:
        space = make(request, shared)
        if space is None:
            return draft.finish()
        target_vectors = space.target

        # ---- 2. semantic: i and j not in O^L, each the other's nearest; E^T[i] = E^S[j]
        source_vectors = _searched(draft, space)
        if not translated:
            doubt = judge_space(request, shared, space, len(source_vectors.ids), draft.facts)
        if not doubt:
            _align(draft, target_vectors, source_vectors)
            draft.warnings += space.warnings
    draft.facts["semantic_step_off"] = doubt
    if doubt:
        draft.warnings.append(f"the semantic step is off: {doubt}")

    # ---- 3. the rest: w = sparsemax(cosines to the aligned tokens), E^T[a] = Σ_o w_o E^T[o]
    mix_remaining(draft, target_vectors)
    return draft.finish()


def _searched(draft: Draft, space: StaticSpace) -> StaticVectors:
    """F^S of the source tokens whose row nobody has, special ones left out."""
    taken = set(draft.source_row.tolist()) | set(draft.request.source_tokenizer.all_special_ids)
    free = [source_id for source_id in space.source.ids.tolist() if source_id not in taken]
    draft.facts["searched_source_tokens"] = len(free)
    return space.source.having(torch.tensor(free, dtype=torch.long))


def _align(draft: Draft, target_vectors: StaticVectors, source: StaticVectors) -> None:
    settings = draft.request.settings
    target = target_vectors.having(draft.rows_of("random"))
    targets, sources, similarities = mutual_nearest(
        target.vectors,
        source.vectors,
        similarity=settings.static_similarity,
        neighbourhood=settings.csls_neighbourhood,
    )
    target_ids, source_ids = target.ids[targets].tolist(), source.ids[sources].tolist()
    draft.copy(dict(zip(target_ids, source_ids, strict=True)), "semantic")
    draft.examples["semantic"] = [
        [
            draft.target_forms[target_ids[pair]],
            draft.source_forms[source_ids[pair]],
            round(float(similarities[pair]), 4),
        ]
        for pair in similarities.argsort(descending=True, stable=True)[:EXAMPLES].tolist()
    ]
