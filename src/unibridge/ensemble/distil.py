"""Distil the ensemble into one student, on the target's own unlabelled text."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from unibridge.adapters.settings import AdapterConfig
from unibridge.ensemble.student import Student, StudentSettings, train_student
from unibridge.errors import UnibridgeError
from unibridge.text.corpus import spread
from unibridge.training import Progress

if TYPE_CHECKING:
    import torch

    from unibridge.ensemble.model import MultiSourceModel

DISTILLED = "distilled"
"""The name of the one source of a distilled model."""


class DistilSettings(StudentSettings):
    """Training of one student on the ensemble's distributions (Hinton et al. 2015)."""

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
    encoder_rate: float = Field(
        1e-4, gt=0, description="learning rate of an encoder, instead of the training's own"
    )

    @model_validator(mode="after")
    def _layers_of_an_encoder(self) -> "DistilSettings":
        if self.layers is not None and self.student != "encoder":
            raise ValueError('only a whole encoder has layers to choose: student = "encoder"')
        return self


def distil(
    teacher: "MultiSourceModel",
    lines: Sequence[str],
    settings: DistilSettings | None = None,
    *,
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: Progress = lambda step, steps, parts: None,
) -> Student:
    """Train one task adapter with its head, or a whole encoder, to say what the sources say.

    teacher: left alone. lines: unlabelled text of the target language. For the loss and the rest
    see `train_student`.
    Raises UnibridgeError where there is too little text, or nothing to train.
    """
    settings = settings or DistilSettings()
    if settings.student == "adapter" and teacher.config.task_adapter is None:
        raise UnibridgeError(
            "this pack has no task adapter to train", do='distil into student = "encoder"'
        )

    # 1. The student.
    student = _adapter_student(teacher, settings, seed)
    if settings.student == "encoder":
        student = _encoder_student(student, settings)
        training = settings.training.model_copy(update={"learning_rate": settings.encoder_rate})
        settings = settings.model_copy(update={"training": training})

    # 2. Train it.
    found = train_student(
        teacher,
        student,
        _trainable(student, settings),
        lines,
        settings,
        seed=seed,
        checkpoint=checkpoint,
        progress=progress,
    )
    return replace(found, facts={"student": settings.student} | found.facts)


def _adapter_student(
    teacher: "MultiSourceModel", settings: DistilSettings, seed: int
) -> "MultiSourceModel":
    """The sources merged, under a name of its own; adapter and head drawn anew where asked."""
    from unibridge.adapters import attach
    from unibridge.ensemble.merge import merge
    from unibridge.ensemble.model import head_name

    student = merge(teacher, name=DISTILLED)
    if settings.start == "merged":
        return student
    if (shape := student.config.task_adapter) is not None:
        family = attach.ledger_of(student.encoder).family
        name = student.adapter_name(DISTILLED)
        attach.delete_adapter(student.encoder, name)
        attach.add_adapter(student.encoder, family, name, AdapterConfig(**shape), seed=seed)
    student.activate()
    student.heads[head_name(DISTILLED)] = student.new_head(seed=seed).to(student.device)
    return student


def _encoder_student(merged: "MultiSourceModel", settings: DistilSettings) -> "MultiSourceModel":
    """The same encoder without any adapter, of as many layers as asked, with the same head."""
    from unibridge.ensemble.model import MultiSourceModel
    from unibridge.models.families import family_of

    config = copy.deepcopy(merged.config)
    available = merged.encoder.config.num_hidden_layers
    if (settings.layers or 1) > available:
        raise UnibridgeError(
            f"the pack's encoder has {available} layers, not {settings.layers}",
            where="layers",
            do=f"ask for 1 to {available}",
        )
    layers = spread(range(available), settings.layers or available)
    family = family_of(config.base)
    config.base = family.of_layers(merged.encoder.config, layers).to_dict()
    config.language_adapter = config.task_adapter = None
    student = MultiSourceModel(config)

    path = f"encoder.{family.layers}."
    state = merged.state_dict()

    def origin(name: str) -> str:
        """The merged model's name for a tensor of the student."""
        if not name.startswith(path):
            return name
        place, _, rest = name.removeprefix(path).partition(".")
        return f"{path}{layers[int(place)]}.{rest}"

    kept = {name: state[origin(name)] for name in student.state_dict()}
    # of a mix of layers, the weights of those that are left
    rows = [0, *(layer + 1 for layer in layers)]
    kept |= {name: tensor[rows] for name, tensor in kept.items() if name.endswith(".mix.weight")}
    student.load_state_dict(kept)
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
