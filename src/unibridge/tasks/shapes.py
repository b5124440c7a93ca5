"""What a head gives, what it reads and how large it is; needs no torch, so that settings load."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from unibridge.settings import ChosenFrom, Settings


@dataclass(frozen=True)
class Output:
    """One tensor that a head gives.

    axes: what its dimensions run over: "batch" first, "length" for tokens, other words for the
    rest. called: its name in what the whole model gives, which is the one that `transformers`'
    pipelines look for where they know such a task.
    """

    axes: tuple[str, ...]
    called: str


class HeadSettings(Settings):
    """What a head reads of the encoder's states."""

    pooling: Annotated[str, ChosenFrom("unibridge.models.states:TEXT_STATES", ("auto",))] = Field(
        "auto",
        description="which state speaks for a text: first, last, mean, summed, or pkg.mod:name; "
        "auto: as the base was trained",
    )
    layer_mix: bool = Field(
        False,
        description="taggers read a learnt mix of all layers' states (softmax weights, as ELMo "
        "and UDify), not the last layer's",
    )
    arc_size: int = Field(
        500,
        ge=0,
        description="parsers: size of the perceptrons before the arcs' biaffine product (Dozat & "
        "Manning: 500); 0: none (Glavaš & Vulić)",
    )
    label_size: int = Field(100, ge=0, description="the same before the relations'")


@dataclass(frozen=True)
class HeadShape:
    """What a head is built for. hidden: of the states. labels: classes. layers: of the encoder.

    settings: `pooling` is settled, no longer "auto".
    """

    hidden: int
    labels: int
    dropout: float
    layers: int
    settings: HeadSettings
