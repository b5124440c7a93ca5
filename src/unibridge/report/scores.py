"""Results -> one row per method, and the tables that compare them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from unibridge.evaluation.records import Result
from unibridge.report.resampling import Resampled
from unibridge.report.tables import (
    METRIC_TITLES,
    Cell,
    Table,
    decimal,
    duration,
    signed,
    whole,
    without_empty_columns,
)

REFERENCE = "unibridge"
"""The method that a report is about where it does not say."""
BOUNDS = ("floor", "ceiling")


@dataclass(frozen=True)
class MethodScore:
    """One method on one target, its seeds taken together.

    score: mean over seeds, 0 to 100. low, high: its interval when examples and seeds are drawn
    again together; of one seed, or of rows without counts, the mean ends of the seeds' own.
    spread: lowest and highest seed. tied: the best score, or one whose paired difference to it may
    be 0 (`_reaches`); floor and ceiling do not compete. reference: whether the report is about it
    and the others are compared with it. difference: to the reference, in points; None for that
    itself and where it was not run. difference_ends: its paired interval, made as low and high are.
    """

    newest: Result
    label: str
    score: float
    low: float
    high: float
    seeds: int
    spread: tuple[float, float]
    tied: bool = False
    reference: bool = False
    difference: float | None = None
    difference_ends: tuple[float, float] | None = None

    @property
    def role(self) -> str:
        """floor, baseline, method, ablation or ceiling."""
        return self.newest.role

    @property
    def competes(self) -> bool:
        """Whether it is compared; floor and ceiling only bound what is."""
        return self.role not in BOUNDS

    @property
    def metric(self) -> str:
        """The metric as a reader knows it."""
        return METRIC_TITLES.get(self.newest.metric, self.newest.metric)

    @property
    def interval(self) -> str:
        """The 95% interval in brackets."""
        return f"[{decimal(self.low)}, {decimal(self.high)}]"

    @property
    def compared(self) -> str:
        """The difference with its paired interval, where results have one."""
        if self.difference is None:
            return ""
        if self.difference_ends is None:
            return signed(self.difference)
        low, high = self.difference_ends
        return f"{signed(self.difference)} [{signed(low)}, {signed(high)}]"


def method_scores(results: Iterable[Result], *, reference: str = REFERENCE) -> list[MethodScore]:
    """Rows of one target and task: the floor first, methods in the order given, ceiling last.

    reference: name of the method that the others are compared with.
    """
    by_seed: dict[tuple[str, str | None], dict[int, Result]] = {}
    for result in results:
        # of one seed the last one counts: the ones before had other settings
        by_seed.setdefault((result.method, result.weighting), {})[result.seed] = result
    groups = {key: list(of_seeds.values()) for key, of_seeds in by_seed.items()}
    labels = [group[-1].label for group in groups.values()]
    rows = []
    drawn = Resampled(list(groups.values()))
    for number, group in enumerate(groups.values()):
        newest = group[-1]
        scores = [result.score for result in group]
        twice = labels.count(newest.label) > 1 and newest.weighting
        own = (fmean(result.low for result in group), fmean(result.high for result in group))
        low, high = (drawn.interval(number) if len(group) > 1 else None) or own
        rows.append(
            MethodScore(
                newest=newest,
                label=f"{newest.label} ({newest.weighting})" if twice else newest.label,
                score=fmean(scores),
                low=low,
                high=high,
                seeds=len(group),
                spread=(min(scores), max(scores)),
                reference=newest.method == reference,
                difference_ends=_ends(group),
            )
        )
    main = next((i for i, row in enumerate(rows) if row.reference), None)
    competing = [i for i, row in enumerate(rows) if row.competes]
    best = max(competing, key=lambda i: rows[i].score, default=None)
    found = []
    for i, row in enumerate(rows):
        if main is not None and i != main:
            ends = drawn.difference(i, main) if row.seeds > 1 else None
            row = replace(
                row,
                difference=_difference(*(list(groups.values())[j] for j in (i, main))),
                difference_ends=ends or row.difference_ends or drawn.difference(i, main),
            )
        found.append(row)
    for i in competing:
        if best is not None:
            tied = i == best or _reaches(found[i], found[best], drawn.difference(i, best))
            found[i] = replace(found[i], tied=tied)
    return sorted(found, key=_place)


def _difference(own: Sequence[Result], main: Sequence[Result]) -> float:
    """Mean points ahead under the same seeds, as its interval; of all where they share none."""
    scores, others = ({r.seed: r.score for r in group} for group in (own, main))
    if both := [scores[seed] - others[seed] for seed in scores if seed in others]:
        return fmean(both)
    return fmean(scores.values()) - fmean(others.values())


def _reaches(row: MethodScore, best: MethodScore, ends: tuple[float, float] | None) -> bool:
    """Whether a row may be as good as the best: by their paired interval, where there is one."""
    if ends is None and best.reference:
        ends = row.difference_ends
    if ends is None and row.reference and best.difference_ends is not None:
        low, high = best.difference_ends
        ends = (-high, -low)
    return row.high >= best.low if ends is None else ends[1] >= 0


def _ends(group: Sequence[Result]) -> tuple[float, float] | None:
    lows = [result.ahead_low for result in group if result.ahead_low is not None]
    highs = [result.ahead_high for result in group if result.ahead_high is not None]
    return (fmean(lows), fmean(highs)) if lows and highs else None


def main_score(rows: Iterable[MethodScore]) -> MethodScore | None:
    """The row of the method that the report is about, if it was run."""
    return next((row for row in rows if row.reference), None)


def _place(row: MethodScore) -> int:
    return 0 if row.role == "floor" else 2 if row.role == "ceiling" else 1


_NOTE = (
    "Brackets: 95% bootstrap interval over the test examples, and over the seeds where there are "
    "several. Bold: the best score, and any whose paired difference to it holds 0. Floor and "
    "ceiling are no methods and do not compete: the floor reads no words, the ceiling is trained "
    "on labels in the target language. "
)
_COMPARED = (
    '"vs {label}": the row less {label}, with the interval of a paired bootstrap; one that holds 0 '
    "says nothing."
)


def _note(rows: Iterable[MethodScore]) -> str:
    main = main_score(rows)
    return _NOTE + _COMPARED.format(label=main.label if main else "UniBridge")


def scores_table(rows: Sequence[MethodScore]) -> Table:
    """Methods of one target with intervals and the difference to the reference."""
    seeds = any(row.seeds > 1 for row in rows)
    compared = any(row.difference is not None for row in rows)
    metric = rows[0].metric if rows else "score"
    columns = ["Method", metric, "95% interval"]
    main = main_score(rows)
    columns += [f"vs {main.label}"] * compared if main else []
    columns += ["Seeds", "Lowest, highest seed"] * seeds
    body: list[tuple[str | Cell, ...]] = []
    for row in rows:
        cells: list[str | Cell] = [row.label, Cell(decimal(row.score), row.tied), row.interval]
        if compared:
            cells.append(row.compared)
        if seeds:
            cells += [str(row.seeds), ", ".join(map(decimal, row.spread))]
        body.append(tuple(cells))
    apart = frozenset(i for i, row in enumerate(rows) if not row.competes)
    note = _note(rows) if apart else _NOTE.split(" Floor and")[0]
    return Table(tuple(columns), "l" + "r" * (len(columns) - 1), body, apart, note)


def targets_table(results: Sequence[Result]) -> Table:
    """Methods down, target languages across, each cell a mean score with its interval."""
    targets = list(dict.fromkeys(result.target for result in results))
    columns = [method_scores(r for r in results if r.target == target) for target in targets]
    by_label: dict[str, dict[str, MethodScore]] = {}
    for target, rows in zip(targets, columns, strict=True):
        for row in rows:
            by_label.setdefault(row.label, {})[target] = row
    order = sorted(
        by_label.items(),
        key=lambda item: _place(next(iter(item[1].values()))),
    )
    body: list[tuple[str | Cell, ...]] = []
    for label, cells in order:
        texts = [
            Cell(f"{decimal(cells[t].score)} {cells[t].interval}", cells[t].tied)
            if t in cells
            else Cell("")
            for t in targets
        ]
        body.append((label, *texts))
    apart = frozenset(
        i for i, (_, cells) in enumerate(order) if not next(iter(cells.values())).competes
    )
    note = _note(row for rows in columns for row in rows)
    return Table(("Method", *targets), "l" + "r" * len(targets), body, apart, note)


def effort_table(
    rows: Sequence[MethodScore], epochs: Mapping[str, float], published: Mapping[str, Any]
) -> Table:
    """What each method was given. epochs: of language adaptation, by method key.

    published: what the paper spent, from run.json; it stands apart in the last row.
    """
    body: list[tuple[str | Cell, ...]] = []
    for row in rows:
        newest = row.newest
        spent = epochs.get(newest.method)
        body.append(
            (
                row.label,
                ", ".join(newest.sources),
                newest.weighting or "",
                "" if spent is None else f"{spent:.3g}",
                whole(newest.steps),
                whole(newest.tokens_seen),
                duration(newest.seconds),
                _remembered(newest),
                newest.note,
            )
        )
    apart = {i for i, row in enumerate(rows) if not row.competes}
    if published:
        apart.add(len(body))
        given = [str(published.get(key, "")) for key in ("epochs", "steps", "tokens_seen")]
        body.append(("Published", "", "", *given, "", "", str(published.get("note", ""))))
    heads: tuple[str, ...] = (
        "Method",
        "Sources",
        "Weighting",
        "Epochs",
        "Steps",
        "Tokens seen",
        "Time",
    )
    heads += ("On the sources before, after", "Note")
    return without_empty_columns(Table(heads, "lllrrrrrl", body, frozenset(apart)))


def _remembered(result: Result) -> str:
    if result.sources_before is None or result.sources_after is None:
        return ""
    return f"{decimal(result.sources_before)}, {decimal(result.sources_after)}"
