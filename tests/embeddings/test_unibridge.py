import re
from dataclasses import replace

import pytest
import torch
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from unibridge.embeddings.initialise import initialise_embeddings
from unibridge.embeddings.match import canonical_forms, vocabulary_size
from unibridge.embeddings.settings import EmbeddingSettings
from unibridge.embeddings.vectors import STATIC_SPACES, StaticSpace, StaticVectors


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
    doubted = {"min_trusted_tokens": 10_000, "bridge_trusted_lines": 50, "bridge_copies": 3}
    instead, _ = start("unibridge", **doubted)
    assert instead.facts["semantic_space"] == "bridge" and not instead.facts["semantic_step_off"]
    assert any("tokens are aligned by 'bridge' instead" in warning for warning in instead.warnings)
    asked, _ = start("unibridge", static_space="bridge", bridge_trusted_lines=50, bridge_copies=3)
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
