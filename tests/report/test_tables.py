from dataclasses import replace

import numpy as np
import pytest

from unibridge.evaluation.counts import packed
from unibridge.evaluation.records import Result
from unibridge.methods import METHODS
from unibridge.metrics import ACCURACY
from unibridge.report.scores import effort_table, method_scores, scores_table, targets_table
from unibridge.report.tables import (
    Cell,
    Table,
    decimal,
    duration,
    few_shot_table,
    html_table,
    markdown_table,
    signed,
    weights_table,
)


def result(method, score, half=2.0, **changes):
    base = Result(
        method=method,
        label=method,
        target="am",
        task="ner",
        metric="F1",
        score=score,
        low=score - half,
        high=score + half,
        examples=100,
        seed=0,
        role=METHODS[method].role if method in METHODS else "baseline",
    )
    return replace(base, **changes)


def test_seeds_are_averaged_and_their_spread_kept():
    rows = method_scores([result("unibridge", s, seed=i) for i, s in enumerate((40.0, 42.0, 47.0))])
    (row,) = rows
    assert (row.score, row.low, row.high) == (43.0, 41.0, 45.0)
    assert (row.seeds, row.spread) == (3, (40.0, 47.0))
    assert scores_table(rows).rows[0][-2:] == ("3", "40.0, 47.0")


def test_methods_keep_their_order_between_floor_and_ceiling():
    rows = method_scores([result(m, 1.0) for m in ("ceiling", "mad-x", "unibridge", "a", "floor")])
    assert [row.newest.method for row in rows] == ["floor", "mad-x", "unibridge", "a", "ceiling"]
    assert scores_table(rows).apart == {0, 4}


def test_without_counts_bold_are_the_best_and_those_whose_interval_overlaps_it():
    scores = {"floor": 95.0, "low": 30.0, "near": 47.0, "unibridge": 50.0, "ceiling": 99.0}
    rows = method_scores([result(m, s) for m, s in scores.items()])
    assert [row.newest.method for row in rows if row.tied] == ["near", "unibridge"]
    bold = [row[0] for row in scores_table(rows).rows if row[1].strong]
    assert bold == ["near", "unibridge"]


def counted(method, right, seed=0):
    """A result on 100 texts, of which those in `right` are right."""
    said = ["yes" if i in right else "no" for i in range(100)]
    return result(
        method,
        float(len(right)),
        seed=seed,
        metric="accuracy",
        half=9.0,
        counts=packed(ACCURACY.count(["yes"] * 100, said)),
    )


def test_bold_follows_the_paired_interval_where_rows_have_counts():
    # each is 5 points behind the best: one on the same texts, one on others
    best, same, other = set(range(60)), set(range(55)), set(range(35, 90))
    rows = method_scores([counted("best", best), counted("same", same), counted("other", other)])
    assert [row.newest.method for row in rows if row.tied] == ["best", "other"]


def test_old_rows_take_their_paired_interval_to_unibridge():
    ends = {"ahead": -2.0, "ahead_low": -2.9, "ahead_high": -1.1}
    behind = [result("unibridge", 50.0), result("mad-x", 48.0, **ends)]
    assert [row.newest.method for row in method_scores(behind) if row.tied] == ["unibridge"]
    ahead = {name: -value for name, value in zip(ends, (-2.0, -1.1, -2.9), strict=True)}
    before = [result("unibridge", 50.0), result("mad-x", 52.0, **ahead)]
    assert [row.newest.method for row in method_scores(before) if row.tied] == ["mad-x"]


def test_intervals_over_seeds_draw_seeds_and_examples_together():
    trainings = [set(range(20)), set(range(40)), set(range(60))]
    (row,) = method_scores([counted("unibridge", r, seed=i) for i, r in enumerate(trainings)])
    generator = np.random.default_rng(5)
    drawn = []
    for _ in range(4000):
        texts, seeds = generator.integers(100, size=100), generator.integers(3, size=3)
        drawn.append(np.mean([100 * np.mean(texts < 20 * (s + 1)) for s in seeds]))
    assert (row.low, row.high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=2)
    # far wider than what another test set alone would change
    assert row.high - row.low > 1.5 * 18


def test_differences_over_seeds_are_paired_by_seed_and_example():
    trainings = [set(range(20)), set(range(40)), set(range(60))]
    ours = [counted("unibridge", r, seed=i) for i, r in enumerate(trainings)]
    theirs = [counted("mad-x", r - {0, 1}, seed=i) for i, r in enumerate(trainings)]
    main, other = (
        next(row for row in method_scores(ours + theirs) if row.newest.method == name)
        for name in ("unibridge", "mad-x")
    )
    low, high = other.difference_ends
    # two of a hundred texts are wrong under every seed: seeds change nothing
    assert other.difference == -2.0 and -6 < low < -2 < high <= 0
    assert main.tied


def test_a_row_of_fewer_seeds_is_compared_under_those_that_both_have():
    ours = [counted("unibridge", set(range(n)), seed=i) for i, n in enumerate((20, 60))]
    theirs = [counted("mad-x", set(range(50)), seed=1)]
    other = next(r for r in method_scores(ours + theirs) if r.newest.method == "mad-x")
    low, high = other.difference_ends
    assert other.difference == -10.0 and low < -10 < high < 0
    elsewhere = [counted("mad-x", set(range(50)), seed=7)]
    other = next(r for r in method_scores(ours + elsewhere) if r.newest.method == "mad-x")
    assert other.difference == 10.0


def test_of_one_seed_the_newest_row_counts():
    rows = method_scores([result("unibridge", 10.0), result("unibridge", 20.0)])
    assert [(row.score, row.seeds) for row in rows] == [(20.0, 1)]


def test_differences_are_to_unibridge_in_points():
    rows = method_scores([result("mad-x", 12.5), result("unibridge", 40.0), result("x", 41.0)])
    assert [row.difference for row in rows] == [-27.5, None, 1.0]
    assert [row[3] for row in scores_table(rows).rows] == ["−27.5", "", "+1.0"]


def test_without_unibridge_there_is_no_column_of_differences():
    rows = method_scores([result("mad-x", 12.5), result("x", 41.0)])
    assert scores_table(rows).columns == ("Method", "F1", "95% interval")


def test_one_method_with_two_weightings_is_two_rows_that_can_be_told_apart():
    rows = method_scores(
        [
            result("unibridge", 40.0, weighting="harmony"),
            result("unibridge", 41.0, weighting="best"),
        ]
    )
    assert [row.label for row in rows] == ["unibridge (harmony)", "unibridge (best)"]


def test_a_method_missing_for_one_language_leaves_its_cell_empty():
    table = targets_table([result("a", 10.0), result("b", 20.0), result("a", 30.0, target="so")])
    assert table.columns == ("Method", "am", "so")
    assert [[c if isinstance(c, str) else c.text for c in row] for row in table.rows] == [
        ["a", "10.0 [8.0, 12.0]", "30.0 [28.0, 32.0]"],
        ["b", "20.0 [18.0, 22.0]", ""],
    ]


def test_effort_sets_the_published_row_apart_and_drops_empty_columns():
    rows = method_scores([result("unibridge", 40.0, steps=1200, tokens_seen=3_000_000)])
    table = effort_table(rows, {"unibridge": 5.0}, {"epochs": 50, "note": "paper"})
    assert table.columns == ("Method", "Epochs", "Steps", "Tokens seen", "Note")
    assert table.rows == [
        ("unibridge", "5", "1,200", "3,000,000", ""),
        ("Published", "50", "", "", "paper"),
    ]
    assert table.apart == {1}


def test_weights_come_largest_first():
    assert [row[0] for row in weights_table({"en": 0.2, "ru": 0.8}, {}).rows] == ["ru", "en"]


def test_few_shot_starts_stand_side_by_side():
    points = [
        {"start": start, "sentences": n, "score": score, "low": score - 1, "high": score + 1}
        for start, n, score in (
            ("transferred", 10, 5.0),
            ("scratch", 10, 3.0),
            ("transferred", 0, 4),
        )
    ]
    assert few_shot_table(points).rows == [
        ("0", "4.0 [3.0, 5.0]", ""),
        ("10", "5.0 [4.0, 6.0]", "3.0 [2.0, 4.0]"),
    ]


def test_markdown_is_aligned_and_escaped():
    table = Table(
        ("Token", "N"), "lr", [(Cell("a|b", True), "1"), ("*<x>_`", "22,000")], frozenset({1})
    )
    assert markdown_table(table).splitlines() == [
        r"| Token          |        N |",
        r"| -------------- | -------: |",
        r"| **a\|b**       |        1 |",
        r"| *\*&lt;x>\_\`* | *22,000* |",
    ]


def test_html_marks_language_numbers_and_rows_set_apart():
    table = Table(("T", "N"), "lr", [(Cell("<ሰ>", True, "am"), "1")], frozenset({0}), "a < b")
    html = html_table(table)
    assert '<td><strong><span lang="am" dir="auto">&lt;ሰ&gt;</span></strong></td>' in html
    assert "<tr class=apart>" in html and "<td class=n>1</td>" in html and "a &lt; b" in html


@pytest.mark.parametrize(
    ("value", "plain", "with_sign"),
    [(-27.5, "−27.5", "−27.5"), (0.0, "0.0", "0.0"), (-0.04, "0.0", "0.0"), (0.06, "0.1", "+0.1")],
)
def test_zero_has_no_sign(value, plain, with_sign):
    assert (decimal(value), signed(value)) == (plain, with_sign)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (3.21, "3.2 s"), (59.97, "1 min 00 s"), (125, "2 min 05 s"), (7384, "2 h 03 min")],
)
def test_durations_read_like_speech(seconds, text):
    assert duration(seconds) == text


def test_what_a_row_is_says_its_role_and_not_its_name():
    named = [result("floor-like", 9.0), result("mine", 8.0, role="ceiling", label="Mine")]
    rows = method_scores(named, reference="floor-like")
    assert [row.competes for row in rows] == [True, False]
    assert scores_table(rows).columns[-1] == "vs floor-like"
    assert "row less floor-like" in scores_table(rows).note
