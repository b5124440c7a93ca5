"""generate: text from text, learnt in one language and asked for in another."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from unibridge.cli.words import Command, add_reading, add_set, named, quiet_console, reading


def _options(parser: ArgumentParser) -> None:
    parser.add_argument("--base", required=True, help="mT5 or mBART: folder or hub id")
    for name, what in (("train", "learnt"), ("test", "scored")):
        parser.add_argument(
            f"--{name}",
            required=True,
            nargs="+",
            metavar="CODE=FILE",
            help=f"pairs that are {what}: text and label, which is what is to be said",
        )
    parser.add_argument(
        "--text",
        nargs="+",
        default=[],
        metavar="CODE=FILE",
        help="plain text of these languages, to tell in which one it answers",
    )
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--seed", type=int, default=0)
    add_reading(parser)
    add_set(parser, "FIELD=VALUE", "a setting, such as beams=1 or preserve=0.01")


def _generate(options: Namespace) -> None:
    from unibridge.config import override
    from unibridge.operations.generation import generation
    from unibridge.transfer.generation import GenerationSettings

    console = quiet_console()
    scores = generation(
        options.base,
        options.out,
        named(options.train),
        named(options.test),
        override(GenerationSettings(), options.set),
        text={code: [file] for code, file in named(options.text).items()},
        read_as=reading(options),
        seed=options.seed,
        listener=console,
    )
    console.say()
    for code, own in scores.items():
        print(f"{code}  " + ", ".join(f"{name} {value:.1f}" for name, value in own.items()))


COMMANDS = (
    Command(
        "generate",
        "fine-tune mT5 or mBART on pairs of texts, and score what it says in other languages",
        _options,
        _generate,
    ),
)
