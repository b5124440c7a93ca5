"""Word alignment from translations alone: IBM Model 1, and its reparameterised Model 2.

Brown et al. 1993 (Computational Linguistics 19(2), §4.1): every word of one sentence is drawn by
some word of the other, or by none, all places alike; EM finds what draws what. fast_align (Dyer,
Chahuneau and Smith, NAACL 2013, Eq. 1-2) prefers places near the diagonal, by exp(-λ|i/m - j/n|).
Both directions are trained, and their links put together.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from unibridge.alignment.base import Links, ToAlign, WordPair

if TYPE_CHECKING:
    import numpy as np

TENSION = 4.0
"""λ of fast_align, its default."""
NULL_SHARE = 0.08
"""p0 of fast_align, its default: the probability that a word is drawn by none."""


def ibm1(given: ToAlign) -> list[Links]:
    """Links by IBM Model 1, every place as likely as another."""
    return _both_ways(given, 0.0)


def fast_align(given: ToAlign) -> list[Links]:
    """Links by fast_align's model, λ and p0 as its defaults are."""
    return _both_ways(given, TENSION)


def _both_ways(given: ToAlign, tension: float) -> list[Links]:
    count, iterations = len(given.pairs), given.settings.iterations
    everything = [*given.pairs, *given.more]
    turned = [(second, first) for first, second in everything]
    forward = drawn_by(everything, iterations, tension)[:count]
    backward = drawn_by(turned, iterations, tension)[:count]
    links = []
    for onto, back in zip(forward, backward, strict=True):
        one = {(i, j) for j, i in enumerate(onto) if i >= 0}
        other = {(i, j) for i, j in enumerate(back) if j >= 0}
        both = one & other if given.settings.symmetry == "intersection" else one | other
        links.append(tuple(sorted(both)))
    return links


def drawn_by(pairs: Sequence[WordPair], iterations: int, tension: float) -> list[list[int]]:
    """Of each pair, for each word of the second sentence the place of the word of the first that
    most probably draws it; -1 for none.

    tension: λ, 0 for Model 1, where none is one more place like the others. The translation
    table starts uniform, and EM has no randomness.
    """
    import numpy as np

    first_ids, second_ids = _numbered(pairs)
    # one entry for each word of a second sentence with each that may draw it, none first
    lengths = np.array([(len(a) + 1, len(b)) for a, b in pairs], dtype=np.int64).reshape(-1, 2)
    width = max((i for ids in second_ids for i in ids), default=0) + 1
    blocks: list[np.ndarray] = []
    priors: list[np.ndarray] = []
    for first, second in zip(first_ids, second_ids, strict=True):
        drawing = np.array([0, *first], dtype=np.int64) * width
        blocks.append((drawing[None, :] + np.array(second, dtype=np.int64)[:, None]).ravel())
        priors.append(_prior(len(first), len(second), tension).ravel())
    if not blocks:
        return []
    keys, entry = np.unique(np.concatenate(blocks), return_inverse=True)
    prior = np.concatenate(priors)
    # the word of the second sentence that an entry belongs to, and what draws it
    word = np.repeat(np.arange(lengths[:, 1].sum()), np.repeat(lengths[:, 0], lengths[:, 1]))
    drawer = keys // width
    table = np.ones(len(keys))
    for _ in range(iterations):
        joint = prior * table[entry]
        posterior = joint / np.bincount(word, joint)[word]
        counts = np.bincount(entry, posterior, minlength=len(keys))
        table = counts / np.bincount(drawer, counts)[drawer]
    joint = prior * table[entry]
    found, start = [], 0
    for drawers, words in lengths.tolist():
        own = joint[start : start + drawers * words].reshape(words, drawers)
        found.append((own.argmax(1) - 1).tolist() if words else [])
        start += drawers * words
    return found


def _prior(first: int, second: int, tension: float) -> "np.ndarray":
    """(second, first + 1): how likely each place is to draw a word, none in column 0."""
    import numpy as np

    if not tension or not first:
        return np.full((second, first + 1), 1.0 / (first + 1))
    places = (np.arange(first) + 0.5) / first
    near = np.exp(-tension * np.abs(places[None, :] - (np.arange(second)[:, None] + 0.5) / second))
    near *= (1 - NULL_SHARE) / near.sum(1, keepdims=True)
    return np.concatenate([np.full((second, 1), NULL_SHARE), near], 1)


def _numbered(pairs: Sequence[WordPair]) -> tuple[list[list[int]], list[list[int]]]:
    """Both sides as numbers of lower-case words; 0 of the first side is none."""
    sides: Any = ({"": 0}, {})
    found: tuple[list[list[int]], list[list[int]]] = ([], [])
    for pair in pairs:
        for words, numbers, ids in zip(pair, sides, found, strict=True):
            ids.append([numbers.setdefault(word.lower(), len(numbers)) for word in words])
    return found
