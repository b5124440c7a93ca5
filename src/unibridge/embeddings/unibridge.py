"""The initialisation of UniBridge (arXiv 2406.09717, §2.2)."""

from collections.abc import Mapping

import torch

from unibridge.embeddings.base import InitRequest, InitResult
from unibridge.embeddings.draft import EXAMPLES, Draft
from unibridge.embeddings.lexical import copy_shared_tokens
from unibridge.embeddings.match import extends
from unibridge.embeddings.mixing import mix_remaining
from unibridge.embeddings.neighbours import mutual_nearest
from unibridge.embeddings.precision import judge_space, unreadable
from unibridge.embeddings.random import normal_rows
from unibridge.embeddings.settings import (
    ANY_SPACE,
    BridgeSettings,
    MatchSettings,
    SpaceSettings,
    StaticSettings,
    TrustSettings,
    goes_through_translations,
    reads,
)
from unibridge.embeddings.vectors import (
    STATIC_SPACES,
    StaticSpace,
    StaticVectors,
    none,
    train_static_vectors,
)


@reads(MatchSettings, StaticSettings, SpaceSettings, TrustSettings, BridgeSettings)
def unibridge(request: InitRequest) -> InitResult:
    """Lexical, semantic, then mixed rows (Eq. 2-8).

    `lexical` is step 1 alone and `focus` steps 1 and 3. Departures from the paper, each a setting:
    special tokens go by role, only source tokens that occur in the text are searched, the static
    embeddings that are compared are trained together (`static_space`, `joint_model`), and the
    semantic step is left out, with a warning, where they cannot be trusted (`semantic_step`).
    Tokens that no step reaches stay random with the mean and spread of E^S, and a warning counts
    them.
    """
    settings = request.settings
    draft = Draft(request, normal_rows(request))

    # ---- 1. lexical: O^L = V^T ∩ V^S, E^T[o] = E^S[o]
    shared = copy_shared_tokens(draft)

    # ---- 2. semantic: i and j not in O^L, each the other's nearest; E^T[i] = E^S[j]
    spaces = [settings.static_space, *_instead(request)]
    space, doubt = None, ""
    for name in spaces:
        space, doubt = _align(draft, shared, name)
        if not doubt:
            break
        rest = ""
        if name != spaces[-1]:
            rest = f"; tokens are aligned by {spaces[-1]!r} instead"
        draft.warnings.append(f"the semantic step by {name!r} is off: {doubt}{rest}")
    if space is None and not doubt:
        return draft.finish()
    draft.facts["semantic_step_off"] = doubt

    # ---- 3. the rest: w = sparsemax(cosines to the aligned tokens), E^T[a] = Σ_o w_o E^T[o]
    mixing = (
        space.target
        if space is not None and space.mixes and not doubt
        else train_static_vectors(
            request.target_tokenizer, request.lines, settings, seed=request.seed
        )
    )
    mix_remaining(draft, mixing)
    return draft.finish()


def _instead(request: InitRequest) -> list[str]:
    """The space that goes through the translations, where there are enough of them."""
    settings = request.settings
    number = len(request.parallel) + len(request.dictionary)
    enough = request.source_lines and settings.reads_translations(number)
    # an extended vocabulary has all of the base's tokens already
    extended = extends(request.source_tokenizer, request.target_tokenizer)
    if settings.translates or not enough or extended:
        return []
    return [settings.untrusted_space]


def _align(draft: Draft, shared: Mapping[int, int], name: str) -> tuple[StaticSpace | None, str]:
    """F^T and F^S of this name, and why they are not to be trusted; "" where pairs were copied."""
    request = draft.request
    make = STATIC_SPACES.resolve(name)
    # what goes through translations needs neither a script that the base reads nor shared tokens
    judged = make is not none and not goes_through_translations(ANY_SPACE, name)
    if judged and (doubt := unreadable(request, draft.facts)):
        return None, doubt
    space = make(request, shared)
    if space is None:
        return None, ""
    source_vectors = _searched(draft, space)
    if judged and (
        doubt := judge_space(request, shared, name, space, len(source_vectors.ids), draft.facts)
    ):
        return space, doubt
    doubt = _copy_pairs(draft, space, source_vectors)
    if not doubt:
        draft.warnings += space.warnings
        draft.facts["semantic_space"] = name
    return space, doubt


def _searched(draft: Draft, space: StaticSpace) -> StaticVectors:
    """F^S of the source tokens whose row nobody has, special ones left out."""
    taken = set(draft.source_row.tolist()) | set(draft.request.source_tokenizer.all_special_ids)
    free = [source_id for source_id in space.source.ids.tolist() if source_id not in taken]
    draft.facts["searched_source_tokens"] = len(free)
    return space.source.having(torch.tensor(free, dtype=torch.long))


def _copy_pairs(draft: Draft, space: StaticSpace, source: StaticVectors) -> str:
    """Copy the rows of mutual nearest neighbours, or say why they are not to be trusted."""
    settings = draft.request.settings
    target = space.target.having(draft.rows_of("random"))
    targets, sources, similarities = mutual_nearest(
        target.vectors,
        source.vectors,
        similarity=settings.static_similarity,
        neighbourhood=settings.csls_neighbourhood,
    )
    if space.same_word is not None and len(targets):
        size = len(draft.source)
        found = target.ids[targets] * size + source.ids[sources]
        of_one_word = torch.isin(found, space.same_word[:, 0] * size + space.same_word[:, 1])
        number = draft.facts["same_word_pairs"] = int(of_one_word.sum())
        trusting = settings.semantic_step == "trusted"
        if trusting and number > settings.max_same_word_share * len(found):
            return (
                f"{number:,} of its {len(found):,} pairs are a token and a piece of the same word "
                f"(max_same_word_share {settings.max_same_word_share:g})"
            )
        if settings.same_word_pairs == "drop":
            targets, sources, similarities = (
                every[~of_one_word] for every in (targets, sources, similarities)
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
    return ""
