"""How long, how fast and in which precision anything is trained."""

from typing import Literal

from pydantic import Field

from unibridge.settings import Settings

# UniBridge, Tables 8 and 9: one of those for languages and of those for tasks
PUBLISHED_RATE = 5e-4


class TrainingSettings(Settings):
    """How long and how fast to train. Lengths are epochs unless `steps` is given."""

    epochs: int = Field(50, ge=1, description="passes over the training data")
    steps: int | None = Field(None, ge=1, description="optimiser steps; overrides epochs")
    batch_size: int = Field(
        32, ge=1, description="samples per optimiser step, those of all processes together"
    )
    micro_batch: int | None = Field(
        None, ge=1, description="samples per forward pass, for small memories; unset: all"
    )
    learning_rate: float | None = Field(
        None, gt=0, description="AdamW's peak rate; unset: 5e-4, or what a search for it finds"
    )
    weight_decay: float = Field(0.01, ge=0, description="AdamW, none on biases and norms")
    schedule: Literal["plateau", "linear", "constant"] = Field(
        "plateau", description="plateau: × 0.6 after 3 epochs without progress (the reference)"
    )
    warmup: float = Field(0.0, ge=0, lt=1, description="share of the steps with a rising rate")
    patience: int = Field(
        0,
        ge=0,
        description="rows of the curve without a better held-out loss after which training ends, "
        "with the best weights; 0: it never ends early (the paper). Needs held-out data",
    )
    looks: int = Field(
        5,
        ge=1,
        exclude_if=lambda looks: looks == 5,
        description="rows of the curve, each with a look at the held-out data, where an epoch is "
        "longer than its share of the steps; an epoch's end is one in any case",
    )
    clip: float = Field(0.0, ge=0, description="largest gradient norm; 0: no clipping")
    # on, it changes nothing that did not go wrong, so stages from before it keep their names
    recovery: bool = Field(
        True,
        exclude_if=lambda on: on,
        description="where the training loss rises sharply, weights from before are put back and "
        "training goes on at half the rate, with a warning; false: as published",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="of products of matrices; auto: bfloat16 on GPUs that have it, and on "
        "processors that have it for models wide enough to gain by it",
    )
    vocabulary_rows: Literal["used", "all"] = Field(
        "used",
        description="used: rows of the vocabulary that the text never has are left out of the "
        "optimiser and of the softmax, where they would be negatives; all: as published",
    )
    compile: bool = Field(False, description="torch.compile the encoder; a warning if it cannot")
    activation_checkpointing: bool = Field(
        False, description="compute activations twice instead of keeping them, for small memories"
    )
    checkpoint_seconds: float = Field(
        60.0, ge=0, description="seconds between checkpoints; 0: after every step"
    )

    @property
    def peak_rate(self) -> float:
        """learning_rate, or where it is unset one that the paper has for languages and tasks."""
        return PUBLISHED_RATE if self.learning_rate is None else self.learning_rate

    def passes(self, samples: int) -> float:
        """How often training reads each of so many samples."""
        return self.steps * self.batch_size / samples if self.steps else float(self.epochs)
