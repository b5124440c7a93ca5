import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from unibridge.embeddings.match import (
    canonical_forms,
    shared_tokens,
    special_tokens_by_role,
    vocabulary_size,
)


def tokenizer(tokens, **special):
    vocabulary = {token: index for index, token in enumerate(tokens)}
    model = Tokenizer(models.WordLevel(vocabulary, unk_token=tokens[0]))
    return PreTrainedTokenizerFast(tokenizer_object=model, unk_token=tokens[0], **special)


SENTENCEPIECE = tokenizer(["<unk>", "▁am", "am", "▁", "é", "▁Am"])
WORDPIECE = tokenizer(["[UNK]", "am", "##am", "##é", "AM", "##"])


def byte_level():
    tokens = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(" am é")
    pieces = [piece for piece, _ in tokens]
    return tokenizer(["<unk>", *pieces, pieces[1][-1], "am", "Ġbo"])


def test_every_notation_has_the_same_canonical_form():
    assert canonical_forms(SENTENCEPIECE) == ["<unk>", "▁am", "am", "▁", "é", "▁Am"]
    assert canonical_forms(WORDPIECE) == ["[UNK]", "▁am", "am", "é", "▁AM", "▁##"]
    # the third is half of a character, which has no text of its own
    assert canonical_forms(byte_level()) == ["<unk>", "▁am", "▁é", "©", "am", "▁bo"]
    assert decoders.ByteLevel().decode(["©"]) == "\ufffd"


def test_ids_that_no_token_uses_have_no_form_and_no_partner():
    model = Tokenizer(models.WordLevel({"<unk>": 0, "▁am": 3}, unk_token="<unk>"))
    gaps = PreTrainedTokenizerFast(tokenizer_object=model, unk_token="<unk>")
    assert vocabulary_size(gaps) == 4
    assert canonical_forms(gaps) == ["<unk>", "", "", "▁am"]
    assert shared_tokens(gaps, gaps) == {0: 0, 3: 3}


def test_shared_tokens_across_notations():
    assert shared_tokens(SENTENCEPIECE, WORDPIECE) == {1: 1, 2: 2, 3: 4}
    assert shared_tokens(WORDPIECE, SENTENCEPIECE) == {1: 1, 2: 2, 4: 3}
    assert shared_tokens(WORDPIECE, SENTENCEPIECE, without={1, 4}) == {2: 2}


def test_case_is_the_second_choice():
    pairs = shared_tokens(SENTENCEPIECE, WORDPIECE, case_insensitive=True)
    assert pairs == {1: 1, 2: 2, 3: 4, 4: 1}


ROLES_BERT = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
ROLES_XLMR = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "cls_token": "<s>",
    "sep_token": "</s>",
    "pad_token": "<pad>",
}


@pytest.mark.parametrize(
    ("source_roles", "target_roles", "expected"),
    [
        (ROLES_BERT, ROLES_XLMR, {0: 0, 1: 1, 2: 2, 3: 3}),
        (ROLES_XLMR, ROLES_BERT, {0: 0, 1: 1, 2: 2, 3: 3}),
        # only a start of sentence on one side, only a start of classification on the other
        ({"bos_token": "<s>"}, {"cls_token": "[CLS]"}, {0: 0, 1: 1}),
        ({"pad_token": "<s>"}, {"cls_token": "[CLS]"}, {0: 0}),
    ],
)
def test_special_tokens_meet_by_role(source_roles, target_roles, expected):
    def build(roles):
        return tokenizer(["?", *dict.fromkeys(roles.values())], **roles)

    source, target = build(source_roles), build(target_roles)
    assert special_tokens_by_role(source, target) == expected
