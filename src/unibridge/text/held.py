"""Part of what is read, evenly spread, where all of it is more than is held."""

from collections.abc import Callable
from math import ceil
from typing import Generic, TypeVar

Item = TypeVar("Item")

MOST_BYTES = 64 * 2**20
"""Text that is held in memory: several times what adaptation reads, a vocabulary in about 4 GB."""

# of how many items one is let go of at a time, where there are too many
_THINNED = 5


class Held(Generic[Item]):
    """Items evenly spread of any number of them: of more than `most` bytes some are let go of.

    Which are kept depends on their numbers alone, so that the first, the middle and the last part
    count alike, and nobody has to know beforehand how many there are. The first is always kept.

    most: bytes; None holds all. size: bytes of an item. items: what is held. numbered, read: how
    many items and bytes there were; held: bytes of the held ones. thinned: how often some were let
    go of.
    """

    def __init__(self, most: int | None, size: Callable[[Item], int]) -> None:
        self.most, self._size = most, size
        self.items: list[Item] = []
        self.numbered = self.read = self.held = self.thinned = 0
        self._share = 1.0

    def add(self, item: Item) -> bool:
        """One more; whether it is held."""
        size = self._size(item)
        kept = False
        # the share of items so far, rounded up, grows by one at each that is kept
        if ceil((self.numbered + 1) * self._share) > ceil(self.numbered * self._share):
            kept = True
            self.items.append(item)
            self.held += size
            if self.most is not None and self.held > self.most:
                self._thin(self.most)
        self.numbered += 1
        self.read += size
        return kept

    def _thin(self, most: int) -> None:
        self.thinned += 1
        while self.held > most and len(self.items) > 1:
            # of few items, which are then long ones, as many as it takes
            every = _THINNED if len(self.items) > 100 * _THINNED else 2
            del self.items[every - 1 :: every]
            self._share *= 1 - 1 / every
            self.held = sum(map(self._size, self.items))

    def note(self, what: str) -> list[str]:
        """What was let go of, counted; what: the items are."""
        if len(self.items) == self.numbered:
            return []
        return [
            f"{self.read / 1e6:,.1f} MB of text, of which {self.held / 1e6:,.1f} MB are held: "
            f"{len(self.items):,} of {self.numbered:,} {what}, evenly spread"
        ]
