"""How sure a model is of what it says."""

from collections.abc import Sequence
from typing import Any

import torch

from unibridge.ensemble.model import MultiSourceModel
from unibridge.errors import UnibridgeError


def probabilities(
    model: MultiSourceModel, examples: Sequence[Any], *, batch_size: int = 32
) -> list[torch.Tensor]:
    """Of each example the probability of every class at each of its decisions, such as its words.

    examples: as for `MultiSourceModel.predict`. Each tensor is (decisions, classes) and sums to one
    in each row; taggers' and classifiers' classes are `model.config.labels`, in that order. They
    are a softmax of the weighted logits, and no better calibrated than these.
    """
    if model.tokenizer is None:
        raise UnibridgeError("this model has no tokenizer", do="load it by unibridge.load(folder)")
    task, config = model.eval().task, model.config
    rows = [task.as_example(example) for example in examples]
    encoded = task.encode(model.tokenizer, rows, config.labels, config.max_tokens)
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i].input_ids))
    windows: list[torch.Tensor] = [torch.empty(0)] * len(encoded)
    for start in range(0, len(order), batch_size):
        part = order[start : start + batch_size]
        batch = [encoded[i] for i in part]
        with torch.inference_mode():
            said = {name: t.cpu() for name, t in model.outputs(**model.inputs_of(batch)).items()}
        for i, logits in zip(part, task.decisions(said, batch), strict=True):
            windows[i] = logits.float().softmax(-1).clone()
    found: list[list[torch.Tensor]] = [[] for _ in rows]
    for one, shares in zip(encoded, windows, strict=True):
        found[one.example].append(shares)
    return [torch.cat(parts) for parts in found]
