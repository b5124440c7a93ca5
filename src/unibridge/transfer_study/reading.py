"""How the unchanged base reads each language of a study: what says whether it has seen it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from unibridge.text.belonging import plain_text
from unibridge.text.corpus import spread
from unibridge.transfer_study.data import StudyData

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base

# lines of a language that are read, and how many of them at once
LINES, BATCH = 64, 16


def reading_of(
    base: "Base", data: StudyData, known: Mapping[str, dict[str, float]]
) -> dict[str, dict[str, float]]:
    """Code -> unknown: share of tokens; loss: of masked tokens, nats, where the base has a head.

    Of the transfer languages' text, and of the examples of targets that have none. known: what was
    measured before.
    """
    lines: dict[str, list[str]] = {code: list(text) for code, text in data.texts.items()}
    for task in data.tasks.values():
        for code, examples in task.targets.items():
            lines.setdefault(code, [plain_text(example) for example in examples])
    return {c: known.get(c) or _read(base, spread(text, LINES)) for c, text in lines.items()}


def _read(base: "Base", lines: Sequence[str]) -> dict[str, float]:
    import torch

    from unibridge.models.base import max_tokens, unknown_share
    from unibridge.models.objectives import objective_of
    from unibridge.models.states import encoder_states
    from unibridge.transfer.mlm import encode_samples

    found = {"unknown": unknown_share(base.tokenizer, lines)}
    if base.built_head:
        return found
    objective, generator = objective_of(base.family), torch.Generator().manual_seed(0)
    store = encode_samples(base.tokenizer, lines, min(128, max_tokens(base)))
    total = weight = 0.0
    with torch.inference_mode():
        for start in range(0, len(store), BATCH):
            part = range(start, min(start + BATCH, len(store)))
            ids, mask = store.batch(part, base.tokenizer.pad_token_id)
            batch = objective.corrupt(ids, mask, base.tokenizer, rate=0.15, generator=generator)
            states = encoder_states(base.model, base.family, batch.ids, batch.mask)
            loss = float(objective.loss(base.model, base.family, states, batch))
            total, weight = total + batch.count * loss, weight + batch.count
    return found | ({"loss": total / weight} if weight else {})
