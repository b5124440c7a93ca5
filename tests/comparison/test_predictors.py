from dataclasses import replace

import numpy as np
import pytest

from toy import LINES, toy_base
from toy_study import Toy, write_study
from unibridge.comparison import predictors
from unibridge.comparison.predictors import (
    CHANCE,
    ELSEWHERE,
    FITTED,
    correlations,
    ndcg,
    predict,
    qualities,
    read_predictors,
    write_predictors,
)
from unibridge.comparison.rankers import RANKERS
from unibridge.comparison.rankers.base import RankerSettings
from unibridge.comparison.rows import read_study
from unibridge.comparison.scores import transfer_matrices
from unibridge.comparison.settings import ComparisonSettings

SETTINGS = ComparisonSettings(samples=100)
SOURCES, TARGETS = tuple("abcdef"), tuple("stuvwxyz")
CLOSE = {
    (s, t): float((3 * i + 5 * j) % 7) for i, s in enumerate(SOURCES) for j, t in enumerate(TARGETS)
}
NOISE = dict(zip(CLOSE, np.random.default_rng(1).random(len(CLOSE)), strict=True))


@pytest.fixture(scope="module")
def matrix(tmp_path_factory):
    toy = Toy(lambda task, s, t, steps: 2 * CLOSE[s, t], base=lambda t: 30, noise=0.3)
    folder = write_study(tmp_path_factory.mktemp("s") / "s", toy.cells(SOURCES, TARGETS))
    return transfer_matrices(read_study(folder), SETTINGS)[0]


def test_a_planted_predictor_is_found_and_noise_is_not(matrix):
    close, noise = correlations(matrix, {"noise": NOISE, "close": CLOSE}, SETTINGS, resamples=200)
    assert (close.predictor, noise.predictor) == ("close", "noise")
    assert close.low > 0.8 and close.within_low > 0.8 and close.pairs == len(CLOSE)
    assert noise.low < 0 < noise.high


def test_what_ranks_the_studied_pairs_is_told_from_what_does_not(matrix):
    table = {"noise": NOISE, "close": CLOSE}
    found = {one.predictor: one for one in qualities(matrix, table, SETTINGS)}
    assert found["close"].ndcg > 0.95 > found["noise"].high
    assert found[CHANCE].ndcg < found["close"].low
    # the others' gains say nothing of a target here, and the regression finds what does
    assert found[ELSEWHERE].ndcg < found["close"].low <= found[FITTED].high
    assert found[FITTED].targets == len(TARGETS)


def test_ndcg_is_what_a_hand_finds():
    gains = np.array([5.0, 3.0, 1.0, -2.0])
    assert ndcg(gains, gains) == 1
    worth = np.array([1023, 511, 255, 127])
    discount = 1 / np.log2([2, 3, 4])
    worst = (worth[[3, 2, 1]] * discount).sum() / (worth[:3] * discount).sum()
    assert ndcg(-gains, gains) == pytest.approx(worst)
    even = worth.mean() * discount.sum() / (worth[:3] * discount).sum()
    assert ndcg(np.zeros(4), gains) == pytest.approx(even)
    assert np.isnan(ndcg(np.array([1.0, np.nan]), np.array([1.0, 2.0])))


def test_a_target_that_is_ranked_is_left_out_of_what_is_learnt(matrix):
    """Its own gains may be anything: what the others teach stays."""
    own = matrix.gain.copy()
    own[:, 0] = 100 * np.arange(len(SOURCES))
    changed = replace(matrix, gain=own)
    values = {n: predictors.matrix_of(t, matrix) for n, t in (("c", CLOSE), ("n", NOISE))}
    asked = {name: value[:, 0] for name, value in values.items()}
    before, after = (
        predictors.fitted(one.across, values, without=0)(asked) for one in (matrix, changed)
    )
    assert np.array_equal(before, after) and before.std() > 0
    mine, theirs = (predictors.elsewhere(one)[:, 0] for one in (matrix, changed))
    assert np.allclose(mine, theirs)


def test_predictors_are_kept_with_a_study(tmp_path):
    write_predictors(tmp_path, {"close": CLOSE})
    assert read_predictors(tmp_path) == {"close": CLOSE}
    assert read_predictors(tmp_path / "none") == {}


TEXTS = {
    "near": LINES[:3],
    "far": [line[::-1] for line in LINES[:3]],
    "target": LINES[:3],
}


@pytest.mark.parametrize("name", ["word-overlap", "piece-overlap", "nearest", "subnetwork"])
def test_rankers_that_read_text_prefer_text_that_is_alike(name):
    base = toy_base("bert")
    settings = RankerSettings(neighbours=1, depth=0.0)
    found = predict(
        ["near", "far"], ["target"], TEXTS, base=base, rankers=[name], settings=settings
    )
    assert not found.left_out
    assert found.table[name]["near", "target"] > found.table[name]["far", "target"]


def test_a_base_is_left_as_it_was_by_its_sub_networks():
    base = toy_base("bert")
    before = {n: w.clone() for n, w in base.model.state_dict().items()}
    trained = [w.requires_grad for w in base.model.parameters()]
    predict(["near"], ["target"], TEXTS, base=base, rankers=["subnetwork"])
    assert all(before[n].equal(w) for n, w in base.model.state_dict().items())
    assert trained == [w.requires_grad for w in base.model.parameters()]
    assert all(w.grad is None for w in base.model.parameters())


def test_what_cannot_be_asked_is_left_out_with_its_reason():
    found = predict(["near"], ["target"], {}, rankers=["word-overlap", "nearest", "none"])
    assert found.left_out == {"word-overlap": "needs plain text", "nearest": "needs plain text"}
    assert list(found.table) == ["none"]
    without = predict(["near"], ["target"], {"target": LINES}, rankers=["word-overlap"])
    assert "there is no text of near" in without.left_out["word-overlap"]


def test_words_and_pieces_that_two_languages_share_have_a_name_each(tmp_path):
    texts = {"near": ["boats sail"], "target": ["boat sails"]}
    tokenizer = toy_base("bert").tokenizer
    names = ["word-overlap", "piece-overlap"]
    found = predict(["near"], ["target"], texts, tokenizer=tokenizer, rankers=names)
    assert found.table["word-overlap"]["near", "target"] == 0
    assert found.table["piece-overlap"]["near", "target"] > 0
    alone = predict(["near"], ["target"], texts, rankers=names)
    assert alone.left_out == {"piece-overlap": "needs a base model's tokenizer"}
    # a study from before says neither
    write_predictors(tmp_path, {"overlap": {("a", "b"): 1.0}, **found.table})
    assert set(read_predictors(tmp_path)) == set(names)


def test_fewer_lines_are_asked_for_than_given():
    settings = RankerSettings(lines=25)
    texts = dict.fromkeys(("near", "target"), LINES * 20)
    few = predict(["near"], ["target"], texts, rankers=["word-overlap"], settings=settings)
    assert few.table["word-overlap"]["near", "target"] == pytest.approx(0.5)
    assert "none" in RANKERS
