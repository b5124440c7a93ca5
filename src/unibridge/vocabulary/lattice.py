"""Segmentation lattices of many strings at once: one pass over the positions handles all of them.

Strings share their prefixes: a node is a prefix, an edge a piece that ends there. Nodes are
numbered by depth, so that the edges into one depth lie together and can be treated as one array.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Trie:
    """The prefixes of some strings. Node 0 is the empty one, nodes are in order of depth.

    parent, symbol: the prefix without its last symbol, and that symbol (nodes,). levels: the first
    node of each depth, and the number of nodes. node: where each string ends (strings,).
    """

    parent: Array
    symbol: Array
    levels: list[int]
    node: Array


def build_trie(symbols: Array, starts: Array, lengths: Array) -> Trie:
    """The trie of strings that are slices of one array.

    symbols: code of each symbol, from 0 (text,). starts, lengths: of the strings (strings,).
    """
    alphabet = int(symbols.max(initial=0)) + 1
    node = np.zeros(len(starts), np.int32)
    parents, codes = [np.zeros(1, np.int32)], [np.full(1, -1, np.int32)]
    levels, active, depth = [0, 1], np.flatnonzero(lengths), 0
    while len(active):
        key = node[active].astype(np.int64) * alphabet + symbols[starts[active] + depth]
        unique, inverse = np.unique(key, return_inverse=True)
        parents.append((unique // alphabet).astype(np.int32))
        codes.append((unique % alphabet).astype(np.int32))
        node[active] = levels[-1] + inverse
        levels.append(levels[-1] + len(unique))
        depth += 1
        active = active[lengths[active] > depth]
    return Trie(np.concatenate(parents), np.concatenate(codes), levels, node)


def spell(trie: Trie, nodes: Array, lengths: Array, starts: Array, total: int) -> Array:
    """The last symbols before some nodes, written into one array (total,), -1 where there is none.

    lengths: symbols of each node to write, up to its depth. starts: where (nodes,).
    """
    written = np.full(total, -1, np.int32)
    place, left = starts + lengths, lengths.copy()
    while len(nodes):
        place, left = place - 1, left - 1
        written[place] = trie.symbol[nodes]
        more = left > 0
        nodes, place, left = trie.parent[nodes[more]], place[more], left[more]
    return written


@dataclass(frozen=True)
class Lattice:
    """Edges into the nodes of a trie, grouped by the node where they end, the longest first.

    first: a node's first edge, and the number of edges (nodes + 1,). source: the node where an
    edge begins. piece: what it reads (edges,). Every node but the root has an edge of one symbol.
    """

    levels: list[int]
    first: Array
    source: Array
    piece: Array

    def only(self, kept: Array) -> Lattice:
        """Without the edges of the pieces that are not `kept` (pieces,)."""
        stay = kept[self.piece]
        before = np.concatenate([[0], np.cumsum(stay)])
        return Lattice(self.levels, before[self.first], self.source[stay], self.piece[stay])

    def depths(self) -> list[tuple[slice, slice, Array]]:
        """For each depth from 1: its nodes, its edges, and each node's first edge among these."""
        found = []
        for low, high in zip(self.levels[1:], self.levels[2:], strict=False):
            begin, end = int(self.first[low]), int(self.first[high])
            found.append((slice(low, high), slice(begin, end), self.first[low:high] - begin))
        return found


def from_levels(levels: list[int], found: list[tuple[Array, Array, Array]], nodes: int) -> Lattice:
    """A lattice from (nodes where they end, where they begin, pieces) of edges, longest first."""
    ends = np.concatenate([end for end, _, _ in found])
    order = np.argsort(ends, kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(ends, minlength=nodes))])
    source = np.concatenate([begin for _, begin, _ in found]).astype(np.int32)[order]
    piece = np.concatenate([piece for _, _, piece in found]).astype(np.int32)[order]
    return Lattice(levels, first, source, piece)


def viterbi(lattice: Lattice, scores: Array) -> tuple[Array, Array]:
    """The best segmentation of every prefix: its score and its last edge (nodes,), -1 at the root.

    scores: log probability of each piece, nats (pieces,). Of equal ones the longest last piece
    wins, as SentencePiece has it.
    """
    best = np.zeros(lattice.levels[-1], scores.dtype)
    last = np.full(lattice.levels[-1], -1, np.int64)
    for nodes, edges, first in lattice.depths():
        reached = best[lattice.source[edges]] + scores[lattice.piece[edges]]
        best[nodes] = np.maximum.reduceat(reached, first)
        counts = np.diff(first, append=len(reached))
        winners = np.flatnonzero(reached == np.repeat(best[nodes], counts))
        last[nodes] = edges.start + winners[np.searchsorted(winners, first)]
    return best, last


def best_counts(lattice: Lattice, scores: Array, ends: Array) -> Array:
    """How often each piece occurs when every string is cut at its best (pieces,).

    ends: how many strings end at each node (nodes,).
    """
    _, last = viterbi(lattice, scores)
    passing = ends.astype(np.float64)
    for nodes, _, _ in reversed(lattice.depths()):
        np.add.at(passing, lattice.source[last[nodes]], passing[nodes])
    return np.bincount(lattice.piece[last[1:]], passing[1:], minlength=len(scores))


def expected_counts(lattice: Lattice, scores: Array, ends: Array) -> Array:
    """How often each piece occurs over all segmentations by their probability (pieces,).

    The forward sums are taken from prefix to prefix; going back, the strings through a node are
    shared out among its edges, which is what forward-backward gives.
    """
    total = np.zeros(lattice.levels[-1])
    share = np.empty(len(lattice.piece), np.float32)
    for nodes, edges, first in lattice.depths():
        reached = total[lattice.source[edges]] + scores[lattice.piece[edges]]
        counts = np.diff(first, append=len(reached))
        highest = np.maximum.reduceat(reached, first)
        reached = np.exp(reached - np.repeat(highest, counts))
        sums = np.add.reduceat(reached, first)
        total[nodes] = highest + np.log(sums)
        share[edges] = reached / np.repeat(sums, counts)

    passing = ends.astype(np.float64)
    expected = np.zeros(len(scores))
    for nodes, edges, first in reversed(lattice.depths()):
        counts = np.diff(first, append=edges.stop - edges.start)
        flow = share[edges] * np.repeat(passing[nodes], counts)
        np.add.at(passing, lattice.source[edges], flow)
        np.add.at(expected, lattice.piece[edges], flow)
    return expected
