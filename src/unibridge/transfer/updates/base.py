"""Which weights of a whole model a training changes."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from unibridge.settings import ChosenFrom, Lack, Settings

if TYPE_CHECKING:
    import torch

    from unibridge.models.families import ModelFamily


class UpdateSettings(Settings):
    """What is trained where no adapter is: all of the encoder, or less of it."""

    method: Annotated[str, ChosenFrom("unibridge.transfer.updates:UPDATES")] = Field(
        "all",
        description="all: every weight; top: the last layers; low-rank: a product of two small "
        "matrices that is added to each of its layers' matrices (LoRA, arXiv 2106.09685), needs "
        'pip install "unibridge[peft]"; none: the head alone',
    )
    layers: int = Field(4, ge=1, description="of top: how many of the last layers")
    rank: int = Field(16, ge=1, description="r of low-rank (LoRA, Table 6: 1 to 64)")
    alpha: int = Field(
        32, ge=1, description="α of low-rank: the product is multiplied by α/r (LoRA, §4.1)"
    )
    matrices: tuple[str, ...] = Field(
        (),
        description="of low-rank: which of a layer's matrices, by the ends of their names, such as "
        '["query", "value"] (LoRA, §4.2); unset: all of them (arXiv 2305.14314, §4)',
    )

    def lacks(self) -> Iterator[Lack]:
        """The package that low-rank needs."""
        if self.method == "low-rank" and find_spec("peft") is None:
            yield (
                "fine_tuning.updates.method",
                'needs the package peft; run pip install "unibridge[peft]", or write "all"',
            )


@dataclass(frozen=True)
class Updated:
    """What is trained, and what it changes.

    parameters: name -> what an optimiser is given. changes: names of the encoder's own tensors.
    """

    parameters: "Mapping[str, torch.nn.Parameter]"
    changes: Collection[str]


@dataclass(frozen=True)
class Whole:
    """An encoder that is to be trained. own: its parameters by name, those of adapters left out."""

    encoder: "torch.nn.Module"
    own: "Mapping[str, torch.nn.Parameter]"
    family: "ModelFamily"
    settings: UpdateSettings
    seed: int


Opened = AbstractContextManager[Updated]
Open = Callable[[Whole], Opened]
"""A block of training. When it ends the encoder has its own modules again, and in them what was
learnt."""


@dataclass(frozen=True)
class Update:
    """A way to train an encoder. rate: its usual learning rate, as a multiple of all weights'."""

    open: Open
    rate: float = 1.0


def updated(
    encoder: "torch.nn.Module",
    family: "ModelFamily",
    settings: UpdateSettings,
    *,
    besides: "Collection[torch.nn.Parameter]" = (),
    seed: int = 0,
) -> Opened:
    """A block in which an encoder is trained as the settings say. besides: left out in any case."""
    from unibridge.transfer.updates import UPDATES

    out = {id(parameter) for parameter in besides}
    own = {n: p for n, p in encoder.named_parameters() if id(p) not in out}
    return UPDATES.resolve(settings.method).open(Whole(encoder, own, family, settings, seed))
