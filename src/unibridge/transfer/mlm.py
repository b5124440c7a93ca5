"""Plain text as tokens, shared by pretraining and language adaptation."""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import torch

from unibridge.models.families import ModelFamily
from unibridge.models.objectives import objective_of
from unibridge.models.states import encoder_states
from unibridge.text.corpus import join_samples
from unibridge.training import Loss, TrainingSettings


@dataclass(frozen=True)
class TokenStore:
    """Encoded samples, flat: sample i is ids[offsets[i] : offsets[i + 1]], special ids included."""

    ids: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, sequences: Sequence[Sequence[int] | np.ndarray]) -> "TokenStore":
        """Samples as lists of token ids, made flat."""
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


def encode_samples(
    tokenizer: Any,
    samples: Sequence[str],
    max_tokens: int,
    *,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> TokenStore:
    """Tokenise samples with special tokens, each cut at `max_tokens`. told: (done, all) samples."""
    encoded: list[list[int]] = []
    for start in range(0, len(samples), 1024):
        told(start, len(samples))
        part = list(samples[start : start + 1024])
        encoded += tokenizer(
            part, truncation=True, max_length=max_tokens, return_attention_mask=False
        )["input_ids"]
    return TokenStore.of(encoded)


def encode_pairs(tokenizer: Any, pairs: Sequence[tuple[str, str]], max_tokens: int) -> TokenStore:
    """Two translations as one sample each, in the tokenizer's own template of pairs."""
    if not pairs:
        return TokenStore.of([])
    firsts, seconds = ([pair[side] for pair in pairs] for side in (0, 1))
    return TokenStore.of(
        tokenizer(
            firsts, seconds, truncation=True, max_length=max_tokens, return_attention_mask=False
        )["input_ids"]
    )


def joined(stores: Sequence[TokenStore]) -> TokenStore:
    """Several stores as one, their samples one after the other."""
    ends = np.cumsum([0, *(len(store.ids) for store in stores)])
    offsets = [store.offsets[1:] + end for store, end in zip(stores, ends, strict=False)]
    return TokenStore(
        np.concatenate([store.ids for store in stores]),
        np.concatenate([np.zeros(1, dtype=np.int64), *offsets]),
    )


def language_loss(
    model: torch.nn.Module, family: ModelFamily, tokenizer: Any, store: TokenStore, *, rate: float
) -> Loss:
    """What `fit` asks of a language model on its samples: nats per token to predict.

    rate: share of the tokens to predict, where the family's objective has a choice.
    """
    objective = objective_of(family)

    def loss(indices: list[int], generator: torch.Generator, rows: slice) -> tuple:
        ids, mask = store.batch(indices, tokenizer.pad_token_id)
        whole = objective.corrupt(ids, mask, tokenizer, rate=rate, generator=generator)
        part = whole.part(rows)
        states = encoder_states(model, family, part.ids, part.mask)
        value = objective.loss(model, family, states, part) * (part.count / max(whole.count, 1))
        return value, {}, int(part.mask.sum())

    return loss


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


def used_ids(ids: np.ndarray, tokenizer: Any, settings: TrainingSettings) -> torch.Tensor:
    """The ids that a text has, special ones always among them, sorted; all, where so set."""
    if settings.vocabulary_rows == "all":
        return torch.arange(len(tokenizer))
    return torch.from_numpy(np.union1d(ids, tokenizer.all_special_ids).astype(np.int64))


def log_frequencies(ids: np.ndarray, rows: int) -> torch.Tensor:
    """log of each token's share of a text, (rows,), one occurrence added to each.

    As an output bias it says what a model without any context would, so that a head that is new
    to a vocabulary need not learn this into the rows of its tokens.
    """
    counts = torch.from_numpy(np.bincount(ids, minlength=rows)[:rows]).double() + 1
    return (counts / counts.sum()).log().float()


def set_output_bias(model: torch.nn.Module, family: ModelFamily, values: torch.Tensor) -> None:
    """Put `(rows,)` into the bias of the logits, whose rows past these keep theirs."""
    bias = family.output_bias(model)
    if bias is not None:
        with torch.no_grad():
            bias.view(-1)[: len(values)] = values.to(bias)


def freeze_below(model: torch.nn.Module, family: ModelFamily, layers: int) -> None:
    """Leave trainable the language model's head, without its table, and the last encoder layers."""
    model.requires_grad_(False)
    table = model.get_submodule(f"{family.encoder}.{family.word_embeddings}").weight
    parts = [family.lm_head(model)]
    if layers:
        stack = model.get_submodule(f"{family.encoder}.{family.layers}")
        parts += list(stack.children())[-layers:]
    for part in parts:
        for parameter in part.parameters():
            parameter.requires_grad_(parameter is not table)


def smoothed_shares(sizes: Sequence[float], alpha: float) -> np.ndarray:
    """p ∝ q^α of languages with so much text each (XLM, arXiv 1901.07291, §3.1), (languages,).

    α = 1 leaves the shares as they are, 0 makes all alike.
    """
    found = np.array(sizes, dtype=float)
    found = (found / found.sum()) ** alpha
    return found / found.sum()


def replayed_samples(
    others: Mapping[str, Sequence[str]],
    sample_words: int,
    share: float,
    own: int,
    *,
    seed: int,
    alpha: float | None = None,
) -> list[str]:
    """Samples of the other languages' text, so that they are `share` of all, as many of each.

    alpha: instead of the share, the exponent by which the shares of all text are smoothed, that of
    the `own` samples too.
    """
    texts = [join_samples(others[name], sample_words) for name in sorted(others)]
    texts = [samples for samples in texts if samples]
    if not texts or not (share or alpha is not None):
        return []
    counts = [math.ceil(own * share / (1 - share) / len(texts))] * len(texts)
    if alpha is not None:
        first, *rest = smoothed_shares([own, *map(len, texts)], alpha)
        counts = [math.ceil(own * part / first) for part in rest]
    generator = torch.Generator().manual_seed(seed)
    return [
        samples[i]
        for samples, count in zip(texts, counts, strict=True)
        for i in torch.randint(len(samples), (count,), generator=generator).tolist()
    ]


def drawn_translations(
    pairs: Sequence[tuple[str, str]], share: float, others: int, *, seed: int
) -> list[tuple[str, str]]:
    """Translated lines for TLM, so that they are `share` of all samples, `others` the rest.

    Of each, which side comes first is drawn.
    """
    if not pairs or not share:
        return []
    generator = torch.Generator().manual_seed(seed)
    count = math.ceil(others * share / (1 - share))
    places = torch.randint(len(pairs), (count,), generator=generator).tolist()
    turned = torch.randint(2, (count,), generator=generator).tolist()
    return [
        pairs[place][::-1] if turn else pairs[place]
        for place, turn in zip(places, turned, strict=True)
    ]
