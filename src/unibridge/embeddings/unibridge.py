"""The initialisation of UniBridge (arXiv 2406.09717, §2.2)."""

import torch

from unibridge.embeddings.base import InitRequest, InitResult
from unibridge.embeddings.draft import EXAMPLES, Draft
from unibridge.embeddings.lexical import copy_shared_tokens
from unibridge.embeddings.mixing import mix_remaining
from unibridge.embeddings.neighbours import mutual_nearest
from unibridge.embeddings.random import normal_rows
from unibridge.embeddings.vectors import STATIC_SPACES

MOSTLY_UNKNOWN = 0.5


def unibridge(request: InitRequest) -> InitResult:
    """Lexical, semantic, then mixed rows (Eq. 2-8).

    `lexical` is step 1 alone and `focus` steps 1 and 3. Departures from the paper, each a setting:
    special tokens go by role, and only source tokens that occur in the text are searched. Tokens
    that no step reaches stay random with the mean and spread of E^S, and a warning counts them.
    """
    settings = request.settings
    draft = Draft(request, normal_rows(request))

    # ---- 1. lexical: O^L = V^T ∩ V^S, E^T[o] = E^S[o]
    shared = copy_shared_tokens(draft)

    # ---- static embeddings F^T, F^S of both vocabularies, from the target text
    space = STATIC_SPACES.resolve(settings.static_space)(request, shared)
    if space is None:
        return draft.finish()

    # ---- 2. semantic: i and j not in O^L, each the other's nearest; E^T[i] = E^S[j]
    taken = set(draft.source_row.tolist()) | set(request.source_tokenizer.all_special_ids)
    free = [source_id for source_id in space.source.ids.tolist() if source_id not in taken]
    source = space.source.having(torch.tensor(free, dtype=torch.long))
    target = space.target.having(draft.rows_of("random"))
    targets, sources, similarities = mutual_nearest(
        target.vectors,
        source.vectors,
        similarity=settings.static_similarity,
        neighbourhood=settings.csls_neighbourhood,
    )
    target_ids, source_ids = target.ids[targets].tolist(), source.ids[sources].tolist()
    pairs = dict(zip(target_ids, source_ids, strict=True))
    draft.copy(pairs, "semantic")

    draft.facts["searched_source_tokens"] = len(source.ids)
    draft.examples["semantic"] = [
        [
            draft.target_forms[target_ids[pair]],
            draft.source_forms[source_ids[pair]],
            round(float(similarities[pair]), 4),
        ]
        for pair in similarities.argsort(descending=True, stable=True)[:EXAMPLES].tolist()
    ]
    draft.facts["unknown_share"] = unknown = space.source.unknown_share
    if unknown > MOSTLY_UNKNOWN:
        draft.warnings.append(
            f"the base tokenizer reads hardly any of this text ({unknown:.0%} unknown): "
            "the semantic step has nothing to work on"
        )
    elif len(source.ids) < settings.min_trusted_tokens:
        draft.warnings.append(
            f"only {len(source.ids):,} of the base's tokens are left to search: "
            "the semantic step has little to work on"
        )
    draft.warnings += space.warnings

    # ---- 3. the rest: w = sparsemax(cosines to the aligned tokens), E^T[a] = Σ_o w_o E^T[o]
    mix_remaining(draft, space.target)
    return draft.finish()
