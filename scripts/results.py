"""Write finished runs into a results page, and its main table into the README and results/index.md.

python scripts/results.py docs/results/PAGE.md RUN_FOLDER [RUN_FOLDER ...]

Only what stands between the marks is written; the words around them are ours. The README and the
index of results take the table where they have marks for that page.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from unibridge.artifacts import read_manifest, write_bytes
from unibridge.errors import UnibridgeError
from unibridge.grid.store import Store
from unibridge.report.folder import Run, read_run
from unibridge.report.scores import effort_table, method_scores, scores_table, targets_table
from unibridge.report.sections import headline
from unibridge.report.tables import Table, few_shot_table, markdown_table

ROOT = Path(__file__).parents[1]


MEASURED = tuple(ROOT / "docs" / "results" / f"{name}.jsonl" for name in ("real", "catalogue"))
SHIPPED = ROOT / "src" / "unibridge" / "data" / "measured.jsonl"
"""What `unibridge advise` reads where it is given no rows."""
TOLD = ("data", "method", "base", "task", "target", "seed", "score", "low", "high", "sources")
"""Fields that are shipped."""
TAKE_TABLES = (ROOT / "README.md", ROOT / "docs" / "results" / "index.md")


def main(page: str, *folders: str, others: Sequence[Path] = TAKE_TABLES) -> None:
    """Write the runs' results into an existing page, and its main table into the others."""
    runs = [read_run(Path(folder)) for folder in folders]
    table = main_table(runs)
    write_between(Path(page), "results", "\n\n".join(page_parts(runs, table)))
    mark = Path(page).name
    for other in others:
        if marks(mark)[0] in other.read_text(encoding="utf-8"):
            write_between(other, mark, markdown_table(replace(table, note="")))


def ship(pages: Sequence[Path] = MEASURED, shipped: Path = SHIPPED) -> None:
    """Write the scores of pages' rows into the package, of one cell and method the last made."""
    found = {}
    rows = [row for page in pages if page.exists() for row in Store(page).finished().values()]
    for row in sorted(rows, key=lambda row: row["made"]):
        if row.get("score") is not None:
            found[row["data"], row["base"], row["seed"], row["method"]] = row
    lines = [json.dumps({name: found[key][name] for name in TOLD}) for key in sorted(found)]
    write_bytes(shipped, "".join(f"{line}\n" for line in lines).encode())


def marks(name: str) -> tuple[str, str]:
    """What stands before and after the part of a page with that name."""
    return f"<!-- {name}: written by scripts/results.py -->", f"<!-- end of {name} -->"


MARKS_OF_RESULTS = marks("results")


def write_between(path: Path, name: str, content: str) -> None:
    """Put content between a file's marks of that name; all else in the file stays."""
    text = path.read_text(encoding="utf-8")
    start, end = marks(name)
    if text.count(start) != 1 or text.count(end) != 1 or text.index(start) > text.index(end):
        raise UnibridgeError(
            "the place for the results is not marked", where=path, do=f"write {start} and {end}"
        )
    before, after = text[: text.index(start)], text[text.index(end) :]
    write_bytes(path, f"{before}{start}\n\n{content}\n\n{after}".encode())


def main_table(runs: list[Run]) -> Table:
    """Methods down, the runs' target languages across, by name."""
    names = {run.target: run.target_name for run in runs}
    table = targets_table([result for run in runs for result in run.records.results])
    first, *targets = table.columns
    return replace(table, columns=(first, *(names[target] for target in targets)))


def page_parts(runs: list[Run], table: Table, mark: str = "##") -> list[str]:
    """The page's paragraphs: when and with what, who is ahead, the table, each language.

    mark: of the languages' headings.
    """
    about = runs[0].about
    seeds = sorted({result.seed for run in runs for result in run.records.results})
    parts = [
        f"{about['created'][:10]} · seeds {', '.join(map(str, seeds))} · "
        + ", ".join(f"{name} {number}" for name, number in about["versions"].items()),
        "\n".join(f"- {headline(run)}" for run in runs),
        markdown_table(table),
    ]
    for run in runs:
        parts += [f"{mark} {run.target_name}", *_language(run)]
    return parts


def _language(run: Run) -> list[str]:
    rows = method_scores(run.records.results)
    epochs = {}
    for method, names in run.about["method_stages"].items():
        adapted = [n for n in names if n.startswith(f"adapt-{run.target}")]
        if adapted:
            epochs[method] = read_manifest(run.folder / adapted[0])["facts"]["epochs"]
    inputs = run.about["inputs"]
    facts = [
        f"{inputs['target_lines']:,} lines of text, "
        f"{inputs['test_examples']:,} test examples; labelled examples: "
        + ", ".join(f"{s} {n:,}" for s, n in inputs["source_examples"].items())
        + f"; base `{run.about['base']}`, unknown tokens {run.about['teacher_unknown']:.1%}.",
        markdown_table(scores_table(rows)),
        "What each method was given:",
        markdown_table(effort_table(rows, epochs, run.about["published"])),
    ]
    weights = [m["facts"] for m in run.of("weigh")]
    if weights:
        shares = ", ".join(f"{s} {w:.3f}" for s, w in weights[0]["weights"].items())
        facts.append(
            f"Weights, `{weights[0]['weighting']}`: {shares}. "
            f"Entropy {weights[0]['entropy']:.3f} nats, "
            f"uniform {weights[0]['uniform_entropy']:.3f}."
        )
    if few := run.stages.get(str(run.about.get("few_shot"))):
        facts += [
            "With a few labelled target sentences:",
            markdown_table(few_shot_table(few["facts"]["points"])),
        ]
    warnings = [
        *run.about["warnings"],
        *(warning for stage in run.stages.values() for warning in stage["warnings"]),
    ]
    if warnings:
        facts.append("\n".join(f"- {warning}" for warning in dict.fromkeys(warnings)))
    return facts


if __name__ == "__main__":
    main(*sys.argv[1:])
