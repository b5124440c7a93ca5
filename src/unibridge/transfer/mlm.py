"""Plain text as tokens, shared by pretraining and language adaptation."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import torch


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
