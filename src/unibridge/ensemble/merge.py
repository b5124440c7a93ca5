"""Several sources as one: their task adapters and heads averaged."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from unibridge.ensemble.student import Student, StudentSettings, train_student
from unibridge.errors import UnibridgeError
from unibridge.training import Progress, TrainingSettings

if TYPE_CHECKING:
    import torch

    from unibridge.ensemble.model import MultiSourceModel

MERGED = "merged"
"""The name of the one source of a merged model."""


class MergeSettings(StudentSettings):
    """By how much each source enters the sum."""

    shares: Literal["fitted", "weights"] = Field(
        "fitted",
        description="fitted: every tensor gets shares of its own, those with which the sum says "
        "what the ensemble predicts for the target's text; weights: the sources' weights "
        "everywhere (AdapterSoup)",
    )
    temperature: float = Field(
        1.0, gt=0, description="logits of both are divided by it; 1: the distributions as they are"
    )
    max_lines: int | None = Field(
        1000, ge=2, description="lines of text used, evenly spread; unset: all"
    )
    training: TrainingSettings = TrainingSettings(
        epochs=2, batch_size=16, learning_rate=0.03, weight_decay=0.0, schedule="linear"
    )


def merge(
    model: "MultiSourceModel", weights: Mapping[str, float] | None = None, *, name: str = MERGED
) -> "MultiSourceModel":
    """A model of one source whose task adapter and head are the weighted means of the sources'.

    θ = Σ_s w_s θ_s over every tensor of adapter and head (AdapterSoup, arXiv 2302.07027, with
    weights; Eq. 13 takes the same mean over logits instead). It costs what one source costs.
    Adapters are not linear, so it is another model than the ensemble, sometimes a much worse one:
    score it, or use `fit_merge`.

    weights: source -> weight, scaled to sum to one; by default the model's own. name: of the one
    source. The given model is left alone.
    Raises UnibridgeError for an unknown source, and where no weight is above zero.
    """
    import torch

    from unibridge.ensemble.model import MultiSourceModel

    config = model.config
    given = dict(zip(config.sources, config.weights, strict=True)) if weights is None else weights
    if strange := sorted(set(given) - set(config.sources)):
        raise UnibridgeError(
            f"the model has no source {', '.join(strange)}",
            where="weights",
            do=f"use {', '.join(config.sources)}",
        )
    shares = torch.tensor([given.get(source, 0.0) for source in config.sources]).clamp(min=0)
    if not shares.sum() > 0 or not shares.isfinite().all():
        raise UnibridgeError(
            "no source has a weight above zero, or one is no number",
            where="weights",
            do="give weights such as 0.7",
        )
    shares /= shares.sum()

    # 1. The same encoder and language adapter, with one empty place for a source.
    single = copy.deepcopy(config)
    single.sources, single.weights, single.sentence_temperature = [name], [1.0], None
    merged = MultiSourceModel(single)
    merged.encoder.load_state_dict(model.encoder.state_dict(), strict=False)

    # 2. Means of adapters and of heads.
    with torch.no_grad():
        for (_, tensor), own in zip(_parts(merged, name), _stacks(model), strict=True):
            tensor.copy_(torch.tensordot(shares.to(own), own, 1))
    merged.tokenizer = model.tokenizer
    return merged.eval().to(model.device)  # type: ignore[arg-type]  # their stub of `to` is wrong


def fit_merge(
    model: "MultiSourceModel",
    lines: Sequence[str],
    settings: MergeSettings | None = None,
    *,
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: Progress = lambda step, steps, parts: None,
) -> Student:
    """`merge` with shares of its own for every tensor, fitted on the target's unlabelled text.

    θ_i = Σ_s c_is θ_s,i for tensor i, where c begins at the model's weights and ends as any numbers
    that need not sum to one (AdaMerging, arXiv 2310.02575, by layers; there c minimises the merged
    model's entropy, here its divergence from the ensemble, see `train_student`). Nothing but c is
    trained: tensors x sources numbers, kept in facts["shares"], path -> source -> share.

    lines: unlabelled text of the target language. The given model is left alone.
    Raises UnibridgeError where there is too little text.
    """
    import torch
    from torch.nn.utils import parametrize

    settings = settings or MergeSettings()
    fitted = settings.shares == "fitted" and len(model.config.sources) > 1

    class Sum(torch.nn.Module):
        """Makes a tensor of shares[row] (sources,) and the sources' own (sources, ...)."""

        def __init__(self, own: torch.Tensor, row: int) -> None:
            super().__init__()
            self.own, self.row, self.shares = own, row, shares

        def forward(self, _: torch.Tensor) -> torch.Tensor:
            # in full precision also where products of matrices are not
            with torch.autocast(self.own.device.type, enabled=False):
                return torch.tensordot(self.shares[self.row].to(self.own), self.own, 1)

    # 1. The mean by weight, each of its tensors a function of its shares.
    merged = merge(model)
    parts = _parts(merged, MERGED)
    weights = torch.tensor(model.config.weights, device=merged.device)
    shares = torch.nn.Parameter(weights.repeat(len(parts), 1))
    places = []
    for row, ((path, _), own) in enumerate(zip(parts, _stacks(model), strict=True)):
        module, _, tensor = path.rpartition(".")
        places.append((merged.get_submodule(module), tensor))
        parametrize.register_parametrization(*places[-1], Sum(own, row))

    # 2. Fit the shares.
    found = train_student(
        model,
        merged,
        {"shares": shares} if fitted else {},
        lines,
        settings,
        dropout=False,
        seed=seed,
        checkpoint=checkpoint,
        progress=progress,
    )

    # 3. Tensors again.
    for place in places:
        parametrize.remove_parametrizations(*place)
    table = {
        path: dict(zip(model.config.sources, row, strict=True))
        for (path, _), row in zip(parts, shares.tolist(), strict=True)
    }
    return replace(found, facts=found.facts | {"shares": table})


def _parts(model: "MultiSourceModel", source: str) -> "list[tuple[str, torch.nn.Parameter]]":
    """(path, tensor) of a source's adapter and head, in the same order for every source."""
    from unibridge.adapters import attach
    from unibridge.ensemble.model import head_name

    path_of = {id(tensor): path for path, tensor in model.named_parameters()}
    tensors = list(model.heads[head_name(source)].parameters())
    if model.config.task_adapter is not None:
        tensors += attach.adapter_parameters(model.encoder, model.adapter_name(source))
    return [(path_of[id(tensor)], tensor) for tensor in tensors]


def _stacks(model: "MultiSourceModel") -> "Iterator[torch.Tensor]":
    """The sources' tensors of each part, (sources, ...)."""
    import torch

    for same in zip(*(_parts(model, source) for source in model.config.sources), strict=True):
        yield torch.stack([tensor.detach() for _, tensor in same])
