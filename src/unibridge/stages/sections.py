"""What a method is given: the sections of a configuration that decide its numbers."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from unibridge.augmentation.settings import CodeSwitchingSettings
from unibridge.embeddings.settings import EmbeddingSettings
from unibridge.ensemble.distil import DistilSettings
from unibridge.ensemble.merge import MergeSettings
from unibridge.prompting.settings import PromptSettings
from unibridge.settings import ChosenFrom, File, Files, Folder, Settings
from unibridge.transfer.adaptation_settings import CONTINUING, AdaptationSettings
from unibridge.transfer.averaging import AveragingSettings
from unibridge.transfer.contrast import ContrastSettings
from unibridge.transfer.probe import ProbeSettings
from unibridge.transfer.self_training import SelfTrainingSettings
from unibridge.transfer.task_settings import FINE_TUNING, TaskSettings
from unibridge.translation.base import TranslationSettings
from unibridge.vocabulary.search import SearchSettings
from unibridge.weighting.base import WeightSettings


class BaseSection(Settings):
    """The pretrained model."""

    model: str = Field(description="folder, hub id, or a packaged base such as minilm or cldr")
    family: Annotated[str, ChosenFrom("unibridge.models.families:FAMILIES")] | None = Field(
        None,
        exclude_if=lambda family: family is None,
        description="what kind of model it is, or package.module:name; unset: as its config says",
    )
    dropout: float | None = Field(
        None, ge=0, lt=1, description="share dropped in training; unset: as the base's config says"
    )
    device: str = Field(
        "auto", description="cpu, cuda, cuda:1, mps, ...; auto: cuda where there is one"
    )


class TaskSection(Settings):
    """What is to be predicted."""

    kind: Annotated[str, ChosenFrom("unibridge.tasks:TASKS")] = Field(
        description="ner, pos, parsing, classification, pairs, qa, or package.module:name"
    )
    dataset: Annotated[str, ChosenFrom("unibridge.text.benchmarks:BENCHMARKS", ("none",))] = Field(
        "none",
        description="a benchmark, whose training labels, test and metric are taken where none are "
        "given; none: your own files",
    )
    data: Folder | None = Field(
        None, description="folder of the benchmark's files as published; unset: from the hub"
    )
    unanswerable: Literal["learn", "leave-out"] = Field(
        "learn",
        description="questions without an answer among the training labels: learnt, so that there "
        "may be none; or left out, so that there always is one",
    )
    reader: str | None = Field(None, description="label reader; unset: by the file's suffix")
    columns: dict[str, str | int] = Field(
        default_factory=dict, description="where words, tags, text, second or label stand"
    )
    labels: list[str] = Field(
        default_factory=list,
        description="names of labels that the files give as numbers, in order from 0",
    )
    allow_label_union: bool = Field(
        False, description="train on the union where sources have different labels"
    )


class TargetSection(Settings):
    """The language that the base does not speak."""

    language: str = Field(description="code, such as lug", pattern=r"^[A-Za-z0-9_-]+$")
    text: Files = Field(min_length=1, description="files, folders or hub ids")
    test: File | None = Field(None, description="gold labels, only to score with")
    translated: File | None = Field(
        None, description="test examples in a source's language, in order, for translate-test"
    )
    train: File | None = Field(
        None, description="target labels, for the ceiling, few_shot and weights that are fitted"
    )
    predict: Files = Field((), description="files to label when all is done")


class SourceSection(Settings):
    """A language with labels that the base speaks."""

    language: str = Field(description="code, such as en", pattern=r"^[A-Za-z0-9_-]+$")
    text: Files = Field((), description="plain text for its language adapter")
    adapter: File | None = Field(
        None, description="folder of a ready language adapter in AdapterHub's layout"
    )
    train: File = Field(description="labelled training file")
    dev: File | None = Field(
        None, description="labelled file to score on while training; drives the plateau schedule"
    )
    translated: File | None = Field(
        None, description="these labels translated into the target, for translate-train"
    )
    parallel: Files = Field(
        (), max_length=2, description="TSV of target and source, or the two line-aligned files"
    )
    dictionary: File | None = Field(
        None,
        description="TSV of target word, tab, source word; for bridge, wechsel, translation and "
        "code-switching",
    )
    lexicons: Files = Field(
        (),
        description="TSV of further languages' words, tab, source word; a language a file, for "
        "code-switching into several",
    )
    vectors: tuple[File, ...] = Field(
        (),
        max_length=2,
        description="the target's word vectors and the source's, in one space (unibridge align)",
    )


class StageSettings(Settings):
    """Every stage's own settings, which a method may lay others over."""

    vocabulary: SearchSettings = SearchSettings()
    embeddings: EmbeddingSettings = EmbeddingSettings()
    adaptation: AdaptationSettings = AdaptationSettings(max_samples=10_000)
    source_adaptation: AdaptationSettings = AdaptationSettings(max_samples=50_000)
    continuing: AdaptationSettings = CONTINUING
    task_training: TaskSettings = TaskSettings()
    fine_tuning: TaskSettings = FINE_TUNING
    weights: WeightSettings = WeightSettings()
    merging: MergeSettings = MergeSettings()
    distillation: DistilSettings = DistilSettings()
    probe: ProbeSettings = ProbeSettings()
    averaging: AveragingSettings = AveragingSettings()
    self_training: SelfTrainingSettings = SelfTrainingSettings()
    translation: TranslationSettings = TranslationSettings()
    code_switching: CodeSwitchingSettings = CodeSwitchingSettings()
    contrast: ContrastSettings = ContrastSettings()
    prompting: PromptSettings = PromptSettings()

    @field_validator("task_training")
    @classmethod
    def _adapters_have_no_updates(cls, settings: TaskSettings) -> TaskSettings:
        if settings.updates.method != "all":
            raise ValueError(
                "task_training trains adapters, whatever updates says; write it in fine_tuning"
            )
        return settings


class Given(Settings):
    """What is there to learn from, and with which base: the same for all methods."""

    base: BaseSection
    task: TaskSection
    target: TargetSection
    sources: tuple[SourceSection, ...] = Field(min_length=1)
