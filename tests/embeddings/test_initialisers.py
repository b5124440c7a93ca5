import json
import random
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from entmax import sparsemax as reference_sparsemax
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from unibridge.embeddings.base import ORIGINS
from unibridge.embeddings.initialise import INITIALISERS, initialise_embeddings
from unibridge.embeddings.match import canonical_forms, special_tokens_by_role, vocabulary_size
from unibridge.embeddings.settings import EmbeddingSettings
from unibridge.embeddings.vectors import (
    STATIC_SPACES,
    StaticSpace,
    StaticVectors,
    train_static_vectors,
)
from unibridge.errors import UnibridgeError

SMALL = {"static_dimension": 16, "static_buckets": 500}
KINDS = [
    ("wordpiece", "wordpiece"),
    ("unigram", "unigram"),
    ("wordpiece", "unigram"),
    ("unigram", "extended"),
]
BUILT_IN = list(INITIALISERS)
WITHOUT_CHANCE = {"mean", "pieces"}  # but for rows that stay random


@pytest.fixture
def start(tokenizers, texts, source_table):
    def run(method="unibridge", kinds=("wordpiece", "unigram"), *, seed=0, lines=None, **settings):
        source, target = tokenizers["source", kinds[0]], tokenizers["target", kinds[1]]
        table = source_table(vocabulary_size(source))
        settings = EmbeddingSettings(method=method, **SMALL | settings)
        lines = texts[1] if lines is None else lines
        result = initialise_embeddings(
            table,
            source,
            target,
            lines,
            settings,
            seed=seed,
            source_lines=texts[0],
            parallel=list(zip(texts[1][:50], texts[0][:50], strict=True)),
            dictionary=[(word, word) for word in sorted(set(" ".join(texts[0]).split()))],
        )
        return result, table

    return run


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


def test_focus_rows_are_the_mixture_of_the_shared_tokens(start, texts, tokenizers):
    result, table = start("focus")
    target = tokenizers["target", "unigram"]
    static = train_static_vectors(target, texts[1], EmbeddingSettings(**SMALL), seed=0)
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


def by_hand(request, shared):
    """Three tokens of each side, placed so that Eq. 4-8 can be worked out on paper.

    Target p and q and source x and y are mutual; r is at cosine 0.6 of p, 0.8 of q and is nobody's
    nearest; u's vector is missing.
    """

    def vectors(tokenizer, placed):
        forms = canonical_forms(tokenizer)
        rows = sorted((forms.index(form), vector) for form, vector in placed.items())
        ids, numbers = zip(*rows, strict=True)
        return StaticVectors(torch.tensor(ids), torch.tensor(numbers), unknown_share=0.0)

    return StaticSpace(
        target=vectors(
            request.target_tokenizer, {"▁p": [2.0, 0.0], "▁q": [0.0, 1.0], "▁r": [0.6, 0.8]}
        ),
        source=vectors(request.source_tokenizer, {"▁x": [3.0, 0.1], "▁y": [0.1, 3.0]}),
    )


def half_of_one_word(request, shared):
    """The same, where p and x stand for one stretch of some word."""
    p = request.target_tokenizer.convert_tokens_to_ids("▁p")
    x = request.source_tokenizer.convert_tokens_to_ids("▁x")
    return replace(by_hand(request, shared), same_word=torch.tensor([[p, x]]))


STATIC_SPACES.register("by hand", by_hand)
STATIC_SPACES.register("half of one word", half_of_one_word)


def start_by_hand(**settings):
    def words(*tokens):
        model = models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token="<unk>")
        return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(model), unk_token="<unk>")

    source, target = words("<unk>", "▁x", "▁y", "▁z"), words("▁r", "▁q", "▁p", "▁u", "<unk>")
    table = torch.tensor([[9.0, 9.0], [1.0, 0.0], [0.0, 1.0], [5.0, 5.0]])
    return initialise_embeddings(table, source, target, [], EmbeddingSettings(**settings))


def test_unibridge_by_hand():
    result = start_by_hand(static_space="by hand", semantic_step="always")

    assert result.origin == ("mixed", "semantic", "semantic", "random", "special")
    assert result.source_row.tolist() == [-1, 2, 1, -1, 0]
    # sparsemax(0.6, 0.8): threshold (1.4 - 1) / 2 = 0.2, weights 0.4 on p (x) and 0.6 on q (y)
    torch.testing.assert_close(result.matrix[0], torch.tensor([0.4, 0.6]))
    assert result.facts["searched_source_tokens"] == 2
    assert {tuple(pair[:2]) for pair in result.facts["examples"]["semantic"]} == {
        ("▁p", "▁x"),
        ("▁q", "▁y"),
    }
    assert result.facts["examples"]["mixed"] == [["▁r", [["▁q", 0.6], ["▁p", 0.4]]]]
    assert result.facts["median_parts"] == 2
    assert not any("too small" in warning for warning in result.warnings)
    assert any("1 tokens" in warning and "stay random" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("settings", "copied"),
    [
        ({}, [-1, 2, -1, -1, 0]),
        ({"same_word_pairs": "keep"}, [-1, 2, 1, -1, 0]),
    ],
)
def test_a_token_and_a_piece_of_the_same_word_are_no_pair(settings, copied):
    result = start_by_hand(static_space="half of one word", semantic_step="always", **settings)
    assert result.source_row.tolist() == copied
    assert result.facts["same_word_pairs"] == 1 and not result.facts["semantic_step_off"]


def test_semantic_pairs_are_unshared_and_one_to_one(start, tokenizers):
    result, _ = start("unibridge", semantic_step="always")
    copied = list(zip(result.origin, result.source_row.tolist(), strict=True))
    semantic = [source for origin, source in copied if origin == "semantic"]
    lexical = {source for origin, source in copied if origin == "lexical"}
    assert semantic
    assert len(set(semantic)) == len(semantic)
    assert not lexical & set(semantic)
    assert not set(tokenizers["source", "wordpiece"].all_special_ids) & set(semantic)


def test_searching_all_source_tokens_searches_more(start):
    published = {"static_space": "separate", "static_model": "fasttext"}
    seen, _ = start("unibridge", **published)
    every, table = start("unibridge", **published, search_all_source_tokens=True)
    assert 0 < seen.facts["searched_source_tokens"] < every.facts["searched_source_tokens"]
    assert every.facts["searched_source_tokens"] < len(table)


def test_no_semantic_space_leaves_the_lexical_step(start):
    found, _ = start("unibridge", static_space="none")
    assert torch.equal(found.matrix, start("lexical")[0].matrix)
    assert "semantic_space" not in found.facts


def test_special_tokens_may_be_left_to_the_lexical_step(start):
    result, _ = start("lexical", ("wordpiece", "unigram"), special_tokens="none")
    assert result.facts["counts"]["special"] == 0


def test_an_unknown_script_is_said_in_words(start):
    ethiopic = ["ሰላም ለዓለም", "እንዴት ነህ"] * 5
    result, _ = start("unibridge", lines=ethiopic)
    text = "\n".join(result.warnings)
    assert "the base tokenizer reads hardly any of this text (100% unknown)" in text
    assert "static_space = 'bridge'" in text
    assert "stay random" in text


def test_the_published_space_is_reported_as_not_to_be_trusted(start):
    anyway = {"semantic_step": "always", "min_trusted_tokens": 1}
    apart = start("unibridge", static_space="separate", **anyway)[0]
    assert any("trained apart" in warning for warning in apart.warnings)
    rotated = start("unibridge", static_space="procrustes", **anyway)[0]
    assert not any("trusted" in warning for warning in rotated.warnings)
    few = start("unibridge", static_space="procrustes", **anyway | {"min_trusted_tokens": 10_000})
    assert any("fitted on" in warning for warning in few[0].warnings)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"min_trusted_tokens": 10_000}, r"only \d+ shared tokens occur in the text"),
        ({"min_trusted_tokens": 1, "min_held_out_precision": 1.0}, "find themselves again"),
        ({"min_trusted_tokens": 1, "max_same_word_share": 0.0}, "a piece of the same word"),
        ({"max_source_unknown": 0.0, "lines": ["ae ሰላም"] * 9}, "reads hardly any of this text"),
    ],
)
def test_the_semantic_step_is_off_where_it_cannot_be_trusted(settings, says, start):
    off, _ = start("unibridge", **settings)
    assert off.facts["counts"]["semantic"] == 0
    assert re.search(says, off.facts["semantic_step_off"])
    said = f"the semantic step by 'joint' is off: {off.facts['semantic_step_off']}"
    assert said in off.warnings
    # rows are then mixed as ever, by the n-grams that a joint space has not
    assert torch.equal(off.matrix, start("focus", lines=settings.get("lines"))[0].matrix)
    # as published: whatever the figures say
    published, _ = start("unibridge", **settings, semantic_step="always")
    assert not published.facts["semantic_step_off"]
    assert not any("is off" in warning for warning in published.warnings)


def test_a_trusted_step_aligns_and_says_how_far_to_trust_it(start):
    willing = {"min_trusted_tokens": 1, "max_same_word_share": 1.0}
    trusted, _ = start("unibridge", **willing, min_held_out_precision=0.0)
    always, _ = start("unibridge", semantic_step="always")
    assert trusted.facts["counts"]["semantic"] > 0
    assert torch.equal(trusted.matrix, always.matrix)
    assert 0 <= trusted.facts["held_out_precision"] <= 1
    assert trusted.facts["held_out_tokens"] > 0
    unmeasured, _ = start("unibridge", **willing, held_out_share=0)
    assert "held_out_precision" not in unmeasured.facts
    assert torch.equal(unmeasured.matrix, always.matrix)


def test_translations_align_where_the_space_is_not_trusted(start):
    """As if `bridge` had been asked for; what nobody trusts does not replace what nobody trusts."""
    doubted = {"min_trusted_tokens": 10_000, "bridge_trusted_lines": 50}
    instead, _ = start("unibridge", **doubted)
    assert instead.facts["semantic_space"] == "bridge" and not instead.facts["semantic_step_off"]
    assert any("tokens are aligned by 'bridge' instead" in warning for warning in instead.warnings)
    asked, _ = start("unibridge", static_space="bridge", bridge_trusted_lines=50)
    assert torch.equal(instead.matrix, asked.matrix)
    for off in ({"untrusted_space": "none"}, {"bridge_trusted_lines": 1_000}):
        assert start("unibridge", **doubted | off)[0].facts["counts"]["semantic"] == 0
    # an extended vocabulary has all tokens of the base, so that none is left to align
    kinds = "unigram", "extended"
    extended = start("unibridge", kinds, **doubted)[0]
    assert torch.equal(extended.matrix, start("focus", kinds)[0].matrix)


def all_alike(request, shared):
    size = vocabulary_size(request.target_tokenizer)
    noise = torch.randn(size, 4, generator=torch.Generator().manual_seed(0))
    target = StaticVectors(torch.arange(size), 1 + 1e-3 * noise, unknown_share=0.0)
    return StaticSpace(target, target.having(torch.tensor([], dtype=torch.long)))


STATIC_SPACES.register("all alike", all_alike)


def test_static_embeddings_that_tell_nothing_apart_are_said(start):
    vague, _ = start("unibridge", static_space="all alike", semantic_step="always")
    assert vague.facts["median_parts"] == vague.facts["counts"]["lexical"]
    assert any("too small to tell tokens apart" in warning for warning in vague.warnings)


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
