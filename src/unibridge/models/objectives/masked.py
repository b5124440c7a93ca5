"""Masked language modelling (BERT, arXiv 1810.04805, §3.1)."""

from typing import Any

import torch

from unibridge.models.objectives.base import NOTHING, Corrupted, Objective


class Masked(Objective):
    """Some tokens are hidden, and each is to be told from what stands around it."""

    name = "mlm"
    auto = "AutoModelForMaskedLM"

    def lacks(self, tokenizer: Any) -> str | None:
        return "mask token" if tokenizer.mask_token_id is None else None

    def corrupt(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        tokenizer: Any,
        *,
        rate: float,
        generator: torch.Generator,
    ) -> Corrupted:
        corrupted, chosen = mask_tokens(ids, mask, tokenizer, rate=rate, generator=generator)
        return Corrupted(corrupted, mask, ids.masked_fill(~chosen, NOTHING))


def mask_tokens(
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor,
    tokenizer: Any,
    *,
    rate: float,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """BERT's masking: of the chosen tokens 80% become <mask>, 10% a random token, 10% stay.

    Returns (corrupted ids, chosen positions as booleans), both (batch, length). Special tokens are
    never chosen; at least one position of the batch always is, so that a loss exists.
    """
    special = torch.tensor(tokenizer.all_special_ids)
    eligible = attention_mask.bool() & ~torch.isin(input_ids, special)
    draw = torch.rand(input_ids.shape, generator=generator)
    chosen = eligible & (draw < rate)
    if not chosen.any() and eligible.any():
        lowest = torch.where(eligible, draw, torch.inf).argmin()
        chosen.view(-1)[lowest] = True
    corrupted = input_ids.clone()
    kind = torch.rand(input_ids.shape, generator=generator)
    corrupted[chosen & (kind < 0.8)] = tokenizer.mask_token_id
    random_ids = torch.randint(len(tokenizer), input_ids.shape, generator=generator)
    swap = chosen & (kind >= 0.8) & (kind < 0.9)
    corrupted[swap] = random_ids[swap]
    return corrupted, chosen
