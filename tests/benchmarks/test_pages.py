"""What the comparisons say follows from their rows."""

import importlib
from pathlib import Path

import pytest
from scipy.stats import ttest_rel

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark_module(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


def row(variant, language, seed, score, **more):
    return {
        "variant": variant,
        "language": language,
        "target": language.upper(),
        "seed": seed,
        "score": score,
        "low": score - 2,
        "high": score + 2,
        "metric": "F1",
        "label": variant,
        "steps": 20,
        "loss_before": 9.0,
        "loss": 5.0,
        "curve": [[0, 9.0], [20, 5.0]],
        "counts": {"lexical": 1, "semantic": 1, "mixed": 1, "random": 1},
        "vocabulary": 100,
        "alp": -50.0,
        "held_out_precision": None,
        "seconds": 1.0,
        "translations": 0,
        **more,
    }


SCORES = {
    "am": {"separate": (40.0, 41.0, 42.5), "joint": (35.0, 34.5, 36.0)},
    "so": {"separate": (20.0, 21.0, 22.0), "joint": (30.0, 30.5, 33.0)},
    "km": {"separate": (20.0, 21.0, 22.0), "joint": (30.0, 12.5, 21.0)},
}


def rows_of(*languages):
    return [
        row(variant, language, seed, score)
        for language in languages
        for variant, scores in SCORES[language].items()
        for seed, score in enumerate(scores)
    ]


def test_a_difference_is_paired_by_seed_with_its_t_interval(benchmark_module):
    cells = benchmark_module("cells")
    found = cells.by_cell(rows_of("am"))
    measured = cells.difference(found["joint", "am"], found["separate", "am"])
    expected = ttest_rel(SCORES["am"]["joint"], SCORES["am"]["separate"]).confidence_interval()
    assert measured.interval == pytest.approx((expected.low, expected.high))
    assert measured.clear
    alone = cells.difference(found["joint", "am"][:1], found["separate", "am"])
    assert alone.mean == -5 and alone.interval is None and not alone.clear


@pytest.mark.parametrize(
    ("languages", "says"),
    [
        (("am", "km"), "`joint` does not beat `separate` downstream, and is behind it in am**"),
        (("so",), "`joint` beats `separate` downstream**"),
        (("am", "so", "km"), "downstream in so only, and is behind it in am**"),
    ],
)
def test_the_first_line_says_whether_joint_beats_separate(benchmark_module, languages, says):
    page = benchmark_module("initialisers").page(rows_of(*languages), "curves.png")
    assert says in page.splitlines()[0]


def test_every_language_has_its_panel_of_curves(benchmark_module):
    figure = benchmark_module("initialisers").curves(rows_of("am", "so", "km"))
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in panels] == ["AM", "SO", "KM"]
    assert all(len(axes.lines) == 2 for axes in panels)


def test_the_seeds_are_told_by_language(benchmark_module):
    cells = benchmark_module("cells")
    several = rows_of("am", "so")
    assert cells.seeds_of(several) == "3 seeds"
    alone = [row("joint", "lij", 0, 20.0), row("separate", "lij", 0, 21.0)]
    assert cells.seeds_of(alone) == "one seed"
    assert cells.seeds_of(several + alone) == "3 seeds (am, so) and one seed (lij)"
    first = benchmark_module("initialisers").page(several + alone, "curves.png").splitlines()[0]
    assert "over 3 seeds (am, so) and one seed (lij)" in first and "lij −1.0" in first


def test_six_sizes_lie_around_the_chosen_one(benchmark_module):
    around = benchmark_module("alp_choice").around
    assert around(1000, 10**6) == [500, 707, 1000, 1414, 2000, 2828]
    assert around(1000, 1500) == [250, 354, 500, 707, 1000, 1414]
    assert len(around(1000, 1000)) == 6 and max(around(1000, 1000)) == 1000


def test_the_choice_is_judged_by_the_best_sizes_interval(benchmark_module):
    alp_choice = benchmark_module("alp_choice")
    sizes = {"50-pieces": (50, 30.0), "chosen": (100, 33.5), "200-pieces": (200, 35.0)}
    rows = [
        row(name, "am", 0, score, vocabulary=size, alp=-100.0 + size / 10)
        for name, (size, score) in sizes.items()
    ]
    within, correlation, best = alp_choice.judged(rows, "am")
    assert (within, best) == (True, "200-pieces") and correlation == pytest.approx(1)
    worse = [{**r, "score": 32.0} if r["variant"] == "chosen" else r for r in rows]
    assert not alp_choice.judged(worse, "am")[0]
    assert "in 1 of 1 languages" in alp_choice.page(rows).splitlines()[0]
