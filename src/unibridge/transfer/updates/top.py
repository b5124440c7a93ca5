"""The last layers of the encoder; what lies below them stays as it is."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from unibridge.transfer.updates.base import Update, Updated, UpdateSettings

if TYPE_CHECKING:
    import torch

    from unibridge.models.families import ModelFamily


@contextmanager
def _top(
    encoder: "torch.nn.Module",
    own: "Mapping[str, torch.nn.Parameter]",
    family: "ModelFamily",
    settings: UpdateSettings,
    seed: int,
) -> Iterator[Updated]:
    names = [name for name, _ in encoder.get_submodule(family.layers).named_children()]
    last = tuple(f"{family.layers}.{name}." for name in names[-settings.layers :])
    found = {name: parameter for name, parameter in own.items() if name.startswith(last)}
    yield Updated(found, found.keys())


TOP = Update(_top)
