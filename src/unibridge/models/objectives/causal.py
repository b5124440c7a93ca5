"""Causal language modelling (GPT-2, Radford et al. 2019)."""

from typing import Any

import torch

from unibridge.models.objectives.base import NOTHING, Corrupted, Objective


class Causal(Objective):
    """Each token is to be told from those before it; nothing is hidden, so there is no rate."""

    name = "clm"
    auto = "AutoModelForCausalLM"

    def corrupt(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        tokenizer: Any,
        *,
        rate: float,
        generator: torch.Generator,
    ) -> Corrupted:
        following = torch.full_like(ids, NOTHING)
        following[:, :-1] = ids[:, 1:].masked_fill(mask[:, 1:] == 0, NOTHING)
        return Corrupted(ids, mask, following)
