"""The transfer study on real data: which languages help which, for docs/results/study.md.

    python scripts/study.py [--base me5 minilm] [--tiny] [--dry-run] [--executor ray --workers 2]
        [--set section.field=value ...] [--folder FOLDER] [--page FILE] [--only-write]

study.toml beside this file says what is studied. Every score is in FOLDER/cells.jsonl as soon as it
is there, and the same command goes on where it was broken off. --tiny: four languages, one seed, 1
and 10 steps, few examples: whether all of it works, not what is true.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from results import MARKS_OF_RESULTS, write_between

from unibridge.artifacts import write_bytes
from unibridge.console import Console
from unibridge.evaluation.rows import read_rows
from unibridge.operations.transfer import prepare_study, study
from unibridge.report.tables import Table, markdown_table
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
    *(f"tasks.{task}.max_mix=40" for task in ("pos", "pos_masakha", "ner", "dep", "topic")),
    *(f"tasks.{task}.max_test=12" for task in ("pos", "pos_masakha", "ner", "dep", "topic")),
    *(
        f"tasks.{task}.training.training.epochs=2"
        for task in ("pos", "pos_masakha", "ner", "dep", "topic")
    ),
)
# the authors' grid (their scripts and metadata): transfer languages, steps, runs; (task, target)
LANGUAGES, STEPS, RUNS = 38, (1, 10, 100, 1000), 10
PAIRS = 114 + 114 + 125 + 15 + 10 + 9


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="the transfer study on real data")
    parser.add_argument("--base", nargs="+", default=["me5", "minilm"])
    parser.add_argument("--tiny", action="store_true", help="whether it works, in minutes")
    parser.add_argument("--dry-run", action="store_true", help="check, and say what it costs")
    parser.add_argument("--only-write", action="store_true", help="run nothing")
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
                f'run.folder="{folder}"',
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
    if not options.page.exists():
        start, end = MARKS_OF_RESULTS
        write_bytes(options.page, PAGE.format(start=start, end=end).encode())
    write_between(options.page, "results", page(folder))


def page(folder: Path) -> str:
    """What docs/results/study.md says between its marks."""
    rows = [row for row in read_rows(folder / CELLS) if row.get("value") is not None]
    lost = sum(row.get("value") is None for row in read_rows(folder / CELLS))
    models = sorted({row["model"] for row in rows})
    count = len({identity_of(row) for row in rows})
    lines = [
        f"{len(rows):,} scores of {count:,} encoders ({', '.join(models)}); {lost} missing.",
        "",
        "```",
        table(folder),
        "```",
        "",
        "## What the full grid would take",
        "",
        f"{LANGUAGES} transfer languages, {', '.join(map(str, STEPS))} steps, {RUNS} runs and "
        f"{PAIRS} pairs of task and target, extrapolated from the cells above by least squares "
        "(seconds of one core's step and score; scores here are of at most as many examples as the "
        "settings say). The published scripts tune anew for each of four groups of tasks.",
        "",
        markdown_table(full_grid(rows)),
    ]
    return "\n".join(lines)


def full_grid(rows: Sequence[Mapping[str, Any]]) -> Table:
    """What everything would cost, a row a model."""
    head = ("base", "s a step", "s a score", "trainings", "core hours", "theirs", "scores, GB")
    found = []
    for model in sorted({row["model"] for row in rows}):
        own = [r for r in rows if r["model"] == model and r["kind"] in ("baseline", "tuned")]
        seconds: dict[Any, list[float]] = {}
        for row in own:
            one = seconds.setdefault(identity_of(row), [row["steps"], 0, 0.0])
            one[1] += 1
            one[2] += row["seconds"]
        steps, scores, took = np.array(list(seconds.values())).T
        (a, b), *_ = np.linalg.lstsq(np.stack([steps, scores], 1), took, rcond=None)
        trainings = LANGUAGES * len(STEPS) * RUNS
        tuning, scoring = LANGUAGES * RUNS * sum(STEPS) * a, trainings * PAIRS * b
        size = np.mean([len(str(row["counts"])) + 400 for row in own]) * trainings * PAIRS
        ours, theirs = (tuning + scoring) / 3600, (4 * tuning + scoring) / 3600
        cells = [f"{a:.2f}", f"{b:.2f}", f"{trainings:,}", f"{ours:,.0f}", f"{theirs:,.0f}"]
        found.append((model, *cells, f"{size / 1e9:.1f}"))
    return Table(head, "lrrrrrr", found)


if __name__ == "__main__":
    main()
