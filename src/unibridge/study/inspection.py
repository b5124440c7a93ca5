"""Does this base model read this language? A look of a few seconds, before anything is trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unibridge.text.corpus import spread
from unibridge.text.languages import count_words
from unibridge.text.pieces import short_pieces

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base


@dataclass(frozen=True)
class Inspection:
    """How a base tokenizer and its model cope with some text.

    unknown: share of tokens that are unknown. tokens_per_word: words counted by script.
    masked_accuracy: share of masked tokens that the model guesses exactly, and masked_loss, nats
    per token; None where the checkpoint has no masked-LM head, or reads nothing to mask. example:
    a line and its tokens.
    """

    lines: int
    unknown: float
    tokens_per_word: float
    masked_accuracy: float | None
    masked_loss: float | None
    example: tuple[str, list[str]]
    verdict: str


def inspect_base(base: "Base", lines: Sequence[str], *, limit: int = 400) -> Inspection:
    """Read at most `limit` lines, or pieces of long ones, evenly spread, through the base's own
    tokenizer and head; the head reads what the model's input holds of each."""
    import torch

    from unibridge.models.base import max_tokens, unknown_share
    from unibridge.models.objectives import objective_of
    from unibridge.models.states import encoder_states
    from unibridge.transfer.mlm import encode_samples

    # words and tokens of the same characters, however long a line and the model's input
    chosen = spread(list(short_pieces(spread(lines, limit))), limit)
    read = base.tokenizer(chosen, add_special_tokens=False, verbose=False)["input_ids"]
    tokens_in_all = sum(map(len, read))
    store = encode_samples(base.tokenizer, chosen, max_tokens(base))
    unknown = unknown_share(base.tokenizer, chosen)
    words = sum(map(count_words, chosen))

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
    per_word = tokens_in_all / max(words, 1e-9)
    line = chosen[0]
    return Inspection(
        lines=len(chosen),
        unknown=unknown,
        tokens_per_word=per_word,
        masked_accuracy=accuracy,
        masked_loss=loss,
        example=(line, base.tokenizer.tokenize(line)),
        verdict=_verdict(unknown, per_word),
    )


def _verdict(unknown: float, per_word: float) -> str:
    if unknown > 0.3:
        return (
            f"No: {unknown:.0%} of what it reads is unknown. It needs a new vocabulary, and "
            "nothing that keeps the old one can work."
        )
    if unknown > 0.02 or per_word > 3:
        return (
            f"Poorly: {unknown:.1%} unknown, {per_word:.1f} tokens a word. A vocabulary of its own "
            "should help."
        )
    return (
        f"Yes, on the surface: {unknown:.1%} unknown, {per_word:.1f} tokens a word. Compare "
        "fine-tuning and MAD-X before building a new vocabulary."
    )
