"""Denoising of text by an encoder and a decoder: T5's span corruption, (m)BART's text infilling.

Which of the two depends on what the tokenizer has to stand for a span: sentinels (<extra_id_0>,
<extra_id_1>, ...) or a mask token.
"""

from collections.abc import Sequence
from typing import Any

import torch

from unibridge.models.families import ModelFamily
from unibridge.models.objectives.base import NOTHING, Corrupted, Objective
from unibridge.models.states import frame

T5_SPAN = 3.0
"""Mean length of a span in tokens (arXiv 1910.10683, §3.3.4)."""
BART_SPAN = 3.5
"""Mean of the Poisson distribution of lengths in tokens (arXiv 2001.08210, §2.1)."""
SENTINELS = 100


class Denoising(Objective):
    """Spans of a text are hidden, and the decoder says them (T5) or the whole text ((m)BART).

    T5's lengths are a random division of the hidden tokens; T5 lets every text end with a hidden
    span, and mBART also permutes sentences: neither is done here.
    """

    name = "denoising"
    auto = "AutoModelForSeq2SeqLM"

    def lacks(self, tokenizer: Any) -> str | None:
        either = tokenizer.mask_token_id is not None or sentinels(tokenizer)
        return None if either else "mask token and no sentinels (<extra_id_0>)"

    def corrupt(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        tokenizer: Any,
        *,
        rate: float,
        generator: torch.Generator,
    ) -> Corrupted:
        before, after = (len(part) for part in frame(tokenizer))
        marks = sentinels(tokenizer)
        sources, targets = [], []
        for row, length in zip(ids.tolist(), mask.sum(1).tolist(), strict=True):
            start, end = before, length - after
            spans = draw_spans(
                end - start, rate, most=len(marks), poisson=not marks, generator=generator
            )
            source, target = row[:start], []
            for number, (first, last) in enumerate(spans):
                mark = marks[number] if marks else tokenizer.mask_token_id
                source += [*row[start : before + first], mark]
                target += [mark, *row[before + first : before + last]]
                start = before + last
            sources.append(source + row[start:length])
            targets.append(target + row[end:length] if marks else row[:length])
        # T5 starts with padding, mBART with what the text ends with: its language
        starts = [tokenizer.pad_token_id if marks else target[-1] for target in targets]
        given = [[first, *target[:-1]] for first, target in zip(starts, targets, strict=True)]
        source_ids = _padded(sources, tokenizer.pad_token_id)
        lengths = torch.tensor([[len(source)] for source in sources])
        wanted = _padded(targets, NOTHING)
        return Corrupted(
            source_ids,
            (torch.arange(source_ids.shape[1]) < lengths).to(mask.dtype),
            # what the tokenizer does not know teaches nothing
            wanted.masked_fill(wanted == tokenizer.unk_token_id, NOTHING),
            _padded(given, tokenizer.pad_token_id),
        )

    def predictors(
        self, model: torch.nn.Module, family: ModelFamily, states: torch.Tensor, batch: Corrupted
    ) -> torch.Tensor:
        """The decoder's last states, (batch, target length, hidden), given the encoder's."""
        assert family.decoder is not None and batch.decoder_ids is not None
        return model.get_submodule(family.decoder)(
            input_ids=batch.decoder_ids.to(states.device),
            encoder_hidden_states=states,
            encoder_attention_mask=batch.mask.to(states.device),
        ).last_hidden_state


def sentinels(tokenizer: Any) -> list[int]:
    """The ids of T5's sentinels, in order; none where the tokenizer has none.

    They may be special tokens, or plain pieces of the vocabulary with or without its word mark.
    """
    for mark in ("", "▁"):
        names = [f"{mark}<extra_id_{number}>" for number in range(SENTINELS)]
        found = [tokenizer.convert_tokens_to_ids(name) for name in names]
        if known := [i for i in found if i is not None and i != tokenizer.unk_token_id]:
            return known
    return []


def draw_spans(
    tokens: int, rate: float, *, most: int, poisson: bool, generator: torch.Generator
) -> list[tuple[int, int]]:
    """Spans of [first, last) to hide among so many tokens, in order, none next to another.

    rate: share of the tokens, of which at least one is hidden. most: spans, where T5's lengths are
    drawn; poisson: (m)BART's instead.
    """
    hidden = min(max(round(rate * tokens), 1), tokens)
    if hidden <= 0:
        return []
    if poisson:
        drawn = torch.poisson(torch.full((hidden,), BART_SPAN), generator=generator)
        lengths = [max(1, int(length)) for length in drawn]
        ends = torch.tensor(lengths).cumsum(0).tolist()
        lengths = lengths[: next(n for n, end in enumerate(ends, 1) if end >= hidden)]
        lengths[-1] -= ends[len(lengths) - 1] - hidden
    else:
        count = min(max(round(hidden / T5_SPAN), 1), most)
        lengths = _divide(hidden, count, generator)
    # spans need a token between them
    lengths = _fit(lengths, tokens - hidden + 1)
    gaps = _divide(tokens - hidden + 2, len(lengths) + 1, generator)
    gaps[0] -= 1
    spans, place = [], 0
    for gap, length in zip(gaps, lengths, strict=False):
        spans.append((place + gap, place + gap + length))
        place += gap + length
    return spans


def _fit(lengths: list[int], most: int) -> list[int]:
    """At most so many spans of the same sum: the rest joins the last."""
    return lengths if len(lengths) <= most else [*lengths[: most - 1], sum(lengths[most - 1 :])]


def _divide(whole: int, parts: int, generator: torch.Generator) -> list[int]:
    """A random division of a whole into so many parts of at least one."""
    cuts = (torch.randperm(whole - 1, generator=generator)[: parts - 1] + 1).sort().values.tolist()
    return [last - first for first, last in zip([0, *cuts], [*cuts, whole], strict=True)]


def _padded(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
    length = max(map(len, rows))
    return torch.tensor([[*row, *[value] * (length - len(row))] for row in rows])
