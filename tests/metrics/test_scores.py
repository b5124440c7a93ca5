import random

import numpy as np
import pytest
from seqeval.metrics import f1_score, precision_score, recall_score

from unibridge.errors import UnibridgeError
from unibridge.metrics import (
    MACRO_F1,
    METRICS,
    SPAN_F1,
    accuracy,
    bootstrap_difference,
    bootstrap_interval,
    macro_f1,
    resampled_scores,
    scores,
    span_f1,
    span_scores,
    spans,
)

# of labels; those of answers are in tests/tasks/test_qa.py
LABELLED = ["span_f1", "accuracy", "macro_f1", "uas", "las"]


def random_tags(generator, count, prefixes="BI"):
    """Sequences that are mostly no valid IOB2, one-word and all-O sentences among them."""
    choices = ["O"] + [f"{prefix}-{kind}" for prefix in prefixes for kind in ("PER", "LOC-X", "A")]
    return [generator.choices(choices, k=generator.randint(1, 9)) for _ in range(count)]


def noisy(generator, gold, share):
    labels = sorted({tag for tags in gold for tag in tags})
    return [
        [generator.choice(labels) if generator.random() < share else tag for tag in tags]
        for tags in gold
    ]


def predictions_for(metric, count, share, seed):
    generator = random.Random(seed)
    if metric == "span_f1":
        gold = random_tags(generator, count)
        return gold, noisy(generator, gold, share)
    gold = [generator.choice("aabc") for _ in range(count)]
    return gold, [one[0] for one in noisy(generator, [[label] for label in gold], share)]


@pytest.mark.filterwarnings("ignore:.*seems not to be NE tag", "ignore:.*ill-defined")
@pytest.mark.parametrize("prefixes", ["BI", "BIES"])
@pytest.mark.parametrize("seed", range(20))
def test_span_f1_is_seqevals(seed, prefixes):
    generator = random.Random(seed)
    gold = random_tags(generator, 30, prefixes)
    predicted = noisy(generator, gold, 0.3)
    scores = span_scores(gold, predicted)
    assert span_f1(gold, predicted) == pytest.approx(100 * f1_score(gold, predicted))
    assert scores["span_f1"] == pytest.approx(100 * f1_score(gold, predicted))
    assert scores["precision"] == pytest.approx(100 * precision_score(gold, predicted))
    assert scores["recall"] == pytest.approx(100 * recall_score(gold, predicted))
    for kind in ("PER", "LOC-X", "A"):
        only = [[t if t.endswith("-" + kind) else "O" for t in tags] for tags in gold]
        also = [[t if t.endswith("-" + kind) else "O" for t in tags] for tags in predicted]
        assert scores[f"span_f1 {kind}"] == pytest.approx(100 * f1_score(only, also))


@pytest.mark.filterwarnings("ignore:.*seems not to be NE tag")
@pytest.mark.parametrize("seed", range(20))
def test_parts_of_speech_are_scored_as_xtreme_has_seqeval_do_it(seed):
    draw = random.Random(seed)
    tags = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X _"
    gold = [draw.choices(tags.split(), k=draw.randint(1, 12)) for _ in range(30)]
    # few tags beside each other, so that runs are frequent
    gold += [draw.choices(["NOUN", "SYM", "CCONJ", "SCONJ"], k=9) for _ in range(10)]
    said = [[t if draw.random() < 0.8 else draw.choice(tags.split()) for t in row] for row in gold]
    assert METRICS["xtreme_pos_f1"](gold, said) == pytest.approx(100 * f1_score(gold, said))


def test_spans_by_hand():
    tags = ["B-PER", "I-PER", "I-LOC", "O", "I-LOC", "B-LOC", "B-LOC"]
    assert spans(tags) == {
        ("PER", 0, 2),
        ("LOC", 2, 3),
        ("LOC", 4, 5),
        ("LOC", 5, 6),
        ("LOC", 6, 7),
    }
    assert spans([]) == set()


def test_nothing_to_find_and_nothing_found_scores_zero():
    assert span_f1([["O", "O"]], [["O", "O"]]) == 0
    assert span_f1([["O"]], [["B-A"]]) == 0


def test_accuracy_counts_words_or_texts():
    assert accuracy(["a", "b", "b"], ["a", "b", "a"]) == pytest.approx(200 / 3)
    assert accuracy([["X"], ["X", "Y", "X"]], [["Y"], ["X", "Y", "X"]]) == 75


def test_macro_f1_by_hand():
    gold, predicted = ["a", "a", "b", "c"], ["a", "b", "b", "d"]
    # a: P 1, R 1/2; b: P 1/2, R 1; c and d: 0
    assert macro_f1(gold, predicted) == pytest.approx(100 * (2 / 3 + 2 / 3 + 0 + 0) / 4)
    assert macro_f1(["a"], ["a"]) == 100


@pytest.mark.parametrize("name", LABELLED)
def test_the_interval_is_that_of_scoring_every_resample(name):
    metric = METRICS[name]
    gold, predicted = predictions_for(name, 60, 0.3, seed=5)
    generator = np.random.default_rng(0)
    rescored = []
    for _ in range(600):
        chosen = generator.integers(len(gold), size=len(gold))
        rescored.append(metric([gold[i] for i in chosen], [predicted[i] for i in chosen]))
    low, high = bootstrap_interval(gold, predicted, metric, samples=20_000, seed=1)
    assert low < metric(gold, predicted) < high
    # both ends are estimated; one standard error of these quantiles is about 0.7 points
    assert (low, high) == pytest.approx(np.quantile(rescored, [0.025, 0.975]), abs=2)


@pytest.mark.parametrize("name", LABELLED)
def test_intervals_depend_on_the_seed_only(name):
    metric = METRICS[name]
    gold, predicted = predictions_for(name, 80, 0.3, seed=6)
    state = np.random.get_state()[1].copy()
    first = bootstrap_interval(gold, predicted, metric, seed=1)
    assert first == bootstrap_interval(gold, predicted, metric, seed=1)
    assert first != bootstrap_interval(gold, predicted, metric, seed=2)
    narrow = bootstrap_interval(gold, predicted, metric, seed=1, level=0.5)
    assert first[0] < narrow[0] < narrow[1] < first[1]
    assert (np.random.get_state()[1] == state).all()


@pytest.mark.parametrize("name", LABELLED)
def test_a_difference_is_paired(name):
    metric = METRICS[name]
    gold, better = predictions_for(name, 200, 0.1, seed=7)
    generator = random.Random(8)
    sequences = [one if isinstance(one, list) else [one] for one in better]
    worse = noisy(generator, sequences, 0.5)
    worse = worse if isinstance(better[0], list) else [one[0] for one in worse]
    difference = bootstrap_difference(gold, better, worse, metric, seed=0)
    assert difference.value == pytest.approx(metric(gold, better) - metric(gold, worse))
    assert 0 < difference.low < difference.value < difference.high
    assert difference.p < 0.01
    same = bootstrap_difference(gold, better, better, metric, seed=0)
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_a_thousand_resamples_of_many_sentences_are_quick():
    gold, predicted = predictions_for("span_f1", 200, 0.3, seed=9)
    counts = SPAN_F1.count(gold, predicted)
    many = type(SPAN_F1)("many", lambda *_: np.tile(counts, (500, 1)), SPAN_F1.score)
    low, high = bootstrap_interval(gold * 500, predicted * 500, many)
    # 100,000 sentences: the interval shrinks with the square root of their number
    assert 0 < high - low < 1


def test_what_does_not_fit_is_refused():
    with pytest.raises(UnibridgeError, match="1 predictions for 2 gold"):
        accuracy(["a", "b"], ["a"])
    with pytest.raises(UnibridgeError, match="example 2 has 2 gold tags and 1"):
        span_f1([["O"], ["O", "O"]], [["O"], ["O"]])
    with pytest.raises(UnibridgeError, match="no example"):
        macro_f1([], [])


def test_ten_thousand_classes_are_scored_as_few_are(monkeypatch):
    draw = random.Random(0)
    gold = [f"c{draw.randrange(10_000)}" for _ in range(20_000)]
    predicted = [label if draw.random() < 0.5 else f"c{draw.randrange(10_000)}" for label in gold]
    score = MACRO_F1(gold, predicted)
    low, high = bootstrap_interval(gold, predicted, MACRO_F1, samples=20)
    assert 0 < low <= score <= high < 100 and 30 < score < 70
    part = slice(0, 300)
    few = [side[part] for side in (gold, predicted)]
    dense = MACRO_F1(*few)
    monkeypatch.setattr(scores, "_DENSE_CLASSES", 0)
    assert MACRO_F1(*few) == pytest.approx(dense)
    difference = bootstrap_difference(few[0], few[1], few[0], MACRO_F1, samples=20)
    assert difference.value == pytest.approx(dense - 100)


@pytest.mark.parametrize("name", ["macro_f1", "accuracy"])
@pytest.mark.parametrize("classes", [2, 5, 40, 300, 3000])
def test_an_interval_is_around_its_score_however_many_classes(classes, name):
    metric = METRICS[name]
    for seed in range(3):
        draw = random.Random(f"{classes} {seed}")
        labels = [f"c{number}" for number in range(classes)]
        gold = draw.choices(labels, [1 / (1 + n) ** (seed % 3) for n in range(classes)], k=400)
        right = draw.choice([0.1, 0.5, 0.9, 1.0])
        predicted = [one if draw.random() < right else draw.choice(labels) for one in gold]
        other = [one if draw.random() < 0.5 else draw.choice(labels) for one in gold]
        low, high = bootstrap_interval(gold, predicted, metric, samples=300, seed=seed)
        assert 0 <= low <= metric(gold, predicted) + 1e-9 and high <= 100
        assert metric(gold, predicted) <= high + 1e-9
        difference = bootstrap_difference(gold, predicted, other, metric, samples=300, seed=seed)
        assert difference.low - 1e-9 <= difference.value <= difference.high + 1e-9
        both = resampled_scores(
            [metric.count(gold, predicted), metric.count(gold, other)], metric, samples=300
        )
        low, high = np.quantile(both, [0.025, 0.975], axis=0)
        values = [metric(gold, predicted), metric(gold, other)]
        assert (low <= np.add(values, 1e-9)).all() and (np.subtract(values, 1e-9) <= high).all()
