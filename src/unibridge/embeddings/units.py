"""Text as units that can be read in one way, or in two where two tokenizers cut it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LINES_AT_ONCE = 1000
Reading = tuple[int, ...]


@dataclass(frozen=True)
class Units:
    """lines: for every line the numbers of its units, (units,) int64.

    readings: for every tokenizer, what each unit is in it: token ids, perhaps none. All readings of
    a unit are equally likely.
    """

    lines: list[np.ndarray]
    readings: tuple[list[Reading], ...]

    def counts(self, reading: int, size: int) -> np.ndarray:
        """(size,) int64: how often each token id occurs when the whole text is read one way."""
        used = np.bincount(self.flat(), minlength=len(self.readings[reading]))
        counts = np.zeros(size, dtype=np.int64)
        for ids, times in zip(self.readings[reading], used, strict=True):
            np.add.at(counts, list(ids), times)
        return counts

    def together(self, size: int) -> np.ndarray:
        """(pairs, 2) int64: token ids of the first two readings that some unit has, ascending.

        size: ids of the second.
        """
        units = zip(*self.readings[:2], strict=True)
        # as single numbers, since a long text has millions of pairs
        keys = (a * size + b for first, second in units for a, b in product(first, second))
        return np.stack(np.divmod(np.unique(np.fromiter(keys, np.int64)), size), axis=1)

    def flat(self) -> np.ndarray:
        """The units of all lines in a row, int64."""
        return np.concatenate([np.zeros(0, dtype=np.int64), *self.lines])


def units_of_one(tokenizer: PreTrainedTokenizerBase, lines: Sequence[str], size: int) -> Units:
    """Every token is a unit. size: ids of the tokenizer."""
    found: list[np.ndarray] = []
    for first in range(0, len(lines), LINES_AT_ONCE):
        batch = list(lines[first : first + LINES_AT_ONCE])
        encoded = tokenizer(batch, add_special_tokens=False, verbose=False)["input_ids"]
        found += [np.array(ids, dtype=np.int64) for ids in encoded]
    return Units(found, ([(i,) for i in range(size)],))


def units_of_two(
    first: PreTrainedTokenizerBase, second: PreTrainedTokenizerBase, lines: Sequence[str]
) -> Units:
    """The smallest stretches of text at whose ends both tokenizers cut.

    No unit crosses a space; a word is cut further where both cut it, and so is a text without
    spaces. A tokenizer that does not tell where its tokens lie cuts at spaces only.
    """
    # ---- words, and where they stand
    words: dict[str, int] = {}
    places = [[words.setdefault(word, len(words)) for word in line.split()] for line in lines]

    # ---- each word once, cut where both cut
    units: dict[tuple[Reading, Reading], int] = {}
    units_of_word = []
    both = zip(_encoded(first, list(words)), _encoded(second, list(words)), strict=True)
    for (first_ids, first_ends), (second_ids, second_ends) in both:
        row = []
        a = b = 0
        for end in sorted(first_ends.keys() & second_ends.keys()):
            until_a, until_b = first_ends[end], second_ends[end]
            row.append((tuple(first_ids[a:until_a]), tuple(second_ids[b:until_b])))
            a, b = until_a, until_b
        if a < len(first_ids) or b < len(second_ids):
            row.append((tuple(first_ids[a:]), tuple(second_ids[b:])))
        units_of_word.append([units.setdefault(unit, len(units)) for unit in row])

    cut = [
        np.array([unit for word in line for unit in units_of_word[word]], dtype=np.int64)
        for line in places
    ]
    return Units(cut, ([unit[0] for unit in units], [unit[1] for unit in units]))


def _encoded(
    tokenizer: PreTrainedTokenizerBase, words: list[str]
) -> Iterator[tuple[list[int], dict[int, int]]]:
    """Token ids of each word, and {end in characters: tokens until there} of its cuts."""
    for start in range(0, len(words), LINES_AT_ONCE):
        # a space in front, as within a line: byte-level tokenizers tell the difference
        batch = [f" {word}" for word in words[start : start + LINES_AT_ONCE]]
        options: dict[str, Any] = {"add_special_tokens": False, "verbose": False}
        encoded = tokenizer(batch, return_offsets_mapping=tokenizer.is_fast, **options)
        spans = encoded["offset_mapping"] if tokenizer.is_fast else [[] for _ in batch]
        for ids, offsets in zip(encoded["input_ids"], spans, strict=True):
            # tokens may share a character (its bytes): no cut before the last of them; a word of
            # characters that the tokenizer drops has no token at all
            starts = [*(begin for begin, _ in offsets), float("inf")][1:]
            yield (
                ids,
                {
                    end: number + 1
                    for number, ((_, end), after) in enumerate(zip(offsets, starts, strict=True))
                    if after >= end
                },
            )
