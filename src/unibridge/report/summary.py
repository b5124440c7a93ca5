"""What a run prints when it is done: the table of methods, the warnings, where things are."""

import textwrap
from pathlib import Path

from unibridge.report.folder import read_run
from unibridge.report.scores import scores_table
from unibridge.report.sections import headline
from unibridge.report.stages import held_out_lines
from unibridge.report.tables import Table, as_cell


def terminal_summary(run_folder: Path) -> str:
    """The headline, the scores, the warnings and the paths of a finished run, as plain text."""
    run = read_run(run_folder)
    parts = [textwrap.fill(headline(run), 100)]
    if run.scores:
        parts.append(_columns(scores_table(run.scores)))
    parts += [textwrap.fill(line, 100) for line in held_out_lines(run)]
    warnings = [
        *run.about.get("warnings", []),
        *(w for s in run.stages.values() for w in s["warnings"]),
    ]
    parts += [
        textwrap.fill(f"! {warning}", 100, subsequent_indent="  ")
        for warning in dict.fromkeys(warnings)
    ]
    kept = [("report", "report.html"), ("pack", "pack"), ("rows", "results.jsonl")]
    parts.append(
        "\n".join(
            f"{name:8}{run_folder / path}" for name, path in kept if (run_folder / path).exists()
        )
    )
    return "\n\n".join(parts)


def _columns(table: Table) -> str:
    rows = [table.columns, *([as_cell(cell).text for cell in row] for row in table.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.columns))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if align == "l" else cell.rjust(width)
            for cell, width, align in zip(row, widths, table.align, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])
