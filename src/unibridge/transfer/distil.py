"""Teach one student what the sources say together, on the target's own unlabelled text."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from unibridge.adapters.settings import AdapterConfig
from unibridge.errors import UnibridgeError
from unibridge.text.corpus import split_held_out, spread
from unibridge.training import Progress, TrainingSettings, batches_of, fit, prepare

if TYPE_CHECKING:
    import torch

    from unibridge.tasks.base import Encoded, Task
    from unibridge.transfer.infer import MultiSourceModel

DISTILLED = "distilled"
"""The name of the one source of a distilled model."""


class DistilSettings(BaseModel):
    """Training of one student on the ensemble's distributions (Hinton et al. 2015)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    student: Literal["adapter", "encoder"] = Field(
        "adapter",
        description="what is trained: one task adapter with its head on the same encoder, or a "
        "whole encoder without adapters, which can be exported as a plain model",
    )
    start: Literal["merged", "fresh"] = Field(
        "merged", description="first values of the task adapter and the head: merged, or drawn"
    )
    layers: int | None = Field(
        None, ge=1, description="layers of an encoder, spread evenly over the pack's; unset: all"
    )
    temperature: float = Field(
        2.0, gt=0, description="logits of both are divided by it; 1: the distributions as they are"
    )
    max_lines: int | None = Field(
        None, ge=2, description="lines of text used, evenly spread; unset: all"
    )
    held_out: float = Field(0.05, gt=0, lt=1, description="share of the text kept for comparison")
    encoder_rate: float = Field(
        1e-4, gt=0, description="learning rate of an encoder, instead of the training's own"
    )
    training: TrainingSettings = TrainingSettings(epochs=10, schedule="linear", warmup=0.06)

    @model_validator(mode="after")
    def _layers_of_an_encoder(self) -> "DistilSettings":
        if self.layers is not None and self.student != "encoder":
            raise ValueError('only a whole encoder has layers to choose: student = "encoder"')
        return self


@dataclass
class Distilled:
    """A model of one source, and how far it is from its teacher on text held out.

    divergence: mean D_KL(teacher ‖ student) at temperature 1, nats per decision. agreement: share
    of the decisions (words, or texts) that both take alike. before: both, before training.
    """

    model: "MultiSourceModel"
    divergence: float
    agreement: float
    before: tuple[float, float]
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def distil(
    teacher: "MultiSourceModel",
    lines: Sequence[str],
    settings: DistilSettings | None = None,
    *,
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: Progress = lambda step, steps, parts: None,
) -> Distilled:
    """Train one student on L = T² · D_KL(softmax(z / T) ‖ softmax(z' / T)), mean over decisions.

    z: the ensemble's logits (Eq. 13), z': the student's, T: the temperature (Hinton et al. 2015,
    arXiv 1503.02531). A decision is a word at its first subword, or a text. The teacher is read
    once, without dropout.

    teacher: left alone. lines: unlabelled text of the target language; a task of sentence pairs
    reads each line with the next one. checkpoint: a file to resume from.
    Raises UnibridgeError where there is too little text, or nothing to train.
    """
    import torch

    settings = settings or DistilSettings()
    task: Task[Any, Any] = teacher.task
    tokenizer, config = teacher.tokenizer, teacher.config
    warnings: list[str] = []

    # 1. The text as the task reads it, some held out.
    inputs: list[Any] = [line for line in lines if line.strip()]
    if task.reads == "pair":
        inputs = list(pairwise(inputs))
        warnings.append(
            "The text has no pairs: each line was read with the next one, which real pairs may "
            "not be like."
        )
    inputs = spread(inputs, settings.max_lines or len(inputs))
    if len(inputs) < 2:
        raise UnibridgeError(
            f"{len(inputs)} line(s) of text are too few to learn from",
            where="text",
            do="give the target's own plain text, a sentence a line",
        )
    chosen, held_inputs = split_held_out(inputs, settings.held_out, seed=seed)

    # 2. The ensemble's logits at every decision, computed once.
    def read(part: Sequence[Any]) -> "list[Encoded]":
        examples = [task.as_example(one) for one in part]
        return task.encode(tokenizer, examples, config.labels, config.max_tokens)

    encoded, held = read(chosen), read(held_inputs)
    wanted, held_wanted = (_all_decisions(teacher, part) for part in (encoded, held))

    # 3. The student.
    if settings.student == "adapter" and config.task_adapter is None:
        raise UnibridgeError(
            "this pack has no task adapter to train", do='distil into student = "encoder"'
        )
    student = _adapter_student(teacher, settings, seed)
    if settings.student == "encoder":
        student = _encoder_student(student, settings)
    trained = _trainable(student, settings)
    student.requires_grad_(False)
    for parameter in trained.values():
        parameter.requires_grad_(True)

    # 4. Train.
    heat = settings.temperature

    def loss(indices: list[int], generator: "torch.Generator", rows: slice) -> tuple:
        batch = [encoded[i] for i in indices[rows]]
        target = torch.cat([wanted[i] for i in indices[rows]]).to(student.device)
        found, tokens = _decisions(student, batch)
        share = len(target) / sum(len(wanted[i]) for i in indices)
        return share * heat**2 * _divergence(target / heat, found / heat), {}, tokens

    def compare() -> tuple[float, float]:
        found, target = torch.cat(_all_decisions(student, held)), torch.cat(held_wanted)
        alike = (found.argmax(-1) == target.argmax(-1)).float().mean()
        student.train()
        return float(_divergence(target, found)), float(alike)

    training = settings.training
    if settings.student == "encoder":
        training = training.model_copy(update={"learning_rate": settings.encoder_rate})
    warnings += prepare(student.encoder, student.encoder, training)
    before = compare()
    lengths = [len(one.input_ids) for one in encoded]
    result = fit(
        trained,
        loss,
        lambda epoch: batches_of(lengths, training.batch_size, seed=seed, epoch=epoch),
        training,
        seed=seed,
        validate=lambda: compare()[0],
        checkpoint=checkpoint,
        progress=progress,
    )
    divergence, agreement = compare()
    return Distilled(
        student.eval(),
        divergence,
        agreement,
        before,
        facts={
            "student": settings.student,
            "sources": config.sources,
            "weights": config.weights,
            "lines": len(inputs),
            "decisions": sum(map(len, wanted)),
            "divergence": divergence,
            "agreement": agreement,
            "divergence_before": before[0],
            "agreement_before": before[1],
            "curve": result.curve,
            "steps": result.steps,
            "tokens_seen": result.tokens,
        },
        warnings=warnings,
    )


def _divergence(teacher: "torch.Tensor", student: "torch.Tensor") -> "torch.Tensor":
    """D_KL(softmax(teacher) ‖ softmax(student)), (decisions, labels) each; mean, in nats."""
    log_p, log_q = teacher.log_softmax(-1), student.log_softmax(-1)
    return (log_p.exp() * (log_p - log_q)).sum(-1).mean()


def _decisions(model: "MultiSourceModel", batch: "Sequence[Encoded]") -> "tuple[torch.Tensor, int]":
    """Logits (decisions, labels) of a batch, example after example, and the tokens read."""
    import torch

    inputs = model.task.collate(batch, model.tokenizer.pad_token_id)
    inputs.pop("labels")
    tokens = int(inputs["attention_mask"].sum())
    logits = model(**{name: value.to(model.device) for name, value in inputs.items()}).logits
    if model.task.kind == "sequence":
        return logits, tokens
    starts = [(row, at) for row, one in enumerate(batch) for at in one.word_starts if at >= 0]
    rows, places = torch.tensor(starts, device=logits.device).T
    return logits[rows, places], tokens


def _all_decisions(
    model: "MultiSourceModel", encoded: "Sequence[Encoded]", batch_size: int = 32
) -> "list[torch.Tensor]":
    """Per example the logits (decisions, labels), without dropout, in batches by length."""
    import torch

    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i].input_ids))
    kept: dict[int, torch.Tensor] = {}
    model.eval()
    with torch.no_grad():
        for start in range(0, len(order), batch_size):
            part = order[start : start + batch_size]
            logits = _decisions(model, [encoded[i] for i in part])[0].cpu()
            sizes = [_count(model.task, encoded[i]) for i in part]
            kept |= zip(part, logits.split(sizes), strict=True)
    return [kept[i] for i in range(len(encoded))]


def _count(task: "Task[Any, Any]", one: "Encoded") -> int:
    return 1 if task.kind == "sequence" else len(one.word_starts) - one.cut_words


def _adapter_student(
    teacher: "MultiSourceModel", settings: DistilSettings, seed: int
) -> "MultiSourceModel":
    """The sources merged, under a name of its own; adapter and head drawn anew where asked."""
    from unibridge.adapters import attach
    from unibridge.tasks.heads import build_head
    from unibridge.transfer.infer import head_name
    from unibridge.transfer.merge import merge

    student = merge(teacher, name=DISTILLED)
    if settings.start == "merged":
        return student
    if (shape := student.config.task_adapter) is not None:
        family = attach.ledger_of(student.encoder).family
        name = student.adapter_name(DISTILLED)
        attach.delete_adapter(student.encoder, name)
        attach.add_adapter(student.encoder, family, name, AdapterConfig(**shape), seed=seed)
    base = student.config.base
    head = build_head(
        student.task.kind,
        base["hidden_size"],
        len(student.config.labels),
        base["hidden_dropout_prob"],
        seed=seed,
    )
    student.heads[head_name(DISTILLED)] = head.to(student.device)
    return student


def _encoder_student(merged: "MultiSourceModel", settings: DistilSettings) -> "MultiSourceModel":
    """The same encoder without any adapter, of as many layers as asked, with the same head."""
    from unibridge.models.families import FAMILIES
    from unibridge.transfer.infer import MultiSourceModel

    config = copy.deepcopy(merged.config)
    available = config.base["num_hidden_layers"]
    if (settings.layers or 1) > available:
        raise UnibridgeError(
            f"the pack's encoder has {available} layers, not {settings.layers}",
            where="layers",
            do=f"ask for 1 to {available}",
        )
    layers = spread(range(available), settings.layers or available)
    config.base["num_hidden_layers"] = len(layers)
    config.language_adapter = config.task_adapter = None
    student = MultiSourceModel(config)

    path = f"encoder.{FAMILIES.resolve(config.base['model_type']).layers}."
    state = merged.state_dict()

    def origin(name: str) -> str:
        """The merged model's name for a tensor of the student."""
        if not name.startswith(path):
            return name
        place, _, rest = name.removeprefix(path).partition(".")
        return f"{path}{layers[int(place)]}.{rest}"

    student.load_state_dict({name: state[origin(name)] for name in student.state_dict()})
    student.tokenizer = merged.tokenizer
    return student.to(merged.device)  # type: ignore[arg-type]  # their stub of `to` is wrong


def _trainable(
    student: "MultiSourceModel", settings: DistilSettings
) -> "dict[str, torch.nn.Parameter]":
    """What is trained, by name: the head, and the task adapter or the whole encoder."""
    from unibridge.adapters import attach

    parts = {f"head.{n}": p for n, p in student.heads.named_parameters()}
    if settings.student == "encoder":
        return parts | {f"encoder.{n}": p for n, p in student.encoder.named_parameters()}
    adapter = attach.adapter_parameters(student.encoder, student.adapter_name(DISTILLED))
    return parts | {f"adapter.{i}": p for i, p in enumerate(adapter)}
