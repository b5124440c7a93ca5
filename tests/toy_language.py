"""A language that a toy base is adapted to in no time, with a vocabulary of its own."""

import torch

from toy import LINES, toy_tokenizer
from unibridge.embeddings.base import InitResult
from unibridge.transfer.language import AdaptationSettings, adapt_language

NEW_LINES = (
    "town river summer old people",
    "river people swim in summer",
    "the old boat was built below",
    "bridge children in the old town",
)


def new_vocabulary(family):
    tokenizer = toy_tokenizer(family, NEW_LINES)
    draw = torch.Generator().manual_seed(9)
    matrix = torch.randn(len(tokenizer), 16, generator=draw) * 0.1
    return tokenizer, InitResult(matrix, (), torch.full((len(tokenizer),), -1), {}, [])


def settings(**changed):
    training = {
        "steps": 6,
        "batch_size": 2,
        "learning_rate": 0.01,
        "vocabulary_rows": "all",
        **changed.pop("training", {}),
    }
    return AdaptationSettings(
        sample_words=0, training=training, **{"output_bias": "zero", **changed}
    )


def adapt(base, lines=LINES, *, new=False, **changed):
    tokenizer, initial = new_vocabulary(base.family.model_type) if new else (None, None)
    return adapt_language(
        base, lines, settings(**changed), language="xx", tokenizer=tokenizer, embeddings=initial
    )
