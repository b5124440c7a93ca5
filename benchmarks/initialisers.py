"""What is an initialisation worth? MLM loss before and after adaptation, and the task's score.

    python benchmarks/initialisers.py --out FOLDER [--languages am km so lij hau] [--seeds N]
        [--initialisers pieces focus ...] [--steps 200] [--write docs/results/initialisers.md]

CLDR languages run with the packaged base and the demo's data and settings, lij and hau on real text
(../shared/data) with MiniLM and the settings of examples/. Task adapters are learnt on the sources
once for a base, its labels and a seed; what differs between the rows is the first values of the
target's embeddings. It resumes: a finished cell is a line of FOLDER/results.jsonl.
"""

import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import matplotlib
from matplotlib.figure import Figure

import cells
from cells import Prepared, Row
from unibridge.artifacts import versions, write_bytes
from unibridge.methods import Variant
from unibridge.report.figures import STYLE, save_png
from unibridge.report.tables import Cell, Table, decimal, markdown_table

ALWAYS = {"embeddings.method": "unibridge", "embeddings.semantic_step": "always"}
INITIALISERS: Mapping[str, Variant] = {
    name: Variant(label=label, settings=settings)
    for name, label, settings in (
        ("random", "Random rows", {"embeddings.method": "random"}),
        ("mean", "Mean of the base's rows", {"embeddings.method": "mean"}),
        ("pieces", "Mean of the base's pieces", {"embeddings.method": "pieces"}),
        ("lexical", "Shared tokens copied", {"embeddings.method": "lexical"}),
        ("focus", "FOCUS", {"embeddings.method": "focus"}),
        ("separate", "UniBridge, separate", {**ALWAYS, "embeddings.static_space": "separate"}),
        (
            "procrustes",
            "UniBridge, procrustes",
            {**ALWAYS, "embeddings.static_space": "procrustes"},
        ),
        ("joint", "UniBridge, joint", {**ALWAYS, "embeddings.static_space": "joint"}),
        ("bridge", "UniBridge, bridge", {**ALWAYS, "embeddings.static_space": "bridge"}),
    )
}
PAGE = """{headline}

# What is an initialisation worth?

Written by `benchmarks/initialisers.py` on {date} ({versions}).

Every row starts the same new vocabulary with other values and adapts it by {steps} steps; then the
sources' task adapters, which are the same for all rows of a column and seed, vote. Means over
{seeds}, with the lowest and the highest; bold: the best mean of a column. {data}

`separate`, `procrustes`, `joint` and `bridge` are with the semantic step always on. By default it
is on where it can be trusted. Where it cannot in the joint space, the rows are those of `bridge`
with 1,000 aligned lines or more, and those of FOCUS without them.
`bridge` reads what the others do not: aligned lines, {bridged}. For CLDR these are translated
phrases of the kind that the test set is made of, with names that occur in it, so that they flatter
it.
{left_out}
## Score on the target's test set

{scores}

Less FOCUS, which has no semantic step, in points:

{against}

## Held-out MLM loss before any training

Nats per masked token. Comparable within a column only: every language has a vocabulary of its own.

{before}

## After {steps} steps

{after}

![Held-out MLM loss by step]({image})

## What was aligned

First seed: rows copied (shared tokens, then semantic pairs), mixed, random, in percent; held-out
P@1 of the space; seconds of wall time, where a cell was its base's first with those of the sources.

{aligned}
"""


def variants(names: Sequence[str]) -> cells.Variants:
    """The chosen initialisers, without `bridge` where no source has text and translations."""

    def of(one: Prepared) -> dict[str, Variant]:
        tied = one.inputs.translations is not None
        return {name: INITIALISERS[name] for name in names if tied or name != "bridge"}

    return of


def paired(rows: Sequence[Row], one: str, other: str) -> dict[str, cells.Difference]:
    """One initialiser's score less another's, in each language that has both."""
    found = cells.by_cell(rows)
    return {
        language: cells.difference(found[one, language], found[other, language])
        for language in dict.fromkeys(row["language"] for row in rows)
        if (one, language) in found and (other, language) in found
    }


def against_focus(rows: Sequence[Row]) -> str:
    """What the spaces add to FOCUS, which has no semantic step."""
    lines = []
    for name in ("bridge", "joint", "separate"):
        if differences := paired(rows, name, "focus"):
            figures = ", ".join(f"{code} {found}" for code, found in differences.items())
            lines.append(f"- `{name}`: {figures}")
    return "\n".join(lines)


def headline(rows: Sequence[Row]) -> str:
    """Whether joint beats separate downstream, in one sentence with the figures."""
    differences = paired(rows, "joint", "separate")
    if not differences:
        return "`joint` and `separate` were not both measured."
    better = [code for code, d in differences.items() if d.clear and d.mean > 0]
    worse = [code for code, d in differences.items() if d.clear and d.mean < 0]
    if not better:
        verdict = "`joint` does not beat `separate` downstream"
    elif len(better) == len(differences):
        verdict = "`joint` beats `separate` downstream"
    else:
        verdict = f"`joint` beats `separate` downstream in {', '.join(better)} only"
    behind = f", and is behind it in {', '.join(worse)}" if worse else ""
    figures = ", ".join(f"{code} {found_}" for code, found_ in differences.items())
    several = any(d.interval is not None for d in differences.values())
    how = "points, 95% t interval over " * several or "points, "
    return f"**{verdict}{behind}** ({how}{cells.seeds_of(rows)}): {figures}."


def measured(rows: Sequence[Row], measure: str, *, best: Any, digits: int = 1) -> str:
    """Initialisers down, languages across: means over seeds. best: max or min."""
    found = cells.by_cell(rows)
    languages = {row["language"]: row for row in rows}
    means = {cell: statistics.fmean(row[measure] for row in of) for cell, of in found.items()}
    bests = {code: best(m for (_, c), m in means.items() if c == code) for code in languages}
    body: list[tuple[str | Cell, ...]] = []
    for name in dict.fromkeys(row["variant"] for row in rows):
        line: list[str | Cell] = [INITIALISERS[name].label]
        for code in languages:
            of = found.get((name, code), [])
            text = cells.over_seeds([row[measure] for row in of], digits) if of else "–"
            line.append(Cell(text, strong=bool(of) and means[name, code] == bests[code]))
        body.append(tuple(line))
    unit = "nats" if measure.startswith("loss") else ""
    heads = [f"{row['target']}, {unit or row['metric']}" for row in languages.values()]
    return markdown_table(Table(("Initialisation", *heads), "l" + "r" * len(heads), body))


def aligned(rows: Sequence[Row]) -> str:
    """What became of the rows of the new vocabulary."""
    body: list[tuple[str | Cell, ...]] = []
    for row in (row for row in rows if row["seed"] == 0):
        total = sum(row["counts"].values())
        kinds = ("lexical", "semantic", "mixed", "random")
        precision = row["held_out_precision"]
        body.append(
            (
                row["language"],
                row["label"],
                f"{row['vocabulary']:,}",
                *(decimal(100 * row["counts"][kind] / total) for kind in kinds),
                "" if precision is None else decimal(precision, 2),
                decimal(row["seconds"], 0),
            )
        )
    heads = ("", "Initialisation", "Pieces", "shared", "semantic", "mixed", "random", "P@1", "s")
    return markdown_table(Table(heads, "llrrrrrrr", body))


def curves(rows: Sequence[Row]) -> Figure:
    """One panel a language: mean held-out loss by step, the range of the seeds shaded."""
    found = cells.by_cell(rows)
    languages = {row["language"]: row["target"] for row in rows}
    names = list(dict.fromkeys(row["variant"] for row in rows))
    colours = dict(zip(INITIALISERS, matplotlib.color_sequences["tab10"], strict=False))
    with matplotlib.rc_context(STYLE):
        columns = min(2, len(languages))
        lines = -(-len(languages) // columns)
        figure = Figure(figsize=(7.2, 2.5 * lines + 1.1), layout="constrained")
        panels = list(figure.subplots(lines, columns, squeeze=False).flat)
        drawn: dict[str, Any] = {}
        for axes, (code, target) in zip(panels, languages.items(), strict=False):
            axes.set_title(target)
            for name in names:
                of = found.get((name, code), [])
                if not of:
                    continue
                steps = [step for step, _ in of[0]["curve"]]
                losses = list(zip(*([loss for _, loss in row["curve"]] for row in of), strict=True))
                means = [statistics.fmean(values) for values in losses]
                (drawn[INITIALISERS[name].label],) = axes.plot(
                    steps, means, color=colours[name], linewidth=1.2
                )
                low, high = map(min, losses), map(max, losses)
                axes.fill_between(
                    steps, list(low), list(high), color=colours[name], alpha=0.15, linewidth=0
                )
        for axes in panels[len(languages) :]:
            axes.set_visible(False)
        for axes in panels[max(0, len(languages) - columns) : len(languages)]:
            axes.set_xlabel("optimizer steps")
        figure.supylabel("held-out MLM loss, nats per masked token", fontsize=8.5)
        figure.legend(drawn.values(), drawn.keys(), loc="outside lower center", ncols=3)
    return figure


def page(rows: Sequence[Row], image: str) -> str:
    """The results page."""
    languages = dict.fromkeys(row["language"] for row in rows)
    lines = {row["language"]: row["translations"] for row in rows if row["variant"] == "bridge"}
    missing = [code for code in languages if lines and code not in lines]
    left_out = f"No `bridge` for {', '.join(missing)}: no aligned lines.\n" if missing else ""
    return PAGE.format(
        headline=headline(rows),
        data=cells.about(list(languages)),
        date=datetime.now(UTC).date(),
        versions=", ".join(f"{name} {number}" for name, number in versions().items()),
        steps=max(row["steps"] for row in rows),
        left_out=left_out,
        seeds=cells.seeds_of(rows),
        bridged=", ".join(f"{code} {number:,}" for code, number in lines.items()) or "none here",
        scores=measured(rows, "score", best=max),
        against=against_focus(rows),
        before=measured(rows, "loss_before", best=min, digits=2),
        after=measured(rows, "loss", best=min, digits=2),
        image=image,
        aligned=aligned(rows),
    )


def main() -> None:
    parser = cells.parser(__doc__.split("\n")[0])
    parser.add_argument(
        "--initialisers", nargs="+", default=list(INITIALISERS), choices=list(INITIALISERS)
    )
    options = parser.parse_args()
    rows = cells.compare(options, variants(options.initialisers))
    print(headline(rows))
    print(measured(rows, "score", best=max))
    if options.write:
        image = options.write.absolute().parents[1] / "images" / f"{options.write.stem}.png"
        image.parent.mkdir(parents=True, exist_ok=True)
        save_png(curves(rows), image)
        write_bytes(options.write, page(rows, f"../images/{image.name}").encode())


if __name__ == "__main__":
    main()
