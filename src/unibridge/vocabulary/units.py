"""A text as a table of units: the stretches that no piece of a vocabulary crosses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unibridge.vocabulary.lattice import Array, Trie, build_trie
from unibridge.vocabulary.train import UNKNOWN_MARK, VocabularyTooLarge, VocabularyTooSmall

SPACE = "▁"
SPECIAL_PIECES = 3  # <unk>, <s>, </s>


def check_size(size: int, smallest: int, largest: int | None = None) -> None:
    """Raise `VocabularyTooSmall` or `VocabularyTooLarge`, as training does."""
    if size < smallest:
        raise VocabularyTooSmall(size, smallest)
    if largest is not None and size > largest:
        raise VocabularyTooLarge(size, largest)


@dataclass(frozen=True)
class Units:
    """A text as the stretches that no piece crosses: words, cut where the script changes.

    alphabet: code points of the characters with a piece of their own, ascending; symbols are
    places in it. frequency: of these (alphabet,). ends: units that end at each node of `trie`
    (nodes,). low, high: the least and the greatest first byte, in UTF-8, of what follows a node
    in the text, 0 at the end of a line. unknown_runs: runs of other characters, a token each.
    """

    alphabet: Array
    frequency: Array
    trie: Trie
    ends: Array
    low: Array
    high: Array
    unknown_runs: int
    unknown_share: float


def cut_units(lines: Sequence[str], character_coverage: float = 1.0) -> Units:
    """The units of a text, with how often they occur.

    Normalisation, characters covered and boundaries are SentencePiece's: white space, a change of
    script (kana and Han are one script, punctuation and digits another), unknown characters.
    """
    import sentencepiece

    # Words: each distinct string of the text once, with how often it ends a line
    strings: Counter[str] = Counter()
    final: Counter[str] = Counter()
    for line in lines:
        words = line.replace(UNKNOWN_MARK, " ").split()
        strings.update(words)
        final.update(words[-1:])
    normaliser = sentencepiece.SentencePieceNormalizer(
        rule_name="nmt_nfkc",
        add_dummy_prefix=True,
        escape_whitespaces=True,
        remove_extra_whitespaces=True,
    )
    written = normaliser.normalize(list(strings))
    lengths = np.fromiter(map(len, written), np.int64, len(written))
    times = np.repeat(np.fromiter(strings.values(), np.int64, len(strings)), lengths)
    points = np.frombuffer("".join(written).encode("utf-32-le"), "<u4").astype(np.int64)

    # Characters: the most frequent up to the coverage, the rest is unknown
    alphabet, symbols = np.unique(points, return_inverse=True)
    frequency = np.bincount(symbols, times, minlength=len(alphabet)).astype(np.int64)
    order = np.lexsort((alphabet, -frequency))
    covered = np.cumsum(frequency[order]) - frequency[order]
    known = np.zeros(len(alphabet), bool)
    known[order] = covered / max(1, frequency.sum()) < character_coverage
    script = _scripts("".join(map(chr, alphabet)))

    # Boundaries; a mark that is inherited takes the script of what it stands on
    space = points == ord(SPACE)
    own = script[symbols]
    standing = np.maximum.accumulate(np.where(own != _INHERITED, np.arange(len(own)), 0))
    own = own[standing]
    here = known[symbols]
    begins = space.copy()
    begins[1:] |= here[1:] != here[:-1]
    begins[1:] |= (own[1:] != own[:-1]) & ~space[:-1]
    starts = np.flatnonzero(begins)
    sizes = np.diff(starts, append=len(points))

    # What follows each unit
    byte = _first_byte(points)
    byte[~here] = _first_byte(np.array([ord(UNKNOWN_MARK)]))[0]
    after_low = np.append(byte[1:], 0)
    after_high = after_low.copy()
    stops = np.cumsum(lengths)[lengths > 0] - 1
    at_end = np.fromiter((final[s] for s in strings), np.int64, len(strings))[lengths > 0]
    follows = _first_byte(np.array([ord(SPACE)]))[0]
    after_low[stops] = np.where(at_end > 0, 0, follows)
    after_high[stops] = np.where(at_end < times[stops], follows, 0)

    kept = here[starts]
    last = (starts + sizes - 1)[kept]
    renumbered = np.cumsum(known) - 1
    trie = build_trie(renumbered[symbols], starts[kept], sizes[kept])
    nodes = len(trie.parent)
    ends = np.bincount(trie.node, times[starts[kept]], minlength=nodes).astype(np.int64)
    low, high = np.full(nodes, 256), np.zeros(nodes, np.int64)
    np.minimum.at(low, trie.node, after_low[last])
    np.maximum.at(high, trie.node, after_high[last])
    np.minimum.at(low, trie.parent[1:], _first_byte(alphabet[known])[trie.symbol[1:]])
    np.maximum.at(high, trie.parent[1:], _first_byte(alphabet[known])[trie.symbol[1:]])

    letters = times[~space]
    return Units(
        alphabet=alphabet[known],
        frequency=frequency[known],
        trie=trie,
        ends=ends,
        low=low,
        high=high,
        unknown_runs=int(times[starts[~kept]].sum()),
        unknown_share=float(letters[~here[~space]].sum() / max(1, letters.sum())),
    )


_INHERITED = -1


def _scripts(characters: str) -> Array:
    """A number for the script of each character, equal for equal scripts (characters,)."""
    from tokenizers.pre_tokenizers import UnicodeScripts

    together = UnicodeScripts().pre_tokenize_str

    def alike(one: str, other: str) -> bool:
        return len(together(one + other)) == 1

    found: list[str] = []  # a character of each script
    scripts = np.empty(len(characters), np.int64)
    for place, character in enumerate(characters):
        if alike("\u0301", character):
            scripts[place] = _INHERITED
            continue
        same = (number for number, example in enumerate(found) if alike(example, character))
        scripts[place] = next(same, len(found))
        if scripts[place] == len(found):
            found.append(character)
    return scripts


def _first_byte(points: Array) -> Array:
    """The first byte of characters in UTF-8, from their code points."""
    return np.select(
        [points < 0x80, points < 0x800, points < 0x10000],
        [points, 0xC0 | points >> 6, 0xE0 | points >> 12],
        0xF0 | points >> 18,
    )
