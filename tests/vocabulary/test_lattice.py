import itertools
import math

import numpy as np
import pytest

from unibridge.vocabulary.lattice import (
    best_counts,
    build_trie,
    expected_counts,
    from_levels,
    spell,
    viterbi,
)

STRINGS = {"abab": 3, "aba": 1, "baab": 2, "b": 5, "abababa": 1}
PIECES = ["a", "b", "ab", "ba", "aba", "abab", "baab"]


def lay_out(strings, pieces):
    """The lattice of some strings, its ends, and the node of each string, edges one by one."""
    text = "".join(strings)
    symbols = np.array([ord(char) - ord("a") for char in text])
    lengths = np.array([len(string) for string in strings])
    starts = np.cumsum(lengths) - lengths
    trie = build_trie(symbols, starts, lengths)
    prefix = [""]
    for parent, symbol in zip(trie.parent[1:], trie.symbol[1:], strict=True):
        prefix.append(prefix[parent] + chr(ord("a") + int(symbol)))
    place = {string: node for node, string in enumerate(prefix)}
    found = [
        (node, place[string[: len(string) - length]], pieces.index(string[-length:]))
        for length in range(9, 0, -1)
        for node, string in enumerate(prefix)
        if len(string) >= length and string[-length:] in pieces
    ]
    ends, sources, names = (np.array(column) for column in zip(*found, strict=True))
    lattice = from_levels(trie.levels, [(ends, sources, names)], len(prefix))
    return lattice, trie


def segmentations(string, pieces):
    for cuts in itertools.product([False, True], repeat=len(string) - 1):
        marks = [0, *(i + 1 for i, cut in enumerate(cuts) if cut), len(string)]
        parts = [string[a:b] for a, b in itertools.pairwise(marks)]
        if all(part in pieces for part in parts):
            yield parts


def drawn_scores(seed):
    draw = np.random.default_rng(seed).random(len(PIECES))
    return np.log(draw / draw.sum())


def test_a_trie_shares_prefixes_and_knows_where_strings_end():
    _, trie = lay_out(["ab", "abb", "b"], ["a", "b"])
    assert trie.levels == [0, 1, 3, 4, 5]  # a and b; ab; abb
    assert trie.node.tolist() == [3, 4, 2]
    assert spell(trie, trie.node, np.array([2, 2, 1]), np.array([0, 3, 6]), 7).tolist() == [
        *(0, 1, -1),
        *(1, 1, -1),
        1,
    ]


@pytest.mark.parametrize("seed", range(5))
def test_viterbi_is_the_best_of_all_segmentations(seed):
    scores = drawn_scores(seed)
    lattice, trie = lay_out(list(STRINGS), PIECES)
    best, _ = viterbi(lattice, scores)
    counts = np.zeros(len(PIECES))
    for string, node in zip(STRINGS, trie.node, strict=True):
        ways = {
            tuple(parts): sum(scores[PIECES.index(part)] for part in parts)
            for parts in segmentations(string, PIECES)
        }
        winner = max(ways, key=ways.__getitem__)
        assert best[node] == pytest.approx(ways[winner])
        for part in winner:
            counts[PIECES.index(part)] += STRINGS[string]
    ends = np.bincount(trie.node, list(STRINGS.values()), minlength=len(trie.parent))
    assert best_counts(lattice, scores, ends).tolist() == counts.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_expectations_are_those_over_all_segmentations(seed):
    scores = drawn_scores(seed)
    lattice, trie = lay_out(list(STRINGS), PIECES)
    expected = np.zeros(len(PIECES))
    for string, times in STRINGS.items():
        ways = list(segmentations(string, PIECES))
        chances = [math.exp(sum(scores[PIECES.index(p)] for p in parts)) for parts in ways]
        for parts, chance in zip(ways, chances, strict=True):
            for part in parts:
                expected[PIECES.index(part)] += times * chance / sum(chances)
    ends = np.bincount(trie.node, list(STRINGS.values()), minlength=len(trie.parent))
    assert expected_counts(lattice, scores, ends) == pytest.approx(expected, rel=1e-6)


def test_of_equal_segmentations_the_longest_last_piece_wins():
    lattice, trie = lay_out(["aba"], ["a", "b", "ab", "ba"])
    ends = np.bincount(trie.node, [1], minlength=len(trie.parent))
    assert best_counts(lattice, np.full(4, -1.0), ends).tolist() == [1, 0, 0, 1]


def test_long_strings_neither_overflow_nor_vanish():
    lattice, trie = lay_out(["ab" * 700], ["a", "b", "ab"])
    ends = np.bincount(trie.node, [1], minlength=len(trie.parent))
    expected = expected_counts(lattice, np.array([-9.0, -9.0, -18.0]), ends)
    # each pair is two pieces or one, equally likely
    assert expected == pytest.approx([350, 350, 350])


def test_pieces_that_are_left_out_lose_their_edges():
    scores = drawn_scores(0)
    lattice, trie = lay_out(list(STRINGS), PIECES)
    ends = np.bincount(trie.node, list(STRINGS.values()), minlength=len(trie.parent))
    kept = np.array([True, True, True, False, False, True, False])
    unlikely = np.where(kept, scores, -1e9)
    fewer = best_counts(lattice.only(kept), scores, ends)
    assert fewer.tolist() == best_counts(lattice, unlikely, ends).tolist()
