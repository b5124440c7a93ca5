"""A SentencePiece model as a `transformers` tokenizer with the base model's special tokens.

The tokens of a line are those that SentencePiece gives. What `tokenizers` computes another way
is handled here: the composition of accents, the order of BPE merges, white space.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Any, cast

import sentencepiece
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)

from unibridge.vocabulary.train import read_model

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

SPACE = "▁"


@dataclass(frozen=True)
class SpecialTokens:
    """What a base model expects around and beside the text.

    tokens: the special tokens, in the order of their ids. roles: such as {"cls_token": "<s>"}.
    single, pair: templates such as ["<s>:0", "$A:0", "</s>:0"], the number being the token type.
    settings: what else the tokenizer of this model is made with (padding side, longest input ...).
    """

    tokens: tuple[AddedToken, ...]
    roles: dict[str, str]
    single: list[str]
    pair: list[str]
    settings: dict[str, object]


def _special(text: str, **flags: bool) -> AddedToken:
    return AddedToken(text, special=True, normalized=False, **flags)


XLM_R = SpecialTokens(
    tokens=(
        _special("<s>"),
        _special("<pad>"),
        _special("</s>"),
        _special("<unk>"),
        _special("<mask>", lstrip=True),
    ),
    roles={
        "bos_token": "<s>",
        "cls_token": "<s>",
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    },
    single=["<s>:0", "$A:0", "</s>:0"],
    pair=["<s>:0", "$A:0", "</s>:0", "</s>:0", "$B:0", "</s>:0"],
    settings={
        "model_max_length": 512,
        "padding_side": "right",
        "truncation_side": "right",
        "model_input_names": ["input_ids", "attention_mask"],
    },
)


def to_fast_tokenizer(
    model: bytes, like: PreTrainedTokenizerBase | SpecialTokens | None = None
) -> PreTrainedTokenizerFast:
    """A fast tokenizer that cuts text as `model` does and frames it as the base's tokenizer does.

    model: a serialized SentencePiece proto, unigram or BPE. like: the base model's tokenizer,
    whose special tokens, templates, padding side and longest input are taken over (or a record of
    these; None: XLM-RoBERTa's). Ids: the special tokens first, in the base's order, then the
    pieces in the model's order, without SentencePiece's own <unk>, <s> and </s>.

    Every line of the text that the model was trained on gives exactly SentencePiece's tokens. The
    exceptions are Hangul in conjoining jamo (U+1100 to U+11FF, as some file systems write it: put
    it into NFC beforehand), and accents on ligatures or after control characters. In other text,
    an accented character that the vocabulary lacks, written as base and accent, may give more
    known tokens than with SentencePiece.
    """
    from transformers import PreTrainedTokenizerFast

    special = like if isinstance(like, SpecialTokens) else special_tokens(like)
    proto = read_model(model)
    tokenizer = Tokenizer(_model(proto, special))
    tokenizer.normalizer = normalizers.Sequence(_normalisers(model, proto))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(" ", "removed"),
            pre_tokenizers.Metaspace(SPACE, prepend_scheme="always"),
        ]
    )
    tokenizer.decoder = decoders.Metaspace(SPACE, prepend_scheme="always")
    tokenizer.add_special_tokens(list(special.tokens))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=special.single,
        pair=special.pair,
        special_tokens=[(str(t), tokenizer.token_to_id(str(t))) for t in special.tokens],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        clean_up_tokenization_spaces=False,
        **special.roles,
        **special.settings,
    )


def special_tokens(like: PreTrainedTokenizerBase | None) -> SpecialTokens:
    """The special tokens of a tokenizer and how it frames one text and a pair (None: XLM-R's)."""
    if like is None:
        return XLM_R
    from unibridge.models.objectives.denoising import sentinels

    # mT5's sentinels may be plain pieces of its vocabulary
    known = {*like.all_special_tokens, *like.convert_ids_to_tokens(sentinels(like))}
    ids = cast(list[int], like.convert_tokens_to_ids([*known]))
    places = sorted(zip(ids, known, strict=True))
    return SpecialTokens(
        tokens=tuple(like.added_tokens_decoder.get(i) or _special(token) for i, token in places),
        roles={
            role: str(token)
            for role, token in like.special_tokens_map.items()
            if isinstance(token, str)
        },
        single=_template(like, "a"),
        pair=_template(like, "a", "b"),
        settings={
            "model_max_length": like.model_max_length,
            "padding_side": like.padding_side,
            "truncation_side": like.truncation_side,
            "model_input_names": list(like.model_input_names),
        },
    )


def _template(like: PreTrainedTokenizerBase, *texts: str) -> list[str]:
    """How `like` frames the texts, read off an encoding of them."""
    encoding = like(*texts, return_special_tokens_mask=True, return_token_type_ids=True)
    names = iter(["$A", "$B"])
    template: list[str] = []
    inside = False
    for token, added, kind in zip(
        like.convert_ids_to_tokens(encoding["input_ids"]),
        encoding["special_tokens_mask"],
        encoding["token_type_ids"],
        strict=True,
    ):
        if added:
            template.append(f"{token}:{kind}")
        elif not inside:
            template.append(f"{next(names)}:{kind}")
        inside = not added
    return template


def _model(proto: Any, special: SpecialTokens) -> models.Unigram | models.BPE:
    names = [str(token) for token in special.tokens]
    pieces = [
        (piece.piece, piece.score)
        for piece in proto.pieces
        if piece.type not in (piece.UNKNOWN, piece.CONTROL) and piece.piece not in names
    ]
    # a byte-level base knows everything and may have no token for the unknown
    unknown = special.roles.get("unk_token", names[0])
    if proto.trainer_spec.model_type == proto.trainer_spec.UNIGRAM:
        return models.Unigram([(name, 0.0) for name in names] + pieces, unk_id=names.index(unknown))
    vocabulary = {name: i for i, name in enumerate([*names, *(piece for piece, _ in pieces)])}
    return models.BPE(vocabulary, list(_merges(pieces)), unk_token=unknown, fuse_unk=True)


def _merges(pieces: Sequence[tuple[str, float]]) -> Iterator[tuple[str, str]]:
    """The pairs that make each piece, best score first: SentencePiece keeps scores, not pairs."""
    known = {piece for piece, _ in pieces}
    for piece, _ in sorted(pieces, key=lambda scored: -scored[1]):
        for cut in range(1, len(piece)):
            if piece[:cut] in known and piece[cut:] in known:
                yield piece[:cut], piece[cut:]


def _normalisers(model: bytes, proto: Any) -> list[normalizers.Normalizer]:
    """The charsmap as SentencePiece applies it: the longest match, wherever it begins.

    `tokenizers` applies a charsmap to grapheme clusters: to whole ones below six bytes by the
    *shortest* match, which may lose accents, to others character by character, which joins none.
    A control character ahead of every mark ends the cluster, so that all go character by
    character; the charsmap removes it again, and the accents are joined afterwards.
    """
    charsmap = proto.normalizer_spec.precompiled_charsmap
    if not charsmap:
        return []
    alphabet = sorted({char for piece in proto.pieces for char in piece.piece})
    return [
        # the charsmap removes these anywhere but at the start
        normalizers.Replace(Regex(r"\A[\x01-\x1f\x7f\x8f\x9f]+"), ""),
        normalizers.Replace(Regex(r"(?<=.)(?=[\p{M}\u200c\u200d\uff9e\uff9f])"), "\x01"),
        normalizers.Precompiled(charsmap),
        *_composers(model, alphabet),
    ]


def _composers(model: bytes, alphabet: Sequence[str]) -> list[normalizers.Normalizer]:
    """Normalisers that join a base and its marks into the characters of the alphabet.

    NFC would also reorder marks, which SentencePiece does not. The joined character stands where
    the base stood, for the sake of the offsets; `joined` says how many marks after it are to go,
    and keeps them from being joined once more.
    """
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    joined = "\x02"
    spellings: dict[tuple[int, str], list[str]] = defaultdict(list)
    for char in alphabet:
        if "가" <= char <= "힣":
            continue  # thousands of syllables, a normaliser and 2 microseconds a line each
        for spelling in _spellings(char):
            if processor.normalize(spelling).removeprefix(SPACE) == char:
                base, marks = spelling[0], spelling[1:]
                spellings[len(marks), char].append(f"{re.escape(base)}(?={marks})")
    if not spellings:
        return []
    joins = [
        normalizers.Replace(Regex("|".join(found)), char + joined * marks)
        for (marks, char), found in sorted(spellings.items(), reverse=True)
    ]
    most = max(marks for marks, _ in spellings)
    spent = "|".join(f"{joined * n}.{{{n}}}" for n in range(most, 0, -1))
    return [*joins, normalizers.Replace(Regex(spent), "")]


def _spellings(char: str) -> set[str]:
    """The ways to write a composed character as one character and marks."""
    base, *marks = list(unicodedata.normalize("NFD", char))
    found = {
        unicodedata.normalize("NFC", base + "".join(order[:joined])) + "".join(order[joined:])
        for order in permutations(marks)
        for joined in range(len(marks))
    }
    return found - {char}
