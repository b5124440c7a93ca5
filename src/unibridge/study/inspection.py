"""Does this base model read this language? A look of a few seconds, before anything is trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unibridge.models.reading import Reading, reading_of, short_lines

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base


@dataclass(frozen=True)
class Inspection:
    """How a base tokenizer and its model cope with some text.

    reading: what its tokenizer makes of them. masked_accuracy: share of masked tokens that the
    model guesses exactly, and masked_loss, nats per token; None where the checkpoint has no
    masked-LM head, or reads nothing to mask. example: a line and its tokens.
    """

    lines: int
    reading: Reading
    masked_accuracy: float | None
    masked_loss: float | None
    example: tuple[str, list[str]]
    verdict: str


def inspect_base(base: "Base", lines: Sequence[str], *, limit: int = 400) -> Inspection:
    """Read at most `limit` lines, or pieces of long ones, evenly spread, through the base's own
    tokenizer and head; the head reads what the model's input holds of each."""
    import torch

    from unibridge.models.base import max_tokens
    from unibridge.models.objectives import objective_of
    from unibridge.models.states import encoder_states
    from unibridge.transfer.mlm import encode_samples

    chosen = short_lines(lines, limit)
    reading = reading_of(base, lines, limit=limit)
    store = encode_samples(base.tokenizer, chosen, max_tokens(base))

    accuracy = loss = None
    if not base.built_head:
        generator = torch.Generator().manual_seed(0)
        objective = objective_of(base.family)
        right = total = 0
        nats = 0.0
        with torch.inference_mode():
            for start in range(0, min(len(store), 128), 16):
                part = range(start, min(start + 16, len(store)))
                tokens, mask = store.batch(part, base.tokenizer.pad_token_id)
                batch = objective.corrupt(
                    tokens, mask, base.tokenizer, rate=0.15, generator=generator
                )
                states = encoder_states(base.model, base.family, batch.ids, batch.mask)
                logits, wanted = objective.logits(base.model, base.family, states, batch)
                right += int((logits.argmax(-1) == wanted).sum())
                nats += float(torch.nn.functional.cross_entropy(logits, wanted, reduction="sum"))
                total += len(wanted)
        if total:
            accuracy, loss = right / total, nats / total
    line = chosen[0]
    return Inspection(
        lines=len(chosen),
        reading=reading,
        masked_accuracy=accuracy,
        masked_loss=loss,
        example=(line, base.tokenizer.tokenize(line)),
        verdict=_verdict(reading),
    )


def _verdict(reading: Reading) -> str:
    if reading.unknown > 0.3:
        return (
            f"No: {reading.unknown:.0%} of what it reads is unknown. It needs a new vocabulary, "
            'and nothing that keeps the old one can work; vocabulary.mode = "auto" makes one.'
        )
    if not reading.well:
        return (
            f"Poorly: {reading.reason}. A vocabulary of its own should help, and "
            'vocabulary.mode = "auto" makes one.'
        )
    return (
        f"Yes, on the surface: {reading.reason}. Compare fine-tuning and MAD-X before building a "
        'new vocabulary; vocabulary.mode = "auto" keeps this one.'
    )
