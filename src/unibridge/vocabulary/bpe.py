"""BPE vocabularies of every size: one training, cut short."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from unibridge.vocabulary.lattice import Array, spell
from unibridge.vocabulary.train import read_model
from unibridge.vocabulary.units import SPECIAL_PIECES, Units, check_size


def bpe_sizes(text: Units, model: bytes) -> Callable[[int], Array]:
    """Token counts of BPE vocabularies by size, exactly, from the merges of the largest.

    model: a serialized SentencePiece model, whose merges in their order are those of every
    smaller one. A unit is merged as the largest vocabulary merges it, best piece first, and a
    smaller one does the same up to the first piece that it lacks. So each merge of a unit happens
    in vocabularies that hold all pieces which the unit needed until then.
    """
    # 1. Which pairs of pieces join, and to what; a piece's number beyond the characters is its rank
    characters = len(text.alphabet)
    number = {chr(point): place for place, point in enumerate(text.alphabet)}
    merged = [p.piece for p in read_model(model).pieces[SPECIAL_PIECES:] if len(p.piece) > 1]
    number |= {piece: characters + rank for rank, piece in enumerate(merged)}
    joins = {
        number[piece[:cut]] * len(number) + number[piece[cut:]]: number[piece]
        for piece in merged
        for cut in range(1, len(piece))
        if piece[:cut] in number and piece[cut:] in number
    }
    keys = np.fromiter(joins, np.int64, len(joins))
    products = np.fromiter(joins.values(), np.int64, len(joins))
    order = np.argsort(keys)
    keys, products = np.append(keys[order], -1), np.append(products[order], -1)
    never = len(number)

    def joined(left: Array, right: Array) -> Array:
        pair = left * len(number) + right
        place = np.searchsorted(keys[:-1], pair)
        return np.where(keys[place] == pair, products[place], never)

    # 2. Every unit's merges: the best pair, the leftmost of equal ones, one in each unit at a time
    unit_nodes = np.flatnonzero(text.ends)
    weight = text.ends[unit_nodes]
    lengths = np.searchsorted(text.trie.levels, unit_nodes, side="right") - 1
    begins = np.cumsum(lengths) - lengths
    token = spell(text.trie, unit_nodes, lengths, begins, int(lengths.sum())).astype(np.int64)
    frequency = np.bincount(token, np.repeat(weight, lengths), minlength=len(number))
    unit = np.repeat(np.arange(len(weight)), lengths)
    result = np.full(len(token), never)
    inner = np.flatnonzero(unit[1:] == unit[:-1])
    result[inner] = joined(token[inner], token[inner + 1])
    reach = np.zeros(len(weight), np.int64)
    merges: list[tuple[Array, ...]] = []
    while len(token):
        first = np.flatnonzero(np.diff(unit, prepend=-1))
        best = np.minimum.reduceat(result, first)
        sizes = np.diff(first, append=len(token))
        going = np.repeat(best < never, sizes)
        best, sizes = best[best < never], sizes[best < never]
        token, unit, result = token[going], unit[going], result[going]
        if not len(token):
            break
        places = np.flatnonzero(result == np.repeat(best, sizes))
        left = places[np.searchsorted(places, np.cumsum(sizes) - sizes)]
        here = unit[left]
        reach[here] = np.maximum(reach[here], best)
        merges.append((reach[here], token[left], token[left + 1], best, weight[here]))
        token[left] = best
        stays = np.ones(len(token), bool)
        stays[left + 1] = False
        left -= np.arange(len(left))
        token, unit, result = token[stays], unit[stays], result[stays]
        for pair in (left - 1, left):
            inside = pair[(pair >= 0) & (pair + 1 < len(token))]
            same = unit[inside] == unit[inside + 1]
            result[inside[same]] = joined(token[inside[same]], token[inside[same] + 1])
            result[inside[~same]] = never
        result[-1] = never

    # 3. Counts of a size: those of the characters, and every merge that it makes
    columns = [np.concatenate(column) for column in zip(*merges, strict=True)] if merges else []
    if columns:
        order = np.argsort(columns[0], kind="stable")
        columns = [column[order] for column in columns]

    def counts(size: int) -> Array:
        largest = len(number) + SPECIAL_PIECES
        check_size(size, characters + SPECIAL_PIECES, largest)
        found = frequency.copy()
        if columns:
            made = np.searchsorted(columns[0], size - SPECIAL_PIECES)
            _, left_of, right_of, product, times = (column[:made] for column in columns)
            for sign, pieces in ((1, product), (-1, left_of), (-1, right_of)):
                found += sign * np.bincount(pieces, times, minlength=len(number))
        return np.append(found, text.unknown_runs)

    return counts
