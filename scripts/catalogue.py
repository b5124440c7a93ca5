"""Run every way to cross languages on the same data, and write docs/results/catalogue.md.

    python scripts/catalogue.py [TASK | TASK/TARGET ...] [--seeds 0] [--methods NAME ...]
        [--executor processes --workers 2] [--set section.field=value ...] [--only-write]
        [--runs FOLDER] [--rows FILE] [--page FILE]

catalogue.toml beside this file says what there is to run, on the examples of real.toml. Rows are
kept and gone on with as by scripts/real.py; a method that a target lacks something for is not run
there, and said.
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from real import (
    DATA,
    EXAMPLES,
    RESULTS,
    ROOT,
    command_line,
    configuration,
    measure,
    name_of,
    named,
    newest,
)
from results import MARKS_OF_RESULTS, ship, write_between

from unibridge.artifacts import write_bytes
from unibridge.config import Config, load_config
from unibridge.console import Console
from unibridge.errors import ConfigError
from unibridge.grid.store import Row, Store
from unibridge.report.tables import Cell, Table, decimal, markdown_table, signed

PAGE = """# Ways to cross languages

{start}

{end}
"""
REFERENCE = "fine-tune"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    real, own = (
        tomllib.loads((ROOT / "scripts" / f"{name}.toml").read_text(encoding="utf-8"))
        for name in ("real", "catalogue")
    )
    plan = {**real, "methods": own["methods"], "settings": [*real["settings"], *own["settings"]]}
    tasks = {name: laid_over(real.get(name, {}), part, own) for name, part in own["tasks"].items()}
    everything = [f"{task}/{target}" for task, part in tasks.items() for target in part["targets"]]

    parser = command_line("every way to cross languages", everything, "catalogue")
    options = parser.parse_args(arguments)
    names = named(parser, options.names or everything, tasks)

    if not options.only_write:
        changes = [f"run.seeds={options.seeds}", *options.set]
        configs = {}
        for name in names:
            task, target = name.split("/")
            folder = options.runs.absolute() / name
            configs[name] = configured(
                plan, tasks[task], target, folder, changes, options.methods, own["dictionary"]
            )
        measure(configs, options, Console())
    write_page(options.page, Store(options.rows), own, tasks)


def laid_over(
    real: Mapping[str, Any], part: Mapping[str, Any], own: Mapping[str, Any]
) -> dict[str, Any]:
    """A task's table of real.toml with that of catalogue.toml over it."""
    more = own["on_texts"] if part.get("prompts") else []
    settings = [*real.get("settings", ()), *part.get("settings", ())]
    return {**real, **part, "more_methods": more, "settings": settings}


def configured(
    plan: Mapping[str, Any],
    part: Mapping[str, Any],
    target: str,
    folder: Path,
    changes: Sequence[str],
    methods: Sequence[str] | None,
    dictionary: str,
) -> Config:
    """The example turned to a target, with the lexicons there are, without the methods it lacks
    something for."""
    example = load_config(EXAMPLES / part["example"])
    found = {
        number: DATA / dictionary.format(target=target, source=source.language)
        for number, source in enumerate(example.sources)
    }
    lexicons = [
        f"sources.{number}.dictionary={file}"
        for number, file in found.items()
        if (EXAMPLES / file).exists()
    ]
    kept = []
    usual = [*part.get("methods", plan["methods"]), *part["more_methods"]]
    # without it nothing could be compared
    for method in dict.fromkeys([REFERENCE, *(methods or usual)]):
        try:
            configuration(plan, part, target, folder, [*lexicons, *changes], [method])
        except ConfigError as error:
            print(f"{target}: not {method}: {'; '.join(error.faults)}")
        else:
            kept.append(method)
    return configuration(plan, part, target, folder, [*lexicons, *changes], kept)


# ---- the page


def write_page(
    page: Path, store: Store, own: Mapping[str, Any], tasks: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write what is finished between the page's marks."""
    if not page.exists():
        start, end = MARKS_OF_RESULTS
        write_bytes(page, PAGE.format(start=start, end=end).encode())
    rows = newest(list(store.finished().values()))
    order = [*own["methods"], *own["on_texts"]]
    order += sorted({row["method"] for row in rows} - set(order))
    methods = [name for name in order if any(row["method"] == name for row in rows)]
    data = [
        name
        for name in (
            f"{task}/{target}" for task, part in tasks.items() for target in part["targets"]
        )
        if any(row["data"] == name for row in rows)
    ]
    parts = [summary(rows, methods), markdown_table(table(rows, methods, data, own["needs"]))]
    parts += [
        "Scores from 0 to 100, by each task's own metric, the mean over seeds; in brackets points "
        f"ahead of `{REFERENCE}`; in bold where the 95% interval of the difference is on one side "
        "of 0 under every seed. Minutes of all stages that a method is made of, also of those that "
        "it shares, and the most memory that one of them held; means over the columns."
    ]
    if gone := newest(list(store.missing().values())):
        parts += ["Missing: " + "; ".join(f"{name_of(row)}: {row['error']}" for row in gone)]
    write_between(page, "results", "\n\n".join(parts))
    if page == RESULTS / page.name:
        ship()


def summary(rows: Sequence[Row], methods: Sequence[str]) -> str:
    """Who is ahead of the reference and who is not, said plainly."""
    if not rows:
        return "Nothing is measured yet."
    said: dict[str, list[tuple[float, str]]] = {"ahead": [], "behind": [], "neither": []}
    for method in methods:
        own = [r for r in rows if r["method"] == method and r.get("ahead") is not None]
        if not own:
            continue
        mean = fmean(row["ahead"] for row in own)
        clear = sum(row["ahead_low"] > 0 for row in own), sum(row["ahead_high"] < 0 for row in own)
        kind = "ahead" if clear[0] > clear[1] else "behind" if clear[1] > clear[0] else "neither"
        counted = f"clearly ahead {clear[0]}, behind {clear[1]} of {len(own)} times"
        said[kind].append((-mean, f"`{method}` ({signed(mean)} points; {counted})"))
    words = {
        "ahead": f"Helps, beside `{REFERENCE}`",
        "behind": "Hurts",
        "neither": "Neither, as far as this tells",
    }
    days = sorted(row["made"][:10] for row in rows)
    bases = ", ".join(sorted({f"`{row['base']}`" for row in rows}))
    seeds = ", ".join(map(str, sorted({row["seed"] for row in rows})))
    lines = [
        f"{words[kind]}: {', '.join(text for _, text in sorted(found))}."
        for kind, found in said.items()
        if found
    ]
    slowest = max(rows, key=lambda row: row.get("seconds") or 0)
    if slowest.get("seconds"):
        minutes = decimal(slowest["seconds"] / 60, 0)
        lines += [
            f"The longest row took {minutes} minutes ({slowest['method']}, {slowest['data']})."
        ]
    return " ".join(lines) + (
        f" {len(rows)} measurements on {bases}, seeds {seeds}, made from {days[0]} to {days[-1]}; "
        "their rows are in `catalogue.jsonl` beside this page."
    )


def table(
    rows: Sequence[Row], methods: Sequence[str], data: Sequence[str], needs: Mapping[str, str]
) -> Table:
    """Methods down; data across, then what each took and needs."""
    columns = ("Method", *data, "Minutes", "Memory, GB", "Needs")
    body: list[tuple[str | Cell, ...]] = []
    for method in methods:
        own = [row for row in rows if row["method"] == method]
        cells = [_cell([row for row in own if row["data"] == name]) for name in data]
        seconds = [row["seconds"] for row in own if row.get("seconds")]
        memory = [row["peak_memory_bytes"] for row in own if row.get("peak_memory_bytes")]
        body.append(
            (
                method,
                *cells,
                decimal(fmean(seconds) / 60, 1) if seconds else "",
                decimal(max(memory) / 1e9, 1) if memory else "",
                needs.get(method, ""),
            )
        )
    return Table(columns, "l" + "r" * (len(data) + 2) + "l", body)


def _cell(rows: Sequence[Row]) -> str | Cell:
    if not rows:
        return ""
    score = decimal(fmean(row["score"] for row in rows), 1)
    if any(row.get("ahead") is None for row in rows):
        return score
    ahead = signed(fmean(row["ahead"] for row in rows))
    sides = {(row["ahead_low"] > 0) - (row["ahead_high"] < 0) for row in rows}
    return Cell(f"{score} ({ahead})", strong=sides in ({1}, {-1}))


if __name__ == "__main__":
    main()
