"""advise: what to try first, from rows that were measured."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from unibridge.cli.words import Command


def _options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--rows",
        type=Path,
        help="results.jsonl of a run, or a grid's rows (default: what was measured on me5, which "
        "comes with the package)",
    )
    parser.add_argument("--task", required=True, help="such as ner")
    parser.add_argument("--language", required=True, help="the target's code")
    parser.add_argument("--base", help="the base model, by the name that the rows have")
    parser.add_argument("--sources", nargs="+", default=["en"], help="codes of those with labels")
    parser.add_argument(
        "--have",
        nargs="*",
        default=["text"],
        metavar="WHAT",
        help="of the sources: text, parallel, dictionary, translated, adapter (default: text)",
    )
    parser.add_argument("--target-labels", action="store_true", help="there are some to learn from")


def _advise(options: Namespace) -> None:
    from unibridge.study.advice import SHIPPED, Has, advise, read_measured

    has = Has(
        options.task,
        options.language,
        tuple(options.sources),
        frozenset(options.have),
        options.base,
        options.target_labels,
    )
    rows = options.rows or SHIPPED
    print(f"from {rows}, rows by line:")
    for sentence in advise(read_measured(rows), has):
        print(f"- {sentence}")


COMMANDS = (
    Command("advise", "what to try first, from measured rows, each named", _options, _advise),
)
