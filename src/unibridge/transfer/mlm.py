"""Masked language modelling, shared by pretraining and language adaptation."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from unibridge.models.families import ModelFamily


@dataclass(frozen=True)
class TokenStore:
    """Encoded samples, flat: sample i is ids[offsets[i] : offsets[i + 1]], special ids included."""

    ids: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, sequences: Sequence[Sequence[int]]) -> "TokenStore":
        offsets = np.fromiter(accumulate((len(s) for s in sequences), initial=0), dtype=np.int64)
        ids = np.fromiter((i for s in sequences for i in s), dtype=np.int32, count=int(offsets[-1]))
        return cls(ids, offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Tokens per sample, (samples,)."""
        return np.diff(self.offsets)

    def batch(self, indices: Sequence[int], pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
        """(input ids, attention mask) of some samples, both (batch, longest of them)."""
        rows = [self.ids[self.offsets[i] : self.offsets[i + 1]] for i in indices]
        ids = np.full((len(rows), max(map(len, rows))), pad_id, dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, values in enumerate(rows):
            ids[row, : len(values)] = values
            mask[row, : len(values)] = 1
        return torch.from_numpy(ids), torch.from_numpy(mask)


def encode_samples(tokenizer: Any, samples: Sequence[str], max_tokens: int) -> TokenStore:
    """Tokenise samples with special tokens, each cut at `max_tokens`."""
    encoded: list[list[int]] = []
    for start in range(0, len(samples), 1024):
        part = list(samples[start : start + 1024])
        encoded += tokenizer(
            part, truncation=True, max_length=max_tokens, return_attention_mask=False
        )["input_ids"]
    return TokenStore.of(encoded)


def text_read(tokenizer: Any, sample: str, max_tokens: int) -> str:
    """The part of a sample that its first `max_tokens` tokens cover, special tokens counted.

    What `encode_samples` keeps of it, so that another tokenizer can be given the same characters. A
    tokenizer without offsets (not a fast one) is taken to stop after the last word that fits.
    """
    if tokenizer.is_fast:
        (encoding,) = tokenizer([sample], truncation=True, max_length=max_tokens).encodings
        return sample[: max(end for _, end in encoding.offsets)] if encoding.overflowing else sample
    words = sample.split(" ")
    fitting = bisect_right(
        range(1, len(words) + 1),
        max_tokens,
        key=lambda count: len(tokenizer(" ".join(words[:count]), verbose=False)["input_ids"]),
    )
    return " ".join(words[:fitting])


def rows_of(
    rows: slice, attention_mask: torch.Tensor, *others: torch.Tensor
) -> tuple[torch.Tensor, ...]:
    """Some rows of a padded batch's mask and other tensors (batch, length), cut to the longest."""
    length = int(attention_mask[rows].sum(1).max())
    return tuple(tensor[rows, :length] for tensor in (attention_mask, *others))


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


def masked_lm_loss(
    model: torch.nn.Module,
    family: ModelFamily,
    hidden: torch.Tensor,
    ids: torch.Tensor,
    chosen: torch.Tensor,
) -> torch.Tensor:
    """Mean cross-entropy (nats per token) at the chosen positions, the only ones projected.

    hidden: last encoder states (batch, length, hidden). ids: the uncorrupted tokens. Zero where
    nothing was chosen, as in a batch that the tokenizer reads as unknown throughout.
    """
    if not chosen.any():
        return hidden.sum() * 0.0
    head: Callable[[torch.Tensor], torch.Tensor] = model.get_submodule(family.head)
    here = chosen.to(hidden.device)
    return F.cross_entropy(head(hidden[here]), ids[chosen].to(hidden.device))


def encoder_states(
    model: torch.nn.Module, family: ModelFamily, ids: torch.Tensor, mask: torch.Tensor, **rest: Any
) -> torch.Tensor:
    """Last encoder states, (batch, length, hidden), on the model's device.

    ids, mask: on any device. rest: such as token_type_ids.
    """
    encoder = model.get_submodule(family.encoder)
    device = next(encoder.parameters()).device
    inputs = {"input_ids": ids, "attention_mask": mask, **rest}
    return encoder(**{name: value.to(device) for name, value in inputs.items()}).last_hidden_state
