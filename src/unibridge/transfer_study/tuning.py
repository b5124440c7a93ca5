"""Few-step tuning: the whole base by masked words on one language (Faisal & Anastasopoulos 2024).

arXiv 2403.20088; their scripts where the paper is not at hand. No adapter is present; a task
adapter that was trained on the unchanged base is put on what comes out.
"""

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from unibridge.errors import UnibridgeError
from unibridge.text.corpus import join_samples
from unibridge.training import Progress, batches_of, fit
from unibridge.transfer_study.settings import TuningSettings

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from unibridge.models.base import BaseModel as Base
    from unibridge.transfer.mlm import TokenStore


@dataclass
class TuningText:
    """One language's lines as the base reads them, encoded once for all steps and seeds."""

    base: "Base"
    lines: Sequence[str]
    settings: TuningSettings

    @cached_property
    def store(self) -> "TokenStore":
        """The samples' tokens. Raises UnibridgeError where there is none."""
        from unibridge.models.base import max_tokens
        from unibridge.transfer.mlm import encode_samples

        samples = join_samples(self.lines, self.settings.sample_words)
        if not samples:
            raise UnibridgeError("no line of text to tune on")
        limit = min(self.settings.max_tokens, max_tokens(self.base))
        return encode_samples(self.base.tokenizer, samples, limit)


def tune(
    base: "Base",
    text: TuningText,
    steps: int,
    *,
    seed: int,
    progress: Progress = lambda step, steps, parts: None,
) -> "PreTrainedModel":
    """A copy of the base after exactly `steps` steps of masked words on a text, in evaluation mode.

    AdamW from `learning_rate` linearly to 0 over exactly these steps, no warm-up, dropout on. All
    that is random follows from the seed. With a text shorter than the steps need it is read again.
    """
    from unibridge.models.rows import used_rows
    from unibridge.transfer.mlm import language_loss, used_ids

    settings, store = text.settings, text.store
    training = settings.training(steps)
    model, family, tokenizer = copy.deepcopy(base.model), base.family, base.tokenizer
    model.requires_grad_(False)
    with used_rows(model, family, used_ids(store.ids, tokenizer, training), output=True):
        # the encoder with its table, and the head that guesses words
        parts = (model.get_submodule(family.encoder), family.lm_head(model))
        named = {
            id(p): (f"{n}.{m}", p)
            for n, part in zip(("encoder", "head"), parts, strict=True)
            for m, p in part.named_parameters()
        }
        trained = dict(named.values())
        for parameter in trained.values():
            parameter.requires_grad_(True)
        model.train()
        fit(
            trained,
            language_loss(model, family, tokenizer, store, rate=settings.mask_rate),
            lambda epoch: batches_of(store.lengths, settings.batch_size, seed=seed, epoch=epoch),
            training,
            seed=seed,
            width=int(model.config.hidden_size),
            progress=progress,
        )
    return model.eval().requires_grad_(False)


def shuffled(lines: Sequence[str], *, seed: int = 0) -> list[str]:
    """The same words in random order over all lines, as many in each line as before.

    A control: it has the language's words, and nothing of how they follow each other. Where a
    script writes no spaces, characters are shuffled.
    """
    spaced = sum(" " in line.strip() for line in lines) * 2 >= len(lines)
    rows = [line.split() if spaced else list(line) for line in lines]
    words = [word for row in rows for word in row]
    random.Random(seed).shuffle(words)
    drawn = iter(words)
    joined = " " if spaced else ""
    return [joined.join(next(drawn) for _ in row) for row in rows]


def mixed(texts: "dict[str, list[str]] | Any", most: int, *, seed: int = 0) -> list[str]:
    """`most` lines in all, as many of every language, in random order: a control."""
    each = max(1, most // max(1, len(texts)))
    draw = random.Random(seed)
    lines = [
        line
        for code in sorted(texts)
        for line in draw.sample(list(texts[code]), min(each, len(texts[code])))
    ]
    draw.shuffle(lines)
    return lines
