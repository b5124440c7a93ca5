"""Every weight of the encoder, or none of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from unibridge.transfer.updates.base import Update, Updated, UpdateSettings

if TYPE_CHECKING:
    import torch

    from unibridge.models.families import ModelFamily


@contextmanager
def _every(
    encoder: "torch.nn.Module",
    own: "Mapping[str, torch.nn.Parameter]",
    family: "ModelFamily",
    settings: UpdateSettings,
    seed: int,
) -> Iterator[Updated]:
    yield Updated(own, own.keys())


@contextmanager
def _none(
    encoder: "torch.nn.Module",
    own: "Mapping[str, torch.nn.Parameter]",
    family: "ModelFamily",
    settings: UpdateSettings,
    seed: int,
) -> Iterator[Updated]:
    yield Updated({}, ())


EVERY = Update(_every)
NONE = Update(_none)
