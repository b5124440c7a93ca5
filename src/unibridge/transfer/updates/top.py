"""The last layers of the encoder; what lies below them stays as it is."""

from collections.abc import Iterator
from contextlib import contextmanager

from unibridge.transfer.updates.base import Update, Updated, Whole


@contextmanager
def _top(whole: Whole) -> Iterator[Updated]:
    path = whole.family.layers
    names = [name for name, _ in whole.encoder.get_submodule(path).named_children()]
    last = tuple(f"{path}.{name}." for name in names[-whole.settings.layers :])
    found = {name: parameter for name, parameter in whole.own.items() if name.startswith(last)}
    yield Updated(found, found.keys())


TOP = Update(_top)
