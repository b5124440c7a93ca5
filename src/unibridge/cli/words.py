"""What the commands share: their form, common options, and how results are said."""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from unibridge.console import Console, quiet
from unibridge.errors import UnibridgeError

if TYPE_CHECKING:
    from unibridge.text.examples import ReadAs


@dataclass(frozen=True)
class Command:
    """A word, what it does in a line, its options, and the function that they are given to.

    act: returns the exit code where it is not 0.
    """

    name: str
    summary: str
    options: Callable[[ArgumentParser], None]
    act: Callable[[Namespace], int | None]


def add_set(parser: ArgumentParser, metavar: str, summary: str) -> None:
    """--set, which may be given more than once."""
    parser.add_argument("--set", action="append", default=[], metavar=metavar, help=summary)


def add_text(parser: ArgumentParser, summary: str, *, required: bool = False) -> None:
    """--text of the commands that make a pack from a pack: one file each time it is given."""
    parser.add_argument(
        "--text",
        required=required,
        action="append",
        metavar="FILE",
        help=f"{summary}; may be given more than once",
    )


def add_megabytes(parser: ArgumentParser) -> None:
    """--text-megabytes: how much plain text is held."""
    from unibridge.text.corpus import MOST_BYTES

    parser.add_argument(
        "--text-megabytes",
        type=int,
        default=MOST_BYTES >> 20,
        metavar="MIB",
        help="text that is held in memory; of more, lines evenly spread; 0: all "
        "(default: %(default)s)",
    )


def add_reading(parser: ArgumentParser) -> None:
    """--reader, --columns and --label-names: how label files are to be read."""
    parser.add_argument("--reader", help="of label files (default: by suffix, or content)")
    parser.add_argument(
        "--columns",
        nargs="+",
        default=[],
        metavar="ROLE=COLUMN",
        help="where words, tags, text, second or label stand: numbers from 0, or names",
    )
    parser.add_argument(
        "--label-names",
        nargs="+",
        default=[],
        metavar="NAME",
        help="of labels that are written as numbers, in order from 0",
    )


def reading(options: Namespace) -> "ReadAs":
    """What `add_reading` was given."""
    from unibridge.text.examples import ReadAs

    columns: dict[str, str | int] = {}
    for pair in options.columns:
        role, equals, place = pair.partition("=")
        if not equals:
            raise UnibridgeError(
                f"{pair!r} names no column", where="--columns", do="write ROLE=COLUMN, as tags=2"
            )
        columns[role] = int(place) if re.fullmatch(r"-?\d+", place) else place
    return ReadAs(options.reader, columns, tuple(options.label_names))


def quiet_console() -> Console:
    """A console that has the terminal for itself."""
    quiet()
    return Console()


def named(pairs: Sequence[str]) -> dict[str, str]:
    """CODE=PATH arguments as a dictionary."""
    found = {}
    for pair in pairs:
        code, equals, path = pair.partition("=")
        if not equals:
            raise UnibridgeError(f"{pair!r} names no path", do="write CODE=PATH, such as en=en.txt")
        found[code] = path
    return found


def named_paths(pairs: Sequence[str]) -> dict[str, Path]:
    """CODE=FOLDER arguments as a dictionary."""
    return {code: Path(path) for code, path in named(pairs).items()}


def need(options: Namespace, *names: str) -> None:
    """Refuse a command whose other form needs none of these."""
    if missing := [f"--{name}" for name in names if getattr(options, name) is None]:
        raise UnibridgeError("something is missing", where="arguments", do=", ".join(missing))


def show(folder: Path, *facts: str) -> None:
    """Print what a stage made, and where."""
    from unibridge.artifacts import read_manifest
    from unibridge.processes import processes

    if not processes().main:
        return
    manifest = read_manifest(folder)
    for warning in manifest["warnings"]:
        Console().say(f"warning: {warning}")
    for name in facts:
        print(f"{name}: {manifest['facts'].get(name)}")
    print(folder)
