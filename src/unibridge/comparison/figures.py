"""The figures of a study's report: a heat map, rankings, and curves over step counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from unibridge.comparison.intervals import Estimate
from unibridge.comparison.languages import Kin
from unibridge.comparison.rankings import Ranked
from unibridge.comparison.scores import Matrix
from unibridge.report.figures import BLUE, GREEN, GREY, INK, MUTED, ORANGE, RULE, STYLE, Hover
from unibridge.report.tables import decimal, signed

GAINS = LinearSegmentedColormap.from_list(
    "gains", ["#b34700", "#f2b48c", "#fafafa", "#8cc3e8", "#00507d"]
).with_extremes(bad=RULE)
# inches of a cell with a number in it, and of one without; so many languages still get numbers
_LARGE, _SMALL, _NUMBERS = 0.42, 0.155, 14
# inches of a letter of a family's name
_LETTER = 0.062
_WIDEST_RANKING = 32


@dataclass(frozen=True)
class HeatMap:
    """figure: targets down, sources across, relatives together. hover: what each cell holds."""

    figure: Figure
    hover: list[Hover]


def by_family(codes: Sequence[str], kin: Mapping[str, Kin]) -> list[str]:
    """Languages with their relatives: the largest families first, then genera, then by code."""
    sizes: dict[str, int] = {}
    for code in codes:
        sizes[kin[code].family] = sizes.get(kin[code].family, 0) + 1

    def place(code: str) -> tuple:
        own = kin[code]
        return own.family == "unknown", -sizes[own.family], own.family, own.genus, code

    return sorted(codes, key=place)


def heat_map(
    matrix: Matrix, kin: Mapping[str, Kin], *, alpha: float, names: Mapping[str, str]
) -> HeatMap:
    """Transfer scores in points; what is settled has a dot, or its number in bold.

    A cell of a language with itself is framed; one that was not measured is grey.
    """
    sources, targets = by_family(matrix.sources, kin), by_family(matrix.targets, kin)
    lines = [matrix.sources.index(code) for code in sources]
    columns = [matrix.targets.index(code) for code in targets]

    def ordered(values: np.ndarray) -> np.ndarray:
        return values[np.ix_(lines, columns)].T

    gain, q, own = ordered(matrix.gain), ordered(matrix.q), ordered(matrix.own)
    numbers = max(len(sources), len(targets)) <= _NUMBERS
    cell = _LARGE if numbers else _SMALL
    others = np.abs(gain[np.isfinite(gain) & ~own])
    limit = max(1.0, float(np.quantile(others, 0.98))) if len(others) else 1.0
    with matplotlib.rc_context(STYLE):
        across, down = cell * len(sources), (cell if numbers else 0.145) * len(targets)
        above = _families_height([kin[code].family for code in sources], cell)
        size = max(5.4, across + 2.6), down + 1.6 + above
        figure = Figure(figsize=size, layout="constrained")
        axes, scale = figure.subplots(2, 1, height_ratios=(down + 0.8 + above, 0.1))
        axes.grid(False)
        mesh = axes.pcolormesh(
            np.arange(len(sources) + 1) - 0.5,
            np.arange(len(targets) + 1) - 0.5,
            np.ma.masked_invalid(gain),
            cmap=GAINS,
            vmin=-limit,
            vmax=limit,
        )
        axes.set_ylim(len(targets) - 0.5, -0.5)
        axes.set_aspect("equal" if numbers else "auto")
        letters = 8 if numbers else 7
        axes.set_xticks(range(len(sources)), sources, rotation=0 if numbers else 90)
        axes.set_yticks(range(len(targets)), targets)
        axes.tick_params(length=0, labelsize=letters, labelcolor=INK, labeltop=True)
        _families(axes, [kin[code].family for code in targets])
        _families(axes, [kin[code].family for code in sources], across=cell)
        settled = q < alpha
        if numbers:
            _write(axes, gain, settled, limit)
        else:
            rows, places = np.nonzero(settled)
            axes.plot(places, rows, "o", color=INK, markersize=2.4, mec="white", mew=0.4)
        for row, place in zip(*np.nonzero(own), strict=True):
            axes.add_patch(
                matplotlib.patches.Rectangle(
                    (place - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=INK, linewidth=0.9
                )
            )
        bar = figure.colorbar(mesh, cax=scale, orientation="horizontal")
        solids: Any = bar.solids
        solids.set_rasterized(False)  # an image would be a picture within the page
        bar.set_label("points above the baseline; across: transfer language, down: target")
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=0)
    hover = [
        Hover(0, i - 0.5, j - 0.5, i + 0.5, j + 0.5, _cell_text(matrix, source, target, names))
        for i, source in enumerate(sources)
        for j, target in enumerate(targets)
        if np.isfinite(gain[j, i])
    ]
    return HeatMap(figure, hover)


def _cell_text(matrix: Matrix, source: str, target: str, names: Mapping[str, str]) -> str:
    place = matrix.sources.index(source), matrix.targets.index(target)
    text = (
        f"{names.get(source, source)} to {names.get(target, target)}: {signed(matrix.gain[place])}"
    )
    if np.isfinite(matrix.low[place]):
        text += f" [{decimal(matrix.low[place])}, {decimal(matrix.high[place])}]"
    if np.isfinite(matrix.q[place]):
        text += f", q {matrix.q[place]:.2g}"
    return f"{text}, baseline {decimal(matrix.baseline[place[1]])}"


def _write(axes: Axes, gain: np.ndarray, settled: np.ndarray, limit: float) -> None:
    for row, place in zip(*np.nonzero(np.isfinite(gain)), strict=True):
        dark = abs(gain[row, place]) > 0.72 * limit
        axes.text(
            place,
            row,
            signed(float(gain[row, place])),
            ha="center",
            va="center",
            fontsize=7,
            color="#ffffff" if dark else "#20242c",
            fontweight="bold" if settled[row, place] else "normal",
        )


def _lies(family: str, members: int, cell: float) -> bool:
    """Whether the name of a family fits above its columns, each `cell` inches wide."""
    return len(family) * _LETTER < members * cell


def _families_height(families: Sequence[str], cell: float) -> float:
    """Inches above the columns for the names of families, those that stand upright among them."""
    groups = [(family, len(list(members))) for family, members in groupby(families)]
    upright = [len(family) for family, members in groups if not _lies(family, members, cell)]
    return 0.4 + max([2, *upright]) * _LETTER


def _families(axes: Axes, families: Sequence[str], *, across: float = 0) -> None:
    """A rule between families, and their names beside the axes.

    across: inches of a column, where they stand above columns.
    """
    start = 0
    for family, members in groupby(families):
        number = len(list(members))
        middle = start + (number - 1) / 2
        if start:
            line = axes.axvline if across else axes.axhline
            line(start - 0.5, color=INK, linewidth=0.5)
        axes.annotate(
            family,
            (middle, 1) if across else (1, middle),
            xycoords=axes.get_xaxis_transform() if across else axes.get_yaxis_transform(),
            xytext=(0, 22) if across else (5, 0),
            textcoords="offset points",
            rotation=90 if across and not _lies(family, number, across) else 0,
            ha="center" if across else "left",
            va="bottom" if across else "center",
            fontsize=7,
            color=MUTED,
        )
        start += number


def ranking_dots(ranked: Sequence[Ranked], names: Mapping[str, str], *, alpha: float) -> Figure:
    """Languages by mean gain with intervals; settled ones are filled. Of many, both ends."""
    shown: list[Ranked | None] = list(ranked)
    if len(ranked) > _WIDEST_RANKING:
        half = _WIDEST_RANKING // 2
        shown = [*ranked[:half], None, *ranked[-half:]]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.4, 0.2 * len(shown) + 0.8), layout="constrained")
        axes = figure.subplots()
        axes.grid(True, axis="x")
        axes.grid(False, axis="y")
        axes.axvline(0, color=GREY, linewidth=1)
        labels = []
        for place, one in enumerate(shown):
            if one is None:
                labels.append(f"{len(ranked) - _WIDEST_RANKING} between")
                continue
            labels.append(names.get(one.language, one.language))
            colour = BLUE if one.gain.value > 0 else ORANGE
            if one.gain.known:
                axes.plot([one.gain.low, one.gain.high], [place] * 2, color=colour, alpha=0.55)
            sure = bool(one.q < alpha)
            axes.plot(
                [one.gain.value],
                [place],
                "o",
                markersize=5,
                color=colour,
                fillstyle="full" if sure else "none",
            )
        axes.set_yticks(range(len(shown)), labels)
        axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=8)
        axes.spines["left"].set_visible(False)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_xlabel("mean points above the baseline; filled: settled")
    return figure


Curve = tuple[str, Mapping[int, Estimate]]
"""A label, and steps -> mean gain."""
_CURVES = ((INK, "-"), (BLUE, "-"), (GREEN, "-"), (ORANGE, "-"), ("#a85688", "-"))
_CONTROLS = ((GREY, "--"), (GREY, "-."), (INK, ":"))


def step_curves(panels: Mapping[str, tuple[Sequence[Curve], Sequence[Curve]]]) -> Figure:
    """A panel a task: mean gain by steps (logarithmic) with intervals; controls in grey.

    panels: task -> (curves, controls).
    """
    with matplotlib.rc_context(STYLE):
        across = min(2, len(panels))
        down = -(-len(panels) // across)
        figure = Figure(figsize=(3.2 * across + 0.2, 2.3 * down + 0.6), layout="constrained")
        grid = figure.subplots(down, across, squeeze=False)
        drawn = {}
        for axes, (task, (curves, controls)) in zip(grid.flat, panels.items(), strict=False):
            styled = [*zip(curves, _CURVES, strict=False), *zip(controls, _CONTROLS, strict=False)]
            axes.axhline(0, color=GREY, linewidth=0.8)
            number = len(styled)
            for place, ((label, points), (colour, style)) in enumerate(styled):
                steps = sorted(points)
                means = [points[s].value for s in steps]
                # a little apart, so that intervals do not cover each other
                moved = [s * 1.06 ** (place - number / 2) for s in steps]
                (drawn[label],) = axes.plot(
                    moved, means, color=colour, linestyle=style, marker="o", markersize=3
                )
                for x, s in zip(moved, steps, strict=True):
                    if points[s].known:
                        ends = [points[s].low, points[s].high]
                        axes.plot([x, x], ends, color=colour, linewidth=1, alpha=0.6)
            axes.set_xscale("log")
            every = sorted({s for _, points in (*curves, *controls) for s in points})
            axes.set_xticks(every, [f"{s:,}" for s in every])
            axes.minorticks_off()
            axes.set_title(task)
        for axes in list(grid.flat)[len(panels) :]:
            axes.set_visible(False)
        for axes in grid[-1]:
            axes.set_xlabel("steps")
        figure.supylabel("points above the baseline", fontsize=8.5, color=MUTED)
        figure.legend(drawn.values(), drawn.keys(), loc="outside upper center", ncols=3)
    return figure


def square_map(
    values: np.ndarray, q: np.ndarray, codes: Sequence[str], *, alpha: float, across: str
) -> Figure:
    """Languages by languages, such as interference: down the target, across the other one."""
    with matplotlib.rc_context(STYLE):
        numbers = len(codes) <= _NUMBERS
        side = (_LARGE if numbers else _SMALL) * len(codes)
        figure = Figure(figsize=(max(4.0, side + 1.2), side + 1.5), layout="constrained")
        axes = figure.subplots()
        axes.grid(False)
        known = np.abs(values[np.isfinite(values)])
        limit = max(1.0, float(np.quantile(known, 0.98))) if len(known) else 1.0
        edges = np.arange(len(codes) + 1) - 0.5
        masked = np.ma.masked_invalid(values)
        axes.pcolormesh(edges, edges, masked, cmap=GAINS, vmin=-limit, vmax=limit)
        axes.set_ylim(len(codes) - 0.5, -0.5)
        axes.set_aspect("equal")
        axes.set_xticks(range(len(codes)), codes, rotation=0 if numbers else 90)
        axes.set_yticks(range(len(codes)), codes)
        axes.tick_params(length=0, labelsize=8 if numbers else 7, labelcolor=INK)
        axes.set_xlabel(across)
        if numbers:
            _write(axes, values, q < alpha, limit)
        else:
            rows, places = np.nonzero(q < alpha)
            axes.plot(places, rows, "o", color=INK, markersize=2.4, mec="white", mew=0.4)
    return figure
