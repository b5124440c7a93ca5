"""align, pretrain and trim: word vectors and base models."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from unibridge.cli.words import Command, add_set, named, quiet_console
from unibridge.console import Console, quiet


def _align_options(parser: ArgumentParser) -> None:
    parser.add_argument("--source", required=True, help="word vectors (word2vec text) to rotate")
    parser.add_argument("--target", required=True, help="word vectors that stay as they are")
    parser.add_argument("--out", required=True, type=Path, help="file for the rotated vectors")
    parser.add_argument(
        "--method", default="procrustes", help="procrustes (default), adversarial, none"
    )
    parser.add_argument(
        "--dictionary",
        help="TSV of target word, tab, source word: anchors (default: identical strings)",
    )
    parser.add_argument("--test", help="TSV like it: gold pairs for P@1 and P@5")
    parser.add_argument("--seed", type=int, default=0)
    add_set(parser, "FIELD=VALUE", "a setting of the alignment, such as refinements=0")


def _align(options: Namespace) -> None:
    from unibridge.config import override
    from unibridge.embeddings.rotation import AlignmentSettings
    from unibridge.operations.bases import align

    aligned = align(
        options.source,
        options.target,
        options.out,
        override(AlignmentSettings(), options.set),
        method=options.method,
        dictionary=options.dictionary,
        test=options.test,
        seed=options.seed,
        listener=Console(),
    )
    for warning in aligned.found.warnings:
        Console().say(f"warning: {warning}")
    for name, value in aligned.found.facts.items():
        print(f"{name}: {value}")
    if (scored := aligned.scored) is not None:
        shares = ", ".join(f"P@{k} {share:.1%}" for k, share in scored.precision.items())
        print(f"{shares} of {scored.words:,} words ({scored.missing:,} pairs without vectors)")
    print(options.out)


def _pretrain_options(parser: ArgumentParser) -> None:
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument(
        "--base",
        help="train this one further, which gives it the masked-LM head that it may lack "
        "(default: a new one of XLM-R's architecture)",
    )
    parser.add_argument(
        "--text", nargs="+", metavar="CODE=PATH", help="plain text by language (default: CLDR)"
    )
    parser.add_argument("--pairs", nargs="*", default=[], help="TSV files of translations, for TLM")
    parser.add_argument("--seed", type=int, default=7)
    add_set(parser, "FIELD=VALUE", "a setting of pretraining, such as training.steps=1000")


def _pretrain(options: Namespace) -> None:
    from unibridge.config import override
    from unibridge.operations.bases import pretrain
    from unibridge.transfer.pretrain import FURTHER, PretrainSettings

    print(
        pretrain(
            options.out,
            override(PretrainSettings() if options.base is None else FURTHER, options.set),
            base=options.base,
            text=named(options.text) if options.text else None,
            pairs=options.pairs,
            seed=options.seed,
            listener=quiet_console(),
        )
    )


def _trim_options(parser: ArgumentParser) -> None:
    parser.add_argument("base", help="folder, hub id or name of a base; or a language pack")
    parser.add_argument("out", type=Path, help="folder for what is left")
    parser.add_argument(
        "--text", required=True, nargs="+", metavar="FILE", help="texts that are read as before"
    )
    parser.add_argument("--gold", help="labelled file that a pack is scored on, before and after")
    add_set(parser, "FIELD=VALUE", "a setting, such as store=float16 or least=5")


def _trim(options: Namespace) -> None:
    from unibridge.artifacts import read_manifest
    from unibridge.config import override
    from unibridge.operations.bases import trim
    from unibridge.pack.trim import TrimOutput

    quiet()
    settings = override(TrimOutput(), options.set)
    folder = trim(options.base, options.out, options.text, settings, gold=options.gold)
    manifest = read_manifest(folder)
    for warning in manifest["warnings"]:
        print(f"warning: {warning}")
    for name, value in manifest["facts"].items():
        told = [f"{one:,}" for one in (value if isinstance(value, list) else [value])]
        print(f"{name}: {' -> '.join(told)}")
    print(folder)


COMMANDS = (
    Command(
        "align",
        "rotate one language's word vectors onto another's, and score dictionaries",
        _align_options,
        _align,
    ),
    Command(
        "pretrain",
        "train a small multilingual base, or a given one further",
        _pretrain_options,
        _pretrain,
    ),
    Command(
        "trim",
        "cut a base or a pack down to the pieces that given texts use",
        _trim_options,
        _trim,
    ),
)
