"""FOCUS (Dobler and de Melo 2023): shared tokens copied, the rest mixed from them."""

from unibridge.embeddings.base import InitRequest, InitResult
from unibridge.embeddings.draft import Draft
from unibridge.embeddings.lexical import copy_shared_tokens
from unibridge.embeddings.mixing import mix_remaining
from unibridge.embeddings.random import normal_rows
from unibridge.embeddings.settings import MatchSettings, StaticSettings, reads
from unibridge.embeddings.vectors import train_static_vectors


@reads(MatchSettings, StaticSettings, "static_model")
def focus(request: InitRequest) -> InitResult:
    """Steps 1 and 3 of UniBridge, without the semantic one; `static_space` is not used."""
    draft = Draft(request, normal_rows(request))
    copy_shared_tokens(draft)
    target = train_static_vectors(
        request.target_tokenizer, request.lines, request.settings, seed=request.seed
    )
    mix_remaining(draft, target)
    return draft.finish()
