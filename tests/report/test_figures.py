"""Figures are checked by what they draw: the artists' data, and the SVG that comes out."""

import re

import matplotlib
import pytest

from unibridge.evaluation.records import Result
from unibridge.methods import METHODS
from unibridge.report import figures
from unibridge.report.scores import method_scores

TRACE = [
    {"size": 500, "alp": -60.0, "gain": None},
    {"size": 1000, "alp": -48.0, "gain": 12.0},
    {"size": 1500, "alp": -45.0, "gain": 3.0},
    {"size": 2000, "alp": None, "gain": float("nan")},
]
CURVE = [
    {"step": 10, "train_loss": 5.0, "mlm": 4.0, "kl": 1.0, "valid_loss": 4.5},
    {"step": 20, "train_loss": 3.5, "mlm": 3.0, "kl": 0.5, "valid_loss": None},
]
POINTS = [
    {"start": start, "sentences": n, "score": score, "low": score - 2.0, "high": score + 3.0}
    for start, n, score in (
        *(("transferred", 0, 27.0), ("transferred", 10, 33.0), ("scratch", 10, 8.0)),
        *(("transferred", 50, 48.0), ("scratch", 50, 30.0)),
    )
]


def rows():
    scores = {"floor": 25.0, "mad-x": 3.0, "unibridge": 41.0, "ceiling": 88.0}
    return method_scores(
        Result(m, m.upper(), "am", "ner", "F1", s, s - 2, s + 2, 100, 0, role=METHODS[m].role)
        for m, s in scores.items()
    )


FIGURES = {
    "trace": lambda: figures.vocabulary_trace(TRACE, 1500, 5.0),
    "curves": lambda: figures.loss_curves({"am": CURVE, "en": CURVE[:1], "ru": CURVE}),
    "weights": lambda: figures.weight_bars({"en": 0.7, "ru": 0.3}),
    "scores": lambda: figures.score_dots(rows()),
    "few-shot": lambda: figures.few_shot_curve(POINTS, "F1"),
}


def texts(figure):
    return [t.get_text() for t in figure.findobj(matplotlib.text.Text) if t.get_text()]


@pytest.mark.parametrize("name", FIGURES)
def test_drawing_is_repeatable_and_leaves_matplotlib_as_it_was(name, tmp_path):
    before = dict(matplotlib.rcParams)
    first, second = (figures.to_svg(FIGURES[name](), name, 'a "b"') for _ in range(2))
    figures.save_png(FIGURES[name](), tmp_path / "x.png")
    assert first == second
    assert dict(matplotlib.rcParams) == before
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", FIGURES)
def test_svg_is_themed_labelled_and_refers_to_nothing_outside(name):
    svg = figures.to_svg(FIGURES[name](), name, 'a "b"')
    assert svg.startswith("<svg ") and 'role="img" aria-label="a &quot;b&quot;"' in svg
    assert all(part.startswith(f"{name}-") for part in re.findall(r'\bid="([^"]*)"', svg))
    assert all(part.startswith(f"#{name}-") for part in re.findall(r'href="([^"]*)"', svg))
    assert "var(--ink)" in svg
    assert figures.INK not in svg and figures.BLUE not in svg


def test_trace_draws_measured_points_only_and_marks_the_choice_and_epsilon():
    figure = figures.vocabulary_trace(TRACE, 1500, 5.0)
    above, below = figure.axes
    assert list(above.lines[0].get_xdata()) == [500, 1000, 1500]
    assert list(below.lines[0].get_ydata()) == [12.0, 3.0]
    assert {"chosen: 1,500", "stop below 5"} <= set(texts(figure))


def test_sizes_trained_for_real_are_marked_in_the_trace():
    verified = [{"size": 1000, "nested": -40.0, "trained": -41.0, "difference": -1.0}]
    above, _ = figures.vocabulary_trace(TRACE, 1500, 5.0, verified).axes
    assert (list(above.lines[1].get_xdata()), list(above.lines[1].get_ydata())) == ([1000], [-41.0])


@pytest.mark.parametrize("objective", ["mlm", "clm", "denoising"])
def test_curves_show_the_language_models_part_beside_the_held_out_loss(objective):
    curve = [{objective if key == "mlm" else key: v for key, v in row.items()} for row in CURVE]
    figure = figures.loss_curves({"am": curve})
    drawn = {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].lines}
    assert drawn == {"training": [4.0, 3.0], "held out": [4.5], "KL to the teacher": [1.0, 0.5]}


def test_curves_without_parts_show_the_training_loss_and_every_stage_has_a_panel():
    rows = [{"step": 1, "train_loss": 2.0}]
    figure = figures.loss_curves({"en": rows, "ru": rows, "ja": rows})
    seen = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title("left") for axes in seen] == ["en", "ru", "ja"]
    assert all([line.get_label() for line in axes.lines] == ["training"] for axes in seen)


def test_weights_are_bars_beside_the_uniform_line():
    figure = figures.weight_bars({"en": 0.7, "ru": 0.3})
    (axes,) = figure.axes
    assert sorted(bar.get_width() for bar in axes.patches) == [0.3, 0.7]
    assert list(axes.lines[0].get_xdata()) == [0.5, 0.5]


def test_scores_are_dots_with_intervals_and_floor_and_ceiling_are_bands():
    (axes,) = figures.score_dots(rows()).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["UNIBRIDGE", "MAD-X"]
    spans = [tuple(line.get_xdata()) for line in axes.lines]
    assert (39.0, 43.0) in spans and (41.0,) in spans and (25.0, 25.0) in spans
    assert sorted(round(band.get_width()) for band in axes.patches) == [4, 4]
    assert {"floor 25.0", "ceiling 88.0"} <= set(texts(axes.figure))


def test_both_starts_are_lines_and_zero_shot_belongs_to_the_transferred():
    (axes,) = figures.few_shot_curve(POINTS, "F1").axes
    drawn = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert drawn["from the transferred model"] == [[0, 27.0], [10, 33.0], [50, 48.0]]
    assert drawn["from nothing"] == [[10, 8.0], [50, 30.0]]
    edges = {y for band in axes.collections for _, y in band.get_paths()[0].vertices.tolist()}
    assert edges == {p[end] for p in POINTS for end in ("low", "high")}
