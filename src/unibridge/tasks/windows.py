"""Sentences of words as tokens, those longer than the model in windows that overlap."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

OVERLAP = 0.25
"""Share of a window's tokens that the next one reads again, so that no word lacks its context."""


@dataclass(frozen=True)
class Window:
    """A part of a sentence as the model reads it.

    input_ids: (tokens,), in the tokenizer's template. spans: of each word of the window the
    positions of its tokens. first: the number of its first word in the sentence. decided: the
    words, counted within the window, that are decided here; every word is in one window only.
    """

    input_ids: list[int]
    spans: list[range]
    first: int
    decided: range


def windows_of(
    tokenizer: "PreTrainedTokenizerBase", sentences: Sequence[Sequence[str]], max_length: int
) -> Iterator[list[Window]]:
    """Each sentence in windows of at most `max_length` tokens, one where it fits.

    Windows begin and end between words; of a word that is longer than a window its beginning is
    read. Where two overlap, each decides the half that is nearer to its middle.
    """
    split = _split_fast if tokenizer.is_fast else _split_slow
    for ids, owners in split(tokenizer, [list(words) for words in sentences]):
        yield _windows(ids, owners, max_length)


def _windows(ids: list[int], owners: list[int | None], max_length: int) -> list[Window]:
    inside = [place for place, owner in enumerate(owners) if owner is not None]
    begin, end = (inside[0], inside[-1] + 1) if inside else (len(ids), len(ids))
    before, after = ids[:begin], ids[end:]
    room = max(1, max_length - len(before) - len(after))
    words = [
        [ids[place] for place in places]
        for _, places in groupby(range(begin, end), key=lambda place: owners[place])
    ]
    if len(ids) > max_length:
        words = [word[:room] for word in words]
    lengths = [len(word) for word in words]

    # 1. Where windows begin and end, in words.
    ends = [(0, _fitting(lengths, 0, room))]
    while ends[-1][1] < len(words):
        first, last = ends[-1]
        start, again = last, 0
        while start - 1 > first and again + lengths[start - 1] <= room * OVERLAP:
            start -= 1
            again += lengths[start]
        # what is read again must leave room for something new
        while start < last and _fitting(lengths, start, room) <= last:
            start += 1
        ends.append((start, _fitting(lengths, start, room)))

    # 2. Where one leaves off deciding and the next begins.
    halves = [(later[0] + earlier[1]) // 2 for earlier, later in pairwise(ends)]
    bounds = list(pairwise([0, *halves, len(words)]))

    windows = []
    for (first, last), (decides, until) in zip(ends, bounds, strict=True):
        spans, place = [], len(before)
        for length in lengths[first:last]:
            spans.append(range(place, place + length))
            place += length
        own = [token for word in words[first:last] for token in word]
        decided = range(decides - first, until - first)
        windows.append(Window([*before, *own, *after], spans, first, decided))
    return windows


def _fitting(lengths: list[int], first: int, room: int) -> int:
    """One past the last word that fits into `room` tokens from the first on, at least one word."""
    total, last = 0, first
    while last < len(lengths) and (last == first or total + lengths[last] <= room):
        total += lengths[last]
        last += 1
    return last


Split = Iterator[tuple[list[int], list[int | None]]]


def _split_fast(tokenizer: "PreTrainedTokenizerBase", sentences: list[list[str]]) -> Split:
    """Per sentence its ids and, per id, the index of the word it belongs to."""
    if _words_need_spaces(tokenizer):
        sentences = [words[:1] + [f" {word}" for word in words[1:]] for words in sentences]

    def tokenized(rows: list[list[str]]) -> list[tuple[list[int], list[int | None]]]:
        if not rows:
            return []
        batch = tokenizer(
            rows,
            is_split_into_words=True,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        return [(ids, batch.word_ids(row)) for row, ids in enumerate(batch["input_ids"])]

    rows = tokenized(sentences)
    # a word that the normaliser empties (control or invisible characters) is read as unknown
    repaired: dict[int, list[str]] = {}
    for row, (words, (_, owners)) in enumerate(zip(sentences, rows, strict=True)):
        present = {owner for owner in owners if owner is not None}
        if len(present) < len(words):
            unknown = tokenizer.unk_token or "?"
            repaired[row] = [word if i in present else unknown for i, word in enumerate(words)]
    for row, found in zip(repaired, tokenized(list(repaired.values())), strict=True):
        rows[row] = found
    yield from rows


def _words_need_spaces(tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Whether the words of a list are read as in running text only with a space before them.

    So it is where a piece begins with the space itself and none is put before each word, as with
    GPT-2's, ModernBERT's and Gemma's tokenizers.
    """

    def ids(*words: str) -> list[int]:
        return tokenizer([list(words)], is_split_into_words=True)["input_ids"][0]

    text = tokenizer("a a")["input_ids"]
    return ids("a", "a") != text and ids("a", " a") == text


def _split_slow(tokenizer: "PreTrainedTokenizerBase", sentences: list[list[str]]) -> Split:
    """The same, word by word, for tokenizers written in Python."""
    build: Callable[[list[int]], list[int]] = tokenizer.build_inputs_with_special_tokens
    for words in sentences:
        ids: list[int] = []
        owners: list[int | None] = []
        for number, word in enumerate(words):
            tokens = tokenizer.tokenize(word) or [tokenizer.unk_token]
            pieces = cast(list[int], tokenizer.convert_tokens_to_ids(tokens))
            ids += pieces
            owners += [number] * len(pieces)
        whole = build(ids)
        before = build([-1]).index(-1)
        after = len(whole) - before - len(ids)
        yield whole, [None] * before + owners + [None] * after
