"""Distillation: train a student on what its teacher predicts for unlabelled text.

What the students of `merge` and `distil` have in common: the text, the teacher's distributions over
it, the loss, and how far the two are from each other on text held out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from unibridge.errors import UnibridgeError
from unibridge.settings import Settings
from unibridge.tasks.cuts import Cuts
from unibridge.text.corpus import split_held_out, spread
from unibridge.training import (
    FitResult,
    Progress,
    TrainingSettings,
    batches_of,
    fit,
    prepare,
)
from unibridge.weighting.base import side_by_side

if TYPE_CHECKING:
    import torch

    from unibridge.ensemble.model import MultiSourceModel
    from unibridge.tasks.base import Task
    from unibridge.tasks.encoded import Encoded


class StudentSettings(Settings):
    """Which text is read, and how its distributions are compared."""

    temperature: float = Field(
        2.0, gt=0, description="logits of both are divided by it; 1: the distributions as they are"
    )
    max_lines: int | None = Field(
        None, ge=2, description="lines of text used, evenly spread; unset: all"
    )
    held_out: float = Field(0.05, gt=0, lt=1, description="share of the text kept for comparison")
    training: TrainingSettings = TrainingSettings(epochs=10, schedule="linear", warmup=0.06)

    @field_validator("training", mode="before")
    @classmethod
    def _over_the_default(cls, value: Any) -> Any:
        """A part of it leaves the rest at the values that stand here."""
        if not isinstance(value, Mapping):
            return value
        return cls.model_fields["training"].default.model_dump() | dict(value)


@dataclass
class Student:
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


def train_student(
    teacher: "MultiSourceModel",
    student: "MultiSourceModel",
    trained: "Mapping[str, torch.nn.Parameter]",
    lines: Sequence[str],
    settings: StudentSettings,
    *,
    dropout: bool = True,
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: Progress = lambda step, steps, parts: None,
) -> Student:
    """Train some of `student`, in place, on L = T² · D_KL(softmax(z / T) ‖ softmax(z' / T)).

    z: the teacher's logits (Eq. 13 for several sources), z': the student's, T: the temperature
    (Hinton et al. 2015, arXiv 1503.02531); mean over decisions. A decision is a word at its first
    subword, or a text. The teacher is read once, without dropout.

    trained: name -> parameter, all others are frozen; none: the two are only compared. lines:
    unlabelled text of the target language; a task of sentence pairs reads each line with the next.
    dropout: the student's while it is trained; a few numbers need none.
    checkpoint: a file to resume from.
    Raises UnibridgeError where there is too little text.
    """

    task: Task[Any, Any] = teacher.task
    tokenizer, config = teacher.tokenizer, teacher.config
    warnings: list[str] = []

    # 1. The text as the task reads it, some held out.
    inputs, notes = task.examples_of_text([line for line in lines if line.strip()])
    warnings += notes
    inputs = spread(inputs, settings.max_lines or len(inputs))
    if len(inputs) < 2:
        raise UnibridgeError(
            f"{len(inputs)} line(s) of text are too few to learn from",
            where="text",
            do="give the target's own plain text, a sentence a line",
        )
    chosen, held_inputs = split_held_out(inputs, settings.held_out, seed=seed)

    # 2. The teacher's logits at every decision, computed once.
    def read(part: Sequence[Any]) -> "list[Encoded]":
        examples = [task.as_example(one) for one in part]
        return task.encode(tokenizer, examples, config.labels, config.max_tokens)

    # what nothing is trained on need not be read
    encoded, held = read(chosen if trained else []), read(held_inputs)
    warnings += Cuts(task, config.max_tokens).add(encoded).add(held).notes
    wanted, held_wanted = (_all_decisions(teacher, part) for part in (encoded, held))

    # 3. Train.
    heat = settings.temperature

    def loss(indices: list[int], generator: "torch.Generator", rows: slice) -> tuple:
        batch = [encoded[i] for i in indices[rows]]
        target = side_by_side([wanted[i] for i in indices[rows]]).to(student.device)
        decided, tokens = _decisions(student, batch)
        found = side_by_side(decided)
        share = len(target) / sum(len(wanted[i]) for i in indices)
        return share * heat**2 * _divergence(target / heat, found / heat), {}, tokens

    def set_mode() -> None:
        student.train(dropout)
        for module in student.modules():
            # layers recompute activations in training mode alone; it is not passed on to dropout
            if getattr(module, "gradient_checkpointing", False):
                module.training = True

    def compare() -> tuple[float, float]:
        found, target = side_by_side(_all_decisions(student, held)), side_by_side(held_wanted)
        alike = (found.argmax(-1) == target.argmax(-1)).float().mean()
        set_mode()
        return float(_divergence(target, found)), float(alike)

    student.requires_grad_(False)
    for parameter in trained.values():
        parameter.requires_grad_(True)
    before = compare()
    lengths = [len(one.input_ids) for one in encoded]
    batch_size = settings.training.batch_size
    result = FitResult()
    if trained:
        warnings += prepare(student.encoder, student.encoder, settings.training)
        set_mode()
        result = fit(
            trained,
            loss,
            lambda epoch: batches_of(lengths, batch_size, seed=seed, epoch=epoch),
            settings.training,
            seed=seed,
            validate=lambda: compare()[0],
            checkpoint=checkpoint,
            progress=progress,
        )
        warnings += result.warnings
    divergence, agreement = compare()
    return Student(
        student.eval(),
        divergence,
        agreement,
        before,
        facts={
            "sources": config.sources,
            "weights": config.weights,
            "lines": len(encoded) + len(held),
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


def _decisions(
    model: "MultiSourceModel", batch: "Sequence[Encoded]"
) -> "tuple[list[torch.Tensor], int]":
    """Logits (decisions, classes) of each example of a batch, and the tokens read."""
    inputs = model.inputs_of(batch)
    tokens = int(inputs["attention_mask"].sum())
    return model.task.decisions(model.outputs(**inputs), batch), tokens


def _all_decisions(
    model: "MultiSourceModel", encoded: "Sequence[Encoded]", batch_size: int = 32
) -> "list[torch.Tensor]":
    """Per example the logits (decisions, classes), without dropout, in batches by length."""
    import torch

    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i].input_ids))
    kept: dict[int, torch.Tensor] = {}
    model.eval()
    with torch.no_grad():
        for start in range(0, len(order), batch_size):
            part = order[start : start + batch_size]
            logits, _ = _decisions(model, [encoded[i] for i in part])
            kept |= zip(part, (one.cpu() for one in logits), strict=True)
    return [kept[i] for i in range(len(encoded))]
