"""Weights of models that learnt one task from different starts, averaged (model soups, 2203.05482).

One model that is fine-tuned from the base and another that is fine-tuned from the base after more
training on the target's text lie close enough for their mean to be a model (Wortsman et al. 2022,
§2), and it is better than both: what either learnt alone stays, what is noise cancels out. It costs
nothing when it is used.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from unibridge.settings import Settings
from unibridge.transfer.trained import TrainedTask

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base
    from unibridge.transfer.adapted import AdaptedLanguage


class AveragingSettings(Settings):
    """How much the model counts that was trained on the target's text before the task."""

    share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="share of the weights of the model that read the target's text first; the rest "
        "is fine-tuned from the base as it is. 1: that model alone",
    )


def average_tasks(
    base: "Base",
    parts: "Sequence[tuple[AdaptedLanguage | None, TrainedTask]]",
    shares: Sequence[float],
    *,
    name: str,
) -> TrainedTask:
    """One whole-model task, to be read on the base as it is.

    parts: (the language beneath, None for the base; the task learnt above it by all weights), of
    the same labels and head. shares: of each, summing to 1. Raises ValueError for parts that
    have vocabularies or adapters of their own.
    """
    import torch

    from unibridge.models.rows import IDS, changed, lay_over

    languages = [language for language, _ in parts if language is not None]
    tasks = [task for _, task in parts]
    if any(own.embeddings is not None or own.adapter for own in languages) or any(
        task.adapter for task in tasks
    ):
        raise ValueError("only whole models on the base's own vocabulary can be averaged")
    first = tasks[0]
    if any((t.labels, t.head.keys()) != (first.labels, first.head.keys()) for t in tasks):
        raise ValueError("only tasks with the same labels and head can be averaged")

    # 1. Every model's encoder, as the base with what changed in it.
    encoder = base.model.get_submodule(base.family.encoder)
    start = {key: value.detach().cpu() for key, value in encoder.state_dict().items()}
    table = f"{base.family.word_embeddings}.weight"
    rows: list[torch.Tensor] = []
    mean: dict[str, torch.Tensor] = {}
    for (language, task), share in zip(parts, shares, strict=True):
        changes = [language.encoder if language else {}, task.encoder]
        whole = lay_over(lay_over(start, changes[0]), changes[1])
        rows += [change[table + IDS].long() for change in changes if table + IDS in change]
        rows += [torch.arange(len(whole[table])) for change in changes if table in change]
        for key, value in whole.items():
            if value.is_floating_point():
                mean[key] = mean.get(key, torch.zeros(())) + share * value

    head: dict[str, torch.Tensor] = {}
    for task, share in zip(tasks, shares, strict=True):
        for key, value in task.head.items():
            head[key] = head.get(key, torch.zeros(())) + share * value

    # 2. Their mean, again as what differs from the base.
    found = {key: value for key, value in mean.items() if key != table}
    if rows:
        found |= changed(table, mean[table], torch.cat(rows).unique())
    return TrainedTask(
        name=name,
        task=first.task,
        labels=first.labels,
        head=head,
        config=first.config,
        head_settings=first.head_settings,
        encoder=found,
        facts={"averaged": len(parts), "shares": list(shares), "steps": 0},
    )
