"""The sections of a study's report that say why: groups, pairs, predictors, what is noise."""

from collections.abc import Sequence

import numpy as np

from unibridge.comparison import figures
from unibridge.comparison.analysis import Analysis
from unibridge.comparison.groups import Group, by_kin, two_by_two
from unibridge.comparison.interference import UNDRAWN, Interference
from unibridge.comparison.intervals import Estimate
from unibridge.comparison.predictors import correlations, qualities
from unibridge.comparison.rankings import Pair
from unibridge.comparison.settings import LEAST_SEEDS
from unibridge.comparison.wording import bounds, file_name, interval, small
from unibridge.report.document import Block, Drawing, Fold, Section
from unibridge.report.tables import Cell, Table, decimal, signed, whole

_MOST_PAIRS = 15
_MOST_FOLDED = 200
_MOST_FUSED = 60


def _group_rows(task: str, groups: Sequence[Group]) -> list[tuple[str | Cell, ...]]:
    return [
        (
            *(task, group.name, interval(group.gain), whole(group.pairs)),
            *(whole(group.helped), whole(group.harmed)),
            f"{group.sources} × {group.targets}",
        )
        for group in groups
        if group.pairs
    ]


_GROUPS = ("Task", "Pairs", "Mean points", "Number", "Surely gain", "Surely lose", "Languages")


def seen_section(one: Analysis) -> Section:
    """Seen and unseen sources by seen and unseen targets."""
    title = "Seen and unseen in pretraining"
    if not one.seen.of:
        return Section(title, [f"Not known: {one.seen.by}."] if one.main else [])
    rows = []
    for task, matrix in one.main.items():
        table = two_by_two(matrix, one.seen.of, one.settings)
        rows += _group_rows(task, list(table.values()))
    unseen = [one.names[code] for code, seen in one.seen.of.items() if not seen]
    note = f"Seen: {one.seen.by}. Unseen here: {', '.join(sorted(unseen)) or 'none'}."
    return Section(title, [Table(_GROUPS, "llrrrrr", rows, note=note)] if rows else [])


def kin_section(one: Analysis) -> Section:
    """Pairs that share a family, genus or script beside those that do not."""
    blocks: list[Block] = []
    for part in ("family", "genus", "script"):
        first, rest = [], []
        for task, matrix in one.main.items():
            groups = by_kin(matrix, one.kin, part, one.settings)
            first += _group_rows(task, [g for g in groups if not g.name.startswith("to ")])
            rest += _group_rows(task, [g for g in groups if g.name.startswith("to ")])
        if first:
            blocks.append(Table(_GROUPS, "llrrrrr", first))
            blocks.append(Fold(f"By the target's {part}", [Table(_GROUPS, "llrrrrr", rest)]))
    return Section("Families, genera, scripts", blocks)


def pairs_section(one: Analysis) -> Section:
    """Pairs that keep their sign."""
    cells = max((pair.cells for pair in one.pairs), default=0)
    gains = [pair for pair in one.pairs if pair.sign > 0]
    losses = [pair for pair in one.pairs if pair.sign < 0]
    if not one.main:
        return Section("Promising pairs")
    rule = (
        f"A pair is listed where at least {one.settings.agreeing} of its cells (task and step "
        f"count; all of them where it has fewer) are settled with one sign after correction at "
        f"{one.settings.alpha:g}, and none with the other. {len(gains)} pairs gain, {len(losses)} "
        "lose."
    )
    blocks: list[Block] = [rule]
    if gains:
        blocks.append(_pair_table(one, gains[:_MOST_PAIRS], cells))
    for title, rest in (("More that gain", gains[_MOST_PAIRS:]), ("Pairs that lose", losses)):
        if rest:
            cut = f", the first {_MOST_FOLDED}" if len(rest) > _MOST_FOLDED else ""
            table = _pair_table(one, rest[:_MOST_FOLDED], cells)
            blocks.append(Fold(f"{title}: {len(rest)}{cut}", [table]))
    return Section("Promising pairs", blocks)


def _pair_table(one: Analysis, pairs: Sequence[Pair], cells: int) -> Table:
    rows: list[tuple[str | Cell, ...]] = [
        (
            f"{one.names[pair.source]} to {one.names[pair.target]}",
            f"{pair.settled} of {pair.cells}",
            ", ".join(f"{task} {signed(mean)}" for task, mean in _by_task(pair).items()),
            small(pair.q),
        )
        for pair in pairs
    ]
    heads = ("Pair", "Settled", "Mean points over steps", "Smallest q")
    return Table(heads, "lrlr", rows)


def _by_task(pair: Pair) -> dict[str, float]:
    """Tasks apart, since points of two metrics are no common scale."""
    own: dict[str, list[float]] = {}
    for (task, _), gain in pair.gains.items():
        own.setdefault(task, []).append(gain)
    return {task: float(np.mean(gains)) for task, gains in own.items()}


def own_section(one: Analysis) -> Section:
    """What text of the target itself is worth."""
    rows: list[tuple[str | Cell, ...]] = []
    for task, matrix in one.main.items():
        for i, j in zip(*np.nonzero(matrix.own & np.isfinite(matrix.gain)), strict=True):
            code = matrix.sources[i]
            rows.append(
                (task, one.names[code], interval(matrix.at(code, code)), small(matrix.q[i, j]))
            )
    if not rows:
        return Section("A language with itself")
    note = "Adaptation to the target itself, which no mean and no ranking counts."
    table = Table(("Task", "Language", "Points", "q"), "llrr", rows, note=note)
    long = len(rows) > 12
    return Section(
        "A language with itself", [Fold(f"{len(rows)} pairs", [table]) if long else table]
    )


def interference_section(one: Analysis) -> Section:
    """What further language adapters change."""
    blocks: list[Block] = []
    for found in one.fused:
        name = file_name("interference", one, found.task, found.mode)
        drawn = figures.square_map(
            *(found.pairs, found.q, found.languages),
            alpha=one.settings.alpha,
            across="the adapter beside the target's own",
        )
        what = (
            f"{found.task}, fusion {found.mode}: what a second language adapter changes, in "
            "points; down: target"
        )
        blocks.append(Drawing(drawn, name, what))
        rows: list[tuple[str | Cell, ...]] = []
        for code in found.languages:
            values = (found.vulnerability, found.aggressiveness, found.third)
            said = [interval(one_side[code]) if code in one_side else "" for one_side in values]
            rows.append((one.names.get(code, code), *said))
        heads = ("Language", "As target", "Beside others", "A third language adds")
        note = "As target: mean over companions (vulnerability). Beside others: mean over targets "
        note += "(aggressiveness). Negative: interference."
        blocks += [Table(heads, "lrrr", rows, note=note), _by_pair(one, found)]
    return Section("Interference", blocks)


def _by_pair(one: Analysis, found: Interference) -> Fold:
    """Every pair of fused adapters, the most disturbed first."""
    places = sorted(zip(*np.nonzero(np.isfinite(found.pairs)), strict=True), key=found.pairs.item)
    rows: list[tuple[str | Cell, ...]] = []
    for place in places[:_MOST_FUSED]:
        target, other = (one.names.get(found.languages[i], found.languages[i]) for i in place)
        own = Estimate(*(float(part[place]) for part in (found.pairs, found.low, found.high)))
        spread = found.spread[place]
        said = decimal(float(spread), 2) if np.isfinite(spread) else ""
        rows.append((target, other, interval(own), said, small(float(found.q[place]))))
    note = (
        "Nothing is drawn in this mode: the interval and q are of the test examples alone."
        if found.mode in UNDRAWN
        else "Spread: standard deviation over draws of the fusion, in points."
    )
    cut = f", the worst {len(rows)} of {len(places)}" if len(places) > len(rows) else ""
    heads = ("Target", "Beside it", "Points", "Spread", "q")
    title = f"{found.task}, fusion {found.mode}, by pair{cut}"
    return Fold(title, [Table(heads, "llrrr", rows, note=note)])


def predictors_section(one: Analysis) -> Section:
    """What correlates with transfer scores, and how well it ranks sources."""
    rows: list[tuple[str | Cell, ...]] = []
    ranks: list[tuple[str | Cell, ...]] = []
    if not one.predictors:
        return Section("What could have told it beforehand")
    for task, matrix in one.main.items():
        for c in correlations(matrix, one.predictors, one.settings):
            rows.append(
                (
                    *(task, c.predictor, bounds(c.rho, c.low, c.high)),
                    *(bounds(c.within, c.within_low, c.within_high), whole(c.pairs)),
                )
            )
        for each in qualities(matrix, one.predictors, one.settings):
            value = bounds(each.ndcg, each.low, each.high)
            ranks.append((task, each.predictor, value, whole(each.targets)))
    blocks: list[Block] = []
    if rows:
        heads = ("Task", "Predictor", "All pairs", "Within a target", "Pairs")
        note = (
            "Spearman's correlation with the transfer score, of this model only: pooling models "
            "can turn a sign. Within a target: what choosing a source needs."
        )
        blocks.append(Table(heads, "llrrr", rows, note=note))
    if ranks:
        ranked_by = ("Task", "Predictor", "NDCG@3", "Targets")
        note = (
            "How well each ranks a target's sources. 'gains elsewhere' and 'all, fitted' learn "
            "from the other targets only; 'chance' is the mean over all orders."
        )
        blocks.append(Table(ranked_by, "llrr", ranks, note=note))
    return Section("What could have told it beforehand", blocks)


def settled_section(one: Analysis) -> Section:
    """How much of each matrix is told from noise."""
    rows: list[tuple[str | Cell, ...]] = []
    for task, steps in one.steps.items():
        for count, matrix in sorted(steps.items()):
            across = np.isfinite(matrix.across)
            tested = across & np.isfinite(matrix.q)
            sure = tested & (matrix.q < one.settings.alpha)
            reach = (matrix.high - matrix.low)[across & np.isfinite(matrix.low)] / 2
            smallest = np.abs(matrix.gain[sure])
            rows.append(
                (
                    *(task, whole(count), whole(int(across.sum())), whole(int(tested.sum()))),
                    f"{sure.sum() / tested.sum():.0%}" if tested.any() else "",
                    decimal(float(smallest.min())) if len(smallest) else "",
                    decimal(float(np.median(reach))) if len(reach) else "",
                )
            )
    heads = ("Task", "Steps", "Pairs", "Tested", "Settled", "Smallest settled", "Median ±")
    note = (
        f"Points. A pair is tested with {LEAST_SEEDS} seeds or more. Smallest settled: the least "
        "change that was told from noise here; Median ±: half of the interval's width."
    )
    return Section(
        "What is settled and what is noise",
        [Table(heads, "lrrrrrr", rows, note=note)] if rows else [],
    )
