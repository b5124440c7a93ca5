"""How much two languages use the same weights of the base (X-SNS, Yun et al. 2023).

X-SNS: Cross-Lingual Transfer Prediction through Sub-Network Similarity, Findings of EMNLP 2023: the
Fisher information of the masked-LM loss, the top 15% of the weights as a language's sub-network,
and the Jaccard similarity of two of them (1,024 texts in the authors' README; 256 nearly do).
"""

from typing import TYPE_CHECKING

from unibridge.comparison.rankers.base import RankRequest, needs

if TYPE_CHECKING:
    import torch


@needs("text", "base", "head")
def subnetwork(request: RankRequest) -> dict[str, float]:
    """|N_s ∩ N_t| / |N_s ∪ N_t|, where N are the weights of the largest Fisher information."""

    def mask(code: str) -> "torch.Tensor":
        return request.once(("subnetwork", code), lambda: important(fisher(request, code), request))

    target = mask(request.target)
    return {
        source: float((mask(source) & target).sum() / (mask(source) | target).sum().clamp(min=1))
        for source in request.sources
    }


def fisher(request: RankRequest, code: str) -> "torch.Tensor":
    """Squared gradients of the masked-LM loss, added over lines: (weights,), the diagonal.

    The rows of the vocabulary are left out unless `settings.embeddings`: which of them a language
    uses is what `overlap` counts. The model is as before afterwards.
    """
    import torch

    from unibridge.models.base import max_tokens
    from unibridge.models.objectives import objective_of
    from unibridge.models.states import encoder_states
    from unibridge.transfer.mlm import encode_samples

    base = request.base
    assert base is not None
    encoder = base.model.get_submodule(base.family.encoder)
    vocabulary = {id(base.model.get_input_embeddings().weight)}
    weights = [
        weight
        for weight in encoder.parameters()
        if request.settings.embeddings or id(weight) not in vocabulary
    ]
    before = [(weight, weight.requires_grad) for weight in base.model.parameters()]
    for weight, _ in before:
        weight.requires_grad_(False)
    for weight in weights:
        weight.requires_grad_(True)
    base.model.eval()
    objective = objective_of(base.family)
    chance = torch.Generator().manual_seed(request.settings.seed)
    store = encode_samples(base.tokenizer, request.lines(code), max_tokens(base))
    added = [torch.zeros_like(weight) for weight in weights]
    try:
        for row in range(len(store)):
            ids, mask = store.batch(range(row, row + 1), base.tokenizer.pad_token_id)
            batch = objective.corrupt(ids, mask, base.tokenizer, rate=0.15, generator=chance)
            states = encoder_states(base.model, base.family, batch.ids, batch.mask)
            logits, wanted = objective.logits(base.model, base.family, states, batch)
            if not len(wanted):
                continue
            loss = torch.nn.functional.cross_entropy(logits, wanted)
            for sum_, gradient in zip(
                added, torch.autograd.grad(loss, weights, allow_unused=True), strict=True
            ):
                if gradient is not None:
                    sum_ += gradient**2
    finally:
        for weight, trained in before:
            weight.requires_grad_(trained)
    return torch.cat([one.flatten().cpu() for one in added])


def important(information: "torch.Tensor", request: RankRequest) -> "torch.Tensor":
    """Whether a weight is among the `settings.share` with the most information: (weights,)."""
    import torch

    number = max(1, round(request.settings.share * len(information)))
    chosen = torch.zeros(len(information), dtype=torch.bool)
    chosen[information.topk(number).indices] = True
    return chosen
