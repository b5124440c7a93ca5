"""Settings of a translator that is learnt from the run's own aligned lines."""

from pydantic import Field

from unibridge.settings import Settings
from unibridge.training import TrainingSettings


class OwnSettings(Settings):
    """Shape and training of a small translator; without effect on a model that is given.

    The shape is that of few lines: small, with much dropout (Araabi and Monz, COLING 2020, arXiv
    2011.02266, who train on 5,000 to 160,000 pairs).
    """

    pieces: int = Field(
        4000, ge=10, description="most pieces of the vocabulary that both languages share"
    )
    hidden: int = Field(256, ge=8, description="width of the states")
    layers: int = Field(3, ge=1, description="layers of the encoder, and of the decoder")
    heads: int = Field(4, ge=1, description="attention heads; they divide hidden")
    dropout: float = Field(0.3, ge=0, lt=1, description="share dropped in training")
    training: TrainingSettings = Field(
        TrainingSettings(
            epochs=30, batch_size=32, learning_rate=1e-3, schedule="linear", warmup=0.1, clip=1.0
        ),
        description="of a given model, too",
    )
