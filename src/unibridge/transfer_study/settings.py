"""The settings of a transfer study, study.toml's tables (Faisal & Anastasopoulos 2024).

arXiv 2403.20088; where the authors' code has another value, the description says which.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from unibridge.adapters.settings import AdapterConfig
from unibridge.comparison.settings import ComparisonSettings
from unibridge.settings import ChosenFrom, File, Settings
from unibridge.stages.sections import BaseSection
from unibridge.training import TrainingSettings
from unibridge.transfer.language import AdaptationSettings
from unibridge.transfer.task_settings import TaskSettings

Mode = Literal["untrained", "uniform", "trained"]
Control = Literal["shuffled", "mixed"]


def _files(value: Any) -> Any:
    """{languages = [...], path = "pos/{language}/test.conllu"} as a table of files."""
    if not (isinstance(value, Mapping) and set(value) == {"languages", "path"}):
        return value
    path, languages = value["path"], value["languages"]
    if not (isinstance(path, str) and isinstance(languages, list | tuple)):
        return value
    return {str(code): path.replace("{language}", str(code)) for code in languages}


Files = Annotated[dict[str, File], BeforeValidator(_files)]
"""Language code -> file; also as {languages = [...], path = ".../{language}.txt"}."""


class RunSettings(Settings):
    """Where a study is kept, and where it is computed."""

    folder: Path = Field(description="study folder; made if it is missing")
    executor: Annotated[str, ChosenFrom("unibridge.grid.executors:EXECUTORS")] = Field(
        "serial", description="serial, processes, ray, or package.module:name"
    )
    workers: int = Field(1, ge=1, description="cells at a time, where the executor can")
    threads: int = Field(
        1, ge=1, description="threads of a cell; the numbers are the same for the same threads"
    )
    retries: int = Field(1, ge=0, description="how often a cell that failed is tried again")
    options: dict[str, Any] = Field(
        default_factory=dict, description="settings of the executor, such as ray's address"
    )


class TuningSettings(Settings):
    """Few-step tuning of the whole base by masked words on one language."""

    steps: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (1, 10, 100, 1000),
        min_length=1,
        description="optimiser steps, each a training of its own: the rate falls to 0 over exactly "
        "as many, so that fewer are no checkpoint of more",
    )
    learning_rate: float = Field(5e-5, gt=0, description="AdamW's first rate")
    batch_size: int = Field(8, ge=1, description="samples per step")
    weight_decay: float = Field(0.0, ge=0, description="AdamW")
    mask_rate: float = Field(0.15, gt=0, lt=1, description="share of tokens to predict")
    max_lines: int = Field(
        10_000, ge=2, description="lines of a language that are read: its first (the authors)"
    )
    sample_words: int = Field(
        64,
        ge=0,
        description="words that lines are joined up to; 0: a line (the authors: blocks of 512 "
        "tokens, as with 400 words and max_tokens = 512)",
    )
    max_tokens: int = Field(128, ge=8, description="tokens per sample; longer ones are cut")
    vocabulary_rows: Literal["used", "all"] = Field(
        "used", description="used: rows that the text never has are left out; all: the authors'"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="as of all training"
    )

    def training(self, steps: int) -> TrainingSettings:
        """Exactly so many steps, with linear decay over all of them and no warm-up."""
        return TrainingSettings(
            steps=steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            schedule="linear",
            precision=self.precision,
            vocabulary_rows=self.vocabulary_rows,
            recovery=False,  # what a rate does to a language is what is studied
            checkpoint_seconds=10**9,
        )


class ControlSettings(Settings):
    """As many steps on text that is no language's own: what is drift and not the language."""

    kinds: tuple[Control, ...] = Field(
        ("shuffled", "mixed"),
        description="shuffled: a language's words in random order; mixed: lines of all transfer "
        "languages; none: [] (the authors)",
    )
    shuffled: tuple[str, ...] = Field(
        (), description="languages whose text is shuffled; unset: all transfer languages"
    )


class StudyTask(Settings):
    """A task: the mix that its adapter learns from, and the files that it is scored on."""

    kind: Annotated[str, ChosenFrom("unibridge.tasks:TASKS", ("",))] = Field(
        "", description="ner, pos, parsing, ..., or package.module:name; unset: the table's name"
    )
    mix: Files = Field(min_length=1, description="language -> labelled file to learn from")
    targets: Files = Field(min_length=1, description="language -> labelled file to score on")
    metrics: tuple[Annotated[str, ChosenFrom("unibridge.metrics:METRICS")], ...] = Field(
        (), description="such as las and uas; unset: the task's own"
    )
    max_mix: int = Field(
        1000, ge=1, description="examples of each language of the mix, evenly spread over its file"
    )
    balance: Literal["smallest", "none"] = Field(
        "none",
        description="smallest: as many of each as the smallest has; none: up to max_mix of each",
    )
    max_test: int = Field(
        500, ge=1, description="examples of a target that are scored, evenly spread over its file"
    )
    reader: str | None = Field(None, description="label reader; unset: by the file's suffix")
    columns: dict[str, str | int] = Field(
        default_factory=dict, description="where words, tags, text, second or label stand"
    )
    labels: list[str] = Field(
        default_factory=list, description="names of labels that files give as numbers"
    )
    allow_label_union: bool = Field(False, description="learn the union where labels differ")
    training: TaskSettings = TaskSettings(
        training=TrainingSettings(epochs=5, learning_rate=5e-4, schedule="linear")
    )


class InterferenceSettings(Settings):
    """Language adapters alone, in pairs and in triples, fused beneath the task adapter."""

    languages: tuple[str, ...] = Field(
        (), description="transfer languages that get an adapter; unset: no interference is studied"
    )
    sizes: tuple[Annotated[int, Field(ge=1, le=3)], ...] = Field(
        (1, 2), min_length=1, description="adapters at once: 1, 2, 3"
    )
    modes: tuple[Mode, ...] = Field(
        ("untrained", "uniform", "trained"),
        min_length=1,
        description="of fusion: untrained attention (the authors' code), the mean, or attention "
        "that was trained on the task's mix (AdapterFusion)",
    )
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (0, 1, 2), min_length=1, description="draws of untrained and trained fusion"
    )
    triples_on: Literal["members", "all"] = Field(
        "members", description="targets of triples: those that are a member (the authors), or all"
    )
    adaptation: AdaptationSettings = AdaptationSettings(
        adapter=AdapterConfig(
            reduction_factor=16, non_linearity="relu", leave_out=(), invertible="none"
        ),
        sample_words=64,
        max_samples=10_000,
        training=TrainingSettings(
            epochs=3, batch_size=8, learning_rate=5e-5, weight_decay=0.0, schedule="linear"
        ),
        learning_rate_search="none",
    )
    fusion: TrainingSettings = TrainingSettings(
        steps=200, batch_size=16, learning_rate=5e-5, schedule="linear"
    )
    regularisation: float = Field(
        0.01, ge=0, description="of trained values towards the identity (AdapterFusion)"
    )


class StudySettings(Settings):
    """Everything that decides a study's numbers, and how its report judges them."""

    run: RunSettings
    base: BaseSection
    text: Files = Field(min_length=1, description="transfer language -> plain text")
    tasks: dict[str, StudyTask] = Field(min_length=1, description="by name, such as pos")
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        tuple(range(10)), min_length=1, description="one tuning for each, of every text and step"
    )
    leave_target_out: bool = Field(
        False, description="a target in its own mix is scored by an adapter that has not seen it"
    )
    keep_target_in_mix: bool = Field(
        False, description="let a target be in its own mix and say nothing (the authors)"
    )
    scoring_precision: Literal["float32", "auto", "bfloat16"] = Field(
        "float32",
        description="of products of matrices while encoders are scored; auto: as of all training. "
        "bfloat16 rounds weights by about as much as one step moves them",
    )
    keep_encoders: bool = Field(False, description="keep every tuned encoder (one is as the base)")
    tuning: TuningSettings = TuningSettings()
    controls: ControlSettings = ControlSettings()
    interference: InterferenceSettings = InterferenceSettings()
    # of no fingerprint: how scores are judged decides none of them
    report: ComparisonSettings = ComparisonSettings()
