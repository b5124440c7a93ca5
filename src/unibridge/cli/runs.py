"""run, demo and inspect: what most people type."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unibridge.cli.words import Command, add_megabytes, add_set, quiet_console
from unibridge.console import Console, quiet


def _run_options(parser: ArgumentParser) -> None:
    parser.add_argument("config", type=Path)
    add_set(parser, "SECTION.FIELD=VALUE", "overrides the file")


def _run(options: Namespace) -> None:
    from unibridge.config import load_configs

    configs = load_configs(options.config, options.set)
    if len(configs) == 1:
        _run_config(next(iter(configs.values())), options.command_line)
    else:
        _run_targets(configs, options.command_line)


def _run_targets(configs: Mapping[str, Any], command: str) -> None:
    from unibridge.operations.runs import run_targets

    quiet()
    print(run_targets(configs, command=command, listener=Console()) / "report.html")


def _run_config(config: Any, command: str) -> None:
    from unibridge.operations.runs import run
    from unibridge.report.summary import terminal_summary

    console = Console()
    console.say(f"results go to {config.run.folder}")
    quiet()
    root = run(config, command=command, listener=console)
    console.say()
    if not console.quiet:
        print(terminal_summary(root))


def _demo_options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--language", help="any CLDR language (default: ti, Tigrinya; on the base cldr am, Amharic)"
    )
    parser.add_argument(
        "--base", help="me5 or cldr (default: me5 where it is installed, or else cldr)"
    )
    parser.add_argument("--folder", type=Path, help="run folder (default: runs/demo-LANGUAGE)")
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds (default: 1)")
    parser.add_argument(
        "--from-scratch",
        action="store_true",
        help="train the source adapters instead of using the ones that come with the base cldr",
    )
    add_set(parser, "SECTION.FIELD=VALUE", "overrides the demo's configuration")


def _demo(options: Namespace) -> None:
    from unibridge.operations.runs import prepare_demo
    from unibridge.training.threads import use_free_cores

    console = Console()
    if threads := use_free_cores():
        console.say(f"Other work goes on here: {threads} thread(s); OMP_NUM_THREADS sets another.")
    config = prepare_demo(
        options.language,
        options.folder,
        base=options.base,
        seeds=options.seeds,
        from_scratch=options.from_scratch,
        overrides=options.set,
        listener=console,
    )
    _run_config(config, options.command_line)


def _inspect_options(parser: ArgumentParser) -> None:
    parser.add_argument("--base", required=True, help="folder, hub id, or packaged: me5, ...")
    parser.add_argument("--text", required=True, nargs="+")
    add_megabytes(parser)


def _inspect(options: Namespace) -> None:
    from unibridge.operations.bases import inspect

    console = quiet_console()
    look = inspect(
        options.base, options.text, text_megabytes=options.text_megabytes, listener=console
    )
    console.say()
    found = look.found
    line, tokens = found.example
    print(f"{options.base} on {found.lines} lines")
    print(f"  unknown tokens      {found.reading.unknown:7.1%}")
    print(f"  tokens per word     {found.reading.tokens_per_word:7.2f}")
    print(f"  words in one token  {found.reading.whole:7.1%}")
    if found.masked_accuracy is not None:
        print(f"  masked tokens right {found.masked_accuracy:7.1%}  ({found.masked_loss:.2f} nats)")
    for note in look.notes:
        print(f"  note: {note}")
    print(f"  a line:     {line[:90]}")
    print(f"  its tokens: {' '.join(tokens)[:90]}")
    print(found.verdict)


COMMANDS = (
    Command(
        "run",
        "the whole pipeline of a configuration; resumes where it stopped",
        _run_options,
        _run,
    ),
    Command(
        "demo",
        "the whole pipeline on text that comes with the package (CLDR)",
        _demo_options,
        _demo,
    ),
    Command(
        "inspect",
        "does this model read my language? A few seconds",
        _inspect_options,
        _inspect,
    ),
)
