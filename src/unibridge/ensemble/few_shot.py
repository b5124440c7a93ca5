"""A few labelled target sentences: the transferred model continued, against one from scratch."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from unibridge.errors import UnibridgeError
from unibridge.settings import Settings
from unibridge.tasks.cuts import Cuts
from unibridge.text.corpus import nested_draw
from unibridge.training import TrainingSettings, batches_of, fit, prepare

if TYPE_CHECKING:
    import torch

    from unibridge.ensemble.model import MultiSourceModel

Start = Literal["transferred", "scratch"]
STARTS: tuple[Start, ...] = ("transferred", "scratch")


class FewShotSettings(Settings):
    """How many target sentences, and how they are trained on."""

    sentences: tuple[int, ...] = Field(
        (10, 50, 100), min_length=1, description="labelled target examples, each a point"
    )
    draws: int = Field(3, ge=1, description="draws of the sentences, whose scores are averaged")
    held_out: float = Field(
        0.2, gt=0, le=0.5, description="share of the sentences that early stopping looks at"
    )
    training: TrainingSettings = TrainingSettings(
        epochs=30, batch_size=8, learning_rate=1e-3, schedule="constant"
    )

    @field_validator("sentences")
    @classmethod
    def _enough(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if min(value) < 4 or sorted(set(value)) != list(value):
            raise ValueError("give numbers from 4 up, each larger than the one before")
        return value


@dataclass(frozen=True)
class FewShotPoint:
    """start: what training began from; sentences: 0 for the transferred model as it is.

    score, low, high: 0 to 100, means over the draws of the score and of the ends of its 95%
    bootstrap interval over test examples; scores: each draw's. epochs: which epoch was kept, mean.
    """

    start: Start
    sentences: int
    score: float
    low: float
    high: float
    scores: list[float]
    epochs: float = 0.0


@dataclass(frozen=True)
class FewShotResult:
    """points: zero-shot first, then by number of sentences, both starts each.

    model: the transferred model after the most sentences, first draw. warnings: plain words.
    """

    points: list[FewShotPoint]
    metric: str
    model: "MultiSourceModel"
    warnings: list[str] = field(default_factory=list)


def few_shot(
    transferred: "MultiSourceModel",
    examples: Sequence[Any],
    test: Sequence[Any],
    settings: FewShotSettings,
    *,
    seed: int = 0,
    progress: Callable[[int, int, Mapping[str, float]], None] = lambda step, steps, parts: None,
) -> FewShotResult:
    """Train on n labelled target examples, twice: from the transferred model, and from scratch.

    transferred: a target language's model; its task adapters and heads go on together, under its
    own weights, while everything below stays. From scratch: a new task adapter and head on the same
    adapted encoder. examples: labelled target examples to draw from; the draw of a smaller n is the
    beginning of a larger one's. test: gold examples, never trained on. progress: runs done, of all.
    Raises UnibridgeError where there are fewer examples than the smallest n.
    """
    from statistics import fmean

    # 1. How many there are to draw.
    sizes = [n for n in settings.sentences if n <= len(examples)]
    if not sizes:
        raise UnibridgeError(
            f"{len(examples)} labelled target examples, fewer than {settings.sentences[0]}",
            do="bring more, or set few_shot.sentences",
        )
    warnings = []
    if len(sizes) < len(settings.sentences):
        warnings.append(
            f"Only {len(examples)} labelled target examples: no point at "
            f"{', '.join(str(n) for n in settings.sentences if n not in sizes)}."
        )
    task = transferred.task
    own = task.comparable({label for one in examples for label in task.labels_of(one)})
    if unknown := sorted(own - task.comparable(set(transferred.config.labels))):
        warnings.append(f"The model has no labels {', '.join(unknown)}: examples of them are lost.")

    limit = transferred.config.max_tokens
    read = task.encode(transferred.tokenizer, examples, transferred.config.labels, limit)
    warnings += Cuts(task, limit).add(read).notes

    # 2. The transferred model as it is.
    told: list[str] = []
    zero = task.score(test, transferred.predict(test, warn=told.append))
    warnings += [note.removeprefix("warning: ") for note in told]
    points = [FewShotPoint("transferred", 0, zero.value, zero.low, zero.high, [zero.value])]

    # 3. Every n from both starts, over several draws.
    kept = transferred
    total, done = 2 * len(sizes) * settings.draws, 0
    for n in sizes:
        for start in STARTS:
            scores, epochs = [], []
            for draw in range(settings.draws):
                drawn = nested_draw(examples, n, seed=seed + draw)
                model = (
                    copy.deepcopy(transferred)
                    if start == "transferred"
                    else from_scratch(transferred, seed=seed + draw)
                )
                warnings += prepare(model.encoder, model.encoder, settings.training)
                epochs.append(continue_training(model, drawn, settings, seed=seed + draw))
                scores.append(task.score(test, model.predict(test)))
                if start == "transferred" and draw == 0:
                    kept = model
                done += 1
                progress(done, total, {task.metric: scores[-1].value})
            points.append(
                FewShotPoint(
                    start,
                    n,
                    fmean(s.value for s in scores),
                    fmean(s.low for s in scores),
                    fmean(s.high for s in scores),
                    [s.value for s in scores],
                    fmean(epochs),
                )
            )
    return FewShotResult(points, zero.metric, kept, list(dict.fromkeys(warnings)))


def from_scratch(model: "MultiSourceModel", *, seed: int) -> "MultiSourceModel":
    """The same adapted encoder with one new task adapter and head, weights from the seed."""
    from unibridge.ensemble.model import MultiSourceModel

    config: Any = copy.deepcopy(model.config)
    config.sources, config.weights = [config.language or "target"], [1.0]
    config.sentence_temperature = None
    fresh = MultiSourceModel(config, seed=seed)
    below = {
        name: tensor
        for name, tensor in model.encoder.state_dict().items()
        if not any(f"adapter_{adapter}." in name for adapter in model.task_adapters)
    }
    fresh.encoder.load_state_dict(below, strict=False)
    fresh.tokenizer = model.tokenizer
    return fresh.eval().to(model.device)


def continue_training(
    model: "MultiSourceModel", examples: Sequence[Any], settings: FewShotSettings, *, seed: int
) -> float:
    """Train the model's task adapters and heads in place; returns the epoch that was kept.

    Every k-th example is held out, as `settings.held_out` says, and what had the lowest loss on
    these is kept: early stopping, with the state before any training among the candidates.
    """
    import torch

    from unibridge.adapters import attach

    # 1. Some of the few are held out.
    task, config = model.task, model.config
    encoded = [
        one
        for one in task.encode(model.tokenizer, examples, config.labels, config.max_tokens)
        if task.labelled([one])
    ]
    if len(encoded) < 2:
        raise UnibridgeError(
            f"{len(encoded)} of {len(examples)} target examples have a label that the model knows",
            do="check that they use the sources' labels",
        )
    every = min(round(1 / settings.held_out), len(encoded))
    held = encoded[every - 1 :: every]
    trained_on = [one for place, one in enumerate(encoded) if (place + 1) % every]

    # 2. What is trained: task adapters and heads, whatever lies below stays.
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    trained = {f"head.{name}": p for name, p in model.heads.named_parameters()}
    for name in model.task_adapters:
        parts = attach.adapter_parameters(model.encoder, name)
        trained |= {f"adapter.{name}.{i}": p for i, p in enumerate(parts)}
    for parameter in trained.values():
        parameter.requires_grad_(True)

    def run(batch: Sequence[Any], of: int | None = None) -> "tuple[torch.Tensor, int]":
        inputs = model.inputs_of(batch)
        value = task.loss(model.outputs(**inputs), task.targets(batch), of=of)
        return value, int(inputs["attention_mask"].sum())

    def loss(indices: list[int], _: "torch.Generator", rows: slice) -> tuple:
        whole = [trained_on[i] for i in indices]
        part = whole[rows]
        value, tokens = run(part, task.labelled(whole) if len(part) < len(whole) else None)
        return value, {}, tokens

    # 3. Train, and keep the state that the held-out examples like best.
    def validate() -> float:
        model.eval()
        total = 0.0
        with torch.no_grad():
            for start in range(0, len(held), 32):
                batch = held[start : start + 32]
                total += float(run(batch)[0]) * len(batch)
        model.train()
        return total / len(held)

    model.train()
    result = fit(
        trained,
        loss,
        lambda epoch: batches_of(
            [len(one.input_ids) for one in trained_on],
            settings.training.batch_size,
            seed=seed,
            epoch=epoch,
        ),
        settings.training,
        seed=seed,
        validate=validate,
        keep_best=True,
    )
    model.eval()
    return result.kept_epoch or 0.0
