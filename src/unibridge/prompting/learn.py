"""What is learnt of a prompt from the sources' labels: vectors in front of the text, or the base.

Soft prompts (Lester, Al-Rfou and Constant, EMNLP 2021, arXiv 2104.08691): vectors in place of
words, the model frozen. Trained on all sources at once they belong to none of their languages, and
are read unchanged in the target's (Zhao and Schütze, EMNLP 2021, arXiv 2109.03630, §3).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from unibridge.models.rows import changed_tensors, used_rows
from unibridge.prompting.cloze import Asked, Wording, fill, word_ids
from unibridge.training import Progress, TrainingSettings, batches_of, fit
from unibridge.transfer.mlm import used_ids


def few_of_each(examples: Sequence[Any], shots: int | None, *, seed: int) -> list[Any]:
    """So many examples of each class, drawn by the seed and in their order; unset: all."""
    if shots is None:
        return list(examples)
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed)).tolist()
    kept: dict[str, list[int]] = {}
    for place in order:
        own = kept.setdefault(examples[place].label, [])
        if len(own) < shots:
            own.append(place)
    return [examples[place] for place in sorted(p for own in kept.values() for p in own)]


def learn_soft(
    asked: Asked,
    wordings: Mapping[str, Wording],
    examples: Mapping[str, Sequence[Any]],
    training: TrainingSettings,
    *,
    seed: int,
    checkpoint: Path | None = None,
    progress: Progress = lambda step, steps, parts: None,
) -> tuple[torch.Tensor, dict[str, Any]]:
    """Vectors (slot, hidden) for {slot}, from those of drawn tokens; the model stays as it is."""
    encoder = asked.model.get_submodule(asked.family.encoder)
    table = encoder.get_submodule(asked.family.word_embeddings).weight.detach()
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(len(asked.tokenizer), (asked.slot,), generator=generator)
    vectors = torch.nn.Parameter(table[rows.to(table.device)].clone())
    asked.model.requires_grad_(False)
    asked.model.eval()
    asked.vectors = vectors
    facts = _fitted(
        asked,
        {"vectors": vectors},
        wordings,
        examples,
        training,
        seed=seed,
        checkpoint=checkpoint,
        progress=progress,
    )
    asked.vectors = vectors.detach()
    return asked.vectors, facts


def learn_whole(
    asked: Asked,
    wordings: Mapping[str, Wording],
    examples: Mapping[str, Sequence[Any]],
    training: TrainingSettings,
    *,
    seed: int,
    checkpoint: Path | None = None,
    progress: Progress = lambda step, steps, parts: None,
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The whole encoder by the same question, its head as it is; changed tensors by name."""
    read = [
        i
        for source, wording in wordings.items()
        for example in examples[source]
        for i in fill(
            asked.tokenizer, wording, example, masks=1, slot=asked.slot, limit=asked.limit
        ).ids
    ]
    read += [
        i
        for one in wordings.values()
        for word in one.words
        for i in word_ids(asked.tokenizer, word)
    ]
    read += [i for one in wordings.values() for i in one.inside]
    ids = used_ids(torch.tensor(read).numpy(), asked.tokenizer, training)
    family, model = asked.family, asked.model
    model.requires_grad_(False)
    with used_rows(model, family, ids, output=True):
        encoder = model.get_submodule(family.encoder)
        trained = dict(encoder.named_parameters())
        for parameter in trained.values():
            parameter.requires_grad_(True)
        model.train()
        facts = _fitted(
            asked,
            trained,
            wordings,
            examples,
            training,
            seed=seed,
            checkpoint=checkpoint,
            progress=progress,
        )
    model.eval()
    changed = changed_tensors(model.get_submodule(family.encoder), family.word_embeddings, ids)
    return changed, facts


def _fitted(
    asked: Asked,
    trained: dict[str, torch.nn.Parameter],
    wordings: Mapping[str, Wording],
    examples: Mapping[str, Sequence[Any]],
    training: TrainingSettings,
    **how: Any,
) -> dict[str, Any]:
    """A batch holds one source, which is asked in its own words."""
    sources = sorted(examples)
    rows = [(number, one) for number, s in enumerate(sources) for one in examples[s]]
    lengths = [len(one.text) + len(one.second or "") for _, one in rows]
    owners = [number for number, _ in rows]

    def loss(indices: list[int], generator: torch.Generator, part: slice) -> tuple:
        batch = [rows[i][1] for i in indices[part]]
        value = asked.loss(batch, wordings[sources[owners[indices[0]]]])
        share = len(batch) / len(indices)
        return value * share, {}, sum(len(one.text.split()) for one in batch)

    result = fit(
        trained,
        loss,
        lambda epoch: batches_of(
            lengths, training.batch_size, seed=how["seed"], epoch=epoch, groups=owners
        ),
        training,
        width=asked.model.config.hidden_size,
        **how,
    )
    return {
        "curve": result.curve,
        "steps": result.steps,
        "epochs": result.curve[-1]["epoch"],
        "tokens_seen": result.tokens,
        "examples": len(rows),
    }
