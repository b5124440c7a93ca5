"""Which tokens of two vocabularies are the same: by special role, or by canonical form."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

WORD_START = "▁"
ROLES = ("cls", "sep", "pad", "unk", "mask", "bos", "eos")
# families name the ends of a sentence once or twice; where a role is missing its twin stands in
TWIN_ROLES = {"cls": "bos", "bos": "cls", "sep": "eos", "eos": "sep"}


def vocabulary_size(tokenizer: PreTrainedTokenizerBase) -> int:
    """Rows that an embedding table for this tokenizer needs: its highest id plus one."""
    return max(tokenizer.get_vocab().values()) + 1


def canonical_forms(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """The token of every id in one notation for all tokenizers; "" for an id that is not used.

    A token that starts a word is written with a leading "▁", one that continues a word without:
    SentencePiece's "▁am", WordPiece's "am" and byte-level BPE's "Ġam" are all "▁am", and
    WordPiece's "##am" is "am". The notation in use is the one whose mark most tokens carry;
    without any mark every token is taken for a whole word. Special tokens stay as they are.
    """
    vocabulary = tokenizer.get_vocab()
    special = set(tokenizer.all_special_tokens)
    uses = {
        mark: sum(token.startswith(mark) for token in vocabulary)
        for mark in (WORD_START, "##", "Ġ")
    }
    mark = max(uses, key=lambda mark: uses[mark])
    if mark == "Ġ" and uses[mark]:
        from tokenizers.decoders import ByteLevel

        readable = ByteLevel()

    def canonical(token: str) -> str:
        if token in special or (mark == WORD_START and uses[mark]):
            return token
        if mark == "Ġ" and uses[mark]:
            text = readable.decode([token])
            if "\ufffd" in text:  # a piece of a character has no text of its own
                return token
            return WORD_START + text[1:] if text.startswith(" ") else text
        return token[2:] if token.startswith("##") and token != "##" else WORD_START + token

    forms = [""] * vocabulary_size(tokenizer)
    for token, index in vocabulary.items():
        forms[index] = canonical(token)
    return forms


def extends(source: PreTrainedTokenizerBase, target: PreTrainedTokenizerBase) -> bool:
    """Whether `target` has all tokens of `source` under the same ids, and more."""
    known = target.get_vocab()
    own = source.get_vocab()
    return len(own) < len(known) and own.items() <= known.items()


def special_tokens_by_role(
    source: PreTrainedTokenizerBase, target: PreTrainedTokenizerBase
) -> dict[int, int]:
    """target id -> source id of special tokens with the same role, such as [CLS] and <s>.

    Where the source lacks a role, the sentence-start roles (cls, bos) stand in for each other,
    and so do the sentence-end roles (sep, eos).
    """
    pairs: dict[int, int] = {}
    for role in ROLES:
        target_id = getattr(target, f"{role}_token_id", None)
        source_id = getattr(source, f"{role}_token_id", None)
        if source_id is None and role in TWIN_ROLES:
            source_id = getattr(source, f"{TWIN_ROLES[role]}_token_id", None)
        if target_id is not None and source_id is not None:
            pairs.setdefault(target_id, source_id)
    return pairs


def shared_tokens(
    source: PreTrainedTokenizerBase,
    target: PreTrainedTokenizerBase,
    *,
    case_insensitive: bool = False,
    without: Collection[int] = (),
) -> dict[int, int]:
    """target id -> source id of tokens with the same canonical form, target ids ascending.

    An equal form goes before one that differs in case only, then the lowest source id.
    without: target ids to leave out.
    """
    exact: dict[str, int] = {}
    folded: dict[str, int] = {}
    for source_id, form in enumerate(canonical_forms(source)):
        exact.setdefault(form, source_id)
        if case_insensitive:
            folded.setdefault(form.casefold(), source_id)
    pairs = {}
    for target_id, form in enumerate(canonical_forms(target)):
        source_id = exact.get(form, folded.get(form.casefold(), -1))
        if form and source_id >= 0 and target_id not in without:
            pairs[target_id] = source_id
    return pairs
