"""A tokenizer with only the pieces that given texts use, which cuts these texts as before.

Most rows of a multilingual table belong to languages that a user does not read (Abdaoui et al.
2020, arXiv 2010.05609; Ushio et al. 2023, arXiv 2305.15020). What makes the cut exact is different
for each kind of tokenizer, and is argued where it is done.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pydantic import Field
from tokenizers import Tokenizer, pre_tokenizers

from unibridge.errors import UnibridgeError
from unibridge.registry import Registry
from unibridge.settings import Settings
from unibridge.vocabulary.tokenizer import special_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

LINES_AT_ONCE = 1000


class TrimSettings(Settings):
    """Which pieces are kept (Ushio et al. 2023, §3)."""

    least: int = Field(
        1,
        ge=1,
        description="times that the texts must use a piece; 1: every piece that they use, and so "
        "the same tokens; more: fewer pieces, and other tokens where one is gone",
    )
    most: int | None = Field(
        None,
        ge=1,
        description="pieces of the texts that are kept at most, the commonest; unset: all of them",
    )
    characters: bool = Field(
        True,
        description="keep the pieces of a single character for every character in the texts, so "
        "that new words of these are not unknown",
    )

    @property
    def exact(self) -> bool:
        """Whether the texts are cut as before."""
        return self.least == 1 and self.most is None


@dataclass(frozen=True)
class Trimmed:
    """kept: of each new id its old one, ascending but for tokens that were added to the model.

    changed: lines of the text that are cut otherwise; lines: all.
    """

    tokenizer: PreTrainedTokenizerFast
    kept: list[int]
    changed: int
    lines: int


Keep = Callable[[dict[str, Any], set[str], "Reading"], set[str]]
"""(the model's part of tokenizer.json, pieces to keep, what was read) -> what more must stay; may
cut the model's other tables in place."""


@dataclass(frozen=True)
class Reading:
    """words: what the tokenizer looks up in lines with something unknown. alphabet: what a kind of
    pre-tokenizer writes its bytes with, or nothing."""

    words: Collection[str]
    alphabet: Collection[str]


def trim_tokenizer(
    base: PreTrainedTokenizerBase,
    lines: Sequence[str],
    settings: TrimSettings,
    *,
    also: Iterable[int] = (),
) -> Trimmed:
    """The tokenizer less the pieces that the lines do not use, in the order that they had.

    also: ids that are kept as well. Special and added tokens always are, and keep their roles.
    Raises UnibridgeError for a tokenizer of another kind than `KINDS`, or a slow one.
    """
    backend = getattr(base, "backend_tokenizer", None)
    if backend is None:
        raise UnibridgeError(
            "a slow tokenizer cannot be trimmed",
            do="use a base with a fast tokenizer (tokenizer.json)",
        )
    state = json.loads(backend.to_str())
    model = state["model"]
    keep = KINDS.resolve(str(model.get("type")))

    # 1. What the lines use.
    before = read_ids(base, lines)
    counts = Counter(i for ids in before for i in ids)
    chosen = [i for i, count in counts.most_common(settings.most) if count >= settings.least]
    piece = {i: token for token, i in base.get_vocab().items()}
    special = special_tokens(base)
    always = {str(token) for token in special.tokens} | {
        t["content"] for t in state["added_tokens"]
    }
    wanted = {piece[i] for i in (*chosen, *also)} | always
    names = _pieces(model)
    if settings.characters:
        wanted |= _characters(model, {piece[i] for i in counts}) & set(names)

    # 2. What must stay with it, so that all of it is read as before.
    unknown = any(base.unk_token_id in ids for ids in before)
    words = set(_words(base, state, before, lines)) if unknown else set()
    alphabet = pre_tokenizers.ByteLevel.alphabet() if '"ByteLevel"' in json.dumps(state) else ()
    if model.get("byte_fallback"):
        alphabet = [f"<0x{byte:02X}>" for byte in range(256)]
    wanted |= set(alphabet) & set(names)
    wanted |= keep(model, wanted & set(names), Reading(words, alphabet))

    # 3. New ids: the pieces in their order, then what was added beside the model.
    order = [token for token in names if token in wanted]
    beside = [t["content"] for t in state["added_tokens"] if t["content"] not in names]
    new = {token: number for number, token in enumerate([*order, *beside])}
    tokenizer = _rebuilt(state, order, new, special)
    places = base.get_vocab()
    kept = [places[token] for token in new]
    after = read_ids(tokenizer, lines)
    same = [[kept[i] for i in ids] == old for ids, old in zip(after, before, strict=True)]
    if settings.exact and not all(same):
        raise UnibridgeError(
            f"the line {lines[same.index(False)][:60]!r} would be cut otherwise than before",
            do="please report this tokenizer",
        )
    return Trimmed(tokenizer, kept, len(same) - sum(same), len(same))


def read_ids(tokenizer: PreTrainedTokenizerBase, lines: Sequence[str]) -> list[list[int]]:
    """The ids of every line without what frames it."""
    found: list[list[int]] = []
    for first in range(0, len(lines), LINES_AT_ONCE):
        batch = list(lines[first : first + LINES_AT_ONCE])
        found += tokenizer(batch, add_special_tokens=False, verbose=False)["input_ids"]
    return found


# --- the kinds ----------------------------------------------------------------------------------


def keep_unigram(model: dict[str, Any], wanted: set[str], read: Reading) -> set[str]:
    """The likeliest segmentation stays the likeliest where only others are taken away.

    What a character without a piece costs is the lowest score less 10: the piece that has it stays,
    so that no unknown character becomes cheaper than the pieces that were there.
    """
    lowest = min(model["vocab"], key=lambda scored: scored[1])[0]
    unknown = model.get("unk_id")
    return {lowest} if unknown is None else {lowest, model["vocab"][unknown][0]}


def keep_word_piece(model: dict[str, Any], wanted: set[str], read: Reading) -> set[str]:
    """The longest piece stays the longest; of a word that is unknown, the pieces that lead nowhere
    stay too, or shorter ones might lead through."""
    prefix, longest = model["continuing_subword_prefix"], model["max_input_chars_per_word"]
    found = {model["unk_token"]}
    for word in read.words:
        start = 0
        while start < len(word) <= longest:
            ends = range(len(word), start, -1)
            pieces = ((prefix if start else "") + word[start:end] for end in ends)
            match = next((piece for piece in pieces if piece in model["vocab"]), None)
            if match is None:
                break
            found.add(match)
            start += len(match) - (len(prefix) if start else 0)
    return found


def keep_bpe(model: dict[str, Any], wanted: set[str], read: Reading) -> set[str]:
    """The merges that make the wanted pieces stay in their order, with the parts that they join.

    No merge crosses the bounds of the pieces that a text ends in, so those within one are the ones
    that it takes alone; of fewer merges the first that applies is still the same one.
    """
    if model.get("continuing_subword_prefix"):
        raise UnibridgeError("a BPE tokenizer with a prefix within words cannot be trimmed")
    merges = [tuple(m.split(" ", 1)) if isinstance(m, str) else tuple(m) for m in model["merges"]]
    rank = {pair: number for number, pair in enumerate(merges)}
    suffix = model.get("end_of_word_suffix") or ""
    bytes_ = {piece for piece in read.alphabet if len(piece) > 1}
    found: set[str] = {model["unk_token"]} if model.get("unk_token") else set()
    used: set[tuple[str, ...]] = set()
    for piece in wanted - bytes_:
        inner = piece.removesuffix(suffix) if suffix else piece
        symbols = list(inner)
        if inner != piece and symbols:
            symbols[-1] += suffix
        found |= {symbol for symbol in symbols if symbol in model["vocab"]}
        while len(symbols) > 1:
            pairs = list(pairwise(symbols))
            best = min(range(len(pairs)), key=lambda at: rank.get(pairs[at], len(rank)))
            if pairs[best] not in rank:
                break
            used.add(pairs[best])
            symbols[best : best + 2] = ["".join(pairs[best])]
            found.add(symbols[best])
    model["merges"] = [list(pair) for pair in merges if pair in used]
    return found


def keep_words(model: dict[str, Any], wanted: set[str], read: Reading) -> set[str]:
    """Whole words do not depend on each other."""
    return {model["unk_token"]}


KINDS: Registry[Keep] = Registry(
    "kind of tokenizer that can be trimmed",
    {
        "Unigram": keep_unigram,
        "WordPiece": keep_word_piece,
        "BPE": keep_bpe,
        "WordLevel": keep_words,
    },
)
"""By the model's type in tokenizer.json."""


# --- its parts ----------------------------------------------------------------------------------


def _pieces(model: dict[str, Any]) -> dict[str, int]:
    """The model's own pieces in the order of their ids."""
    if isinstance(model["vocab"], list):
        return {piece: number for number, (piece, _) in enumerate(model["vocab"])}
    return dict(sorted(model["vocab"].items(), key=lambda one: one[1]))


def _characters(model: dict[str, Any], pieces: Iterable[str]) -> set[str]:
    prefix = model.get("continuing_subword_prefix") or ""
    letters = {letter for piece in pieces for letter in piece.removeprefix(prefix)}
    return letters | {prefix + letter for letter in letters}


def _words(
    base: PreTrainedTokenizerBase,
    state: dict[str, Any],
    before: Sequence[Sequence[int]],
    lines: Sequence[str],
) -> Iterable[str]:
    """What is looked up in lines with something unknown, as the tokenizer cuts them."""
    backend = Tokenizer.from_str(json.dumps(state))
    for ids, line in zip(before, lines, strict=True):
        if base.unk_token_id in ids:
            text = backend.normalizer.normalize_str(line) if backend.normalizer else line
            if backend.pre_tokenizer is None:
                yield text
            else:
                yield from (word for word, _ in backend.pre_tokenizer.pre_tokenize_str(text))


def _rebuilt(
    state: dict[str, Any], order: Sequence[str], new: dict[str, int], special: Any
) -> PreTrainedTokenizerFast:
    from transformers import PreTrainedTokenizerFast

    model = state["model"]
    if isinstance(model["vocab"], list):
        scores = dict(model["vocab"])
        if model.get("unk_id") is not None:
            model["unk_id"] = new[model["vocab"][model["unk_id"]][0]]
        model["vocab"] = [[piece, scores[piece]] for piece in order]
    else:
        model["vocab"] = {piece: number for number, piece in enumerate(order)}
    for token in state["added_tokens"]:
        token["id"] = new[token["content"]]
    state["added_tokens"].sort(key=lambda token: token["id"])
    if state.get("padding"):
        state["padding"]["pad_id"] = new[state["padding"]["pad_token"]]
    _renumber(state.get("post_processor"), new)
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(state)),
        clean_up_tokenization_spaces=False,
        **special.roles,
        **special.settings,
    )


def _renumber(processor: Any, new: dict[str, int]) -> None:
    """The ids within a post-processor, in place: by template, or BERT's and RoBERTa's own."""
    if processor is None:
        return
    for inner in processor.get("processors", ()):
        _renumber(inner, new)
    if isinstance(processor.get("special_tokens"), dict):
        for token in processor["special_tokens"].values():
            token["ids"] = [new[name] for name in token["tokens"]]
    for role in ("sep", "cls"):
        if role in processor:
            processor[role] = [processor[role][0], new[processor[role][0]]]
