"""What the masked-LM head of me5 is worth, for docs/results/me5_head.md.

    python scripts/measure_me5_head.py [--steps 100] [--languages en ru ar sw amh hau lug wol]
        [--data ../shared/data/mono] [--only-write]

Held-out nats a token in eight languages, four of which the head was trained on, by me5 and by the
same base without what `package_me5_head.py` made (me5-plain, whose head is built for the run):
before any training, and after the same steps of the whole base on the language's text. Both read
the same samples under the same masks, over the same pieces. What it does to transfer are the rows
of docs/results/real.jsonl that both bases have, which these commands make:

    python scripts/real.py ner/lug pos/wol topic/amh
    python scripts/real.py ner/lug pos/wol topic/amh --set base.model=me5-plain
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from package_me5_head import LANGUAGES, free_lines
from results import MARKS_OF_RESULTS, write_between

from unibridge.artifacts import write_bytes
from unibridge.grid.store import Row, Store
from unibridge.models.base import load_base
from unibridge.report.tables import Table, decimal, markdown_table, signed
from unibridge.training import TrainingSettings
from unibridge.transfer.adaptation_settings import AdaptationSettings
from unibridge.transfer.language import adapt_language

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"
BASES = ("me5-plain", "me5")
EIGHT = ("en", "ru", "ar", "sw", "amh", "hau", "lug", "wol")
# lines of each language that package_me5_head.py read
READ = 4000
PAGE = """# The masked-LM head of me5

{start}

{end}
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--languages", nargs="+", default=EIGHT)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "mono")
    parser.add_argument("--only-write", action="store_true", help="measure nothing")
    parser.add_argument("--rows", type=Path, default=RESULTS / "me5_head.jsonl")
    parser.add_argument("--page", type=Path, default=RESULTS / "me5_head.md")
    options = parser.parse_args(arguments)
    if not options.only_write:
        measured = [
            measure(base, language, options.data, options.steps)
            for language in options.languages
            for base in BASES
        ]
        write_bytes(options.rows, "".join(f"{json.dumps(row)}\n" for row in measured).encode())
    if not options.rows.exists():
        parser.error(f"there is no {options.rows} yet: run it without --only-write")
    rows = [json.loads(line) for line in options.rows.read_text(encoding="utf-8").splitlines()]
    write_page(options.page, rows, list(Store(RESULTS / "real.jsonl").finished().values()))


def measure(name: str, language: str, data: Path, steps: int) -> dict[str, Any]:
    """Held-out nats of a base before and after so many steps on a language's text."""
    settings = AdaptationSettings(
        trains="model",
        kl_weight=0.0,
        sample_words=64,
        max_tokens=160,
        max_samples=1200,
        least_held_out=100,
        learning_rate_search="none",
        training=TrainingSettings(
            steps=steps,
            batch_size=8,
            learning_rate=2e-4,
            schedule="linear",
            warmup=0.2,
            clip=1.0,
        ),
    )
    lines = (data / f"{language}.txt").read_text(encoding="utf-8").splitlines()
    if language in LANGUAGES:  # the head was trained on these
        known = set(free_lines(data, language, READ))
        lines = [line for line in lines if line not in known]
    base = load_base(name, dropout=0.0)
    facts = adapt_language(base, lines, settings, language=language, seed=0).facts
    row = {
        "base": name,
        "language": language,
        "known": language in LANGUAGES,
        "before": facts["loss_before"],
        "after": facts["curve"][-1]["valid_loss"],
        "error": facts["curve"][-1]["valid_error"],
        "steps": facts["steps"],
        "samples": facts["held_out_samples"],
        "pieces": facts["vocabulary_rows"],
    }
    print(row, flush=True)
    return row


# ---- the page


def write_page(page: Path, rows: Sequence[dict[str, Any]], transfer: Sequence[Row]) -> None:
    """Both tables between the page's marks."""
    if not page.exists():
        start, end = MARKS_OF_RESULTS
        write_bytes(page, PAGE.format(start=start, end=end).encode())
    parts = [markdown_table(nats(rows)), *transferred(transfer)]
    write_between(page, "results", "\n\n".join(parts))


def nats(rows: Sequence[dict[str, Any]]) -> Table:
    """Languages down; both bases before and after training across."""
    steps = rows[0]["steps"]
    found = {(row["language"], row["base"]): row for row in rows}
    body = []
    for language in dict.fromkeys(row["language"] for row in rows):
        plain, own = (found[language, base] for base in BASES)
        body.append(
            (
                language,
                "yes" if own["known"] else "no",
                f"{plain['before']:.2f}",
                f"{own['before']:.2f}",
                f"{plain['after']:.2f} ± {plain['error']:.2f}",
                f"{own['after']:.2f} ± {own['error']:.2f}",
            )
        )
    return Table(
        (
            "Language",
            "Head trained on it",
            "without, before",
            "with, before",
            f"without, {steps} steps",
            f"with, {steps} steps",
        ),
        "llrrrr",
        body,
    )


def transferred(rows: Sequence[Row]) -> list[str]:
    """Data and methods that both bases have under the same seed."""
    newest = sorted(rows, key=lambda row: row["made"])
    found = {(r["data"], r["method"], r["seed"], r["base"]): r for r in newest}
    body = []
    for data, method, seed in sorted({key[:3] for key in found}):
        both = [found.get((data, method, seed, base)) for base in BASES]
        if method != "floor" and both[0] and both[1]:
            plain, own = both
            body.append(
                (
                    data,
                    plain["label"],
                    str(seed),
                    scored(plain),
                    scored(own),
                    signed(own["score"] - plain["score"]),
                )
            )
    if not body:
        return []
    heads = ("Data", "Method", "Seed", "without the head", "with it", "difference")
    return ["## Transfer", markdown_table(Table(heads, "llrrrr", body))]


def scored(row: Row) -> str:
    """A score with its interval."""
    return f"{decimal(row['score'])} [{decimal(row['low'])}, {decimal(row['high'])}]"


if __name__ == "__main__":
    main()
