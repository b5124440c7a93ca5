"""The table of weightings weighs as a pack does."""

import importlib
from pathlib import Path

import pytest

from toy import LINES, drawn_pack
from unibridge.metrics import METRICS
from unibridge.text.labels import TaggedSentence
from unibridge.weighting.base import Weights

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def weighed(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("weighed")


def language_of(weighed, model):
    words = [line.split() for line in LINES]
    test = [TaggedSentence(tuple(w), ("B-LOC", *["O"] * (len(w) - 1))) for w in words]
    return weighed.Language(
        run=None,
        model=model,
        test=test,
        on_test=model.predict_sources(test),
        unlabelled=None,
        few=[],
        harmony_distances={"en": 1.0, "sw": 2.0},
    )


@pytest.mark.parametrize("temperature", [None, 0.5])
def test_predictions_are_the_packs_own(weighed, temperature):
    model = drawn_pack("ner", {"en": 0.3, "sw": 0.7})
    model.config.sentence_temperature = temperature
    one = language_of(weighed, model)
    weights = Weights({"en": 0.3, "sw": 0.7}, sentence_temperature=temperature)
    assert weighed.predictions(one, weights) == model.predict(one.test)


def test_a_weighting_is_compared_with_harmony_on_the_same_examples(weighed):
    one = language_of(weighed, drawn_pack("ner", {"en": 0.3, "sw": 0.7}))
    (harmony,) = weighed.rows(uriel=False)[weighed.HARMONY](one)
    beside = weighed.predictions(one, harmony)
    itself = weighed.scored(one, [harmony], beside)
    assert (itself.ahead.value, itself.ahead.low, itself.ahead.high) == (0, 0, 0)
    other = weighed.scored(one, [Weights({"en": 0.0, "sw": 1.0})], beside)
    gold = [one.task.gold(example) for example in one.test]
    metric = METRICS.resolve(one.task.metric)
    assert other.score - itself.score == pytest.approx(other.ahead.value)
    assert itself.score == pytest.approx(metric(gold, beside))
    assert weighed.mean_scored([itself, other]).ahead.value == other.ahead.value / 2
