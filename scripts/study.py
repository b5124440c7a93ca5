"""The transfer study on real data: which languages help which, for docs/results/study.md.

    python scripts/study.py [--base me5 minilm] [--tiny] [--dry-run] [--executor ray --workers 2]
        [--set section.field=value ...] [--folder FOLDER] [--page FILE] [--only-write] [--states]
        [--share 1.0]

study.toml beside this file says what is studied. Every score is in FOLDER/BASE/cells.jsonl as soon
as it is there, and the same command goes on where it was broken off; each base's report.html is
beside it, and beside the page every score without its counts per example (study.jsonl). --tiny:
four languages, one seed, 1 and 10 steps, few examples: whether all of it works, not what is true.
--states: predictors that read the base's states, too. --share: of a core that the study had, where
others worked on it: the page's seconds are multiplied by it.
"""

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from results import MARKS_OF_RESULTS, write_between

from unibridge.artifacts import write_bytes
from unibridge.comparison.analysis import Analysis, analyse
from unibridge.comparison.claims import OPEN
from unibridge.comparison.details import seen_section
from unibridge.comparison.intervals import mean_estimate
from unibridge.comparison.predictors import Quality, qualities
from unibridge.comparison.rows import read_study
from unibridge.comparison.sections import headline
from unibridge.comparison.wording import bounds, interval
from unibridge.console import Console
from unibridge.evaluation.rows import read_rows
from unibridge.operations.comparison import report_study
from unibridge.operations.transfer import prepare_study, study
from unibridge.report.tables import Cell, Table, markdown_table
from unibridge.transfer_study.scores import CELLS, identity_of
from unibridge.transfer_study.summary import table

ROOT = Path(__file__).parents[1]
PAGE = """# The transfer study

{start}

{end}
"""
TINY = (
    "seeds=[0]",
    "tuning.steps=[1,10]",
    "tuning.max_lines=500",
    'text={languages=["en","sw","hau","wol"], path="../../shared/data/mono/{language}.txt"}',
    "controls.kinds=['mixed']",
    "interference.languages=[]",
    *(
        f"tasks.{task}.{field}"
        for task in ("pos", "pos_masakha", "ner", "dep", "topic")
        for field in ("max_mix=40", "max_test=12", "training.training.epochs=2")
    ),
)
# the authors' grid (their scripts and metadata): transfer languages, steps, runs; (task, target)
LANGUAGES, STEPS, RUNS = 38, (1, 10, 100, 1000), 10
PAIRS = 114 + 114 + 125 + 15 + 10 + 9
FULL_TEST = 500
"""Examples of a test set in the extrapolation: what `max_test` is by default."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="the transfer study on real data")
    parser.add_argument("--base", nargs="+", default=["me5", "minilm"])
    parser.add_argument("--tiny", action="store_true", help="whether it works, in minutes")
    parser.add_argument("--dry-run", action="store_true", help="check, and say what it costs")
    parser.add_argument("--only-write", action="store_true", help="run nothing")
    parser.add_argument("--states", action="store_true", help="predictors by the base's states")
    parser.add_argument("--share", type=float, default=1.0, help="of a core that it had")
    parser.add_argument("--executor")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "study")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "results" / "study.md")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.FIELD=VALUE")
    options = parser.parse_args(arguments)

    # ---- every base is checked before the first one begins
    folder = options.folder.absolute()
    plans = [
        prepare_study(
            ROOT / "scripts" / "study.toml",
            executor=options.executor,
            workers=options.workers,
            overrides=[
                *(TINY if options.tiny else ()),
                f'base.model="{base}"',
                f'run.folder="{folder / base}"',
                *options.set,
            ],
        )
        for base in options.base
    ]
    if not options.only_write:
        for plan in plans:
            study(plan, dry_run=options.dry_run, listener=Console())
    if options.dry_run:
        return
    studies = [folder / base for base in options.base if (folder / base / CELLS).exists()]
    for own in studies:
        report_study(own, base=own.name if options.states else None, listener=Console())
    if not options.page.exists():
        start, end = MARKS_OF_RESULTS
        write_bytes(options.page, PAGE.format(start=start, end=end).encode())
    write_between(options.page, "results", page(studies, options.share))
    # every score without the counts per example, which are ten times as long
    rows = [row for own in studies for row in read_rows(own / CELLS)]
    lines = (json.dumps({k: v for k, v in row.items() if k != "counts"}) for row in rows)
    write_bytes(options.page.with_suffix(".jsonl"), "".join(f"{li}\n" for li in lines).encode())


def page(folders: Sequence[Path], share: float = 1.0) -> str:
    """What docs/results/study.md says between its marks. share: of a core that the study had."""
    parts: list[str] = []
    rows: list[dict[str, Any]] = []
    for folder in folders:
        rows += [row for row in read_rows(folder / CELLS) if row.get("value") is not None]
        for one in analyse(read_study(folder)):
            parts += [f"## {one.model}", *of_base(one)]
    parts += [
        "## What the full grid would take",
        f"{LANGUAGES} transfer languages, {', '.join(map(str, STEPS))} steps, {RUNS} runs and "
        f"{PAIRS} pairs of task and target, extrapolated from the cells above by least squares: "
        "seconds of one core a step, and a thousand test examples. A step is of these settings, "
        f"a test set of {FULL_TEST} examples. The published scripts tune anew for each of four "
        "groups of tasks.",
        markdown_table(full_grid(rows, share)),
    ]
    return "\n\n".join(parts)


def of_base(one: Analysis) -> list[str]:
    """What the study says of one base."""
    study, plan = one.study, one.study.plan
    encoders = {score.cell[:6] for score in study.scores}
    wanted = len(plan["transfer"]) * len(plan["steps"])
    tuned = Counter(cell[5] for cell in encoders if cell[1] == "tuned")
    whole = [seed for seed in plan["seeds"] if tuned[seed] == wanted]
    fused = sum(cell[1] == "fusion" for cell in encoders)
    parts = [
        f"{len(study.scores):,} scores of {len(encoders):,} encoders, {fused} of them fused; "
        f"{len(study.failed)} missing. Seeds that are whole: "
        f"{', '.join(map(str, whole)) or 'none'} of {', '.join(map(str, plan['seeds']))}.",
        f"{headline([one])}",
        "### Before any tuning",
        markdown_table(baselines_of(one)),
        "### The published claims",
        markdown_table(verdicts_of(one)),
        folded("Why, claim by claim", [f"- {line}" for line in reasons_of(one)]),
        "### Mean change by transfer language",
        f"```\n{table(study.folder)}\n```",
    ]
    seen = [block for block in seen_section(one).blocks if isinstance(block, Table)]
    parts += ["### Seen and unseen in pretraining", *map(markdown_table, seen)] if seen else []
    if one.fused:
        parts += ["### Interference", markdown_table(interference_of(one))]
    if ranked := ranked_by(one):
        parts += ["### What could have told it beforehand", markdown_table(ranked)]
    return parts


def folded(title: str, lines: Sequence[str]) -> str:
    """Lines that are closed until the reader opens them."""
    return "\n".join([f"<details><summary>{title}</summary>", "", *lines, "", "</details>"])


def baselines_of(one: Analysis) -> Table:
    """The scores that changes are counted from. A task that scores 0 says nothing of transfer."""
    rows: list[tuple[str | Cell, ...]] = []
    for task in one.main:
        own = [s for s in one.study.scores if (s.kind, s.task) == ("baseline", task)]
        said = ", ".join(f"{one.names[s.target]} {s.value:.1f}" for s in own)
        rows.append(
            (task, own[0].metric, str(own[0].examples), said) if own else (task, "", "", "")
        )
    return Table(("Task", "Metric", "Examples", "By target"), "llrl", rows)


def verdicts_of(one: Analysis) -> Table:
    """Claim by task: holds, does not, not settled."""
    tasks = list(one.verdicts)
    rows: list[tuple[str | Cell, ...]] = [
        (judged[0].claim, *(Cell(v.verdict, strong=v.verdict != OPEN) for v in judged))
        for judged in zip(*one.verdicts.values(), strict=True)
    ]
    return Table(("Claim", *tasks), "l" * (1 + len(tasks)), rows)


def reasons_of(one: Analysis) -> list[str]:
    """The numbers behind each verdict."""
    return [
        f"{verdict.claim} {task}, {verdict.verdict}: {verdict.because}"
        for judged in zip(*([(t, v) for v in vs] for t, vs in one.verdicts.items()), strict=True)
        for task, verdict in judged
    ]


def interference_of(one: Analysis) -> Table:
    """What a second language adapter changes, a row for each task and mode of fusion."""
    rows: list[tuple[str | Cell, ...]] = []
    for found in one.fused:
        known = np.isfinite(found.pairs)
        sure = known & (found.q < one.settings.alpha)
        counts = (known, known & (found.pairs < 0), sure & (found.pairs < 0))
        worst = min(found.vulnerability.items(), key=lambda item: item[1].value)
        rows.append(
            (
                *(found.task, found.mode, interval(mean_estimate(found.pairs, (0, 1)))),
                *(str(int(mask.sum())) for mask in counts),
                f"{one.names[worst[0]]} {interval(worst[1])}",
            )
        )
    heads = ("Task", "Fusion", "Mean points", "Pairs", "Below 0", "Surely", "Loses most, as target")
    note = "Points of a target with another language's adapter fused to its own, less its own."
    return Table(heads, "llrrrrl", rows, note=note)


def ranked_by(one: Analysis) -> Table | None:
    """NDCG@3 of each predictor by task, the best on the mean over tasks first."""
    found: dict[str, dict[str, Quality]] = {}
    for task, matrix in one.main.items():
        for each in qualities(matrix, one.predictors, one.settings):
            found.setdefault(each.predictor, {})[task] = each
    if not one.predictors or not found:
        return None
    means = {name: fmean(q.ndcg for q in own.values()) for name, own in found.items()}
    rows: list[tuple[str | Cell, ...]] = []
    for name in sorted(means, key=lambda name: -means[name]):
        of = (found[name].get(task) for task in one.main)
        cells = ("" if q is None else bounds(q.ndcg, q.low, q.high) for q in of)
        rows.append((name, f"{means[name]:.2f}", *cells))
    note = (
        "NDCG@3 of a target's sources, mean over its targets. 'gains elsewhere' and 'all, fitted' "
        "learn from the other targets only; 'chance' is the mean over all orders."
    )
    return Table(("Predictor", "Mean", *one.main), "l" + "r" * (1 + len(one.main)), rows, note=note)


def full_grid(rows: Sequence[Mapping[str, Any]], share: float = 1.0) -> Table:
    """What everything would cost, a row a model."""
    head = ("base", "s a step", "s a 1,000", "trainings", "core hours", "on 32 cores", "theirs")
    found = []
    for model in sorted({row["model"] for row in rows}):
        own = [r for r in rows if r["model"] == model and r["kind"] in ("baseline", "tuned")]
        cells: dict[Any, list[float]] = {}
        tests: dict[Any, int] = {}
        for row in own:
            one = cells.setdefault(identity_of(row), [row["steps"], 0.0])
            one[1] += row["seconds"] * share
            tests[row["task"], row["target"]] = row["examples"]
        steps, took = np.array(list(cells.values())).T
        (a, b), *_ = np.linalg.lstsq(np.stack([steps, np.ones(len(steps))], 1), took, rcond=None)
        each = 1000 * b / sum(tests.values())
        trainings = LANGUAGES * len(STEPS) * RUNS
        tuning = LANGUAGES * RUNS * sum(STEPS) * a
        scoring = trainings * PAIRS * FULL_TEST / 1000 * each
        ours, theirs = (tuning + scoring) / 3600, (4 * tuning + scoring) / 3600
        size = np.mean([len(str(r["counts"])) / r["examples"] for r in own]) * FULL_TEST + 400
        costs = [f"{a:.2f}", f"{each:.1f}", f"{trainings:,}", f"{ours:,.0f}", f"{ours / 32:,.0f}"]
        disk = f"{size * trainings * PAIRS / 1e9:.1f}"
        found.append((model, *costs, f"{theirs:,.0f}", disk))
    return Table((*head, "scores, GB"), "lrrrrrrr", found)


if __name__ == "__main__":
    main()
