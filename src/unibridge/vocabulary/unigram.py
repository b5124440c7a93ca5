"""Unigram vocabularies of every size: one large vocabulary, pruned as SentencePiece does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log

import numpy as np

from unibridge.vocabulary.lattice import (
    Array,
    Lattice,
    best_counts,
    build_trie,
    expected_counts,
    from_levels,
    spell,
    viterbi,
)
from unibridge.vocabulary.train import SCORE_STEPS_PER_NAT
from unibridge.vocabulary.units import SPECIAL_PIECES, Units, check_size

# SentencePiece's defaults (trainer_spec)
LONGEST_PIECE = 16  # characters
MOST_SEEDS = 1_000_000  # pieces to begin with
EM_STEPS = 2  # before each pruning
SHRINKING = 0.75  # of the pieces stay at each pruning
ROOM = 1.1  # of the wanted size stay at the last one, the rest goes by score
LEAST_EXPECTED = 0.5  # occurrences; pieces below are dropped by the M-step
UNKNOWN_PENALTY = 10.0  # nats below the lowest score


@dataclass(frozen=True)
class _Round:
    """The vocabulary after a round of EM, and what pruning it would leave.

    order: pieces that can stay, the one whose loss is dearest first. pieces: before pruning.
    """

    lattice: Lattice
    scores: Array
    order: Array
    pieces: int


Told = Callable[[int, int], None]


def unigram_sizes(text: Units, told: Told = lambda done, total: None) -> Callable[[int], Array]:
    """Token counts of SentencePiece's unigram vocabularies by size, from one run of pruning.

    Kudo 2018 (arXiv 1804.10959), section 3.2, as SentencePiece 0.2.3 does it: seeds, EM, pruning
    by the loss in likelihood, over and over. The rounds are shared by all sizes; for each, the
    last pruning goes to 1.1 times the size and the best scores are taken. Sums are in 64-bit floats
    where SentencePiece has 32, which decides between some pieces of equal worth. Another version
    of SentencePiece may choose its seeds otherwise. told: (rounds done, about how many in all),
    before each.
    """
    # 1. Seeds: repeated substrings, scored by the characters that they cover
    spelled, lengths, scores, lattice = _seeds(text)
    characters = len(text.alphabet)
    required = np.lexsort((text.alphabet, -text.frequency))
    alive = np.ones(len(lengths), bool)
    place = np.arange(len(lengths))  # in SentencePiece's list, which decides between equal losses
    # from the first pruning on: the lattices of the pieces themselves, and their order by spelling
    inside, node, rank = lattice, place, place
    rounds: list[_Round] = []

    def as_first(counts: Array) -> Array:
        # SentencePiece counts a character that is no piece as the first piece in its list
        dead = np.flatnonzero(~alive[:characters])
        counts[required[alive[required]][0]] += counts[dead].sum()
        counts[dead] = 0
        return counts

    def next_round() -> None:
        nonlocal spelled, lengths, scores, lattice, alive, place, inside, node, rank
        if rounds:
            before = rounds[-1]
            alive = np.zeros(len(scores), bool)
            left = before.order[: int(SHRINKING * before.pieces)]
            alive[left] = True
            place[left] = np.arange(len(left))

        # 2. EM, with the digamma of the counts as a sparse prior
        for _ in range(EM_STEPS):
            lattice = _keep(lattice, alive, characters)
            whole = _with_unknown(scores, alive, characters)
            expected = as_first(expected_counts(lattice, whole, text.ends))
            alive &= expected >= LEAST_EXPECTED
            scores = np.full(len(expected), -np.inf, np.float32)
            scores[alive] = _digamma(expected[alive]) - _digamma(expected[alive].sum())
        lattice = _keep(lattice, alive, characters)
        if not rounds:
            # most seeds are gone: number the rest anew, and lay out their own segmentations
            stays = alive.copy()
            stays[:characters] = True
            number = np.cumsum(stays) - 1
            spelled, lengths = spelled[stays], lengths[stays]
            scores, alive, place = scores[stays], alive[stays], place[stays]
            lattice = Lattice(lattice.levels, lattice.first, lattice.source, number[lattice.piece])
            inside, node = _inside(spelled, lengths)
            rank = np.empty(len(lengths), np.int64)
            rank[np.lexsort(spelled.T[::-1])] = np.arange(len(lengths))

        # 3. What each piece is worth: the likelihood lost when its best alternative replaces it
        inside = _keep(inside, alive, characters)
        whole = _with_unknown(scores, alive, characters)
        frequency = as_first(best_counts(lattice, whole, text.ends))
        total = frequency.sum()
        seen = frequency > 0
        first = required[alive[required]][0]
        frequency[:characters][~alive[:characters]] = frequency[first]
        loss, removable = _losses(inside, node, whole, frequency, total)
        stay = np.flatnonzero(alive & seen & ~removable)
        order = stay[np.lexsort((place[stay], -loss[stay]))]
        rounds.append(_Round(lattice, scores, order, int(alive.sum())))

    def counts(size: int) -> Array:
        check_size(size, characters + SPECIAL_PIECES)
        wanted = int(size * ROOM)
        for number in range(1_000):
            if number == len(rounds):
                pieces = rounds[-1].pieces if rounds else len(lengths)
                told(number, number + max(1, ceil(log(pieces / wanted) / -log(SHRINKING))))
                next_round()
            last = rounds[number]
            pruned = last.order[: max(wanted, int(SHRINKING * last.pieces))]
            if len(pruned) <= wanted:
                break

        # 4. Of what the last pruning leaves, the pieces that can occur, best scores first
        chosen = np.zeros(len(last.scores), bool)
        chosen[pruned] = True
        whole = _with_unknown(last.scores, chosen, characters)
        chosen[_unreachable(_keep(inside, chosen, characters), node, whole)] = False
        names = np.flatnonzero(chosen)
        names = names[np.lexsort((rank[names], -last.scores[names]))]
        lowest = last.scores[names].min(initial=0.0)
        final = np.full(len(last.scores), -np.inf)
        missing = required[~chosen[required]]
        final[required] = last.scores[required]
        final[missing] = lowest + 0.0001 * np.arange(len(missing))
        others = names[names >= characters][: size - SPECIAL_PIECES - characters]
        check_size(size, characters + SPECIAL_PIECES, len(others) + characters + SPECIAL_PIECES)
        final[others] = last.scores[others]
        rounded = np.round(final * SCORE_STEPS_PER_NAT) / SCORE_STEPS_PER_NAT
        found = best_counts(_keep(last.lattice, final > -np.inf, characters), rounded, text.ends)
        return np.append(found, text.unknown_runs)

    return counts


def _seeds(text: Units) -> tuple[Array, Array, Array, Lattice]:
    """Pieces to begin with: symbols (pieces, 16) filled up with -1, lengths, scores; the lattice.

    Every character, and of the substrings that occur twice or more and are not always followed
    by the same byte (the inner nodes of the text's suffix tree), those that cover most characters.
    """
    trie = text.trie
    through = text.ends.copy()
    for low, high in reversed(list(zip(trie.levels[1:], trie.levels[2:], strict=False))):
        np.add.at(through, trie.parent[low:high], through[low:high])

    # Name the substrings that end at each node, by length: the parent's, and one symbol more
    characters, nodes = len(text.alphabet), len(trie.parent)
    ends = np.arange(1, nodes, dtype=np.int32)
    name, begin = trie.symbol.copy(), trie.parent.copy()
    known = [(ends, begin[1:], name[1:])]
    covered = [text.frequency.astype(np.float64)]
    examples = [1 + np.unique(trie.symbol[1:], return_index=True)[1]]
    lengths, total = [np.ones(characters, np.int64)], characters
    for length in range(2, LONGEST_PIECE + 1):
        ends = ends[(trie.parent[ends] > 0)]
        ends = ends[name[trie.parent[ends]] >= 0]
        if not len(ends):
            break
        up = trie.parent[ends]
        key = name[up].astype(np.int64) * characters + trie.symbol[ends]
        order = np.argsort(key, kind="stable")
        ends, key = ends[order], key[order]
        first = np.flatnonzero(np.diff(key, prepend=-1))
        group = np.cumsum(np.diff(key, prepend=-1) != 0) - 1
        frequency = np.add.reduceat(through[ends], first)
        varied = np.minimum.reduceat(text.low[ends], first) < np.maximum.reduceat(
            text.high[ends], first
        )
        repeated = frequency >= 2
        seed = repeated & varied
        number = np.where(seed, total + np.cumsum(seed) - 1, -1).astype(np.int32)
        renamed = np.where(repeated, np.cumsum(repeated) - 1, -1)
        longer_name, longer_begin = np.full(nodes, -1, np.int32), np.zeros(nodes, np.int32)
        longer_name[ends] = renamed[group]
        longer_begin[ends] = begin[trie.parent[ends]]
        name, begin = longer_name, longer_begin
        shown = seed[group]
        known.append((ends[shown], begin[ends[shown]], number[group[shown]]))
        covered.append(frequency[seed] * float(length))
        examples.append(ends[first][seed])
        lengths.append(np.full(int(seed.sum()), length))
        total += int(seed.sum())

    example, length_of = np.concatenate(examples), np.concatenate(lengths)
    cover = np.concatenate(covered)
    places = np.arange(total) * LONGEST_PIECE
    spelled = spell(trie, example, length_of, places, total * LONGEST_PIECE)
    spelled = spelled.reshape(total, LONGEST_PIECE)

    # Order as SentencePiece has it: characters, then seeds by cover; equal ones by length, spelling
    width = _width(text.alphabet).astype(np.int8)
    size = (width[spelled] * (spelled >= 0)).sum(1, dtype=np.int16)
    seeds = np.arange(characters, total)
    seeds = seeds[np.lexsort((seeds, -size[seeds], -cover[seeds]))][:MOST_SEEDS]
    stays = np.concatenate([np.arange(characters), seeds])
    number = np.full(total, -1, np.int32)
    number[stays] = np.arange(len(stays))
    known = [(e, b, number[p]) for e, b, p in reversed(known)]
    if len(stays) < total:
        known = [(e[p >= 0], b[p >= 0], p[p >= 0]) for e, b, p in known]
    cover = cover[stays]
    return (
        spelled[stays],
        length_of[stays],
        np.log(cover) - np.log(cover.sum()),
        from_levels(trie.levels, known, nodes),
    )


def _width(points: Array) -> Array:
    """Bytes of characters in UTF-8, from their code points."""
    return np.select([points < 0x80, points < 0x800, points < 0x10000], [1, 2, 3], 4)


def _inside(spelled: Array, lengths: Array) -> tuple[Lattice, Array]:
    """The lattices of the pieces themselves, and the node of each piece (pieces,)."""
    pieces, width = spelled.shape
    trie = build_trie(spelled.reshape(-1), np.arange(pieces) * width, lengths)
    nodes, characters = len(trie.parent), int(spelled.max()) + 1
    piece = np.full(nodes, -1, np.int64)
    piece[trie.node] = np.arange(pieces)
    child = trie.parent[1:].astype(np.int64) * characters + trie.symbol[1:]  # ascending
    suffix, begin = np.zeros(nodes, np.int64), np.arange(nodes)
    known = []
    for _ in range(width):
        # the node of the last `length` symbols: its parent's, of one less, and one symbol more
        ends = 1 + np.flatnonzero(suffix[trie.parent[1:]] >= 0)
        if not len(ends):
            break
        key = suffix[trie.parent[ends]] * characters + trie.symbol[ends]
        place = np.minimum(np.searchsorted(child, key), len(child) - 1)
        longer, longer_begin = np.full(nodes, -1), np.zeros(nodes, np.int64)
        longer[ends] = np.where(child[place] == key, place + 1, -1)
        longer_begin[ends] = begin[trie.parent[ends]]
        suffix, begin = longer, longer_begin
        shown = ends[(suffix[ends] >= 0)]
        shown = shown[piece[suffix[shown]] >= 0]
        known.append((shown, begin[shown], piece[suffix[shown]]))
    return from_levels(trie.levels, known[::-1], nodes), trie.node


def _keep(lattice: Lattice, alive: Array, characters: int) -> Lattice:
    """The edges of living pieces, and of all characters: an unknown one is still read."""
    stays = alive.copy()
    stays[:characters] = True
    return lattice.only(stays)


def _with_unknown(scores: Array, alive: Array, characters: int) -> Array:
    """Scores where the characters that are no piece have that of unknown text."""
    whole = np.where(alive, scores, -np.inf)
    unknown = scores[alive].min() - UNKNOWN_PENALTY
    whole[:characters] = np.where(alive[:characters], scores[:characters], unknown)
    return whole


def _alternatives(inside: Lattice, node: Array, scores: Array) -> tuple[Array, Array, Array]:
    """The best segmentation of each piece into others: score, last edge; all best last edges."""
    best, last = viterbi(inside, scores)
    reached = best[inside.source] + scores[inside.piece]
    reached[inside.source == 0] = -np.inf
    counts = np.diff(inside.first)
    first = inside.first[1:-1]
    score = np.full(len(best), -np.inf)
    score[1:] = np.maximum.reduceat(reached, first)
    winners = np.flatnonzero(reached == np.repeat(score, counts))
    edge = np.append(-1, winners[np.searchsorted(winners, first)])
    return score[node], edge[node], last


def _unreachable(inside: Lattice, node: Array, scores: Array) -> Array:
    """Whether a piece never occurs, because others spell it with a higher score (pieces,)."""
    alternative, _, _ = _alternatives(inside, node, scores)
    return alternative > scores


def _losses(
    inside: Lattice, node: Array, scores: Array, frequency: Array, total: float
) -> tuple[Array, Array]:
    """Likelihood that is lost with each piece (pieces,), infinite for a character; what is free.

    frequency: of the pieces in the text cut at its best (pieces,). total: tokens of the text.
    """
    alternative, edge, last = _alternatives(inside, node, scores)
    loss = np.full(len(scores), np.inf)
    rows = np.flatnonzero((alternative > -np.inf) & (frequency > 0))
    own = frequency[rows]
    tokens, logs = np.zeros(len(rows)), np.zeros(len(rows))
    at, place = edge[rows], np.arange(len(rows))
    while len(place):
        logs[place] += np.log(frequency[inside.piece[at]] + own[place])
        tokens[place] += 1
        source = inside.source[at]
        at, place = last[source[source > 0]], place[source > 0]
    after = logs - tokens * np.log(total + own * (tokens - 1))
    loss[rows] = own / total * (np.log(own) - np.log(total) - after)
    return loss, alternative > scores


def _digamma(counts: Array) -> Array:
    """The digamma function of positive numbers: recurrence up to 8, then the asymptotic series."""
    large, small = np.array(counts, np.float64), np.zeros(np.shape(counts))
    for _ in range(8):
        low = large < 8
        small[low] += 1 / large[low]
        large[low] += 1
    square = 1 / large**2
    series = square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square / 240)))
    return np.log(large) - 0.5 / large - series - small
