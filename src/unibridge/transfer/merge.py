"""Several sources as one: their task adapters and heads averaged by weight."""

import copy
from collections.abc import Mapping

import torch

from unibridge.adapters import attach
from unibridge.errors import UnibridgeError
from unibridge.transfer.infer import MultiSourceModel, head_name

MERGED = "merged"
"""The name of the one source of a merged model."""


def merge(
    model: MultiSourceModel, weights: Mapping[str, float] | None = None, *, name: str = MERGED
) -> MultiSourceModel:
    """A model of one source whose task adapter and head are the weighted means of the sources'.

    θ = Σ_s w_s θ_s over every tensor of adapter and head (AdapterSoup, arXiv 2302.07027, with
    weights; Eq. 13 takes the same mean over logits instead). It costs what one source costs.
    Adapters are not linear, so it is another model than the ensemble: score it.

    weights: source -> weight, scaled to sum to one; by default the model's own. name: of the one
    source. The given model is left alone.
    Raises UnibridgeError for an unknown source, and where no weight is above zero.
    """
    config = model.config
    given = dict(zip(config.sources, config.weights, strict=True)) if weights is None else weights
    if strange := sorted(set(given) - set(config.sources)):
        raise UnibridgeError(
            f"the model has no source {', '.join(strange)}",
            where="weights",
            do=f"use {', '.join(config.sources)}",
        )
    used = {source: weight for source, weight in given.items() if weight > 0}
    total = sum(used.values())
    if not used:
        raise UnibridgeError("no source has a weight above zero", where="weights")
    shares = {source: weight / total for source, weight in used.items()}

    # 1. The same encoder and language adapter, with one empty place for a source.
    single = copy.deepcopy(config)
    single.sources, single.weights, single.sentence_temperature = [name], [1.0], None
    merged = MultiSourceModel(single)
    merged.encoder.load_state_dict(model.encoder.state_dict(), strict=False)

    # 2. Means of adapters and of heads.
    if config.task_adapter is not None:
        states = {s: attach.adapter_state(model.encoder, model.adapter_name(s)) for s in shares}
        attach.load_adapter_state(merged.encoder, merged.adapter_name(name), _mean(states, shares))
    heads = {s: model.heads[head_name(s)].state_dict() for s in shares}
    merged.heads[head_name(name)].load_state_dict(_mean(heads, shares))
    merged.tokenizer = model.tokenizer
    return merged.eval().to(model.device)


def _mean(
    states: Mapping[str, Mapping[str, torch.Tensor]], shares: Mapping[str, float]
) -> dict[str, torch.Tensor]:
    """Tensor by tensor the weighted mean over sources."""
    first = next(iter(states.values()))
    return {
        name: sum((shares[s] * state[name] for s, state in states.items()), start=0 * tensor)
        for name, tensor in first.items()
    }
