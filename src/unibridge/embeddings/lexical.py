"""Tokens that both vocabularies have keep their row."""

from unibridge.embeddings.base import InitRequest, InitResult
from unibridge.embeddings.draft import EXAMPLES, Draft
from unibridge.embeddings.match import shared_tokens
from unibridge.embeddings.random import normal_rows
from unibridge.embeddings.settings import MatchSettings, reads


def copy_shared_tokens(draft: Draft) -> dict[int, int]:
    """O^L = V^T ∩ V^S on canonical forms, E^T[o] = E^S[o]; returns target id -> source id."""
    request = draft.request
    pairs = shared_tokens(
        request.source_tokenizer,
        request.target_tokenizer,
        case_insensitive=request.settings.case_insensitive,
        without=set(draft.rows_of("special").tolist()),
    )
    draft.copy(pairs, "lexical")
    draft.examples["lexical"] = [draft.target_forms[i] for i in list(pairs)[:EXAMPLES]]
    return pairs


@reads(MatchSettings)
def lexical(request: InitRequest) -> InitResult:
    """Step 1 of UniBridge alone: shared tokens copied, the rest drawn as in `random`."""
    draft = Draft(request, normal_rows(request))
    copy_shared_tokens(draft)
    return draft.finish()
