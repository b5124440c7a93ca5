"""Run the real examples for their targets, and write docs/results/real.md from what is finished.

    python scripts/real.py [--all] [TASK | TASK/TARGET ...] [--seeds 0 1 2] [--methods NAME ...]
        [--executor processes --workers 2] [--set section.field=value ...] [--reports]
        [--only-write] [--runs FOLDER] [--rows FILE] [--page FILE]

real.toml beside this file says what there is to run; without names its reduced set is run. Every
method on a target under a seed is a cell, whose row is in docs/results/real.jsonl as soon as it is
finished; the same command goes on where it was broken off and tries again what failed. The page
shows all rows that there are, also those of other calls and of settings that have changed since.
"""

import tomllib
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from results import MARKS_OF_RESULTS, TAKE_TABLES, marks, ship, write_between

from unibridge.artifacts import write_bytes
from unibridge.config import Config, load_config
from unibridge.console import Console
from unibridge.evaluation.records import Records, Result, result_of_row
from unibridge.grid.executors import EXECUTORS
from unibridge.grid.run import run_grid
from unibridge.grid.store import Row, Store
from unibridge.operations.cells import Measure, cells_of
from unibridge.operations.runs import run
from unibridge.report.folder import Run
from unibridge.report.scores import (
    MethodScore,
    effort_table,
    main_score,
    method_scores,
    scores_table,
    targets_table,
)
from unibridge.report.sections import headline
from unibridge.report.tables import Cell, Table, decimal, markdown_table, signed

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
RESULTS = ROOT / "docs" / "results"
PAGE = """# Real data

{start}

{end}
"""
# as the examples name it
DATA = Path("../../shared/data")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    plan = tomllib.loads((ROOT / "scripts" / "real.toml").read_text(encoding="utf-8"))
    tasks = {name: part for name, part in plan.items() if isinstance(part, Mapping)}
    everything = [f"{task}/{target}" for task, part in tasks.items() for target in part["targets"]]

    parser = command_line("the real examples for all their targets", everything, "real")
    parser.add_argument("--all", action="store_true", help="every task and target")
    parser.add_argument("--reports", action="store_true", help="each run's own folder and pack too")
    options = parser.parse_args(arguments)
    names = named(parser, options.names or (everything if options.all else plan["reduced"]), tasks)

    if not options.only_write:
        # ---- every configuration is checked before the first one begins
        changes = [f"run.seeds={options.seeds}", *options.set]
        configs = {}
        for name in names:
            task, target = name.split("/")
            folder = options.runs.absolute() / name
            configs[name] = configuration(
                plan, tasks[task], target, folder, changes, options.methods
            )
        console = Console()
        measure(configs, options, console)
        stages = options.runs.absolute() / "stages"
        for config in configs.values() if options.reports else ():
            section = config.run.model_copy(update={"reuse": (*config.run.reuse, str(stages))})
            run(config.model_copy(update={"run": section}), listener=console)
    write_page(options.page, Store(options.rows), plan)


def command_line(description: str, everything: Sequence[str], page: str) -> ArgumentParser:
    """What a table of tasks and targets is asked by. page: name of its files in docs/results."""
    parser = ArgumentParser(description=description)
    known = f"{', '.join(everything)}; a task alone is all its targets"
    parser.add_argument("names", nargs="*", metavar="TASK/TARGET", help=known)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--methods", nargs="+", help="rows by name (default: the table's own)")
    parser.add_argument("--executor", default="serial", help=", ".join(EXECUTORS))
    parser.add_argument("--workers", type=int, default=1, help="jobs at a time")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.FIELD=VALUE")
    parser.add_argument("--only-write", action="store_true", help="run nothing")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "real")
    parser.add_argument("--rows", type=Path, default=RESULTS / f"{page}.jsonl")
    parser.add_argument("--page", type=Path, default=RESULTS / f"{page}.md")
    return parser


def named(
    parser: ArgumentParser, asked: Sequence[str], tasks: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """TASK/TARGET of all that is asked for; a task alone is all its targets."""
    everything = [f"{task}/{target}" for task, part in tasks.items() for target in part["targets"]]
    if unknown := set(asked) - set(everything) - set(tasks):
        parser.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(everything)}")
    return [name for name in everything if name in asked or name.split("/")[0] in asked]


def measure(configs: Mapping[str, Config], options: Namespace, console: Console) -> None:
    """Run what is not measured yet; a row is kept as soon as it is there."""
    run_grid(
        cells_of(configs),
        Measure(configs, options.runs.absolute() / "stages", options.rows.absolute()),
        options.rows.absolute(),
        executor=options.executor,
        workers=options.workers,
        tell=console.say,
    )


def configuration(
    plan: Mapping[str, Any],
    part: Mapping[str, Any],
    target: str,
    folder: Path,
    overrides: Sequence[str] = (),
    methods: Sequence[str] | None = None,
) -> Config:
    """The example of a task, turned to another target. part: the task's table of real.toml."""
    path = EXAMPLES / part["example"]
    example = load_config(path)
    changed = {
        "run.folder": folder.absolute(),
        "run.title": f"{part['title']}: {target}",
        "run.methods": list(methods or [*plan["methods"], *part.get("more_methods", ())]),
        "target.language": target,
        "target.text": [str(DATA / "mono" / f"{target}.txt")],
        "target.test": DATA / part["test"].format(target=target),
    }
    train = DATA / part["train"].format(target=target)
    if (EXAMPLES / train).exists():
        changed["target.train"] = train
    for number, source in enumerate(example.sources):
        files = parallel_files(part.get("parallel", plan["parallel"]), target, source.language)
        changed[f"sources.{number}.parallel"] = files
    if not all(changed[f"sources.{number}.parallel"] for number in range(len(example.sources))):
        changed["run.methods"] = [m for m in changed["run.methods"] if m not in plan["on_parallel"]]
        if len(example.sources) == 2:
            changed["weights.method"] = "uniform"
    turned = [f"{name}={value}" for name, value in changed.items()]
    settings = [*plan["settings"], *part.get("settings", ())]
    return load_config(path, [*turned, *settings, *overrides])


def parallel_files(forms: Sequence[str], target: str, source: str) -> list[str]:
    """The files of the first collection with both languages, as a configuration names them."""
    for form in forms:
        one = dict.fromkeys(
            form.format(language=language, target=target, source=source)
            for language in (target, source)
        )
        files = [DATA / "parallel" / file for file in one]
        if all((EXAMPLES / file).exists() for file in files):
            return [str(file) for file in files]
    return []


# ---- the page


def write_page(page: Path, store: Store, plan: Mapping[str, Any]) -> None:
    """Write what is finished between the page's marks; the words around them are ours."""
    tasks = {name: part for name, part in plan.items() if isinstance(part, Mapping)}
    if not page.exists():
        start, end = MARKS_OF_RESULTS
        write_bytes(page, PAGE.format(start=start, end=end).encode())
    more = [method for part in tasks.values() for method in part.get("more_methods", ())]
    order = list(dict.fromkeys([*plan["methods"], *more]))
    rows = newest(store.finished().values())
    rows.sort(key=lambda row: [*order, row["method"]].index(row["method"]))
    said = claims(rows)
    parts = [*said, markdown_table(overview(rows)), summary(rows)]
    for task, part in tasks.items():
        for base in sorted({row["base"] for row in rows}):
            own = [r for r in rows if r["data"].startswith(f"{task}/") and r["base"] == base]
            if own:
                parts += [f"## {part['title']}, on `{base}`", *of_task(own)]
    if gone := newest(store.missing().values()):
        parts += ["## Missing"]
        parts += ["\n".join(f"- {name_of(row)}: {row['error']}" for row in gone)]
    write_between(page, "results", "\n\n".join(parts))
    if page == RESULTS / page.name:
        ship()
        short = "\n\n".join([*said, markdown_table(overview(rows))])
        for other in TAKE_TABLES:
            if marks(page.name)[0] in other.read_text(encoding="utf-8"):
                write_between(other, page.name, short)


def newest(rows: Iterable[Row]) -> list[Row]:
    """One row of each data, base, method and seed: the last one made, whatever its settings."""
    found = {
        (row["data"], row["base"], row["method"], row["seed"]): row
        for row in sorted(rows, key=lambda row: row["made"])
    }
    return sorted(found.values(), key=lambda row: (row["data"], row["seed"]))


def name_of(row: Row) -> str:
    """A cell as the page calls it."""
    return f"{row['data']}, {row['method']}, seed {row['seed']}, `{row['base']}`"


def summary(rows: Sequence[Row]) -> str:
    """How many measurements there are, how many are clearly ahead of UniBridge, and when made."""
    if not rows:
        return "Nothing is measured yet."
    days = sorted(row["made"][:10] for row in rows)
    seeds = sorted({row["seed"] for row in rows})
    return (
        f"{len(rows)} measurements on {len({row['data'] for row in rows})} data sets, seeds "
        f"{', '.join(map(str, seeds))}, made from {days[0]} to {days[-1]}. Their rows, with the "
        "settings' fingerprints, are in `real.jsonl` beside this page."
    )


def claims(rows: Sequence[Row]) -> list[str]:
    """For each base how often UniBridge is the best row, and how far it is from the others."""
    runs: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        runs.setdefault(row["base"], {}).setdefault(row["data"], []).append(row)
    return [
        f"**On `{base}`** " + claim({data: _run(own).scores for data, own in by_data.items()})
        for base, by_data in sorted(runs.items())
    ]


def claim(cells: Mapping[str, Sequence[MethodScore]]) -> str:
    """How often the main method is the best row, its lead, and where it is behind.

    cells: name of the data -> its rows; those without the main method or without another one that
    competes say nothing.
    """
    mains = {data: main for data, own in cells.items() if (main := main_score(own))}
    compared = {
        data: {row.newest.method: row for row in cells[data] if row is not main}
        for data, main in mains.items()
    }
    compared = {
        d: others for d, others in compared.items() if any(r.competes for r in others.values())
    }
    if not compared:
        return "UniBridge is not yet compared with anything."
    best = [data for data in compared if mains[data].tied]
    said = [
        f"UniBridge is the best row or within the best's paired interval in {len(best)} of "
        f"{len(compared)} data sets ({len(best) / len(compared):.0%})."
    ]
    for method in ("fine-tune", "mad-x"):
        leads = {
            d: -(own[method].difference or 0.0) for d, own in compared.items() if method in own
        }
        if leads:
            label = next(own[method].label for own in compared.values() if method in own)
            lead = signed(fmean(leads.values()))
            said.append(f"Against {label}: {lead} points on average over {len(leads)}.")
    for method, bound in (("floor", "the floor"), ("probe", "the linear probe")):
        own = [(mains[d], rows[method]) for d, rows in compared.items() if method in rows]
        if own:
            above = sum(main.score > other.score for main, other in own)
            said.append(f"Above {bound} in {above} of {len(own)}.")
    for data in sorted(compared.keys() - best):
        winner = max((r for r in compared[data].values() if r.competes), key=lambda r: r.score)
        said.append(f"Behind in {data}: {winner.label} {winner.compared}.")
    return " ".join(said)


def overview(rows: Sequence[Row]) -> Table:
    """Every data set by every method's score alone, and how far that is from UniBridge on average.

    The distance is over the data sets that have the row and UniBridge's.
    """
    by_key: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        by_key.setdefault((row["data"], row["base"]), []).append(row)
    runs = {key: _run(own).scores for key, own in sorted(by_key.items())}
    found: dict[str, dict[tuple[str, str], MethodScore]] = {}
    for key, own in runs.items():
        for score in own:
            found.setdefault(score.label, {})[key] = score
    order = sorted(found, key=lambda label: _gap(found[label].values()) or 0.0)
    body: list[tuple[str | Cell, ...]] = []
    for key in runs:
        by_label = {label: found[label][key] for label in order if key in found[label]}
        cells = [
            Cell(decimal(by_label[label].score), by_label[label].tied) if label in by_label else ""
            for label in order
        ]
        body.append((key[0] if len({base for _, base in runs}) < 2 else ", ".join(key), *cells))
    gaps = [_gap(found[label].values()) for label in order]
    body.append(("from UniBridge", *("" if gap is None else signed(gap) for gap in gaps)))
    names = {row["label"]: row["method"] for row in rows}
    columns = [names[label] for label in order]
    return Table(("", *columns), "l" + "r" * len(columns), body)


def _gap(scores: Iterable[MethodScore]) -> float | None:
    """How far a method is from UniBridge on average; None where they are nowhere compared."""
    gaps = [score.difference for score in scores if score.difference is not None]
    return fmean(gaps) if gaps else None


def of_task(rows: Sequence[Row]) -> list[str]:
    """The paragraphs of one task on one base: who is ahead, the table, each language."""
    by_data: dict[str, list[Row]] = {data: [] for data in sorted({row["data"] for row in rows})}
    for row in rows:
        by_data[row["data"]].append(row)
    runs = [_run(own) for own in by_data.values()]
    table = targets_table([result for one in runs for result in one.records.results])
    names = {one.target: one.target_name for one in runs}
    heads = (table.columns[0], *(names[target] for target in table.columns[1:]))
    parts = [
        "\n".join(f"- {headline(one)}" for one in runs),
        markdown_table(replace(table, columns=heads)),
    ]
    for one, own in zip(runs, by_data.values(), strict=True):
        about = own[-1]
        examples = ", ".join(f"{s} {n:,}" for s, n in about["source_examples"].items())
        epochs = {row["method"]: row["epochs"] for row in own if row["epochs"]}
        parts += [
            f"### {one.target_name}",
            f"{about['target_lines']:,} lines of text, {about['examples']:,} test examples; "
            f"labelled examples: {examples}; unknown tokens {about['unknown']:.1%}.",
            markdown_table(replace(scores_table(one.scores), note="")),
            "What each method was given:",
            markdown_table(effort_table(one.scores, epochs, {})),
        ]
        shares = next((r["weights"] for r in own if len(r["weights"]) > 1), None)
        if shares:
            said = ", ".join(f"{source} {decimal(w, 3)}" for source, w in shares.items())
            parts.append(f"Weights of the sources: {said}.")
    return parts


def _run(rows: Sequence[Row]) -> Run:
    """Rows of one data set in the form that a report's words are made from."""
    results: list[Result] = [result_of_row(row) for row in rows]
    about = {key: rows[-1][key] for key in ("target", "target_name", "task")}
    return Run(Path(), about, {}, Records(results), method_scores(results))


if __name__ == "__main__":
    main()
