"""Words, and what stands for them where a script writes none apart."""

import re
from collections.abc import Collection
from itertools import pairwise

from unibridge.text.languages import has_unspaced
from unibridge.transfer.distillation.base import Spans

_UNBROKEN = re.compile(r"\S+")


def words(text: str, cuts: Collection[int]) -> Spans:
    """What stands between spaces; one in a script without spaces (Thai, Han, …) as its pieces."""
    found: Spans = []
    for word in _UNBROKEN.finditer(text):
        span = word.span()
        found += _divided(span, cuts) if has_unspaced(word.group()) else [span]
    return found


def pieces(text: str, cuts: Collection[int]) -> Spans:
    """The smallest stretches at whose ends both tokenizers cut; none crosses a space."""
    spans = (word.span() for word in _UNBROKEN.finditer(text))
    return [piece for span in spans for piece in _divided(span, cuts)]


def _divided(span: tuple[int, int], cuts: Collection[int]) -> Spans:
    start, end = span
    places = [start, *(place for place in range(start + 1, end) if place in cuts), end]
    return list(pairwise(places))
