"""merge, distil, export, predict and evaluate: what is done with a finished pack."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from unibridge.cli.words import (
    Command,
    add_reading,
    add_set,
    add_text,
    named,
    quiet_console,
    reading,
    show,
)
from unibridge.console import quiet
from unibridge.errors import UnibridgeError


def _pack_options(parser: ArgumentParser, summary: str) -> None:
    parser.add_argument("pack", help="language pack, or a run's folder")
    parser.add_argument("out", type=Path, help=summary)


def _merge_options(parser: ArgumentParser) -> None:
    _pack_options(parser, "folder for the merged pack")
    parser.add_argument(
        "--weights", nargs="+", metavar="CODE=WEIGHT", help="default: the pack's own weights"
    )
    add_text(
        parser,
        "the target's own plain text, to fit shares of the sources to, instead of weights",
    )
    parser.add_argument("--seed", type=int, default=0, help="with --text: of its order")
    add_set(parser, "FIELD=VALUE", "with --text: a setting of the merging")


def _merge(options: Namespace) -> None:
    from unibridge.config import override
    from unibridge.ensemble.merge import MergeSettings
    from unibridge.operations.packs import merge

    console = quiet_console()
    folder = merge(
        options.pack,
        options.out,
        weights=_weights(options.weights) if options.weights else None,
        text=options.text,
        settings=override(MergeSettings(), options.set) if options.set else None,
        seed=options.seed,
        listener=console,
    )
    if options.text is None:
        print(folder)
    else:
        console.say()
        _show_student(folder)


def _weights(pairs: Sequence[str]) -> dict[str, float]:
    try:
        return {code: float(weight) for code, weight in named(pairs).items()}
    except ValueError as error:
        raise UnibridgeError(
            "a weight is not a number", where="--weights", do="write CODE=WEIGHT, such as en=0.7"
        ) from error


def _show_student(folder: Path) -> None:
    show(folder, "agreement_before", "agreement", "divergence_before", "divergence")


def _distil_options(parser: ArgumentParser) -> None:
    _pack_options(parser, "folder for the distilled pack")
    add_text(parser, "the target's own plain text", required=True)
    parser.add_argument("--seed", type=int, default=0)
    add_set(parser, "FIELD=VALUE", "a setting of the distillation, such as student=encoder")


def _distil(options: Namespace) -> None:
    from unibridge.config import override
    from unibridge.ensemble.distil import DistilSettings
    from unibridge.operations.packs import distil

    settings = override(DistilSettings(), options.set)
    console = quiet_console()
    folder = distil(
        options.pack, options.out, options.text, settings, seed=options.seed, listener=console
    )
    console.say()
    _show_student(folder)


def _export_options(parser: ArgumentParser) -> None:
    _pack_options(parser, "folder for the result")
    parser.add_argument(
        "--format",
        required=True,
        help="pack (merged by weight), encoder (a distilled one), onnx, onnx-int8 (8-bit weights)",
    )
    parser.add_argument("--gold", help="labelled file that both are scored on")


def _export(options: Namespace) -> None:
    from unibridge.operations.packs import export

    quiet()
    folder = export(options.pack, options.out, options.format, gold=options.gold)
    show(folder, "largest_difference", "megabytes", *(["score"] if options.gold else []))


def _predict_options(parser: ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help="language pack, or a run's folder")
    parser.add_argument("--input", required=True)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument(
        "--batch-size", type=int, default=32, help="sentences at a time, of all sources"
    )
    add_reading(parser)


def _predict(options: Namespace) -> None:
    from unibridge.operations.packs import predict_file

    console = quiet_console()
    predict_file(
        options.model,
        options.input,
        options.output,
        batch_size=options.batch_size,
        read_as=reading(options),
        listener=console,
    )
    console.say()
    print(options.output)


def _evaluate_options(parser: ArgumentParser) -> None:
    parser.add_argument("--gold", required=True)
    parser.add_argument("--model", help="language pack, or a run's folder")
    parser.add_argument("--predictions", help="file in the gold file's format")
    parser.add_argument("--task", help="with --predictions: such as ner, or package.module:name")
    add_reading(parser)


_SCORES = 60
"""Further scores that are printed; a file of many types has one of each."""


def _evaluate(options: Namespace) -> None:
    from unibridge.operations.packs import evaluate

    score = evaluate(
        options.gold,
        model=options.model,
        predictions=options.predictions,
        task=options.task,
        read_as=reading(options),
        listener=quiet_console(),
    )
    print(f"{score.metric} {score.value:.1f} [{score.low:.1f}, {score.high:.1f}]")
    for name, value in list(score.all.items())[:_SCORES]:
        print(f"{name} {value:.1f}")
    if len(score.all) > _SCORES:
        print(f"... and {len(score.all) - _SCORES:,} more")


COMMANDS = (
    Command("merge", "average a pack's sources into one", _merge_options, _merge),
    Command(
        "distil", "teach one student the predictions of a pack's ensemble", _distil_options, _distil
    ),
    Command("export", "write a pack as one model, checked against it", _export_options, _export),
    Command("predict", "label a file, in its own format", _predict_options, _predict),
    Command(
        "evaluate",
        "score a pack, or a file of predictions, on gold labels",
        _evaluate_options,
        _evaluate,
    ),
)
