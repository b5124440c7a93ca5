"""The command line: a table from words to functions. Parse, call, print."""

import argparse
import os
import sys
from collections.abc import Sequence

from unibridge.cli import (
    advice,
    bases,
    benchmarks,
    generation,
    packs,
    runs,
    sources,
    stages,
    transfer,
)
from unibridge.errors import UnibridgeError

COMMANDS = (
    *runs.COMMANDS,
    *stages.COMMANDS,
    *packs.COMMANDS,
    *bases.COMMANDS,
    *benchmarks.COMMANDS,
    *transfer.COMMANDS,
    *generation.COMMANDS,
    *advice.COMMANDS,
    *sources.COMMANDS,
)
EXAMPLES = """examples:
  unibridge demo                                  the whole job on built-in text, in minutes
  unibridge demo --language wo                    the same for Wolof
  unibridge inspect --base xlm-roberta-base --text my.txt
  unibridge run config.toml --set adaptation.training.epochs=5
  unibridge predict --model runs/lug/pack --input new.conll --output tagged.conll
exit codes: 0 done; 2 a mistake, said in a line; 3 a study has missing cells, which the same command
tries again; 130 interrupted
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code; see `EXAMPLES`."""
    parser = build_parser()
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parser.parse_args(given)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    options.command_line = "unibridge " + " ".join(given)
    from unibridge.artifacts import disk_errors
    from unibridge.processes import processes

    try:
        processes()  # joined before anything chooses a device
        with disk_errors("disk"):
            return options.act(options) or 0
    except UnibridgeError as error:
        print(f"\nunibridge: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "\nunibridge: interrupted; the same command goes on from where it was", file=sys.stderr
        )
        return 130
    except BrokenPipeError:
        return 0
    except OSError as error:
        print(f"\nunibridge: {error.filename or 'disk'}: {error.strerror}", file=sys.stderr)
        return 2


def build_parser() -> argparse.ArgumentParser:
    """Every command of the table with its options."""
    parser = argparse.ArgumentParser(
        prog="unibridge",
        description="Bring a pretrained language model to a language it does not speak.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        made = commands.add_parser(command.name, help=command.summary, description=command.summary)
        made.set_defaults(act=command.act)
        command.options(made)
    return parser
