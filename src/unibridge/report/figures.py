"""The figures of a report, all in one style: matplotlib's objects only, no global figure state.

Text in them is Latin (method names, language codes, numbers); tokens in other scripts go into
tables, which a browser can draw. Colours are Okabe and Ito's, told apart by every kind of sight.
"""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from unibridge.artifacts import write_bytes
from unibridge.report.scores import MethodScore
from unibridge.report.tables import decimal

# the page maps these three onto its light and dark themes, see `to_svg`
INK, MUTED, RULE = "#1f2430", "#6b7280", "#dcdfe5"
BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#8a93a0"
_THEMED = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    BLUE: "var(--blue)",
    ORANGE: "var(--orange)",
    GREEN: "var(--green)",
}
# narrow on purpose: a phone shows the same drawing with letters that can still be read
_WIDTH = 5.4
STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 8.5,
    "axes.titlesize": 9,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.edgecolor": RULE,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.handlelength": 1.4,
    "svg.fonttype": "none",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


def vocabulary_trace(
    trace: Sequence[Mapping[str, Any]],
    chosen: int,
    epsilon: float | None,
    verified: Sequence[Mapping[str, Any]] = (),
) -> Figure:
    """Average log probability by vocabulary size above, the gain that decides the search below.

    trace: rows with "size" (tokens), "alp" and "gain" (nats per sample, None where not measured).
    verified: rows with "size" and "trained" (nats per sample) of sizes that were trained for real.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH, 3.6), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        sizes, scores = _points(trace, "size", "alp")
        above.plot(sizes, scores, color=BLUE, marker="o", markersize=3)
        if verified:
            sizes_trained, trained = _points(verified, "size", "trained")
            above.plot(
                sizes_trained,
                trained,
                color=ORANGE,
                marker="x",
                linestyle="none",
                label="trained for real",
            )
            above.legend(loc="upper left")
        above.set_title("Average log probability, nats per sample")
        late = bool(sizes) and chosen > (sizes[0] + sizes[-1]) / 2
        above.annotate(
            f"chosen: {chosen:,}",
            (chosen, 0),
            xycoords=above.get_xaxis_transform(),
            xytext=(-5 if late else 5, 6),
            textcoords="offset points",
            ha="right" if late else "left",
            color=ORANGE,
        )

        sizes, gains = _points(trace, "size", "gain")
        below.plot(sizes, gains, color=BLUE, marker="o", markersize=3)
        below.set_title("Gain of one more step")
        below.set_xlabel("vocabulary size, tokens")
        if epsilon is not None:
            below.axhline(epsilon, color=INK, linewidth=0.9)
            # the curve falls from the left, so the left end of the line is free
            below.annotate(
                f"stop below {epsilon:g}",
                (0, epsilon),
                xycoords=below.get_yaxis_transform(),
                xytext=(3, 3),
                textcoords="offset points",
            )
        for axes in (above, below):
            axes.axvline(chosen, color=ORANGE, linewidth=1, linestyle=(0, (3, 2)))
        below.set_ylim(bottom=min([0.0, *gains]))
        below.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        below.xaxis.set_major_formatter(lambda size, _: f"{size:,.0f}")
    return figure


BESIDE_ITS_PART = {"step", "epoch", "rate", "train_loss", "valid_loss", "valid_error"} | {
    *("kl", "words", "kept")
}
"""What a row of a curve has beside the language model's own part of the loss."""


def loss_curves(curves: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Small multiples, one panel a stage: training and held-out loss, what the teacher adds.

    curves: title -> rows with "step" and any of "train_loss", "kl", "valid_loss" (nats), "words"
    (the teacher's variances), and the language model's own part by its objective's name, such as
    "mlm".
    """
    with matplotlib.rc_context(STYLE):
        columns = min(2, len(curves))
        lines = -(-len(curves) // columns)
        height = 2.6 if lines == 1 else 1.75 * lines + 0.35
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        panels = list(figure.subplots(lines, columns, squeeze=False).flat)
        drawn: dict[str, Any] = {}
        for axes, (title, rows) in zip(panels, curves.items(), strict=False):
            axes.set_title(title)
            drawn |= _curve_panel(axes, rows)
        for axes in panels[len(curves) :]:
            axes.set_visible(False)
        figure.supxlabel("optimizer steps", fontsize=8.5, color=MUTED)
        figure.legend(drawn.values(), drawn.keys(), loc="outside upper right", ncols=len(drawn))
    return figure


def weight_bars(weights: Mapping[str, float]) -> Figure:
    """Source languages' weights, with the line where all would count the same."""
    with matplotlib.rc_context(STYLE):
        names = sorted(weights, key=lambda name: weights[name])
        figure = Figure(figsize=(_WIDTH, 0.27 * len(names) + 0.75), layout="constrained")
        axes = figure.subplots()
        axes.grid(False)
        values = [weights[name] for name in names]
        axes.barh(names, values, height=0.62, color=BLUE)
        # at the edge, not at the bars' ends, where the line of equal weights would cross them
        for line, value in enumerate(values):
            axes.annotate(
                f"{value:.3f}",
                (1, line),
                xycoords=axes.get_yaxis_transform(),
                ha="right",
                va="center",
            )
        uniform = 1 / len(names)
        axes.axvline(uniform, color=ORANGE, linewidth=1.2)
        axes.annotate(
            f"all alike: {uniform:.3f}",
            (uniform, 1),
            xycoords=axes.get_xaxis_transform(),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            color=ORANGE,
        )
        axes.set_xlim(0, 1.14 * max([uniform, *values]))
        _names_only(axes)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
    return figure


def few_shot_curve(points: Sequence[Mapping[str, Any]], metric: str) -> Figure:
    """Score by number of labelled target sentences, from the transferred model and from nothing.

    points: rows with "start", "sentences", "score", "low" and "high" (0 to 100).
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH, 2.8), layout="constrained")
        axes = figure.subplots()
        series = (
            ("transferred", "from the transferred model", ORANGE),
            ("scratch", "from nothing", BLUE),
        )
        for start, label, colour in series:
            own = sorted(
                (p for p in points if p["start"] == start), key=lambda point: point["sentences"]
            )
            across = [point["sentences"] for point in own]
            axes.plot(across, [p["score"] for p in own], color=colour, marker="o", label=label)
            axes.fill_between(
                across,
                [p["low"] for p in own],
                [p["high"] for p in own],
                color=colour,
                alpha=0.15,
                linewidth=0,
            )
        axes.set_xticks(sorted({point["sentences"] for point in points}))
        axes.set_xlabel("labelled target sentences; 0: zero-shot")
        axes.set_title(f"{metric}, 0 to 100")
        axes.set_ylim(bottom=0)
        figure.legend(loc="outside upper right", ncols=2)
    return figure


def score_dots(rows: Sequence[MethodScore]) -> Figure:
    """Methods as dots with their 95% intervals; floor and ceiling as bands behind them."""
    with matplotlib.rc_context(STYLE):
        methods = [row for row in rows if row.competes]
        figure = Figure(figsize=(_WIDTH, 0.27 * len(methods) + 1.0), layout="constrained")
        axes = figure.subplots()
        axes.grid(False)
        # room for the column of numbers, clear of every interval and band
        right = max(1.0, 1.16 * max(row.high for row in rows))
        bounds = [row for row in rows if not row.competes]
        crowded = len(bounds) > 1 and bounds[-1].score - bounds[0].score < right / 4
        for row in bounds:
            axes.axvspan(row.low, row.high, color=GREY, alpha=0.18, linewidth=0)
            axes.axvline(row.score, color=GREY, linewidth=1.2)
            axes.annotate(
                f"{row.role} {decimal(row.score)}",
                (row.score, 1),
                xycoords=axes.get_xaxis_transform(),
                xytext=(0, 3),
                textcoords="offset points",
                ha=("right" if row.role == "floor" else "left") if crowded else "center",
                color=MUTED,
            )
        for place, row in enumerate(reversed(methods)):
            colour = ORANGE if row.reference else BLUE
            axes.plot([row.low, row.high], [place, place], color=colour, linewidth=2, alpha=0.55)
            axes.plot([row.score], [place], "o", color=colour, markersize=6)
            axes.annotate(
                decimal(row.score),
                (1, place),
                xycoords=axes.get_yaxis_transform(),
                ha="right",
                va="center",
                fontweight="bold" if row.reference else "normal",
            )
        axes.set_yticks(range(len(methods)), [row.label for row in reversed(methods)])
        axes.set_ylim(-0.7, len(methods) - 0.3)
        axes.set_xlim(0, right)
        axes.set_xlabel(f"{rows[0].metric}, 0 to 100")
        _names_only(axes)
    return figure


@dataclass(frozen=True)
class Hover:
    """A rectangle of an axes (by number) in its data's units, and the text shown over it."""

    axes: int
    left: float
    bottom: float
    right: float
    top: float
    text: str


def to_svg(figure: Figure, name: str, description: str, hover: Sequence[Hover] = ()) -> str:
    """The figure as an <svg> element for a page that defines the colours as CSS variables.

    name: prefix of all ids, so that several drawings can live in one page. hover: texts that a
    browser shows under the pointer, without any script.
    """
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}):
        stream = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(stream, format="svg", metadata=nothing, transparent=True)
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = _BOX.sub(_box, svg)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    for colour, variable in _THEMED.items():
        svg = svg.replace(colour, variable)
    svg = re.sub(r"<svg ([^>]*)>", _element(description), svg, count=1)
    svg = svg.strip()
    return svg.removesuffix("</svg>") + _hovered(figure, hover) + "</svg>" if hover else svg


# a cell of a mesh as matplotlib writes it, of which a map has thousands
_BOX = re.compile(
    r'<path d="M ([\d.]+) ([\d.]+) \nL ([\d.]+) \2 \nL \3 ([\d.]+) \nL \1 \4 \nL \1 \2 \n"'
    r' clip-path="[^"]*" style="([^"]*)"/>\s*'
)


def _box(cell: re.Match[str]) -> str:
    """The same in a third of the letters."""
    x, y, x2, y2 = (f"{float(cell[place]):.1f}" for place in (1, 2, 3, 4))
    return f'<path d="M{x} {y}H{x2}V{y2}H{x}z" style="{cell[5]}"/>'


def save_png(figure: Figure, path: Path) -> None:
    """The figure on white, for documents that cannot hold a drawing."""
    with matplotlib.rc_context(STYLE):
        stream = io.BytesIO()
        plain = {"Software": None}
        figure.savefig(stream, format="png", dpi=200, facecolor="white", metadata=plain)
    write_bytes(path, stream.getvalue())


def _hovered(figure: Figure, hover: Sequence[Hover]) -> str:
    """Transparent places with their texts, in the drawing's points from its upper left corner."""
    scale, height = 72 / figure.dpi, figure.get_figheight() * 72
    drawn = []
    for one in hover:
        data = figure.axes[one.axes].transData
        corners = data.transform([(one.left, one.bottom), (one.right, one.top)]) * scale
        (x, x2), (y, y2) = sorted(corners[:, 0]), sorted(height - corners[:, 1])
        box = f"M{x:.1f} {y:.1f}h{x2 - x:.1f}v{y2 - y:.1f}h{x - x2:.1f}z"
        drawn.append(f'<path d="{box}"><title>{escape(one.text)}</title></path>')
    return f'<g class="hover">{"".join(drawn)}</g>'


def _element(description: str) -> str:
    label = escape(description).replace("\\", "\\\\")
    return rf'<svg \1 role="img" aria-label="{label}">'


def _curve_panel(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    # the language model's part alone is what the held-out loss can be compared with
    parts = sorted({name for row in rows for name in row} - BESIDE_ITS_PART)
    own = next((name for name in parts if _points(rows, "step", name)[0]), "train_loss")
    series = (
        ("training", own, BLUE),
        ("held out", "valid_loss", ORANGE),
        ("KL to the teacher", "kl", GREEN),
        ("words' states", "words", MUTED),
    )
    drawn = {}
    for label, key, colour in series:
        steps, values = _points(rows, "step", key)
        if not steps:
            continue
        marker = "o" if len(steps) < 25 else ""
        (drawn[label],) = axes.plot(
            steps, values, color=colour, marker=marker, markersize=2.5, label=label
        )
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    return drawn


def _points(
    rows: Sequence[Mapping[str, Any]], across: str, up: str
) -> tuple[list[float], list[float]]:
    known = [
        (row[across], row[up])
        for row in rows
        if row.get(across) is not None and row.get(up) is not None and isfinite(row[up])
    ]
    return [x for x, _ in known], [y for _, y in known]


def _names_only(axes: Axes) -> None:
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=9)
