"""benchmark: a base or a pack on published benchmarks."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from unibridge.cli.words import Command, add_set, quiet_console


def _options(parser: ArgumentParser) -> None:
    parser.add_argument("--base", help="base model, fine-tuned on what each benchmark trains on")
    parser.add_argument("--model", help="a language pack, scored as it is")
    parser.add_argument(
        "--tasks", required=True, nargs="+", metavar="NAME", help="such as xquad panx, or xtreme"
    )
    parser.add_argument("--languages", nargs="+", default=[], help="default: all that are listed")
    parser.add_argument("--data", help="folder of the files as published (default: from the hub)")
    parser.add_argument("--out", required=True, type=Path, help="folder of what is made")
    parser.add_argument("--seed", type=int, default=0)
    add_set(parser, "FIELD=VALUE", "a setting of the fine-tuning, such as training.epochs=3")


def _benchmark(options: Namespace) -> None:
    from unibridge.config import stage_settings
    from unibridge.operations.benchmarks import benchmark, table

    console = quiet_console()
    results = benchmark(
        options.tasks,
        options.out,
        stage_settings("fine_tuning", options.set),
        base=options.base,
        model=options.model,
        languages=options.languages,
        data=options.data,
        seed=options.seed,
        listener=console,
    )
    console.say()
    rows = table(results)
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip())


COMMANDS = (
    Command(
        "benchmark",
        "score a base, or a pack, on published benchmarks, averaged as they say",
        _options,
        _benchmark,
    ),
)
