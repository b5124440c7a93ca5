import math
import random
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from unibridge.errors import UnibridgeError
from unibridge.vocabulary.search import SEARCHES, SearchSettings, search_vocabulary
from unibridge.vocabulary.train import read_model, train_sentencepiece

MONO = Path(__file__).parents[2].parent / "shared" / "data" / "mono"

# Byte-pair encoding of abx ×3, yab ×2, zabx ×1 by hand. Nine pieces are <unk>, <s>, </s> and the
# six symbols; ab occurs 6 times, then abx 4, then ▁abx 3 times, each more than any other pair.
WORDS = ["abx abx abx", "yab yab zabx"]
COUNTS = {
    9: {"▁": 6, "a": 6, "b": 6, "x": 4, "y": 2, "z": 1},
    10: {"▁": 6, "ab": 6, "x": 4, "y": 2, "z": 1},
    11: {"▁": 6, "abx": 4, "ab": 2, "y": 2, "z": 1},
    12: {"▁abx": 3, "▁": 3, "abx": 1, "ab": 2, "y": 2, "z": 1},
}
SAMPLES = 2  # six words in samples of three
GROWING = ["scan", "nested"]  # both follow Algorithm 1


def alp_by_hand(size: int) -> float:
    counts = COUNTS[size].values()
    return sum(c * math.log(c / sum(counts)) for c in counts) / SAMPLES


def settings(**changed) -> SearchSettings:
    small = {"kind": "bpe", "initial_size": 9, "max_size": 14, "step": 1, "sample_words": 3}
    return SearchSettings(**(small | changed))


def count_words(text: str) -> float:
    return len(text.split())


def search(lines, chosen, **options):
    return search_vocabulary(lines, chosen, count_words=count_words, **options)


@pytest.mark.parametrize("name", GROWING)
def test_algorithm_1_by_hand_returns_the_size_whose_gain_fell_below_epsilon(name):
    # gains: 6.89 nats to 10 pieces, 2.98 to 11, 0.55 to 12
    result = search(WORDS, settings(search=name, epsilon=5.0))
    assert [row.size for row in result.trace] == [9, 10, 11]
    assert [row.alp for row in result.trace] == pytest.approx([alp_by_hand(s) for s in (9, 10, 11)])
    assert result.trace[0].gain is None
    assert result.trace[1].gain == pytest.approx(alp_by_hand(10) - alp_by_hand(9))
    assert result.size == 11
    assert {piece.piece for piece in read_model(result.model).pieces} >= {"ab", "abx"}
    assert result.samples == SAMPLES and result.words == 6
    assert result.trace[2].tokens_per_word == pytest.approx(sum(COUNTS[11].values()) / 6)


@pytest.mark.parametrize(("epsilon", "size"), [(10.0, 10), (5.0, 11), (1.0, 12)])
def test_a_smaller_epsilon_searches_further(epsilon, size):
    assert search(WORDS, settings(epsilon=epsilon)).size == size


def test_a_gain_equal_to_epsilon_ends_the_search():
    gain = search(WORDS, settings(epsilon=5.0)).trace[1].gain
    assert search(WORDS, settings(epsilon=gain)).size == 10


@pytest.mark.parametrize("name", GROWING)
def test_the_maximum_is_returned_untested_when_the_next_size_passes_it(name):
    result = search(WORDS, settings(search=name, epsilon=0.0, max_size=12, step=2))
    assert [row.size for row in result.trace] == [9, 11, 12]
    assert result.trace[-1].alp is None and result.trace[-1].gain is None
    assert result.size == 12 and len(read_model(result.model).pieces) == 12
    assert "maximum" in result.stopped


def test_a_maximum_that_is_one_of_the_sizes_is_tested_and_trained_once():
    result = search(WORDS, settings(epsilon=0.0, max_size=11))
    assert [row.size for row in result.trace] == [9, 10, 11]
    assert result.trace[-1].alp is not None


@pytest.mark.parametrize("name", GROWING)
def test_the_largest_possible_size_ends_the_search(name):
    result = search(WORDS, settings(search=name, epsilon=-1e9, step=4, max_size=1_000))
    assert "largest vocabulary the text can hold" in result.stopped
    assert result.size == result.trace[-1].size == len(read_model(result.model).pieces)
    with pytest.raises(UnibridgeError, match="too small"):
        search(WORDS, settings(search="fixed", size=result.size + 1))


def test_a_maximum_that_the_text_cannot_hold_ends_at_the_largest_possible_size():
    result = search(WORDS, settings(epsilon=-1e9, step=4_000, max_size=1_000))
    assert [row.size for row in result.trace] == [9, result.size]
    assert 9 < result.size < 1_000 and "largest vocabulary" in result.stopped


@pytest.mark.parametrize("name", GROWING)
def test_a_first_size_above_the_largest_possible_is_lowered_with_a_warning(name):
    result = search(WORDS, settings(search=name, initial_size=500, max_size=1_000))
    assert len(result.trace) == 1 and 12 < result.size < 500
    assert "initial_size" in result.warnings[0] and "500" in result.warnings[0]


@pytest.mark.parametrize("name", GROWING)
def test_signed_gains_stop_at_a_fall_and_absolute_ones_go_on(name):
    falling = ["c abbb b b abbb b b abbb abbb b a c"]
    chosen = {"initial_size": 7, "max_size": 9, "epsilon": 0.5, "sample_words": 12}
    chosen["search"] = name
    signed = search(falling, settings(**chosen))
    absolute = search(falling, settings(**chosen, signed=False))
    assert signed.trace[-1].gain < -0.5 and signed.size == 8
    assert absolute.size == 9


def test_alp_does_not_depend_on_the_length_of_lines():
    short = search([word for line in WORDS for word in line.split()], settings())
    assert [row.alp for row in short.trace] == pytest.approx(
        [row.alp for row in search([" ".join(WORDS)], settings()).trace]
    )


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_every_search_returns_a_model_of_the_size_it_names(name, kind):
    seen = []
    result = search(WORDS, settings(search=name, kind=kind, size=10), progress=seen.append)
    assert len(read_model(result.model).pieces) == result.size == result.trace[-1].size
    assert seen == result.trace
    assert result.stopped and result.kind == kind


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_nested_chooses_what_the_scan_chooses_and_sentencepiece_trains_it(kind):
    draw = random.Random(0)
    parts = [a + b for a in "bdfgklmn" for b in ["a", "e", "é", "oo"]]
    words = ["".join(draw.choices(parts, k=draw.randint(1, 4))) for _ in range(300)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    lines = [" ".join(draw.choices(words, weights, k=9)) for _ in range(120)]
    asked = {"kind": kind, "initial_size": 30, "step": 10, "sample_words": 20, "epsilon": 1.5}
    nested, scan = (
        search_vocabulary(lines, SearchSettings(search=name, **asked)) for name in GROWING
    )
    assert nested.size == scan.size > 50
    assert nested.model == train_sentencepiece(lines, nested.size, kind=kind)
    assert [row.alp for row in nested.trace] == pytest.approx(
        [row.alp for row in scan.trace], rel=1e-3
    )
    assert nested.trace[0].unknown_share == scan.trace[0].unknown_share == 0


def test_verifying_trains_the_chosen_size_and_its_neighbours():
    result = search(WORDS, settings(search="nested", verify=True))
    assert [row.size for row in result.verified] == [10, 11, 12]
    for row in result.verified:
        assert row.nested == row.trained == pytest.approx(alp_by_hand(row.size))
        assert row.difference == 0
    assert search(WORDS, settings(search="nested")).verified == []


@pytest.mark.parametrize(("answer", "share"), [("largest", 1), ("quarter", 4)])
def test_a_fixed_size_above_the_largest_possible_follows_the_setting(answer, share):
    lines = [f"{a}{b}{c} {c}{b} {b}{a}" for a in "abcd" for b in "efgh" for c in "ijkl"]
    asked = {"search": "fixed", "size": 5_000, "kind": "bpe"}
    with pytest.raises(UnibridgeError, match=r"at most \d+") as refusal:
        search(lines, SearchSettings(**asked))
    assert refusal.value.where == "vocabulary.size" and "5,000" in refusal.value.what
    largest = search(lines, SearchSettings(**asked, on_too_large="largest"))
    assert f"at most {largest.size}" in refusal.value.do
    result = search(lines, SearchSettings(**asked, on_too_large=answer))
    assert result.size == largest.size // share
    assert "5,000" in result.warnings[0]


def test_a_quarter_never_falls_below_the_characters():
    chosen = settings(search="fixed", size=500, on_too_large="quarter")
    assert search(WORDS, chosen).size == 9


def test_coverage_is_decided_by_the_writing():
    lines = ["ab ba aab bba"] * 600 + ["abq"]
    chosen = settings(search="fixed", size=8)
    assert search(lines, chosen, language="ja").character_coverage == 0.9995
    assert search(lines, chosen, language="ja").trace[0].unknown_share > 0
    assert search(lines, chosen.model_copy(update={"size": 9})).character_coverage == 1.0


def test_words_are_counted_by_script_unless_told_otherwise():
    assert search_vocabulary(WORDS, settings(sample_words=6)).words == 6


def test_no_words_and_unknown_searches_are_users_errors():
    with pytest.raises(UnibridgeError, match="no words"):
        search(["", " "], settings())
    with pytest.raises(UnibridgeError, match="Did you mean 'scan'"):
        search(WORDS, settings(search="scam"))
    with pytest.raises(ValidationError, match="max_size"):
        settings(max_size=8)
    with pytest.raises(ValidationError):
        settings(character_coverage=1.5)


@pytest.mark.slow
@pytest.mark.skipif(not MONO.is_dir(), reason="shared data absent")
def test_real_amharic_gives_a_size_like_the_published_ones():
    lines = (MONO / "amh.txt").read_text(encoding="utf-8").splitlines()
    result = search_vocabulary(lines, language="am")
    assert 8_000 <= result.size <= 51_000
    assert result.trace[-1].gain <= 5.0 < result.trace[-2].gain


@pytest.mark.parametrize("joiner", [" ", ""])
def test_one_long_line_takes_the_time_and_gives_the_words_of_the_same_lines(joiner):
    draw = random.Random(1)
    han = [chr(0x4E00 + n) for n in range(40)]
    words = ["".join(draw.choices(han, k=3)) for _ in range(50)]
    lines = [joiner.join(draw.choices(words, k=9)) + ("" if joiner else "。") for _ in range(600)]
    settings = SearchSettings(search="fixed", size=60)
    spread = search_vocabulary(lines, settings)
    started = time.perf_counter()
    single = search_vocabulary([joiner.join(lines * 20)], settings)
    assert time.perf_counter() - started < 30  # minutes, before
    assert single.words == pytest.approx(20 * spread.words) and single.size == spread.size
