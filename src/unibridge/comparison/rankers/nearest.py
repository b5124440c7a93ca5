"""Whose tokens stand nearest in the base's own states (after NN-Rank, Ebrahimi et al. 2025).

arXiv 2510.03202, of which we read the abstract and summaries, not the body: states of a middle
layer, unlabelled target text (25 examples keep 92.8% of the NDCG), neighbours among the sources.
Tokens as the unit, cosine, k and the same number of tokens of every source are ours.
"""

from typing import TYPE_CHECKING

from unibridge.comparison.rankers.base import RankRequest, needs

if TYPE_CHECKING:
    import torch

# of target tokens compared with all source tokens at once: bounds the memory
_AT_ONCE = 512


@needs("text", "base")
def nearest(request: RankRequest) -> dict[str, float]:
    """The share of target tokens' k nearest source tokens that are the source's."""
    import torch

    def known(code: str) -> "torch.Tensor":
        return request.once(("states", code), lambda: token_states(request, code))

    states = {code: known(code) for code in (*request.sources, request.target)}
    # a language with more tokens has more of them nearby
    number = min(len(states[source]) for source in request.sources)
    pool = torch.cat(
        [states[source][_evenly(states[source], number)] for source in request.sources]
    )
    owner = torch.arange(len(request.sources)).repeat_interleave(number)
    k = min(request.settings.neighbours, len(pool))
    votes = torch.zeros(len(request.sources))
    for part in states[request.target].split(_AT_ONCE):
        closest = owner[(part @ pool.T).topk(k, dim=1).indices]
        votes += torch.bincount(closest.flatten(), minlength=len(votes))
    shares = votes / votes.sum().clamp(min=1)
    return dict(zip(request.sources, shares.tolist(), strict=True))


def token_states(request: RankRequest, code: str) -> "torch.Tensor":
    """States of a language's tokens at `settings.depth`, (tokens, hidden), of length one each."""
    import torch

    from unibridge.models.base import max_tokens
    from unibridge.models.states import layer_states
    from unibridge.transfer.mlm import encode_samples

    base = request.base
    assert base is not None
    encoder = base.model.get_submodule(base.family.encoder)
    device = next(encoder.parameters()).device
    store = encode_samples(base.tokenizer, request.lines(code), max_tokens(base))
    special = torch.tensor(base.tokenizer.all_special_ids)
    found = []
    encoder.eval()
    with torch.inference_mode():
        for start in range(0, len(store), 16):
            rows = range(start, min(start + 16, len(store)))
            ids, mask = store.batch(rows, base.tokenizer.pad_token_id)
            layers = layer_states(encoder, input_ids=ids.to(device), attention_mask=mask.to(device))
            states = layers[round(request.settings.depth * (len(layers) - 1))].cpu()
            found.append(states[mask.bool() & ~torch.isin(ids, special)].float())
    return torch.nn.functional.normalize(torch.cat(found), dim=-1)


def _evenly(states: "torch.Tensor", number: int) -> "torch.Tensor":
    import torch

    return torch.arange(number) * len(states) // number
