"""The whole journey, in data order: read everything, then every method, then the evidence.

    text ── vocabulary ── embeddings ── adapt target ─┐
    text of a source ────────────────── adapt source ─┼─ weigh ─┐
    labels of a source ──────────────── train task ───┴─────────┴─ predict ── score ── report, pack

Every arrow is a stage folder (`stages.py`); methods that share settings share stages.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.artifacts import (
    MANIFEST,
    fingerprint,
    hash_path,
    read_json,
    read_manifest,
    versions,
    write_bytes,
    write_json,
    write_manifest,
)
from unibridge.config import Config
from unibridge.errors import UnibridgeError
from unibridge.evaluation.records import Result
from unibridge.locks import locked
from unibridge.pack import load
from unibridge.processes import processes
from unibridge.study.stages import (
    Labels,
    Progress,
    Text,
    Translations,
    Workplace,
    adapt_stage,
    embed_stage,
    few_shot_stage,
    hashes,
    model_of,
    predict_stage,
    predictions_file,
    read_label_file,
    read_predictions,
    read_translations,
    ready_adapter_stage,
    student_stage,
    task_stage,
    vocabulary_stage,
    weigh_stage,
)
from unibridge.text import belonging
from unibridge.text.corpus import read_text
from unibridge.text.examples import ReadAs
from unibridge.text.labels import LabelFile, read_labels, write_predictions
from unibridge.text.languages import language as language_record
from unibridge.text.parallel import read_parallel

if TYPE_CHECKING:
    from unibridge.methods import Method
    from unibridge.models.base import BaseModel as Base
    from unibridge.tasks.base import Task
    from unibridge.transfer.infer import MultiSourceModel


@dataclass(frozen=True)
class Inputs:
    """Everything that a run reads, read before anything is trained."""

    base: "Base"
    base_hash: str
    task: "Task"
    labels: list[str]
    texts: Mapping[str, Text]
    train: Mapping[str, Labels]
    held_out: Mapping[str, Labels]
    parallel: Mapping[str, Sequence[tuple[str, str]]]
    translations: Translations | None
    test: Labels | None
    target_train: Labels | None
    to_label: list[LabelFile]
    teacher_unknown: float
    warnings: list[str]


@dataclass(frozen=True)
class Cell:
    """One method under one seed: the stages it used, and what inference needs of them."""

    method: str
    seed: int
    stages: list[Path]
    language: Path | None = None
    tasks: Mapping[str, Path] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    sentence_temperature: float | None = None
    sources: Sequence[str] = ()
    max_tokens: int = 128
    prediction: Path | None = None
    note: str = ""


def run(
    config: Config,
    *,
    command: str = "",
    on_stage: Any = lambda folder, done: None,
    on_progress: Progress = lambda stage, step, steps, parts: None,
) -> Path:
    """Run every method under every seed and write the evidence; returns the run's folder.

    Finished stages are reused, so the same call resumes an interrupted run and a changed setting
    costs only what depends on it. Raises UnibridgeError for a user's mistake, before training
    wherever it can be seen there.
    """
    # 1. Read and check everything.
    inputs = read_inputs(config)
    root = config.run.folder
    root.mkdir(parents=True, exist_ok=True)
    reuse = tuple(map(Path, config.run.reuse))
    at = Workplace(root, inputs.base, inputs.base_hash, on_stage, on_progress, reuse)

    # 2. Every method under every seed, through the same stages.
    cells = [
        run_method(config.for_method(name), name, inputs, at, seed)
        for seed in config.run.seeds
        for name in config.run.methods
    ]

    usable = [c for c in cells if c.tasks and config.method(c.method).task != "target-labels"]
    kept = next((c for c in usable if c.method == "unibridge"), usable[0] if usable else None)
    few = None if kept is None else learn_from_few(config, inputs, at, kept)

    # the rest trains nothing, and one process writes it
    if not processes().main:
        return root

    # 3. Scores, the pack, labels for new text, and the report.
    results = [r for cell in cells if (r := result_of(cell, cells, config, inputs)) is not None]
    lines = [_json_line(asdict(result)) for result in results]
    write_bytes(root / "results.jsonl", "".join(lines).encode())
    if kept is not None:
        write_pack(config, inputs, at, kept, results)
    write_run_record(config, inputs, cells, command, few)

    from unibridge.report.page import write_report

    write_report(root)
    return root


def read_inputs(config: Config) -> Inputs:
    """Load the base and read every file. Raises UnibridgeError for the first that is broken."""
    from unibridge.models.base import load_base, unknown_share
    from unibridge.tasks import task_of

    task = task_of(config.task.kind)
    warnings: list[str] = []
    read_as = ReadAs(config.task.reader, config.task.columns, config.task.labels)

    def text(files: Sequence[str]) -> Text:
        corpus = read_text(list(files))
        warnings.extend(corpus.warnings)
        return Text(corpus.lines, hashes("text", files))

    def labels(file: str) -> Labels:
        found = read_label_file(file, task, read_as)
        warnings.extend(f"{Path(file).name}: {warning}" for warning in found.file.warnings)
        return found

    texts = {config.target.language: text(config.target.text)}
    texts |= {s.language: text(s.text) for s in config.sources if s.text}
    train = {s.language: labels(s.train) for s in config.sources}
    held_out = {s.language: labels(s.dev) for s in config.sources if s.dev}
    parallel = {}
    most = max(config.for_method(name).weights.sentences for name in config.run.methods)
    for source in config.sources:
        if source.parallel:
            found = read_parallel(*source.parallel)
            pairs = zip(found.target_lines, found.source_lines, strict=True)
            parallel[source.language] = list(pairs)[:most]
    # one language is bridged to: that with the most translations, where need be with a dictionary
    found_translations = [
        read_translations(texts[source.language], source.parallel, source.dictionary)
        for source in config.sources
        if source.text and (source.parallel or source.dictionary)
    ]
    needs = any(config.for_method(m).embeddings.method == "wechsel" for m in config.run.methods)
    translations = max(
        found_translations,
        key=lambda one: (needs and bool(one.dictionary), len(one.parallel) + len(one.dictionary)),
        default=None,
    )
    test = labels(config.target.test) if config.target.test else None
    target_train = labels(config.target.train) if config.target.train else None
    examples = {source: file.file.examples for source, file in train.items()}
    warnings += task.check_labels_shared(
        examples,
        test.file.examples if test else (),
        allow_label_union=config.task.allow_label_union,
    )
    warnings += belonging.of_a_run(
        config.target.language,
        {language: one.lines for language, one in texts.items()},
        examples,
        {source: file.file.examples for source, file in held_out.items()},
        test.file.examples if test else (),
        target_train.file.examples if target_train else (),
    )
    for source in config.sources:
        if source.parallel and len(parallel[source.language]) < most:
            warnings.append(
                f"{len(parallel[source.language])} parallel sentences for {source.language}, fewer "
                f"than weights.sentences = {most}."
            )

    base = load_base(config.base.model, dropout=config.base.dropout, device=config.base.device)
    lines = texts[config.target.language].lines
    unknown = unknown_share(base.tokenizer, lines)
    if unknown > config.adaptation.max_teacher_unknown:
        warnings.append(
            f"The base reads {unknown:.0%} of the target's tokens as unknown. Its states say "
            "nothing about this text, so the KL term is off, and methods that keep the base's "
            "vocabulary (fine-tuning, MAD-X) are weak here by construction."
        )
    return Inputs(
        base=base,
        base_hash=base_identity(base, config.base.dropout),
        task=task,
        labels=task.collect_labels(examples.values()),
        texts=texts,
        train=train,
        held_out=held_out,
        parallel=parallel,
        translations=translations,
        test=test,
        target_train=target_train,
        to_label=[
            read_labels(file, *read_as, labelled=False, expect=task.reads)
            for file in config.target.predict
        ],
        teacher_unknown=unknown,
        warnings=warnings,
    )


def base_identity(base: "Base", dropout: float | None = None) -> str:
    """A hash of the base's files, or the hub's own for a cached hub model; with its dropout."""
    name = str(base.model.config._name_or_path)
    files = [
        hash_path(path)
        for path in sorted(Path(name).glob("*"))
        if path.suffix in {".json", ".safetensors", ".txt", ".model"}
    ]
    identity = (
        fingerprint(files)
        if Path(name).is_dir()
        else f"{name}@{getattr(base.model.config, '_commit_hash', None)}"
    )
    return identity if dropout is None else f"{identity}, dropout {dropout:g}"


def base_name(config: Config) -> str:
    """The base as a reader knows it: a hub id, or the name of its folder without the path."""
    model = config.base.model
    return Path(model).name if Path(model).is_dir() else model


def run_method(config: Config, name: str, inputs: Inputs, at: Workplace, seed: int) -> Cell:
    """One method, as its record says: languages, tasks, weights, predictions."""
    method = config.method(name)
    target = config.target.language
    sources = method.sources_of([s.language for s in config.sources])
    if method.task == "shapes":
        return _floor(name, inputs, at, seed)
    if inputs.teacher_unknown > config.adaptation.max_teacher_unknown:
        # the same settings give the same stage, so that "KL off" is not trained a second time
        adaptation = config.adaptation.model_copy(update={"kl_weight": 0.0})
        config = config.model_copy(update={"adaptation": adaptation})
    stages: list[Path] = []

    # the target language: a new vocabulary and its embeddings, or the base's
    language: Path | None = None
    if method.languages == "adapters":
        vocabulary = embeddings = None
        if method.vocabulary == "target":
            vocabulary = vocabulary_stage(
                at, inputs.texts[target], config.vocabulary, language=target
            )
            embeddings = embed_stage(
                at,
                inputs.texts[target],
                config.embeddings,
                language=target,
                vocabulary=vocabulary,
                seed=seed,
                translations=inputs.translations,
            )
            stages += [vocabulary, embeddings]
        language = adapt_stage(
            at,
            inputs.texts[target],
            config.adaptation,
            language=target,
            seed=seed,
            vocabulary=vocabulary,
            embeddings=embeddings,
        )
        stages.append(language)

    # the source languages
    languages: dict[str, Path | None] = dict.fromkeys(sources)
    if method.trains_sources:
        for source in config.sources:
            if source.language not in sources:
                continue
            if source.adapter is not None:
                path = ready_adapter_stage(at, Path(source.adapter), language=source.language)
            else:
                path = adapt_stage(
                    at,
                    inputs.texts[source.language],
                    config.source_adaptation,
                    language=source.language,
                    seed=seed,
                )
            languages[source.language] = path
            stages.append(path)

    # the task: an adapter for each source, one for all, or the whole encoder
    settings = config.fine_tuning if method.task == "model" else config.task_training
    groups: dict[str, dict[str, Labels]] = {s: {s: inputs.train[s]} for s in sources}
    if method.task in ("universal", "model"):
        groups = {"all": {s: inputs.train[s] for s in sources}}
    if method.task == "target-labels":
        if inputs.target_train is None:
            raise UnibridgeError("the ceiling needs labels of the target", where="target.train")
        groups, sources = {target: {target: inputs.target_train}}, [target]
        languages = {target: language}
    tasks = {
        group: task_stage(
            at,
            inputs.task,
            train,
            {s: inputs.held_out[s] for s in train if s in inputs.held_out},
            {s: languages[s] for s in train},
            inputs.labels,
            settings,
            seed=seed,
            trains="model" if method.task == "model" else "adapter",
        )
        for group, train in groups.items()
    }
    stages += tasks.values()

    # the weights, where there is more than one task to weigh
    weights = dict.fromkeys(tasks, 1.0)
    own: float | None = None
    if len(tasks) > 1 and language is not None:
        weighed = weigh_stage(
            at,
            language,
            {s: path for s, path in languages.items() if path is not None},
            {s: inputs.parallel.get(s, ())[: config.weights.sentences] for s in sources},
            config.weights,
            state=config.adaptation.state,
            tasks=tasks,
            text=inputs.texts[target],
            labelled=inputs.target_train,
            seed=seed,
        )
        stages.append(weighed)
        weights = read_json(weighed / "weights.json")
        own = read_manifest(weighed)["facts"]["sentence_temperature"]

    # many models, or one at the end
    parts: dict[str, Any] = {"max_tokens": settings.max_tokens, "sentence_temperature": own}

    def assembled() -> "MultiSourceModel":
        return model_of(at, language, tasks, weights, **parts)

    student: Path | None = None
    if method.ending != "vote":
        student = student_stage(
            at,
            target,
            assembled,
            inputs.texts[target],
            config.merging if method.ending == "merged" else config.distillation,
            made_of={"weights": weights, **parts, **_fingerprints(stages)},
            seed=seed,
        )
        stages.append(student)

    def ended() -> "MultiSourceModel":
        if student is not None:
            return load(student / "pack", device=config.base.device)
        return assembled()

    cell = Cell(name, seed, stages, language, tasks, weights, own, sources, settings.max_tokens)
    if inputs.test is None:
        return cell
    test = inputs.test
    prediction = predict_stage(
        at,
        name,
        test,
        inputs.task,
        lambda: ended().predict(test.file.examples),
        settings={"weights": weights, **parts, "ending": method.ending},
        inputs=_fingerprints(stages),
    )
    return replace(cell, prediction=prediction, note=_note(method, config, inputs, stages))


def _fingerprints(stages: Sequence[Path]) -> dict[str, str]:
    return {path.name: str(read_manifest(path)["fingerprint"]) for path in stages}


def _floor(name: str, inputs: Inputs, at: Workplace, seed: int) -> Cell:
    """What a count of word shapes in the sources' labels reaches, without any model."""
    sources = sorted(inputs.train)
    if inputs.test is None:
        return Cell(name, seed, [], sources=sources)
    test = inputs.test
    seen = [example for source in sources for example in inputs.train[source].file.examples]
    prediction = predict_stage(
        at,
        name,
        test,
        inputs.task,
        lambda: inputs.task.floor(seen, test.file.examples),
        settings={},
        inputs={f"{s}:{k}": v for s in sources for k, v in inputs.train[s].inputs.items()},
    )
    return Cell(name, seed, [], sources=sources, prediction=prediction)


def _note(method: "Method", config: Config, inputs: Inputs, stages: Sequence[Path]) -> str:
    """What a reader has to know of a row that its label does not say."""
    notes = []
    if (
        method.vocabulary == "base"
        and inputs.teacher_unknown > config.adaptation.max_teacher_unknown
    ):
        notes.append(f"reads {inputs.teacher_unknown:.0%} unknown tokens")
    if method.settings.get("adaptation.kl_weight") == 0 and (
        inputs.teacher_unknown > config.adaptation.max_teacher_unknown
    ):
        notes.append("the KL term is off here in any case: the same model as UniBridge")
    for stage in stages:
        if stage.name.startswith("vocabulary-"):
            notes.append(f"{read_manifest(stage)['facts']['chosen']:,} pieces")
        if stage.name.startswith(("merge-", "distil-")):
            agreement = read_manifest(stage)["facts"]["agreement"]
            notes.append(
                f"says what the sources say together on {agreement:.1%} of held-out decisions"
            )
    return "; ".join(notes)


def result_of(cell: Cell, cells: Sequence[Cell], config: Config, inputs: Inputs) -> Result | None:
    """The cell's row of results.jsonl, with its difference to UniBridge under the same seed."""
    if cell.prediction is None or inputs.test is None:
        return None
    facts = read_manifest(cell.prediction)["facts"]
    manifests = [read_manifest(stage) for stage in [*cell.stages, cell.prediction]]
    note = cell.note
    ours = next((c for c in cells if c.method == "unibridge" and c.seed == cell.seed), None)
    difference: dict[str, Any] = {}
    if ours is not None and ours is not cell and ours.prediction is not None:
        from unibridge.metrics import METRICS, bootstrap_difference

        gold = [inputs.task.gold(example) for example in inputs.test.file.examples]
        found = bootstrap_difference(
            gold,
            read_predictions(ours.prediction, inputs.test, inputs.task),
            read_predictions(cell.prediction, inputs.test, inputs.task),
            METRICS.resolve(inputs.task.metric),
            seed=cell.seed,
        )
        difference = {
            "ahead": -found.value,
            "ahead_low": -found.high,
            "ahead_high": -found.low,
        }
    # a search for the rate is training too
    counted = {"steps": ("steps", "search_steps"), "tokens_seen": ("tokens_seen", "search_tokens")}
    totals = {
        key: sum(m["facts"].get(part) or 0 for m in manifests for part in parts)
        for key, parts in counted.items()
    }
    weighed = [m["facts"]["weighting"] for m in manifests if "weighting" in m["facts"]]
    return Result(
        method=cell.method,
        label=config.method(cell.method).label,
        target=config.target.language,
        task=inputs.task.name,
        metric=facts["metric"],
        score=facts["score"],
        low=facts["low"],
        high=facts["high"],
        examples=facts["examples"],
        seed=cell.seed,
        sources=tuple(cell.sources),
        weighting=weighed[0] if weighed else None,
        steps=totals["steps"] or None,
        tokens_seen=totals["tokens_seen"] or None,
        seconds=round(sum(m["seconds"] for m in manifests), 1),
        note=note,
        **difference,
    )


def write_pack(
    config: Config, inputs: Inputs, at: Workplace, cell: Cell, results: Sequence[Result]
) -> Path:
    """The folder to keep and share: model, tokenizer, card; and labels for the files to predict."""
    folder, partial = at.root / "pack", at.root / ".partial-pack"
    key = fingerprint([[path.name for path in cell.stages], [asdict(r) for r in results]])
    model = model_of(
        at,
        cell.language,
        cell.tasks,
        cell.weights,
        max_tokens=cell.max_tokens,
        sentence_temperature=cell.sentence_temperature,
    )
    with locked(folder):
        if not ((folder / MANIFEST).exists() and read_manifest(folder)["fingerprint"] == key):
            _save_pack(config, inputs, model, cell, results, partial, key)
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(partial, folder)
    for file in inputs.to_label:
        predictions = model.predict(file.examples)
        write_predictions(file, predictions, at.root / "labelled" / Path(file.path).name)
    return folder


def _save_pack(
    config: Config,
    inputs: Inputs,
    model: Any,
    cell: Cell,
    results: Sequence[Result],
    partial: Path,
    key: str,
) -> None:
    from unibridge.pack.card import model_card

    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    model.save_pretrained(partial)
    target = language_record(config.target.language)
    manifests = {m["stage"]: m["facts"] for m in map(read_manifest, cell.stages)}
    weighed = manifests.get("weigh", {})
    card = {
        "language": target.code,
        "language_name": target.name,
        "base_model": base_name(config),
        "task": inputs.task.name,
        "pipeline_tag": inputs.task.pipeline_tag,
        "metric": inputs.task.metric,
        "labels": inputs.labels,
        "text": {
            "words": manifests.get("vocabulary", {}).get("words"),
            "files": [Path(file).name for file in config.target.text],
        },
        "vocabulary": manifests.get("vocabulary", {}).get("chosen"),
        "counts": manifests.get("embed", {}).get("counts"),
        "sources": list(cell.sources),
        "label_files": {s.language: Path(s.train).name for s in config.sources},
        "weighting": weighed.get("weighting"),
        "weights": dict(cell.weights),
        "distances": weighed.get("distances"),
        "target_labels": weighed.get("target_labels", 0),
        "scores": list(results),
        "warnings": inputs.warnings,
        "versions": versions(),
    }
    write_bytes(partial / "README.md", model_card(card).encode())
    write_manifest(partial, {"stage": "pack", "name": target.code, "fingerprint": key})


def learn_from_few(config: Config, inputs: Inputs, at: Workplace, cell: Cell) -> Path | None:
    """The few-shot stage from a method's model, where the run asks for it and has the labels."""
    if config.few_shot is None or inputs.target_train is None or inputs.test is None:
        return None
    return few_shot_stage(
        at.root,
        config.target.language,
        lambda: model_of(
            at,
            cell.language,
            cell.tasks,
            cell.weights,
            max_tokens=cell.max_tokens,
            sentence_temperature=cell.sentence_temperature,
        ),
        _fingerprints(cell.stages),
        inputs.target_train,
        inputs.test,
        config.few_shot,
        seed=cell.seed,
        reuse=at.reuse,
        on_stage=at.on_stage,
        on_progress=at.on_progress,
    )


def write_run_record(
    config: Config,
    inputs: Inputs,
    cells: Sequence[Cell],
    command: str,
    few_shot: Path | None = None,
) -> None:
    """run.json: what the report needs beside the stages' own manifests."""
    first = [cell for cell in cells if cell.seed == config.run.seeds[0]]
    target = language_record(config.target.language)
    write_json(
        config.run.folder / "run.json",
        {
            "title": config.run.title or f"{target.name} {inputs.task.name}",
            "target": target.code,
            "target_name": target.name,
            "script": target.script,
            "task": inputs.task.name,
            "sources": [source.language for source in config.sources],
            "base": base_name(config),
            "base_notes": inputs.base.notes,
            "teacher_unknown": inputs.teacher_unknown,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": command,
            "versions": versions(),
            "inputs": {
                "target_lines": len(inputs.texts[target.code].lines),
                "source_examples": {s: len(f.file.examples) for s, f in inputs.train.items()},
                "parallel": {s: len(pairs) for s, pairs in inputs.parallel.items()},
                "test_examples": len(inputs.test.file.examples) if inputs.test else 0,
            },
            "settings": config.model_dump(mode="json"),
            "warnings": inputs.warnings,
            "method_stages": {
                c.method: [p.name for p in c.stages] + ([c.prediction.name] if c.prediction else [])
                for c in first
            },
            "predictions": {
                c.method: str(predictions_file(c.prediction).relative_to(config.run.folder))
                for c in first
                if c.prediction
            },
            "few_shot": few_shot.name if few_shot is not None else None,
            "gold": config.target.test,
            "published": {
                "epochs": 50,
                "tokens_seen": "64M words",
                "note": "10,000 samples of 128 words (sources 50,000), 50 epochs a language; "
                "tasks 11 epochs (UniBridge, Tables 8 and 9)",
            },
        },
    )


def _json_line(row: Mapping[str, Any]) -> str:
    import json

    return json.dumps(row, ensure_ascii=False) + "\n"
