"""vocabulary, embed, adapt, train-task, weigh and pack: the stages of the method, one at a time."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from unibridge.cli.words import (
    Command,
    add_megabytes,
    add_reading,
    add_set,
    named,
    named_paths,
    need,
    quiet_console,
    reading,
    show,
)


def _place_options(parser: ArgumentParser, *, on_base: bool = True) -> None:
    parser.add_argument("--base", required=on_base, help="folder, hub id, or packaged: me5, ...")
    parser.add_argument("--out", required=True, type=Path, help="folder for the result")


def _settings_options(parser: ArgumentParser) -> None:
    add_set(parser, "FIELD=VALUE", "a setting of this stage, such as step=250")


def _stage_options(parser: ArgumentParser, *, on_base: bool = True) -> None:
    _place_options(parser, on_base=on_base)
    parser.add_argument("--seed", type=int, default=0)
    _settings_options(parser)


def _text_options(parser: ArgumentParser) -> None:
    parser.add_argument("--language", required=True, help="code, such as lug")
    parser.add_argument("--text", required=True, nargs="+")
    add_megabytes(parser)


def _given(options: Namespace, section: str, *changes: str) -> dict[str, Any]:
    """What every stage is told: its settings, and who listens."""
    from unibridge.config import stage_settings

    settings = stage_settings(section, [*options.set, *changes])
    return {"settings": settings, "listener": quiet_console()}


def _vocabulary_options(parser: ArgumentParser) -> None:
    _place_options(parser)
    _settings_options(parser)
    parser.add_argument(
        "--verify", action="store_true", help="also train the two sizes beside the chosen one"
    )
    _text_options(parser)


def _vocabulary(options: Namespace) -> None:
    from unibridge.artifacts import read_manifest
    from unibridge.operations.stages import vocabulary

    given = _given(options, "vocabulary", *["verify=true"] * options.verify)
    folder = vocabulary(
        options.base,
        options.out,
        options.text,
        language=options.language,
        text_megabytes=options.text_megabytes,
        **given,
    )
    show(folder, "chosen", "stopped")
    for row in read_manifest(folder)["facts"]["verified"]:
        print(
            f"verified: {row['size']:,} pieces, ALP {row['nested']:.2f} nested, "
            f"{row['trained']:.2f} trained ({row['difference']:+.2f})"
        )


def _embed_options(parser: ArgumentParser) -> None:
    _stage_options(parser)
    parser.add_argument("--vocabulary", required=True, type=Path, help="folder of that stage")
    parser.add_argument(
        "--source-text", nargs="+", default=[], help="text the base reads; for bridge and wechsel"
    )
    parser.add_argument(
        "--parallel", nargs="+", default=[], help="with it: TSV of target and source, or two files"
    )
    parser.add_argument("--dictionary", help="with it: TSV of target word, tab, source word")
    _text_options(parser)


def _embed(options: Namespace) -> None:
    from unibridge.operations.stages import embed

    folder = embed(
        options.base,
        options.out,
        options.text,
        language=options.language,
        vocabulary=options.vocabulary,
        source_text=options.source_text,
        parallel=options.parallel,
        dictionary=options.dictionary,
        text_megabytes=options.text_megabytes,
        seed=options.seed,
        **_given(options, "embeddings"),
    )
    show(folder, "counts")


def _adapt_options(parser: ArgumentParser) -> None:
    _stage_options(parser)
    parser.add_argument("--vocabulary", type=Path, help="folder of that stage (targets)")
    parser.add_argument("--embeddings", type=Path, help="folder of the embed stage (targets)")
    _text_options(parser)


def _adapt(options: Namespace) -> None:
    from unibridge.operations.stages import adapt

    section = "source_adaptation" if options.vocabulary is None else "adaptation"
    folder = adapt(
        options.base,
        options.out,
        options.text,
        language=options.language,
        vocabulary=options.vocabulary,
        embeddings=options.embeddings,
        text_megabytes=options.text_megabytes,
        seed=options.seed,
        **_given(options, section),
    )
    show(folder, "steps", "kl_weight", "teacher_unknown_rate")


def _train_task_options(parser: ArgumentParser) -> None:
    _stage_options(parser, on_base=False)
    parser.add_argument("--task", help="such as ner, or package.module:name")
    parser.add_argument("--language", help="the source's code")
    parser.add_argument("--labels", help="labelled training file")
    parser.add_argument("--dev", help="labelled file to score on while training")
    parser.add_argument("--language-adapter", type=Path, help="folder of the adapt stage")
    parser.add_argument("--target-labels", help="labelled target file to draw 10, 50, 100 from")
    parser.add_argument(
        "--model", help="with it: the language pack, or run's folder, to go on from"
    )
    parser.add_argument("--test", help="with it: labelled target file that the curve is scored on")
    add_reading(parser)


def _train_task(options: Namespace) -> None:
    if options.target_labels is not None:
        _few_shot(options)
        return
    need(options, "base", "task", "language", "labels")
    from unibridge.operations.stages import train_task

    folder = train_task(
        options.base,
        options.out,
        options.labels,
        task=options.task,
        language=options.language,
        language_adapter=options.language_adapter,
        dev=options.dev,
        read_as=reading(options),
        seed=options.seed,
        **_given(options, "task_training"),
    )
    show(folder, "steps", "dev_score")


def _few_shot(options: Namespace) -> None:
    """train-task --target-labels: a curve, and the model that saw the most labels."""
    need(options, "model", "test")
    from unibridge.artifacts import read_manifest
    from unibridge.config import override
    from unibridge.ensemble.few_shot import FewShotSettings
    from unibridge.operations.stages import few_shot_curve

    folder = few_shot_curve(
        options.model,
        options.out,
        options.target_labels,
        options.test,
        override(FewShotSettings(), options.set),
        read_as=reading(options),
        seed=options.seed,
        listener=quiet_console(),
    )
    for point in read_manifest(folder)["facts"]["points"]:
        print(
            f"{point['sentences']:>4} sentences, {point['start']:<11} "
            f"{point['score']:.1f} [{point['low']:.1f}, {point['high']:.1f}]"
        )
    show(folder)


def _weigh_options(parser: ArgumentParser) -> None:
    _stage_options(parser)
    parser.add_argument("--target", required=True, type=Path, help="folder of its adapt stage")
    parser.add_argument("--source", required=True, nargs="+", metavar="CODE=FOLDER")
    parser.add_argument("--parallel", nargs="+", default=[], metavar="CODE=TSV")
    parser.add_argument(
        "--tasks", nargs="+", default=[], metavar="CODE=FOLDER", help="of the train-task stages"
    )
    parser.add_argument(
        "--text", nargs="+", default=[], help="plain target text, for confidence and the like"
    )
    parser.add_argument("--labels", help="labelled target examples, for fitted and best_single")
    add_reading(parser)


def _weigh(options: Namespace) -> None:
    from unibridge.operations.stages import weigh

    folder = weigh(
        options.base,
        options.out,
        options.target,
        named_paths(options.source),
        parallel=named(options.parallel),
        tasks=named_paths(options.tasks),
        text=options.text,
        labels=options.labels,
        read_as=reading(options),
        seed=options.seed,
        **_given(options, "weights"),
    )
    show(folder, "weights", "entropy", "uniform_entropy")


def _pack_options(parser: ArgumentParser) -> None:
    _place_options(parser)
    parser.add_argument("--target", required=True, type=Path, help="folder of its adapt stage")
    parser.add_argument("--tasks", required=True, nargs="+", metavar="CODE=FOLDER")
    parser.add_argument("--weights", type=Path, help="folder of the weigh stage (default: uniform)")


def _pack(options: Namespace) -> None:
    from unibridge.operations.stages import assemble_pack

    print(
        assemble_pack(
            options.base,
            options.out,
            options.target,
            named_paths(options.tasks),
            weights=options.weights,
            listener=quiet_console(),
        )
    )


COMMANDS = (
    Command(
        "vocabulary",
        "§2.1: choose a vocabulary size, make a tokenizer",
        _vocabulary_options,
        _vocabulary,
    ),
    Command("embed", "§2.2: first values for the new embeddings", _embed_options, _embed),
    Command("adapt", "§2.3: train a language adapter", _adapt_options, _adapt),
    Command(
        "train-task",
        "§2.3: train a task adapter on a source language; or go on with a few target labels",
        _train_task_options,
        _train_task,
    ),
    Command("weigh", "§2.4: how much each source counts for the target", _weigh_options, _weigh),
    Command("pack", "put a target language and trained tasks together", _pack_options, _pack),
)
