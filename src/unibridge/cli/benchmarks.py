"""benchmark: a base or a pack on published benchmarks."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from unibridge.cli.words import Command, add_set, quiet_console
from unibridge.errors import UnibridgeError


def _options(parser: ArgumentParser) -> None:
    parser.add_argument("--base", help="base model, fine-tuned on what each benchmark trains on")
    parser.add_argument("--model", help="a language pack, scored as it is")
    parser.add_argument(
        "--tasks", required=True, nargs="+", metavar="NAME", help="such as xquad panx, or xtreme"
    )
    parser.add_argument("--languages", nargs="+", default=[], help="default: all that are listed")
    parser.add_argument(
        "--data",
        nargs="+",
        default=[],
        metavar="[NAME=]FOLDER",
        help="files as published, of one benchmark or of all others (default: from the hub)",
    )
    parser.add_argument("--out", required=True, type=Path, help="folder of what is made")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--retrieval",
        nargs="+",
        default=[],
        metavar="FIELD=VALUE",
        help="what speaks for a text where translations are searched, such as layer=last "
        "pooling=first (default: as XTREME has it)",
    )
    add_set(parser, "FIELD=VALUE", "a setting of the fine-tuning, such as training.epochs=3")


def _folders(given: Sequence[str]) -> dict[str, str] | None:
    """By benchmark; "" for all others. A folder that exists is one, whatever its name holds."""
    found: dict[str, str] = {}
    for one in given:
        name, equals, folder = one.partition("=")
        if Path(one).is_dir():
            name, folder = "", one
        elif not (name and equals and folder):
            raise UnibridgeError(
                f"there is no folder {one!r}",
                where="--data",
                do="write FOLDER, or NAME=FOLDER with the name of a benchmark",
            )
        if name in found:
            raise UnibridgeError(
                f"two folders of {name or 'all others'}: {found[name]} and {folder}",
                where="--data",
                do="give one, and write NAME=FOLDER for the files of one benchmark",
            )
        found[name] = folder
    return found or None


def _benchmark(options: Namespace) -> None:
    from unibridge.config import stage_settings
    from unibridge.config.overrides import override
    from unibridge.evaluation.retrieval import RetrievalSettings
    from unibridge.operations.benchmarks import benchmark, table

    console = quiet_console()
    results = benchmark(
        options.tasks,
        options.out,
        stage_settings("fine_tuning", options.set),
        base=options.base,
        model=options.model,
        languages=options.languages,
        data=_folders(options.data),
        retrieval=override(RetrievalSettings(), options.retrieval, where="--retrieval"),
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
