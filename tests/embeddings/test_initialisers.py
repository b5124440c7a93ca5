import json
import random

import numpy as np
import pytest
import torch
from entmax import sparsemax as reference_sparsemax
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from unibridge.embeddings.base import ORIGINS
from unibridge.embeddings.initialise import INITIALISERS, initialise_embeddings
from unibridge.embeddings.match import special_tokens_by_role, vocabulary_size
from unibridge.embeddings.settings import EmbeddingSettings
from unibridge.embeddings.vectors import (
    train_static_vectors,
)
from unibridge.errors import UnibridgeError

KINDS = [
    ("wordpiece", "wordpiece"),
    ("unigram", "unigram"),
    ("wordpiece", "unigram"),
    ("unigram", "extended"),
]
BUILT_IN = list(INITIALISERS)
WITHOUT_CHANCE = {"mean", "pieces"}  # but for rows that stay random


@pytest.mark.parametrize("kinds", KINDS, ids="-".join)
@pytest.mark.parametrize("method", BUILT_IN)
def test_contract(method, kinds, start, tokenizers):
    source, target = tokenizers["source", kinds[0]], tokenizers["target", kinds[1]]
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()
    result, table = start(method, kinds)
    after = torch.get_rng_state(), random.getstate(), np.random.get_state()

    assert result.matrix.shape == (vocabulary_size(target), table.shape[1])
    assert result.matrix.dtype == torch.float32
    assert result.matrix.isfinite().all()

    # copied rows are the source's bits, and the record says which ones they are
    copied = result.source_row >= 0
    assert torch.equal(result.matrix[copied], table[result.source_row[copied]])
    origins = {origin for origin, was in zip(result.origin, copied.tolist(), strict=True) if was}
    assert origins <= {"special", "lexical", "semantic"}
    assert not origins & {
        origin for origin, was in zip(result.origin, copied.tolist(), strict=True) if not was
    }

    roles = special_tokens_by_role(source, target)
    assert len(roles) == 5
    for target_id, source_id in roles.items():
        assert result.origin[target_id] == "special"
        assert result.source_row[target_id] == source_id

    assert result.facts["counts"] == {o: result.origin.count(o) for o in ORIGINS}
    assert result.facts["source_vocab"] == len(table)
    assert json.loads(json.dumps(result.facts)) == result.facts

    if kinds[1] == "extended":  # the base's rows stay, whatever the method
        assert len(target) > len(table)
        assert torch.equal(result.matrix[: len(table)], table)

    # randomness: local, and all of it from the seed
    assert torch.equal(before[0], after[0])
    assert before[1] == after[1]
    assert np.array_equal(before[2][1], after[2][1])
    torch.rand(3), np.random.rand(3)
    again, _ = start(method, kinds)
    assert torch.equal(result.matrix, again.matrix)
    other, _ = start(method, kinds, seed=1)
    sure = method in WITHOUT_CHANCE and "random" not in result.origin
    assert torch.equal(result.matrix, other.matrix) == sure


def test_random_rows_have_the_tables_own_mean_and_spread_and_xavier_its_own(start):
    result, table = start("random")
    drawn = result.matrix[[origin == "random" for origin in result.origin]]
    assert (drawn.mean(dim=0) - table.mean(dim=0)).abs().max() < 0.5
    assert (drawn.std(dim=0) / table.std(dim=0) - 1).abs().max() < 0.3
    result, _ = start("xavier")
    drawn = result.matrix[[origin == "random" for origin in result.origin]]
    assert drawn.std() == pytest.approx((2 / sum(result.matrix.shape)) ** 0.5, rel=0.1)


def test_mean_rows_are_the_mean(start):
    result, table = start("mean")
    row = result.origin.index("mixed")
    torch.testing.assert_close(result.matrix[row], table.mean(dim=0))


def test_pieces_are_the_mean_of_what_the_base_makes_of_the_string():
    special = {"cls": "[CLS]", "pad": "[PAD]", "sep": "[SEP]", "unk": "[UNK]", "mask": "[MASK]"}

    def named(model):
        return PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer(model), **{f"{k}_token": v for k, v in special.items()}
        )

    base = [*special.values(), "boat", "bo", "##at", "##bo", "s"]
    source = named(models.WordPiece({t: i for i, t in enumerate(base)}, unk_token="[UNK]"))
    words = [*special.values(), "▁boat", "▁boatat", "boat", "bos", "▁s", "at", "▁q"]
    target = named(models.Unigram([(word, 0.0) for word in words], unk_id=3))
    table = torch.randn(len(base), 4, generator=torch.Generator().manual_seed(0))
    row = dict(zip(base, table, strict=True))
    result = initialise_embeddings(table, source, target, [], EmbeddingSettings(method="pieces"))

    made = dict(zip(words, result.matrix, strict=True))
    expected = {
        "▁boat": row["boat"],  # the same token
        "▁boatat": (row["boat"] + row["##at"]) / 2,
        "boat": row["boat"],  # within a word, of which the base has only the word
        "▁s": row["s"],
        "at": row["##at"],
    }
    for word, values in expected.items():
        torch.testing.assert_close(made[word], values)
    origin = dict(zip(words, result.origin, strict=True))
    assert origin["▁boatat"] == origin["boat"] == "mixed"
    assert origin["at"] == origin["▁s"] == "lexical"
    # "bos" would need "##s", and "q" is unknown: rows as `random` draws them
    drawn = initialise_embeddings(table, source, target, [], EmbeddingSettings(method="random"))
    for word in ("▁q", "bos"):
        assert origin[word] == "random"
        assert torch.equal(made[word], drawn.matrix[words.index(word)])
    assert any("cannot read 2 tokens" in warning for warning in result.warnings)


def test_lexical_copies_every_token_that_both_have(start, tokenizers):
    result, table = start("lexical")
    source = {
        token[2:] if token.startswith("##") else f"▁{token}": row
        for token, row in tokenizers["source", "wordpiece"].get_vocab().items()
    }
    special = set(tokenizers["target", "unigram"].all_special_tokens)
    shared = {
        row: source[token]
        for token, row in tokenizers["target", "unigram"].get_vocab().items()
        if token in source and token not in special
    }
    assert len(shared) > 20
    rows = {i for i, origin in enumerate(result.origin) if origin == "lexical"}
    assert rows == set(shared)
    for target_row, source_row in shared.items():
        assert torch.equal(result.matrix[target_row], table[source_row])


def test_focus_rows_are_the_mixture_of_the_shared_tokens(start, small, texts, tokenizers):
    result, table = start("focus")
    target = tokenizers["target", "unigram"]
    static = train_static_vectors(target, texts[1], EmbeddingSettings(**small), seed=0)
    vectors = dict(zip(static.ids.tolist(), static.vectors, strict=True))
    shared = [i for i, o in enumerate(result.origin) if o == "lexical" and i in vectors]
    mixed = [i for i, o in enumerate(result.origin) if o == "mixed"]
    assert mixed
    for row in mixed:
        cosines = torch.stack(
            [torch.cosine_similarity(vectors[row], vectors[o], 0) for o in shared]
        )
        weights = reference_sparsemax(cosines, dim=0)
        expected = weights @ table[result.source_row[shared]]
        torch.testing.assert_close(result.matrix[row], expected, atol=2e-5, rtol=1e-5)


def test_special_tokens_may_be_left_to_the_lexical_step(start):
    result, _ = start("lexical", ("wordpiece", "unigram"), special_tokens="none")
    assert result.facts["counts"]["special"] == 0


def too_short(request):
    result = INITIALISERS["random"](request)
    return type(result)(result.matrix[1:], result.origin, result.source_row, {}, [])


INITIALISERS.register("too short", too_short)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"method": "unibrige"}, "Did you mean 'unibridge'"),
        ({"static_space": "seperate"}, "Did you mean 'separate'"),
        ({"method": "too short"}, "embeddings.method = 'too short'"),
        ({"lines": []}, "no tokens to train"),
    ],
)
def test_mistakes_are_explained(settings, says, start):
    with pytest.raises(UnibridgeError, match=says):
        start(**settings)


def test_a_table_of_another_model_is_refused(tokenizers):
    source, target = tokenizers["source", "unigram"], tokenizers["target", "unigram"]
    with pytest.raises(UnibridgeError, match="belongs to the base model"):
        initialise_embeddings(torch.zeros(10, 4), source, target, [])
