"""Every weight of the encoder, or none of them."""

from collections.abc import Iterator
from contextlib import contextmanager

from unibridge.transfer.updates.base import Update, Updated, Whole


@contextmanager
def _every(whole: Whole) -> Iterator[Updated]:
    yield Updated(whole.own, whole.own.keys())


@contextmanager
def _none(whole: Whole) -> Iterator[Updated]:
    yield Updated({}, ())


EVERY = Update(_every)
NONE = Update(_none)
