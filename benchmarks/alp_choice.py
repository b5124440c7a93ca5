"""Does ALP choose well? The task's score at six sizes of the vocabulary, the chosen one among them.

    python benchmarks/alp_choice.py --out FOLDER [--languages am so km lij wol] [--seeds N]
        [--steps 200] [--write docs/results/alp_choice.md]

Languages, bases, settings and what is shared between cells: as in initialisers.py. Sizes lie half
an octave apart; where the text cannot hold larger ones, the window is moved down.
"""

import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from scipy.stats import spearmanr

import cells
from cells import Prepared, Row
from unibridge.artifacts import read_manifest, versions, write_bytes
from unibridge.methods import Variant
from unibridge.report.tables import Cell, Table, decimal, markdown_table
from unibridge.stages.vocabulary import vocabulary_stage

SIZES, ABOVE, RATIO = 6, 3, 2**0.5
CHOSEN = "chosen"
PAGE = """{headline}

# Does ALP choose well?

Written by `benchmarks/alp_choice.py` on {date} ({versions}).

Every row has a vocabulary of another size, the same adaptation ({steps} steps) and the same task
adapters. Means over {seeds}, with the lowest and the highest; the test set's 95% bootstrap interval
is the mean over the seeds. "Within": the chosen size's mean score is not below the lower end of
the best size's interval. ALP rises with the size by its nature, so its rank correlation with the
score is the size's: what Algorithm 1 adds is where it stops. Sizes lie half an octave apart; where
the chosen one is the largest that the text can hold, all others lie below it. As by default, tokens
are aligned through parallel lines where there are 1,000 of them: in the real languages only.

{data}

{tables}
"""


def around(chosen: int, largest: int) -> list[int]:
    """Six sizes by half octaves, at most three above the chosen one and none above the largest."""
    sizes = [round(chosen * RATIO**k) for k in range(ABOVE + 1)]
    sizes = [size for size in sizes if size <= max(largest, chosen)]
    below = [round(chosen * RATIO**-k) for k in range(1, SIZES - len(sizes) + 1)]
    return sorted(below + sizes)


def variants(one: Prepared) -> Mapping[str, Variant]:
    """A method for each size; the chosen one is called so."""

    def found(**settings: object) -> int:
        vocabulary = one.config.vocabulary.model_copy(update=settings)
        text = one.inputs.texts[one.language]
        stage = vocabulary_stage(one.at, text, vocabulary, language=one.language)
        return int(read_manifest(stage)["facts"]["chosen"])

    chosen = found()
    largest = found(search="fixed", size=10**6, on_too_large="largest")
    translations = one.inputs.translations
    number = len(translations.parallel) if translations else 0
    # what the default comes to with that many, without trying the other space first
    bridge = number >= one.config.embeddings.bridge_trusted_lines
    space = {"embeddings.static_space": "bridge"} if bridge else {}
    return {
        CHOSEN if size == chosen else f"{size}-pieces": Variant(
            label=f"{size:,} pieces",
            settings={"vocabulary.search": "fixed", "vocabulary.size": size, **space},
        )
        for size in around(chosen, largest)
    }


def judged(rows: Sequence[Row], language: str) -> tuple[bool, float, str]:
    """Whether the chosen size is within the best's interval, the rank correlation, the best."""
    of = {name: found for (name, code), found in cells.by_cell(rows).items() if code == language}
    means = {name: statistics.fmean(row["score"] for row in found) for name, found in of.items()}
    best = max(means, key=lambda name: means[name])
    low = statistics.fmean(row["low"] for row in of[best])
    alps = [statistics.fmean(row["alp"] for row in found) for found in of.values()]
    correlation = float(spearmanr(alps, list(means.values())).statistic)
    return means[CHOSEN] >= low, correlation, best


def headline(rows: Sequence[Row]) -> str:
    """One sentence with the figures."""
    languages = dict.fromkeys(row["language"] for row in rows)
    verdicts = {code: judged(rows, code) for code in languages}
    inside = [code for code, (within, _, _) in verdicts.items() if within]
    best = [code for code, (_, _, name) in verdicts.items() if name == CHOSEN]
    correlations = ", ".join(f"{code} {decimal(rho, 2)}" for code, (_, rho, _) in verdicts.items())
    return (
        f"**The size that ALP chooses is within the best size's interval in {len(inside)} of "
        f"{len(verdicts)} languages** ({', '.join(inside) or 'none'}), and is the best itself in "
        f"{len(best)}; rank correlation of ALP with the score: {correlations}."
    )


def table(rows: Sequence[Row], language: str) -> str:
    """Sizes down, the chosen one in bold."""
    body: list[tuple[str | Cell, ...]] = []
    found = [of for (_, code), of in cells.by_cell(rows).items() if code == language]
    for of in sorted(found, key=lambda of: of[0]["vocabulary"]):
        low, high = (statistics.fmean(row[end] for row in of) for end in ("low", "high"))
        strong = of[0]["variant"] == CHOSEN
        texts = (
            f"{of[0]['vocabulary']:,}",
            decimal(of[0]["alp"]),
            cells.over_seeds([row["score"] for row in of]),
            f"[{decimal(low)}, {decimal(high)}]",
            cells.over_seeds([row["loss_before"] for row in of], 2),
            cells.over_seeds([row["loss"] for row in of], 2),
        )
        body.append(tuple(Cell(text, strong) for text in texts))
    heads = ("Pieces", "ALP, nats", found[0][0]["metric"], "over the test set", "MLM before")
    text = markdown_table(Table((*heads, "after"), "rrrrrr", body))
    within, correlation, best = judged(rows, language)
    best_size = cells.by_cell(rows)[best, language][0]["vocabulary"]
    return (
        f"## {found[0][0]['target']}\n\n{text}\n\nBest: {best_size:,}. The chosen size is "
        f"{'within' if within else 'below'} its interval. Rank correlation of ALP with the score "
        f"over {len(found)} sizes: {decimal(correlation, 2)}."
    )


def page(rows: Sequence[Row]) -> str:
    """The results page."""
    return PAGE.format(
        headline=headline(rows),
        date=datetime.now(UTC).date(),
        versions=", ".join(f"{name} {number}" for name, number in versions().items()),
        steps=max(row["steps"] for row in rows),
        seeds=cells.seeds_of(rows),
        data=cells.about(list(dict.fromkeys(row["language"] for row in rows))),
        tables="\n\n".join(table(rows, c) for c in dict.fromkeys(row["language"] for row in rows)),
    )


def main() -> None:
    parser = cells.parser(__doc__.split("\n")[0])
    # ten translated phrases, as in the demo: none of them decides the embeddings
    parser.set_defaults(languages=["am", "so", "km", "lij", "wol"], parallel=10)
    options = parser.parse_args()
    rows = cells.compare(options, variants)
    print(page(rows))
    if options.write:
        write_bytes(options.write, page(rows).encode())


if __name__ == "__main__":
    main()
