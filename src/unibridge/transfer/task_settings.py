"""How a task is learnt: settings of `task_training` and `fine_tuning`."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, field_validator

from unibridge.adapters.settings import TASK_ADAPTER, AdapterConfig
from unibridge.settings import Available, Lack, Settings
from unibridge.tasks.shapes import HeadSettings
from unibridge.training import (
    TrainingSettings,
)
from unibridge.transfer.forgetting.base import ForgettingSettings
from unibridge.transfer.head_start import HeadStart
from unibridge.transfer.rates import RateSearch
from unibridge.transfer.sampling import SamplingSettings
from unibridge.transfer.signals.base import SignalSettings
from unibridge.transfer.updates.base import UpdateSettings


class TaskSettings(Settings):
    """Training of a task adapter and its head (paper Table 9)."""

    adapter: AdapterConfig = TASK_ADAPTER
    first_layer: int = Field(
        0,
        ge=0,
        description="first layer, from 0, with a part of the adapter (AdapterDrop, arXiv "
        "2010.11918): what lies below is computed once for all sources; 0: the paper's",
    )
    max_tokens: int = Field(128, ge=8, description="tokens per example; longer ones are cut")
    max_examples: int | None = Field(
        None, ge=1, description="examples used of each source, evenly spread over its file"
    )
    max_held_out: int = Field(
        500,
        ge=1,
        description="examples of each source's dev file that are read after an epoch, evenly "
        "spread over it",
    )
    label_all_subwords: bool = Field(
        False, description="taggers learn at every subword of a word (the reference), not the first"
    )
    head: HeadSettings = HeadSettings()
    head_start: HeadStart = Field(
        "random",
        description="first weights of the head: random (the paper), or fitted to the encoder as it "
        "is, by at most 1,000 examples of each source (LP-FT, arXiv 2202.10054)",
    )
    head_rate: float = Field(
        1.0, gt=0, description="the head's rate, as a multiple of training.learning_rate"
    )
    learning_rate_search: RateSearch = Field(
        "auto",
        description="halving: the rate is chosen of search_rates by the loss on the sources' dev "
        "files; none: it is training.learning_rate, or unset one for what is trained (5e-4 for "
        "adapters, 2e-4 · (384 / width)² for whole models); auto: halving where it is unset and "
        "there are dev files",
    )
    search_rates: tuple[Annotated[float, Field(gt=0)], ...] | None = Field(
        None,
        min_length=1,
        description="AdamW's peak rates to choose of; unset: the published ones for adapters, a "
        "quarter of the rate above to twice as much for whole models",
    )
    search_share: float = Field(
        0.4, gt=0, le=1, description="steps of the whole search, as a share of training's"
    )
    training: TrainingSettings = TrainingSettings(epochs=11, schedule="constant")
    # what is none, or all, decides no stage's name
    updates: UpdateSettings = Field(UpdateSettings(), exclude_if=lambda s: s.method == "all")
    sampling: SamplingSettings = Field(SamplingSettings(), exclude_if=lambda s: s.method == "none")
    languages: SignalSettings = Field(SignalSettings(), exclude_if=lambda s: s.method == "none")
    forgetting: ForgettingSettings = Field(
        ForgettingSettings(), exclude_if=lambda s: s.method == "none"
    )

    @field_validator("adapter")
    @classmethod
    def _no_invertible_part(cls, adapter: AdapterConfig) -> AdapterConfig:
        if adapter.invertible != "none":
            raise ValueError('a task adapter has no invertible part; write invertible = "none"')
        return adapter

    def lacks(self, run: Available) -> Iterator[Lack]:
        """What a way to train the whole model needs."""
        return self.updates.lacks()

    @property
    def placed_adapter(self) -> AdapterConfig:
        """The adapter, left out below the first layer as well."""
        left_out = tuple(dict.fromkeys((*range(self.first_layer), *self.adapter.leave_out)))
        return self.adapter.model_copy(update={"leave_out": left_out})


FINE_TUNING = TaskSettings(
    head_start="fitted",
    training=TrainingSettings(epochs=3, batch_size=16, schedule="linear", warmup=0.06, clip=1.0),
)
"""Whole models. The paper: batches of 32, 10 epochs, a constant 1e-5, by which small ones learn
little."""
