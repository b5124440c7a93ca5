"""sources: which source should I take?"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from unibridge.cli.words import Command, add_set, named, quiet_console

if TYPE_CHECKING:
    from unibridge.operations.sources import Ranked


def _sources_options(parser: ArgumentParser) -> None:
    parser.add_argument("--target", required=True, help="code of the target language, such as lug")
    parser.add_argument("--study", type=Path, help="folder of a study, finished or not")
    parser.add_argument("--task", help="of the study, with its labels (default: all, by rank)")
    parser.add_argument(
        "--candidates",
        metavar="FILE",
        help="TOML with [[sources]], such as a run's (default: the study's transfer languages)",
    )
    parser.add_argument(
        "--text", nargs="+", default=[], metavar="CODE=PATH", help="candidates' text, without FILE"
    )
    parser.add_argument(
        "--train", nargs="+", default=[], metavar="CODE=PATH", help="and their labels"
    )
    parser.add_argument("--target-text", nargs="+", default=[], metavar="PATH")
    parser.add_argument("--base", help="folder, hub id, me5, minilm or cldr: its own states count")
    parser.add_argument("--by", metavar="RANKER", help="rank by this one, whatever is measured")
    parser.add_argument("--count", type=int, default=3, help="sources to take (default: 3)")
    parser.add_argument(
        "--predict",
        action="store_true",
        help="first compute the predictors of the study's own pairs, which tells what ranks best",
    )
    add_set(parser, "FIELD=VALUE", "of the rankers, such as lines=1000")


def _sources(options: Namespace) -> None:
    from unibridge.comparison.rankers.base import RankerSettings
    from unibridge.config import override
    from unibridge.errors import UnibridgeError
    from unibridge.operations import comparison, sources

    console = quiet_console()
    settings = override(RankerSettings(), options.set)
    if options.predict:
        if options.study is None:
            raise UnibridgeError("--predict is about a study's pairs", do="give --study")
        left_out = comparison.predict_study(
            options.study, base=options.base, settings=settings, listener=console
        )
        for name, why in left_out.items():
            console.say(f"{name} of the studied pairs is left out: {why}")
    given: list[sources.Candidate] = []
    if options.candidates:
        given = sources.read_candidates(options.candidates)
    else:
        train = named(options.train)
        for code, path in named(options.text).items():
            labels = {"train": train[code]} if code in train else {}
            given.append({"language": code, "text": [path], **labels})
    found = sources.sources(
        options.target,
        given,
        target_text=options.target_text,
        study=options.study,
        task=options.task,
        base=options.base,
        ranker=options.by,
        settings=settings,
        listener=console,
    )
    for name, why in found.left_out.items():
        console.say(f"{name} is left out: {why}")
    _print(found, options.count)


def _print(found: "Ranked", count: int) -> None:
    """What is no TOML is a comment, so that all of it can go into a file."""
    from unibridge.comparison.wording import bounds, interval

    advice = found.advice
    print(f"# sources for {advice.target}, ranked by: {advice.by} ({advice.why})")
    for place, one in enumerate(advice.suggestions, start=1):
        gains = ", ".join(f"{task} {interval(gain)}" for task, (gain, _) in one.gains.items())
        said = f"; measured, in points: {gains}" if gains else ""
        print(f"# {place:3}. {one.source:10} {one.score:8.3f}{said}")
    for name, order in found.beside.items():
        if name != advice.by:
            print(f"# by {name}: {', '.join(order[:5])}")
    if advice.unranked:
        print(f"# nothing is known of {', '.join(advice.unranked)}")
    for task, qualities in advice.qualities.items():
        said = ", ".join(f"{q.predictor} {bounds(q.ndcg, q.low, q.high)}" for q in qualities)
        print(f"# NDCG@3 on the study's {task}, each target left out: {said}")
    print("# (a study measures what a language's plain text adds, not what its labels are worth)")
    print()
    print(found.block(count))


COMMANDS = (
    Command(
        "sources",
        "which sources should I take for a target? Ranked, from a study or before any training",
        _sources_options,
        _sources,
    ),
)
