import random
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from unibridge.vocabulary.lattice import spell
from unibridge.vocabulary.nested import nested_sizes
from unibridge.vocabulary.score import average_log_probability, count_strings, token_counts
from unibridge.vocabulary.train import (
    VocabularyTooLarge,
    VocabularyTooSmall,
    train_sentencepiece,
)
from unibridge.vocabulary.units import cut_units

MONO = Path(__file__).parents[2].parent / "shared" / "data" / "mono"
KINDS = ["unigram", "bpe"]


def generated(lines=150, seed=0):
    """Words of a few hundred syllables drawn by Zipf's law, with punctuation and numbers."""
    draw = random.Random(seed)
    syllables = [a + b for a in "bdfgklmnrst" for b in ["a", "e", "é", "oo"]]
    words = ["".join(draw.choices(syllables, k=draw.randint(1, 4))) for _ in range(400)]
    words += ["1,000", "2026", "“so”", "Ñandé"]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    return [" ".join(draw.choices(words, weights, k=9)) + "." for _ in range(lines)]


def units_of(lines, coverage=1.0):
    text = cut_units(lines, coverage)
    nodes = np.flatnonzero(text.ends)
    lengths = np.searchsorted(text.trie.levels, nodes, side="right") - 1
    starts = np.cumsum(lengths) - lengths
    symbols = spell(text.trie, nodes, lengths, starts, int(lengths.sum()))
    written = "".join(chr(point) for point in text.alphabet[symbols])
    return {
        written[start : start + length]: int(text.ends[node])
        for start, length, node in zip(starts, lengths, nodes, strict=True)
    }


def test_units_are_words_cut_where_the_script_changes():
    found = units_of(["so so, 1,000 ﬁn", "日本のカメラ。とても"])
    assert found == {
        **{"▁so": 2, ",": 1, "▁1,000": 1, "▁fin": 1},
        **{"▁日本のカメラ": 1, "。": 1, "とても": 1},
    }


def test_accents_stay_with_their_letters():
    assert units_of(["x\u0323a q"]) == {"▁x\u0323a": 1, "▁q": 1}


def test_rare_characters_are_cut_out_as_unknown():
    lines = ["ab ba"] * 2_500 + ["aqwb q"]
    assert units_of(lines, 0.9995) == {"▁ab": 2_500, "▁ba": 2_500, "▁a": 1, "b": 1, "▁": 1}
    text = cut_units(lines, 0.9995)
    # two runs: qw, q; three of the 10,005 characters
    assert text.unknown_runs == 2 and text.unknown_share == pytest.approx(3 / 10_005)


@pytest.mark.parametrize("coverage", [1.0, 0.99])
def test_bpe_sizes_are_exactly_those_of_training_each(coverage):
    lines = [*generated(30), "aaaaaaa aaa aaaa", "abcab bcabc"]
    strings = count_strings(lines)
    sizes = nested_sizes(lines, kind="bpe", character_coverage=coverage, max_size=10_000)
    for size in (60, 61, 62, 75, 100, 150, 220):
        model = train_sentencepiece(lines, size, kind="bpe", character_coverage=coverage)
        trained, nested = token_counts(model, strings), sizes.counts(size)
        assert Counter(trained[trained > 0]) == Counter(nested[nested > 0])


@pytest.mark.parametrize("seed", range(3))
def test_unigram_sizes_have_the_alp_of_training_each(seed):
    lines = generated(seed=seed)
    strings, samples = count_strings(lines), len(lines) / 10
    sizes = nested_sizes(lines, kind="unigram", max_size=10_000)
    for size in (60, 80, 120, 160, 200, 220):
        trained = average_log_probability(
            token_counts(train_sentencepiece(lines, size), strings), samples
        )
        nested = average_log_probability(sizes.counts(size), samples)
        assert nested == pytest.approx(trained, rel=2e-3), size


def test_rounds_are_told_before_each_with_about_how_many_there_will_be():
    told = []
    lines = generated(seed=1)
    sizes = nested_sizes(
        lines, kind="unigram", max_size=10_000, told=lambda done, total: told.append((done, total))
    )
    sizes.counts(60)
    assert [done for done, _ in told] == list(range(len(told))) and len(told) > 3
    assert all(done < total for done, total in told)
    # the first round lets go of more than its share, so the first guess is too long if anything
    assert len(told) <= told[0][1] <= 3 * len(told)
    sizes.counts(120)
    assert len(told) == told[-1][0] + 1


@pytest.mark.parametrize("kind", KINDS)
def test_refusals_name_the_sizes_that_training_names(kind):
    lines = generated()
    sizes = nested_sizes(lines, kind=kind, max_size=50_000)
    for size, refused, bound in (
        (50_000, VocabularyTooLarge, "largest"),
        (5, VocabularyTooSmall, "smallest"),
    ):
        with pytest.raises(refused) as nested:
            sizes.counts(size)
        with pytest.raises(refused) as trained:
            train_sentencepiece(lines, size, kind=kind)
        assert getattr(nested.value, bound) == getattr(trained.value, bound)
    assert sizes.counts(getattr(sizes_largest := nested.value, "largest", 60)).sum() > 0
    assert sizes_largest is not None


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_can_be_asked_in_any_order_and_lines_come_in_any_order(kind):
    lines = generated()
    upwards = nested_sizes(lines, kind=kind, max_size=300)
    downwards = nested_sizes(list(reversed(lines)), kind=kind, max_size=300)
    asked = [70, 100, 150, 200]
    first = {size: upwards.counts(size).tolist() for size in asked}
    second = {size: downwards.counts(size).tolist() for size in reversed(asked)}
    assert first == second


def test_more_pieces_never_need_more_tokens_in_bpe():
    sizes = nested_sizes(generated(), kind="bpe", max_size=300)
    totals = [sizes.counts(size).sum() for size in range(60, 300, 7)]
    assert all(after <= before for before, after in pairwise(totals))


@pytest.mark.slow
@pytest.mark.skipif(not MONO.is_dir(), reason="shared data absent")
@pytest.mark.parametrize(("language", "coverage"), [("wol", 1.0), ("khm", 1.0), ("ja", 0.9995)])
def test_real_text_has_the_alp_of_training_each(language, coverage):
    lines = (MONO / f"{language}.txt").read_text(encoding="utf-8").splitlines()[:4_000]
    strings, samples = count_strings(lines), len(lines) / 10
    sizes = nested_sizes(lines, kind="unigram", character_coverage=coverage, max_size=60_000)
    for size in (4_000, 6_000):
        model = train_sentencepiece(lines, size, character_coverage=coverage)
        trained = average_log_probability(token_counts(model, strings), samples)
        # pieces of equal worth, of which Japanese has many, go by rounding: 0.2% at 6,000 of them
        found = average_log_probability(sizes.counts(size), samples)
        assert found == pytest.approx(trained, rel=3e-3 if language == "ja" else 1e-3)
