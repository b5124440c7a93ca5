"""A base vocabulary with the pieces of a new language added, as EXTEND does (Wang et al. 2020)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from unibridge.errors import UnibridgeError
from unibridge.models.reading import token_ids
from unibridge.vocabulary.tokenizer import SPACE, special_tokens
from unibridge.vocabulary.train import read_model

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast


def extend_tokenizer(
    base: PreTrainedTokenizerBase, model: bytes, lines: Sequence[str]
) -> PreTrainedTokenizerFast:
    """The base's tokenizer with the pieces of a SentencePiece model that it lacks.

    base: a fast tokenizer, unigram or WordPiece. model: a serialized SentencePiece proto, trained
    on `read_as_base(base, lines)`; unigram where the base is. lines: text in the new language. Ids:
    the base's own, unchanged, then the new pieces. Kept of these are those that the result uses in
    `lines`, and all single characters.

    The base's normaliser, cutting into words and special tokens stay, so what it drops (case,
    accents) is dropped here too. Text of which no new piece is a part is read as the base does:
    - unigram: the base's scores stay, and a new piece has its own log probability in the new
      language, in nats as theirs are, but not below the base's lowest, which decides what unknown
      characters cost. A piece is taken where it is likelier than the base's pieces of its string.
    - WordPiece: the longest piece is taken first, so a new piece is taken wherever it is the
      longest, in words of the base's languages as well.
    Raises UnibridgeError for other kinds of tokenizers, and for a BPE model beside a unigram base.
    """
    state = _state(base)
    proto = read_model(model)
    scored = [
        (piece.piece, piece.score)
        for piece in proto.pieces
        if piece.type not in (piece.UNKNOWN, piece.CONTROL) and piece.piece != SPACE
    ]
    if state["model"]["type"] == "Unigram":
        if proto.trainer_spec.model_type != proto.trainer_spec.UNIGRAM:
            raise UnibridgeError(
                "a unigram base cannot be extended by BPE pieces, which have no probabilities",
                where="vocabulary.kind",
                do='set vocabulary.kind = "unigram"',
            )
    else:
        scored = list(_word_pieces(scored, state["model"]["continuing_subword_prefix"]))
    known = base.get_vocab()
    scored = [(piece, score) for piece, score in dict(scored).items() if piece not in known]

    every = _extended(base, state, scored)
    used = {i for ids in token_ids(every, lines) for i in ids}
    prefix = state["model"].get("continuing_subword_prefix", SPACE)
    places = every.get_vocab()
    kept = [
        (piece, score)
        for piece, score in scored
        if places[piece] in used or len(piece.removeprefix(prefix)) == 1
    ]
    return _extended(base, state, kept)


def read_as_base(base: PreTrainedTokenizerBase, lines: Sequence[str]) -> list[str]:
    """The lines after the base's own normaliser: what new pieces have to be found in."""
    normalizer = Tokenizer.from_str(json.dumps(_state(base))).normalizer
    return list(lines) if normalizer is None else [normalizer.normalize_str(x) for x in lines]


def _state(base: PreTrainedTokenizerBase) -> dict[str, Any]:
    """The base's tokenizer as plain data, its special tokens among the model's own."""
    backend = getattr(base, "backend_tokenizer", None)
    state = json.loads(backend.to_str()) if backend is not None else {"model": {}}
    model = state["model"]
    if model.get("type") not in ("Unigram", "WordPiece"):
        raise UnibridgeError(
            f"a {model.get('type') or 'slow'} tokenizer cannot be extended, only unigram and "
            "WordPiece",
            where="vocabulary.mode",
            do='set vocabulary.mode = "replace"',
        )
    tokens = {i: token for token, i in base.get_vocab().items()}
    if sorted(tokens) != list(range(len(tokens))):
        raise UnibridgeError(
            "the base's tokenizer leaves ids unused, so new ones cannot follow them",
            where="vocabulary.mode",
            do='set vocabulary.mode = "replace"',
        )
    if model["type"] == "Unigram":
        model["vocab"] += [[tokens[i], 0.0] for i in range(len(model["vocab"]), len(tokens))]
    else:
        model["vocab"] = {tokens[i]: i for i in range(len(tokens))}
    return state


def _word_pieces(scored: Iterable[tuple[str, float]], prefix: str) -> Iterable[tuple[str, float]]:
    """SentencePiece's pieces as WordPiece writes them; characters within words and at their start,
    since the longest match first would otherwise lead where nothing goes on.
    """
    for piece, score in scored:
        text = piece.removeprefix(SPACE)
        if SPACE in text:
            continue
        if len(text) == 1 or text != piece:
            yield text, score
        if len(text) == 1 or text == piece:
            yield prefix + text, score


def _extended(
    base: PreTrainedTokenizerBase, state: dict[str, Any], scored: Sequence[tuple[str, float]]
) -> PreTrainedTokenizerFast:
    from transformers import PreTrainedTokenizerFast

    model = dict(state["model"])
    if model["type"] == "Unigram":
        lowest = min(score for _, score in model["vocab"])
        model["vocab"] = model["vocab"] + [[p, max(score, lowest)] for p, score in scored]
    else:
        size = len(model["vocab"])
        model["vocab"] = model["vocab"] | {p: size + i for i, (p, _) in enumerate(scored)}
    special = special_tokens(base)
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps({**state, "model": model})),
        clean_up_tokenization_spaces=False,
        **special.roles,
        **special.settings,
    )
