"""The command line: a table from words to functions. Parse, call, print."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from unibridge.console import Console
from unibridge.errors import UnibridgeError

EXAMPLES = """examples:
  unibridge demo                                  the whole job on built-in text, in minutes
  unibridge demo --language so                    the same for Somali
  unibridge inspect --base xlm-roberta-base --text my.txt
  unibridge run config.toml --set adaptation.training.epochs=5
  unibridge predict --model runs/lug/pack --input new.conll --output tagged.conll
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 2 for a user's mistake, 130 when interrupted."""
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
            options.act(options)
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
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="unibridge",
        description="Bring a pretrained language model to a language it does not speak.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, act: Callable[[Any], None], summary: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=summary, description=summary)
        made.set_defaults(act=act)
        return made

    def stage(
        name: str, act: Callable[[Any], None], summary: str, *, on_base: bool = True
    ) -> argparse.ArgumentParser:
        made = command(name, act, summary)
        made.add_argument("--base", required=on_base, help="folder, hub id, or: cldr, minilm")
        made.add_argument("--out", required=True, type=Path, help="folder for the result")
        made.add_argument("--seed", type=int, default=0)
        _add_set(made, "FIELD=VALUE", "a setting of this stage, such as step=250")
        return made

    run = command("run", _run, "the whole pipeline of a configuration; resumes where it stopped")
    run.add_argument("config", type=Path)
    _add_set(run, "SECTION.FIELD=VALUE", "overrides the file")

    demo = command("demo", _demo, "the whole pipeline on text that comes with the package (CLDR)")
    demo.add_argument("--language", default="am", help="any CLDR language (default: am, Amharic)")
    demo.add_argument("--folder", type=Path, help="run folder (default: runs/demo-LANGUAGE)")
    demo.add_argument("--seeds", type=int, default=1, help="number of seeds (default: 1)")
    demo.add_argument(
        "--from-scratch",
        action="store_true",
        help="train the source adapters instead of using the ones that come with the base",
    )
    _add_set(demo, "SECTION.FIELD=VALUE", "overrides the demo's configuration")

    look = command("inspect", _inspect, "does this model read my language? A few seconds")
    look.add_argument("--base", required=True, help="folder, hub id, or: cldr, minilm")
    look.add_argument("--text", required=True, nargs="+")

    vocabulary = stage(
        "vocabulary", _vocabulary, "§2.1: choose a vocabulary size, make a tokenizer"
    )
    vocabulary.add_argument(
        "--verify", action="store_true", help="also train the two sizes beside the chosen one"
    )
    embed = stage("embed", _embed, "§2.2: first values for the new embeddings")
    embed.add_argument("--vocabulary", required=True, type=Path, help="folder of that stage")
    embed.add_argument(
        "--source-text", nargs="+", help="text the base reads; for bridge and wechsel"
    )
    embed.add_argument(
        "--parallel", nargs="+", default=[], help="with it: TSV of target and source, or two files"
    )
    embed.add_argument("--dictionary", help="with it: TSV of target word, tab, source word")
    adapt = stage("adapt", _adapt, "§2.3: train a language adapter")
    adapt.add_argument("--vocabulary", type=Path, help="folder of that stage (targets)")
    adapt.add_argument("--embeddings", type=Path, help="folder of the embed stage (targets)")
    for made in (vocabulary, embed, adapt):
        made.add_argument("--language", required=True, help="code, such as lug")
        made.add_argument("--text", required=True, nargs="+")

    task = stage(
        "train-task",
        _train_task,
        "§2.3: train a task adapter on a source language; or go on with a few target labels",
        on_base=False,
    )
    task.add_argument("--task", help="ner, pos, classification, pairs")
    task.add_argument("--language", help="the source's code")
    task.add_argument("--labels", help="labelled training file")
    task.add_argument("--dev", help="labelled file to score on while training")
    task.add_argument("--language-adapter", type=Path, help="folder of the adapt stage")
    task.add_argument("--target-labels", help="labelled target file to draw 10, 50, 100 from")
    task.add_argument("--model", help="with it: the language pack, or run's folder, to go on from")
    task.add_argument("--test", help="with it: labelled target file that the curve is scored on")

    weigh = stage("weigh", _weigh, "§2.4: how much each source counts for the target")
    weigh.add_argument("--target", required=True, type=Path, help="folder of its adapt stage")
    weigh.add_argument("--source", required=True, nargs="+", metavar="CODE=FOLDER")
    weigh.add_argument("--parallel", nargs="+", default=[], metavar="CODE=TSV")
    weigh.add_argument(
        "--tasks", nargs="+", default=[], metavar="CODE=FOLDER", help="of the train-task stages"
    )
    weigh.add_argument("--text", nargs="+", help="plain target text, for confidence and the like")
    weigh.add_argument("--labels", help="labelled target examples, for fitted and best_single")

    pack = stage("pack", _pack, "put a target language and trained tasks together")
    pack.add_argument("--target", required=True, type=Path, help="folder of its adapt stage")
    pack.add_argument("--tasks", required=True, nargs="+", metavar="CODE=FOLDER")
    pack.add_argument("--weights", type=Path, help="folder of the weigh stage (default: uniform)")

    merge = command("merge", _merge, "average a pack's sources into one")
    merge.add_argument("pack", help="language pack, or a run's folder")
    merge.add_argument("out", type=Path, help="folder for the merged pack")
    merge.add_argument(
        "--weights", nargs="+", metavar="CODE=WEIGHT", help="default: the pack's own weights"
    )
    merge.add_argument(
        "--text",
        action="append",
        metavar="FILE",
        help="the target's own plain text, to fit shares of the sources to, instead of weights; "
        "may be given more than once",
    )
    merge.add_argument("--seed", type=int, default=0, help="with --text: of its order")
    _add_set(merge, "FIELD=VALUE", "with --text: a setting of the merging")

    distil = command("distil", _distil, "teach one student what a pack's sources say together")
    distil.add_argument("pack", help="language pack, or a run's folder")
    distil.add_argument("out", type=Path, help="folder for the distilled pack")
    distil.add_argument(
        "--text",
        required=True,
        action="append",
        metavar="FILE",
        help="the target's own plain text; may be given more than once",
    )
    distil.add_argument("--seed", type=int, default=0)
    _add_set(distil, "FIELD=VALUE", "a setting of the distillation, such as student=encoder")

    export = command("export", _export, "write a pack as one model, checked against it")
    export.add_argument("pack", help="language pack, or a run's folder")
    export.add_argument("out", type=Path, help="folder for the result")
    export.add_argument(
        "--format", required=True, help="pack (merged by weight), encoder (a distilled one), onnx"
    )

    predict = command("predict", _predict, "label a file, in its own format")
    predict.add_argument("--model", required=True, help="language pack, or a run's folder")
    predict.add_argument("--input", required=True)
    predict.add_argument("--output", required=True, type=Path)
    predict.add_argument(
        "--batch-size", type=int, default=32, help="sentences at a time, of all sources"
    )

    evaluate = command(
        "evaluate", _evaluate, "score a pack, or a file of predictions, on gold labels"
    )
    evaluate.add_argument("--gold", required=True)
    evaluate.add_argument("--model", help="language pack, or a run's folder")
    evaluate.add_argument("--predictions", help="file in the gold file's format")
    evaluate.add_argument("--task", help="with --predictions: ner, pos, classification, pairs")

    align = command(
        "align", _align, "rotate one language's word vectors onto another's, and score dictionaries"
    )
    align.add_argument("--source", required=True, help="word vectors (word2vec text) to rotate")
    align.add_argument("--target", required=True, help="word vectors that stay as they are")
    align.add_argument("--out", required=True, type=Path, help="file for the rotated vectors")
    align.add_argument(
        "--method", default="procrustes", help="procrustes (default), adversarial, none"
    )
    align.add_argument(
        "--dictionary",
        help="TSV of target word, tab, source word: anchors (default: identical strings)",
    )
    align.add_argument("--test", help="TSV like it: gold pairs for P@1 and P@5")
    align.add_argument("--seed", type=int, default=0)
    _add_set(align, "FIELD=VALUE", "a setting of the alignment, such as refinements=0")

    pretrain = command(
        "pretrain", _pretrain, "train a small multilingual base, or a given one further"
    )
    pretrain.add_argument("--out", required=True, type=Path)
    pretrain.add_argument(
        "--base",
        help="train this one further, which gives it the masked-LM head that it may lack "
        "(default: a new one of XLM-R's architecture)",
    )
    pretrain.add_argument(
        "--text", nargs="+", metavar="CODE=PATH", help="plain text by language (default: CLDR)"
    )
    pretrain.add_argument(
        "--pairs", nargs="*", default=[], help="TSV files of translations, for TLM"
    )
    pretrain.add_argument("--seed", type=int, default=7)
    _add_set(pretrain, "FIELD=VALUE", "a setting of pretraining, such as training.steps=1000")
    return parser


def _add_set(parser: argparse.ArgumentParser, metavar: str, summary: str) -> None:
    parser.add_argument("--set", action="append", default=[], metavar=metavar, help=summary)


# ------------------------------------------------------------------------------------ the commands


def _quiet() -> None:
    """Keep the libraries' own progress bars off the terminal; ours says what is going on."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def _run(options: Any) -> None:
    from unibridge.config import load_config

    _run_config(load_config(options.config, options.set), options)


def _demo(options: Any) -> None:
    from unibridge.config import load_config
    from unibridge.demo import write_demo
    from unibridge.processes import processes

    folder = options.folder or Path("runs") / f"demo-{options.language}"
    config = folder / "demo.toml"
    if processes().main:
        write_demo(folder, options.language, seeds=options.seeds, from_scratch=options.from_scratch)
    processes().wait()
    Console().say(
        f"CLDR text, labels and the configuration are in {folder}/ ({config.name} can be edited "
        "and given to `unibridge run`)."
    )
    if not options.from_scratch:
        Console().say(
            "The source languages' adapters come with the base (--from-scratch trains them)."
        )
    _run_config(load_config(config, options.set), options)


def _run_config(config: Any, options: Any) -> None:
    from unibridge.report.summary import terminal_summary

    console = Console()
    console.say(f"results go to {config.run.folder}")
    _quiet()
    from unibridge.study.run import run

    root = run(
        config,
        command=options.command_line,
        on_stage=console.on_stage,
        on_progress=console.on_progress,
    )
    console.say()
    if not console.quiet:
        print(terminal_summary(root))


def _inspect(options: Any) -> None:
    from unibridge.models.base import load_base
    from unibridge.study.inspection import inspect_base
    from unibridge.text.corpus import read_text

    _quiet()
    base = load_base(options.base, device="auto")
    found = inspect_base(base, read_text(options.text).lines)
    line, tokens = found.example
    print(f"{options.base} on {found.lines} lines")
    print(f"  unknown tokens      {found.unknown:7.1%}")
    print(f"  tokens per word     {found.tokens_per_word:7.2f}")
    if found.masked_accuracy is not None:
        print(f"  masked tokens right {found.masked_accuracy:7.1%}  ({found.masked_loss:.2f} nats)")
    for note in base.notes:
        print(f"  note: {note}")
    print(f"  a line:     {line[:90]}")
    print(f"  its tokens: {' '.join(tokens)[:90]}")
    print(found.verdict)


def _place(options: Any) -> Any:
    """A `Workplace` for a stage that is run alone."""
    from unibridge.models.base import load_base
    from unibridge.study.run import base_identity
    from unibridge.study.stages import Workplace

    _quiet()
    base = load_base(options.base, device="auto")
    options.out.mkdir(parents=True, exist_ok=True)
    console = Console()
    return Workplace(options.out, base, base_identity(base), console.on_stage, console.on_progress)


def _text(options: Any) -> Any:
    from unibridge.study.stages import Text, hashes
    from unibridge.text.corpus import read_text

    corpus = read_text(options.text)
    for warning in corpus.warnings:
        Console().say(warning)
    return Text(corpus.lines, hashes("text", options.text))


def _show(folder: Path, *facts: str) -> None:
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


def _vocabulary(options: Any) -> None:
    from unibridge.artifacts import read_manifest
    from unibridge.config import stage_settings
    from unibridge.study.stages import vocabulary_stage

    changes = [*options.set, "verify=true"] if options.verify else options.set
    settings = stage_settings("vocabulary", changes)
    folder = vocabulary_stage(_place(options), _text(options), settings, language=options.language)
    _show(folder, "chosen", "stopped")
    for row in read_manifest(folder)["facts"]["verified"]:
        print(
            f"verified: {row['size']:,} pieces, ALP {row['nested']:.2f} nested, "
            f"{row['trained']:.2f} trained ({row['difference']:+.2f})"
        )


def _embed(options: Any) -> None:
    from unibridge.config import stage_settings
    from unibridge.study.stages import Text, embed_stage, hashes, read_translations
    from unibridge.text.corpus import read_text

    settings = stage_settings("embeddings", options.set)
    translations = None
    if options.source_text:
        source = Text(read_text(options.source_text).lines, hashes("text", options.source_text))
        translations = read_translations(source, options.parallel, options.dictionary)
    folder = embed_stage(
        _place(options),
        _text(options),
        settings,
        language=options.language,
        vocabulary=options.vocabulary,
        seed=options.seed,
        translations=translations,
    )
    _show(folder, "counts")


def _adapt(options: Any) -> None:
    from unibridge.config import stage_settings
    from unibridge.study.stages import adapt_stage

    if (options.vocabulary is None) != (options.embeddings is None):
        raise UnibridgeError(
            "a new vocabulary needs its embeddings",
            do="give --vocabulary and --embeddings, or neither",
        )
    section = "source_adaptation" if options.vocabulary is None else "adaptation"
    folder = adapt_stage(
        _place(options),
        _text(options),
        stage_settings(section, options.set),
        language=options.language,
        seed=options.seed,
        vocabulary=options.vocabulary,
        embeddings=options.embeddings,
    )
    _show(folder, "steps", "kl_weight", "teacher_unknown_rate")


def _train_task(options: Any) -> None:
    if options.target_labels is not None:
        _few_shot(options)
        return
    _need(options, "base", "task", "language", "labels")
    from unibridge.config import stage_settings
    from unibridge.study.stages import read_label_file, task_stage
    from unibridge.tasks import TASKS

    settings = stage_settings("task_training", options.set)
    task = TASKS.resolve(options.task)
    task.reference = options.task
    train = {options.language: read_label_file(options.labels, task)}
    folder = task_stage(
        _place(options),
        task,
        train,
        {options.language: read_label_file(options.dev, task)} if options.dev else {},
        {options.language: options.language_adapter},
        task.collect_labels(one.file.examples for one in train.values()),
        settings,
        seed=options.seed,
    )
    _show(folder, "steps", "dev_score")


def _need(options: Any, *names: str) -> None:
    """Refuse a command whose other form needs none of these."""
    if missing := [f"--{name}" for name in names if getattr(options, name) is None]:
        raise UnibridgeError("something is missing", where="arguments", do=", ".join(missing))


def _few_shot(options: Any) -> None:
    """train-task --target-labels: a curve, and the model that saw the most labels."""
    _need(options, "model", "test")
    import unibridge
    from unibridge.artifacts import hash_path, read_manifest
    from unibridge.config import override
    from unibridge.pack import find
    from unibridge.study.stages import few_shot_stage, read_label_file
    from unibridge.transfer.few_shot import FewShotSettings

    _quiet()
    model = unibridge.load(options.model, device="auto")
    options.out.mkdir(parents=True, exist_ok=True)
    console = Console()
    folder = few_shot_stage(
        options.out,
        model.config.language or "target",
        lambda: model,
        {"model": hash_path(find(options.model))},
        read_label_file(options.target_labels, model.task),
        read_label_file(options.test, model.task),
        override(FewShotSettings(), options.set),
        seed=options.seed,
        on_stage=console.on_stage,
        on_progress=console.on_progress,
    )
    for point in read_manifest(folder)["facts"]["points"]:
        print(
            f"{point['sentences']:>4} sentences, {point['start']:<11} "
            f"{point['score']:.1f} [{point['low']:.1f}, {point['high']:.1f}]"
        )
    _show(folder)


def _weigh(options: Any) -> None:
    from unibridge.artifacts import read_manifest
    from unibridge.config import stage_settings
    from unibridge.study.stages import read_label_file, weigh_stage
    from unibridge.tasks import TASKS
    from unibridge.text.parallel import read_parallel
    from unibridge.transfer.task import TrainedTask

    pairs = {}
    for code, file in _named(options.parallel).items():
        found = read_parallel(file)
        pairs[code] = list(zip(found.target_lines, found.source_lines, strict=True))
    tasks = {code: Path(path) for code, path in _named(options.tasks).items()}
    labelled = None
    if options.labels and tasks:
        first = TrainedTask.load(next(iter(tasks.values())))
        labelled = read_label_file(options.labels, TASKS.resolve(first.task))
    folder = weigh_stage(
        _place(options),
        options.target,
        {code: Path(path) for code, path in _named(options.source).items()},
        pairs,
        stage_settings("weights", options.set),
        state=read_manifest(options.target, "adapt")["settings"].get("state", "encoder"),
        tasks=tasks,
        text=_text(options) if options.text else None,
        labelled=labelled,
        seed=options.seed,
    )
    _show(folder, "weights", "entropy", "uniform_entropy")


def _pack(options: Any) -> None:
    from unibridge.artifacts import fingerprint, read_json, read_manifest, write_manifest
    from unibridge.study.stages import model_of

    tasks = {code: Path(path) for code, path in _named(options.tasks).items()}
    weights, own = dict.fromkeys(tasks, 1.0), None
    if options.weights is not None:
        weights = read_json(options.weights / "weights.json")
        own = read_manifest(options.weights, "weigh")["facts"]["sentence_temperature"]
    trained = [read_manifest(folder, "train-task") for folder in tasks.values()]
    longest = max(manifest["settings"]["max_tokens"] for manifest in trained)
    model = model_of(
        _place(options),
        options.target,
        tasks,
        weights,
        max_tokens=longest,
        sentence_temperature=own,
    )
    model.save_pretrained(options.out)
    key = fingerprint([manifest["fingerprint"] for manifest in trained])
    write_manifest(options.out, {"stage": "pack", "name": options.target.name, "fingerprint": key})
    print(options.out)


def _merge(options: Any) -> None:
    from unibridge.pack.derive import fit_merge_pack, merge_pack
    from unibridge.transfer.merge import MergeSettings

    if options.text is None:
        if options.set:
            raise UnibridgeError(
                "there is nothing to set where sources are averaged by weight",
                where="--set",
                do="give the target's text with --text, to fit their shares to",
            )
        _quiet()
        weights = _weights(options.weights) if options.weights else None
        print(merge_pack(options.pack, options.out, weights=weights))
    elif options.weights:
        raise UnibridgeError(
            "the sources' shares are either given or fitted",
            where="--weights",
            do="give --weights or --text, not both",
        )
    else:
        _student(options, "merge", fit_merge_pack, MergeSettings())


def _weights(pairs: Sequence[str]) -> dict[str, float]:
    try:
        return {code: float(weight) for code, weight in _named(pairs).items()}
    except ValueError as error:
        raise UnibridgeError(
            "a weight is not a number", where="--weights", do="write CODE=WEIGHT, such as en=0.7"
        ) from error


def _distil(options: Any) -> None:
    from unibridge.pack.derive import distil_pack
    from unibridge.transfer.distil import DistilSettings

    _student(options, "distil", distil_pack, DistilSettings())


def _student(options: Any, name: str, make: Callable[..., Path], settings: Any) -> None:
    from unibridge.config import override

    settings = override(settings, options.set)
    console = Console()
    _quiet()
    folder = make(
        options.pack,
        options.text,
        options.out,
        settings,
        seed=options.seed,
        device="auto",
        progress=lambda step, steps, parts: console.on_progress(name, step, steps, parts),
    )
    console.say()
    _show(folder, "agreement_before", "agreement", "divergence_before", "divergence")


def _export(options: Any) -> None:
    from unibridge.pack.export import export_pack

    _quiet()
    _show(export_pack(options.pack, options.out, options.format), "largest_difference")


def _predict(options: Any) -> None:
    import unibridge

    _quiet()
    console = Console()
    unibridge.load(options.model, device="auto").predict_file(
        options.input,
        options.output,
        batch_size=options.batch_size,
        progress=lambda done, total: console.on_progress("predict", done, total, {}),
    )
    console.say()
    print(options.output)


def _evaluate(options: Any) -> None:
    import unibridge
    from unibridge.tasks import TASKS
    from unibridge.text.labels import read_labels

    if (options.model is None) == (options.predictions is None):
        raise UnibridgeError("nothing to score", do="give --model, or --predictions with --task")
    if options.model is not None:
        _quiet()
        model = unibridge.load(options.model, device="auto")
        task = model.task
        gold = read_labels(options.gold, expect=task.reads)
        predictions = model.predict(gold.examples)
    else:
        if options.task is None:
            raise UnibridgeError(
                "what task is it?", where="--task", do=f"one of {', '.join(TASKS)}"
            )
        task = TASKS.resolve(options.task)
        gold = read_labels(options.gold, expect=task.reads)
        written = read_labels(options.predictions, expect=task.reads)
        if len(written.examples) != len(gold.examples):
            raise UnibridgeError(
                f"{len(written.examples)} predictions for {len(gold.examples)} gold examples",
                where=options.predictions,
            )
        predictions = [task.gold(example) for example in written.examples]
    score = task.score(gold.examples, predictions)
    print(f"{score.metric} {score.value:.1f} [{score.low:.1f}, {score.high:.1f}]")
    for name, value in score.all.items():
        print(f"{name} {value:.1f}")


def _align(options: Any) -> None:
    from unibridge.config import override
    from unibridge.embeddings.align import align_embeddings, induce_dictionary
    from unibridge.embeddings.rotation import AlignmentSettings
    from unibridge.embeddings.word_vectors import write_word_vectors
    from unibridge.text.parallel import read_parallel

    def pairs(file: str) -> list[tuple[str, str]]:
        found = read_parallel(file)
        return list(zip(found.source_lines, found.target_lines, strict=True))

    settings = override(AlignmentSettings(), options.set)
    dictionary = pairs(options.dictionary) if options.dictionary else None
    gold = pairs(options.test) if options.test else None
    found = align_embeddings(
        options.source,
        options.target,
        options.method,
        settings,
        dictionary=dictionary,
        seed=options.seed,
    )
    for warning in found.warnings:
        Console().say(f"warning: {warning}")
    for name, value in found.facts.items():
        print(f"{name}: {value}")
    if gold is not None:
        scored = induce_dictionary(found.source, found.target, gold)
        shares = ", ".join(f"P@{k} {share:.1%}" for k, share in scored.precision.items())
        print(f"{shares} of {scored.words:,} words ({scored.missing:,} pairs without vectors)")
    write_word_vectors(options.out, found.source.words, found.source.vectors)
    print(options.out)


def _pretrain(options: Any) -> None:
    from unibridge.config import override
    from unibridge.demo import BASE_LANGUAGES, pretraining_text
    from unibridge.study.base import pretrain_base
    from unibridge.text.corpus import read_text
    from unibridge.text.parallel import read_parallel
    from unibridge.transfer.pretrain import FURTHER, PretrainSettings

    settings = override(PretrainSettings() if options.base is None else FURTHER, options.set)
    if options.base is not None and not options.text:
        raise UnibridgeError("a given base needs text to read", do="give --text, such as en=en.txt")
    console = Console()
    _quiet()
    if options.text:
        texts = {code: list(read_text(path).lines) for code, path in _named(options.text).items()}
        pairs: list[tuple[str, str]] = []
        for file in options.pairs:
            found = read_parallel(file)
            pairs += zip(found.target_lines, found.source_lines, strict=True)
        origin = ", ".join(options.text)
    else:
        console.say(f"making CLDR phrases of {len(BASE_LANGUAGES)} languages (some minutes)")
        texts, pairs = pretraining_text(BASE_LANGUAGES, seed=options.seed)
        origin = "CLDR phrases"
    folder = pretrain_base(
        options.out,
        texts,
        settings,
        base=options.base,
        pairs=pairs,
        origin=origin,
        device="auto",
        seed=options.seed,
        progress=lambda step, steps, parts: console.on_progress("pretrain", step, steps, parts),
    )
    print(folder)


def _named(pairs: Sequence[str]) -> dict[str, str]:
    """CODE=PATH arguments as a dictionary."""
    named = {}
    for pair in pairs:
        code, equals, path = pair.partition("=")
        if not equals:
            raise UnibridgeError(f"{pair!r} names no path", do="write CODE=PATH, such as en=en.txt")
        named[code] = path
    return named


if __name__ == "__main__":
    sys.exit(main())
