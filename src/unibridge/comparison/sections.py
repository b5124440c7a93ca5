"""What a study's report says, section by section, in blocks that `report.document` draws."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from unibridge.comparison import details, figures
from unibridge.comparison.analysis import Analysis
from unibridge.comparison.claims import HOLDS, OPEN
from unibridge.comparison.groups import Beside, beside_control, everything, two_by_two
from unibridge.comparison.intervals import Estimate
from unibridge.comparison.rankings import Ranked, across_tasks
from unibridge.comparison.wording import file_name, interval, said_steps, small
from unibridge.report.document import Block, Bullets, Drawing, Fold, Section
from unibridge.report.tables import Cell, Table, whole

PICTURES = "report"
"""The folder beside the page with its figures as PNG."""


def headline(analyses: Sequence[Analysis]) -> str:
    """What a reader should know first."""
    said = []
    for one in analyses:
        pairs = helped = harmed = 0
        for matrix in one.main.values():
            group = everything(matrix, one.settings)
            pairs, helped, harmed = (
                pairs + group.pairs,
                helped + group.helped,
                harmed + group.harmed,
            )
        if pairs:
            said.append(
                f"{one.model}: of {pairs:,} pairs of a transfer language and a target "
                f"{helped:,} surely gain and {harmed:,} surely lose after "
                f"{said_steps(one.headline)} on the transfer language; the rest is not settled."
            )
    return " ".join(said) or "No tuned encoder has been scored yet."


def sections_of(one: Analysis) -> list[Section]:
    """Every section that there is something to say in."""
    sections = [
        _findings(one),
        _maps(one),
        _rankings(one),
        _curves(one),
        details.seen_section(one),
        details.kin_section(one),
        details.pairs_section(one),
        details.own_section(one),
        details.interference_section(one),
        details.predictors_section(one),
        details.settled_section(one),
    ]
    return [section for section in sections if section.blocks]


def _findings(one: Analysis) -> Section:
    rows: list[tuple[str | Cell, ...]] = []
    verdicts = one.verdicts
    for task, judged in verdicts.items():
        for verdict in judged:
            rows.append(
                (
                    verdict.claim if len(verdicts) == 1 else f"{task}: {verdict.claim}",
                    Cell(verdict.verdict, strong=verdict.verdict != OPEN),
                    verdict.because,
                )
            )
    # the same claim of several tasks under each other
    claims = [verdict.claim for judged in verdicts.values() for verdict in judged]
    order = sorted(range(len(rows)), key=lambda i: claims.index(claims[i]))
    if not rows:
        return Section("Findings")
    note = (
        "The claims are those of Faisal and Anastasopoulos (2024, arXiv 2403.20088); the rules are "
        f"ours. Settled means that chance in training, test examples and languages is ruled out at "
        f"{one.settings.alpha:g}. '{HOLDS}' and 'does not hold' are of this study's languages."
    )
    table = Table(("Claim", "Here", "Because"), "lll", [rows[i] for i in order], note=note)
    return Section("Findings", [table])


def _maps(one: Analysis) -> Section:
    blocks: list[Block] = []
    others: list[Block] = []
    for task, steps in one.steps.items():
        for count, matrix in sorted(steps.items()):
            if not np.isfinite(matrix.gain).any():
                continue
            drawn = figures.heat_map(matrix, one.kin, alpha=one.settings.alpha, names=one.names)
            drawing = Drawing(
                drawn.figure,
                file_name("map", one, task, str(count)),
                f"{task}, {matrix.metric}: transfer scores after {said_steps(count)}, relatives "
                "together. A dot, or bold: settled after correction. Framed: a language with "
                "itself. Grey: not measured.",
                drawn.hover,
                wide=True,
            )
            main = matrix is one.matrices[task] and task not in one.study.further
            # a page with every map would be too large for a browser
            (blocks if main else others).append(
                drawing if main else replace(drawing, beside=PICTURES)
            )
    if others:
        blocks.append(Fold("Further maps: other step counts and metrics", others))
    return Section("Every pair", blocks)


def _rankings(one: Analysis) -> Section:
    blocks: list[Block] = []
    sides = (("Donors", one.donors, "transfer"), ("Recipients", one.recipients, "target"))
    for title, rankings, side in sides:
        together = across_tasks(rankings, one.settings) if len(rankings) > 1 else []
        if together:
            blocks.append(_across(one, title, side, together))
        for task, ranked in rankings.items():
            if not ranked:
                continue
            name = file_name(title.lower(), one, task)
            drawn = figures.ranking_dots(ranked, one.names, alpha=one.settings.alpha)
            of = (
                "a transfer language's mean over all other targets"
                if side == "transfer"
                else "a target's mean over all other transfer languages"
            )
            said = f"{title} for {task} after {said_steps(one.matrices[task].steps)}: {of}."
            blocks.append(Drawing(drawn, name, said))
            blocks.append(Fold(f"{title} for {task} as a table", [_ranked(one, ranked)]))
    return Section("Who gives and who takes", blocks)


def _across(
    one: Analysis, title: str, side: str, together: Sequence[tuple[str, float, int]]
) -> Table:
    shown = [*together[:8], *together[-4:]] if len(together) > 14 else list(together)
    rows: list[tuple[str | Cell, ...]] = [
        (one.names.get(code, code), f"{value:.2f}", whole(tasks)) for code, value, tasks in shown
    ]
    scale = {
        "rank": "rank, 1 for the best and 0 for the last",
        "z": "z score",
    }.get(one.settings.across_tasks, one.settings.across_tasks)
    cut = " The best eight and the last four." if len(together) > len(shown) else ""
    note = (
        f"Mean over tasks of the {side} language's {scale}; points of tasks are never added.{cut}"
    )
    return Table((title, "All tasks", "Tasks"), "lrr", rows, note=note)


def _ranked(one: Analysis, ranked: Sequence[Ranked]) -> Table:
    rows: list[tuple[str | Cell, ...]] = [
        (
            f"{one.names.get(r.language, r.language)} ({r.language})",
            interval(r.gain),
            small(r.q),
            f"{r.helped} / {r.harmed} / {r.pairs}",
        )
        for r in ranked
    ]
    return Table(("Language", "Mean points", "q", "Gain / lose / pairs"), "lrrr", rows)


def _curves(one: Analysis) -> Section:
    panels = {}
    for task, steps in one.steps.items():
        if len(steps) < 2 or task in one.study.further:
            continue
        groups: dict[str, dict[int, Estimate]] = {}
        for count, matrix in steps.items():
            groups.setdefault("all pairs", {})[count] = everything(matrix, one.settings).gain
            if one.seen.of:
                for group in two_by_two(matrix, one.seen.of, one.settings).values():
                    if group.pairs:
                        groups.setdefault(group.name, {})[count] = group.gain
        panels[task] = (list(groups.items()), _control_curves(one, task))
    if not panels:
        return Section("How many steps")
    drawing = Drawing(
        figures.step_curves(panels),
        file_name("steps", one),
        "Mean transfer score by steps of tuning; a language with itself is left out. Grey: as many "
        "steps on shuffled or mixed text, which is no language's. Dotted: the languages that were "
        "shuffled, as they are.",
    )
    return Section("How many steps", [drawing, *_beyond_control(one)])


def _beside(one: Analysis, task: str) -> dict[str, dict[int, Beside]]:
    """kind of control -> steps -> what was tuned on languages, beside it."""
    tuned = one.steps.get(task, {})
    return {
        kind: {
            count: beside_control(tuned[count], control, one.settings)
            for count, control in sorted(own.items())
            if count in tuned
        }
        for (of, kind), own in one.controls.items()
        if of == task
    }


def _control_curves(one: Analysis, task: str) -> list[figures.Curve]:
    curves: list[figures.Curve] = []
    same: list[figures.Curve] = []
    for kind, steps in _beside(one, task).items():
        curves.append((f"{kind} text", {count: at.control for count, at in steps.items()}))
        if any(len(at.sources) < len(one.steps[task][c].sources) for c, at in steps.items()):
            same.append(("the shuffled languages", {c: at.tuned for c, at in steps.items()}))
    return curves + same


def _beyond_control(one: Analysis) -> list[Block]:
    rows: list[tuple[str | Cell, ...]] = [
        (
            *(task, whole(count), kind, whole(len(at.sources))),
            *map(interval, (at.tuned, at.control, at.ahead)),
        )
        for task in one.main
        for kind, steps in _beside(one, task).items()
        for count, at in steps.items()
    ]
    if not rows:
        return []
    note = (
        "Of the same languages, targets and seeds. What a control gains as well is owed to further "
        "training of any kind, not to a language."
    )
    heads = ("Task", "Steps", "Control", "Languages", "Tuned on them", "Control's text", "Ahead by")
    return [Table(heads, "lrlrrrr", rows, note=note)]


def limits(analyses: Sequence[Analysis]) -> Section:
    """What the numbers do not say, and the cells that failed."""
    study = analyses[0].study if analyses else None
    if study is None:
        return Section("Limits")
    settings = analyses[0].settings
    items = [
        f"Intervals ({settings.level:.0%}) count the spread over seeds, a bootstrap of the test "
        "examples and, for means, the choice of languages; they do not count other test sets, "
        "other text or other settings.",
        "p is corrected (Benjamini and Hochberg) over the pairs of one matrix, of a task and a "
        "step count. Over several matrices somewhat more is found by chance.",
        f"Relative scores are in the tables only, where the baseline is {settings.floor:g} points "
        "or more.",
    ]
    seeds = sorted(
        {int(np.isfinite(m.by_seed).sum(2).max()) for a in analyses for m in a.main.values()}
    )
    if seeds and seeds[0] < 3:
        items.append(f"At most {seeds[0]} seeds of some task: training noise is hardly known.")
    if (study.plan.get("settings") or {}).get("keep_target_in_mix"):
        items.append(
            "Targets may be among the languages that the task adapters learnt from; transfer is "
            "then zero-shot with regard to the transfer language only, as in the published study."
        )
    unknown = sorted({c for a in analyses for c, k in a.kin.items() if k.family == "unknown"})
    if unknown:
        items.append(f"No family is known of {', '.join(unknown)}.")
    items += [*study.warnings, *map(str, study.plan.get("warnings") or ())]
    blocks: list[Block] = [Bullets(items)]
    if study.failed:
        counted: dict[str, int] = {}
        for failed in study.failed:
            counted[str(failed.error)] = counted.get(str(failed.error), 0) + 1
        said = [
            f"{number} × {error}" for error, number in sorted(counted.items(), key=lambda e: -e[1])
        ]
        title = f"{len(study.failed)} scores are missing, since their cells failed"
        blocks.append(Fold(title, [Bullets(said)]))
    return Section("Limits", blocks)
