"""Write a results page from finished runs: one table over their languages, and how it was made.

python scripts/results.py PAGE.md "TITLE" RUN_FOLDER [RUN_FOLDER ...]
"""

import sys
from pathlib import Path

from unibridge.artifacts import read_manifest, write_bytes
from unibridge.report.folder import Run, read_run
from unibridge.report.sections import headline
from unibridge.report.tables import effort_table, markdown_table, method_scores, targets_table


def main(page: str, title: str, *folders: str) -> None:
    runs = [read_run(Path(folder)) for folder in folders]
    results = [result for run in runs for result in run.records.results]
    about = runs[0].about
    seeds = sorted({result.seed for result in results})
    parts = [
        f"# {title}",
        f"{about['created'][:10]} · seeds {', '.join(map(str, seeds))} · "
        + ", ".join(f"{name} {number}" for name, number in about["versions"].items()),
        "\n".join(f"- {headline(run)}" for run in runs),
        markdown_table(targets_table(results)),
    ]
    for run in runs:
        parts += [f"## {run.target_name}", *_language(run)]
    write_bytes(Path(page), ("\n\n".join(parts) + "\n").encode())


def _language(run: Run) -> list[str]:
    from unibridge.report.tables import scores_table

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
            f"Harmony weights: {shares}. Entropy {weights[0]['entropy']:.3f} nats, "
            f"uniform {weights[0]['uniform_entropy']:.3f}."
        )
    warnings = [
        *run.about["warnings"],
        *(warning for stage in run.stages.values() for warning in stage["warnings"]),
    ]
    if warnings:
        facts.append("\n".join(f"- {warning}" for warning in dict.fromkeys(warnings)))
    return facts


if __name__ == "__main__":
    main(*sys.argv[1:])
