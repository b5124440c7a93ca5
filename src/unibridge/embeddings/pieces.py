"""Fast vocabulary transfer (Gee et al. 2022): a token is the mean of what the base makes of it."""

import torch

from unibridge.embeddings.base import InitRequest, InitResult
from unibridge.embeddings.draft import Draft
from unibridge.embeddings.lexical import copy_shared_tokens
from unibridge.embeddings.match import WORD_START
from unibridge.embeddings.random import normal_rows
from unibridge.embeddings.settings import MatchSettings, reads


@reads(MatchSettings)
def pieces(request: InitRequest) -> InitResult:
    """Each row the mean of the source rows of the base's own pieces of the token's string.

    arXiv 2402.09977. Shared tokens are copied, as in `lexical`; no text is read. Unknown pieces are
    left out of the mean, and a token without any other keeps its random row. A token from within a
    word is read as a word, and the first piece then replaced by its twin within words, where the
    base has one.
    """
    draft = Draft(request, normal_rows(request))
    copy_shared_tokens(draft)

    # ---- the strings, and the base's pieces of them
    open_rows = [i for i in draft.rows_of("random").tolist() if draft.target_forms[i]]
    forms = [draft.target_forms[i] for i in open_rows]
    tokenizer = request.source_tokenizer
    strings = [form.replace(WORD_START, " ").strip() for form in forms]
    read = tokenizer(strings, add_special_tokens=False, verbose=False)["input_ids"] if forms else []
    place = {form: i for i, form in reversed(list(enumerate(draft.source_forms)))}
    left_out = {tokenizer.unk_token_id, place.get(WORD_START)}

    # ---- E^T[t] = mean of E^S over them
    unread = 0
    for target_id, form, ids in zip(open_rows, forms, read, strict=True):
        if ids and not form.startswith(WORD_START):
            twin = draft.source_forms[ids[0]].removeprefix(WORD_START)
            ids = [place.get(twin, ids[0]), *ids[1:]] if twin else ids
        known = [i for i in ids if i not in left_out]
        if known:
            draft.mix(torch.tensor([target_id]), draft.source[known].mean(dim=0, keepdim=True))
        unread += not known
    if unread:
        draft.warnings.append(f"the base cannot read {unread:,} tokens: their rows stay random")
    return draft.finish()
