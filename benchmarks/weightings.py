"""Every weighting of the sources on finished runs, in one table: what a run's own pack would score.

    python benchmarks/weightings.py [RUN_FOLDER ...] [--write]
        [--demo am km so --seeds 0 1 2 --out FOLDER]

`--demo` first runs the demo for these languages, a run folder for each and every seed. Else nothing
is trained: each source of a run's pack predicts the test file once, and the rest is weighing
(weighed.py).
Fitted weights and the chosen source are drawn from the target's training labels (`target.train`),
means over several draws; what reads unlabelled text reads the run's own. Runs of the same target,
task, base and sources are taken for seeds and share a column. `--write` puts the table between the
marks of docs/results/weightings.md.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from unibridge.artifacts import write_bytes
from unibridge.errors import UnibridgeError
from unibridge.grid.cells import Cell as GridCell
from unibridge.grid.executors import EXECUTORS
from unibridge.grid.run import run_grid
from unibridge.operations.runs import prepare_demo, run
from unibridge.report.tables import METRIC_TITLES, Cell, Table, decimal, markdown_table, signed
from unibridge.weighting.base import Weights
from weighed import (
    HARMONY,
    ORACLE,
    Language,
    Scored,
    mean_scored,
    predictions,
    read_language,
    rows,
    scored,
)

PAGE = Path(__file__).parents[1] / "docs" / "results" / "weightings.md"
MARKS = "<!-- written by benchmarks/weightings.py -->", "<!-- end -->"
METHODS = ["unibridge", "unibridge-harmony"]


def columns_of(languages: Sequence[Language]) -> list[list[Language]]:
    """Runs of the same target, task, base and sources: seeds of one another."""
    found: dict[tuple[Any, ...], list[Language]] = {}
    for one in languages:
        about = one.run.about
        key = (one.run.target, about["task"], about["base"], one.on_test.sources)
        found.setdefault(key, []).append(one)
    return list(found.values())


def scores_of(columns: Sequence[Sequence[Language]], uriel: bool) -> dict[str, list[Scored | None]]:
    """Row -> its cells; None where a weighting is not possible."""
    weighings = rows(uriel)
    beside = {
        id(one): predictions(one, weights)
        for column in columns
        for one in column
        for weights in weighings[HARMONY](one)
    }

    def cell(name: str, column: Sequence[Language]) -> Scored | None:
        found = [
            scored(one, weights, beside.get(id(one)))
            for one in column
            if (weights := list(weighings[name](one)))
        ]
        return mean_scored(found) if found else None

    return {name: [cell(name, column) for column in columns] for name in weighings}


def table_of(
    columns: Sequence[Sequence[Language]], found: Mapping[str, list[Scored | None]]
) -> Table:
    """Weightings down, runs across; the best that uses no test labels in bold."""
    body: list[tuple[str | Cell, ...]] = []
    for name, scores in found.items():
        cells: list[str | Cell] = []
        for place, own in enumerate(scores):
            if own is None:
                cells.append("")
                continue
            fair = (other[place] for n, other in found.items() if n != ORACLE)
            best = max(round(other.score, 1) for other in fair if other is not None)
            clear = "▲" if clearly(own) > 0 else "▼" if clearly(own) < 0 else ""
            strong = round(own.score, 1) == best and name != ORACLE
            cells.append(Cell(f"{decimal(own.score)}{clear} ({decimal(own.entropy, 2)})", strong))
        ahead = [own for own in scores if own is not None and own.ahead is not None]
        above, below = (sum(clearly(own) == way for own in ahead) for way in (1, -1))
        mean = signed(fmean(own.ahead.value for own in ahead if own.ahead)) if ahead else ""
        count = f"{above} / {below} of {len(ahead)}" if ahead else ""
        body.append((name, *cells, *(("", "") if name == HARMONY else (mean, count))))
    heads = ("Weighting", *(heading(column[0]) for column in columns), "vs harmony", "▲ / ▼")
    return Table(heads, "l" + "r" * (len(heads) - 1), body, frozenset({len(body) - 1}))


def clearly(own: Scored) -> int:
    """1 or -1 where the interval of the difference from the harmony weights leaves 0 out."""
    return 0 if own.ahead is None else (own.ahead.low > 0) - (own.ahead.high < 0)


def heading(one: Language) -> str:
    return f"{one.run.target_name}, {one.run.about['task']}"


def page(languages: Sequence[Language], uriel: bool) -> str:
    columns = columns_of(languages)
    found = scores_of(columns, uriel)
    about = []
    for place, column in enumerate(columns):
        one, plain = column[0], found["Uniform"][place]
        assert plain is not None
        alone = [
            f"{source} "
            + decimal(
                fmean(
                    scored(
                        run, [Weights({s: float(s == source) for s in run.on_test.sources})]
                    ).score
                    for run in column
                )
            )
            for source in one.on_test.sources
        ]
        seeds = ", ".join(str(run.run.about["settings"]["run"]["seeds"][0]) for run in column)
        metric = METRIC_TITLES.get(one.task.metric, one.task.metric)
        about.append(
            f"- {heading(one)}: {metric} on {len(one.test):,} test examples; base "
            f"`{one.run.about['base']}`; seeds {seeds}; uniform [{decimal(plain.low)}, "
            f"{decimal(plain.high)}]; alone the sources score {', '.join(alone)}."
        )
    return "\n".join(about) + "\n\n" + markdown_table(table_of(columns, found))


def demo_run(out: Path, cell: GridCell) -> dict[str, str]:
    """The demo of a language under a seed, in a folder of its own."""
    folder = out / f"{cell.data}-{cell.seed}"
    methods = f"run.methods={json.dumps(METHODS)}"
    config = prepare_demo(
        cell.data, folder, base="cldr", overrides=[methods, f"run.seeds=[{cell.seed}]"]
    )
    return {"folder": str(run(config))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="RUN_FOLDER")
    parser.add_argument("--demo", nargs="+", default=[], metavar="CODE", help="of CLDR")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of --demo")
    parser.add_argument("--out", type=Path, default=Path("build/weightings"), help="of --demo")
    parser.add_argument("--executor", default="serial", help=f"of --demo: {', '.join(EXECUTORS)}")
    parser.add_argument("--workers", type=int, default=1, help="of --demo: runs at a time")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.name}, between its marks")
    parser.add_argument("--no-typology", action="store_true", help="leave out what asks URIEL+")
    options = parser.parse_args()
    cells = [
        GridCell(language, "+".join(METHODS), seed, "cldr")
        for language in options.demo
        for seed in options.seeds
    ]
    made = run_grid(
        cells,
        partial(demo_run, options.out.absolute()),
        options.out.absolute() / "runs.jsonl",
        executor=options.executor,
        workers=options.workers,
    )
    folders = [*(Path(row["folder"]) for row in made), *options.folders]
    if not folders:
        parser.error("give run folders, or --demo")
    content = page([read_language(folder) for folder in folders], not options.no_typology)
    print(content)
    if options.write:
        text = PAGE.read_text(encoding="utf-8")
        before, _, rest = text.partition(MARKS[0])
        _, end, after = rest.partition(MARKS[1])
        if not end:
            raise UnibridgeError("the place for the table is not marked", where=PAGE)
        write_bytes(PAGE, f"{before}{MARKS[0]}\n\n{content}\n\n{MARKS[1]}{after}".encode())


if __name__ == "__main__":
    main()
