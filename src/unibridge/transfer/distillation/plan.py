"""Which unit of its text each token belongs to, in the student's vocabulary and the teacher's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unibridge.errors import UnibridgeError
from unibridge.transfer.distillation.base import Unit
from unibridge.transfer.mlm import TokenStore, joined

# texts that are tokenised at a time
BLOCK = 1024
NO_UNIT = -1


@dataclass(frozen=True)
class Plan:
    """Texts as tokens of both sides with the unit of each, and what was left out.

    ours: units of the student's tokens, as a store of that shape: number within the text, or
    NO_UNIT. tokens, theirs: the teacher's tokens, and their units. counts: units of each text,
    (texts,). left_out: units that one side cuts off or does not know; divided: units that are parts
    of a word, of those that are left.
    """

    ours: TokenStore
    tokens: TokenStore
    theirs: TokenStore
    counts: np.ndarray
    left_out: int
    divided: int


@dataclass(frozen=True)
class _Read:
    """One text's tokens: ids, and where each ends; those without characters end at 0."""

    ids: np.ndarray
    ends: np.ndarray
    cuts: frozenset[int]


def plan_units(
    texts: Sequence[str],
    read: Sequence[str],
    student: tuple[Any, int],
    teacher: tuple[Any, int],
    unit: Unit,
) -> Plan:
    """Align two tokenizers by characters.

    read: of each text the beginning that the teacher is given. student, teacher: tokenizer and its
    limit in tokens, special ones counted. Raises UnibridgeError for a tokenizer that does not tell
    where its tokens lie.
    """
    ours: list[np.ndarray] = []
    tokens: list[np.ndarray] = []
    theirs: list[np.ndarray] = []
    counts: list[int] = []
    left_out = divided = 0
    both = zip(texts, _read(*student, texts), _read(*teacher, read), strict=True)
    for text, mine, its in both:
        spans = unit(text, mine.cuts & its.cuts)
        reach = min(mine.ends.max(initial=0), its.ends.max(initial=0))
        places = np.full(len(text) + 1, NO_UNIT)
        for number, (start, end) in enumerate(spans):
            places[start:end] = number if end <= reach else NO_UNIT
        # a token belongs where it ends: some tokenizers count the space before a word to it
        owners = [np.where(r.ends > 0, places[r.ends - 1], NO_UNIT) for r in (mine, its)]
        known = [
            np.setdiff1d(own, own[r.ids == tokenizer.unk_token_id])
            for own, r, (tokenizer, _) in zip(owners, (mine, its), (student, teacher), strict=True)
        ]
        good = np.intersect1d(known[0], known[1])
        good = good[good != NO_UNIT]
        left_out += len(spans) - len(good)
        divided += sum(_is_part(text, *spans[number]) for number in good)
        renumbered = np.full(len(spans) + 1, NO_UNIT)
        renumbered[good] = np.arange(len(good))
        ours.append(renumbered[owners[0]])
        theirs.append(renumbered[owners[1]])
        tokens.append(its.ids)
        counts.append(len(good))
    return Plan(
        TokenStore.of(ours),
        TokenStore.of(tokens),
        TokenStore.of(theirs),
        np.array(counts, dtype=np.int64),
        left_out,
        divided,
    )


def without_units(plan: Plan, lengths: Sequence[int]) -> Plan:
    """The plan with further texts at its end that have no units. lengths: their student tokens."""
    none = [[NO_UNIT] * length for length in lengths]
    return Plan(
        _more(plan.ours, none),
        _more(plan.tokens, [[] for _ in lengths]),
        _more(plan.theirs, [[] for _ in lengths]),
        np.concatenate([plan.counts, np.zeros(len(lengths), dtype=np.int64)]),
        plan.left_out,
        plan.divided,
    )


def _more(store: TokenStore, sequences: Sequence[Sequence[int]]) -> TokenStore:
    return joined([store, TokenStore.of(sequences)]) if len(sequences) else store


def _is_part(text: str, start: int, end: int) -> bool:
    before, after = text[max(start - 1, 0) : start], text[end : end + 1]
    return bool((before and not before.isspace()) or (after and not after.isspace()))


def _read(tokenizer: Any, limit: int, texts: Sequence[str]) -> Iterator[_Read]:
    if not tokenizer.is_fast:
        raise UnibridgeError(
            "a tokenizer does not tell where its tokens lie, so words cannot be aligned",
            where="adaptation.distillation.method",
            do='use a fast tokenizer, or write "none"',
        )
    for first in range(0, len(texts), BLOCK):
        encoded = tokenizer(
            list(texts[first : first + BLOCK]),
            truncation=True,
            max_length=limit,
            return_attention_mask=False,
            return_offsets_mapping=True,
            verbose=False,
        )
        for ids, offsets in zip(encoded["input_ids"], encoded["offset_mapping"], strict=True):
            spans = np.array(offsets, dtype=np.int64).reshape(-1, 2)
            real = spans[:, 1] > spans[:, 0]
            starts, ends = spans[real].T
            # tokens may share a character (its bytes): no cut before the last of them
            whole = np.append(ends[:-1] <= starts[1:], np.ones(len(ends[-1:]), dtype=bool))
            yield _Read(
                np.array(ids, dtype=np.int64),
                np.where(real, spans[:, 1], 0),
                frozenset(ends[whole].tolist()),
            )
