"""Each stage of the method as folder in, folder out: what the run and the command line both call.

A stage takes what it reads with its hashes, calls the room that owns the method, and keeps the
result with its facts. Nothing here knows which methods are being compared.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from unibridge.artifacts import (
    Outcome,
    fingerprint,
    hash_path,
    read_manifest,
    run_stage,
    write_bytes,
)
from unibridge.embeddings.base import EmbeddingSettings
from unibridge.errors import UnibridgeError
from unibridge.processes import processes
from unibridge.text.examples import AS_IT_IS, ReadAs
from unibridge.text.labels import LabelFile, read_labels, write_predictions
from unibridge.text.parallel import read_parallel
from unibridge.transfer.distil import DistilSettings
from unibridge.transfer.few_shot import FewShotSettings
from unibridge.transfer.language import AdaptationSettings, AdaptedLanguage
from unibridge.transfer.merge import MergeSettings
from unibridge.transfer.task import TaskSettings, TrainedTask
from unibridge.transfer.weighting import WEIGHTINGS, WeightSettings, inputs_of
from unibridge.vocabulary.search import SearchSettings

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base
    from unibridge.tasks.base import Task
    from unibridge.transfer.imitate import Student
    from unibridge.transfer.infer import MultiSourceModel

Progress = Callable[[str, int, int, Mapping[str, float]], None]


@dataclass(frozen=True)
class Workplace:
    """Where stages are kept and who is told. base_hash: of the base model's files.

    reuse: folders of other runs, whose finished stages are taken over.
    """

    root: Path
    base: "Base"
    base_hash: str
    on_stage: Callable[[str, bool], None] = lambda folder, done: None
    on_progress: Progress = lambda stage, step, steps, parts: None
    reuse: Sequence[Path] = ()

    def run(
        self,
        stage: str,
        name: str,
        build: Callable[[Path], Outcome],
        *,
        settings: Mapping[str, Any],
        inputs: Mapping[str, str],
        together: bool = False,
    ) -> Path:
        return run_stage(
            self.root,
            stage,
            name,
            build,
            settings=settings,
            inputs={"base": self.base_hash, **inputs},
            together=together,
            reuse=self.reuse,
            on_start=self.on_stage,
        )

    def steps(self, stage: str) -> Callable[[int, int, Mapping[str, float]], None]:
        return lambda step, steps, parts: self.on_progress(stage, step, steps, parts)


@dataclass(frozen=True)
class Text:
    """Lines of one language, and the files' hashes."""

    lines: Sequence[str]
    inputs: Mapping[str, str]


@dataclass(frozen=True)
class Translations:
    """Text of a language that the base reads, and what ties the target to it.

    parallel: (target line, source line). dictionary: (target word, source word).
    """

    source_lines: Sequence[str]
    parallel: Sequence[tuple[str, str]]
    dictionary: Sequence[tuple[str, str]]
    inputs: Mapping[str, str]


@dataclass(frozen=True)
class Labels:
    """A label file with its hash; `file` has the examples."""

    file: LabelFile
    inputs: Mapping[str, str]


def hashes(role: str, files: Sequence[str | Path]) -> dict[str, str]:
    """role:number:file name -> hash, of what a stage reads. A hub id stands for itself."""
    return {
        f"{role}:{number}:{Path(file).name}": str(file)
        if str(file).startswith("hub:")
        else hash_path(Path(file))
        for number, file in enumerate(files)
    }


def read_label_file(file: str, task: "Task", read_as: ReadAs = AS_IT_IS) -> Labels:
    """Labels with what decides them: the file, and how it was read."""
    found = read_labels(file, *read_as, expect=task.reads)
    names = [list(found.layout.names)] if found.layout.names else []
    how = fingerprint([found.reader, found.layout.columns, *names])
    return Labels(found, hashes("labels", [file]) | {"read as": how})


def read_translations(text: Text, parallel: Sequence[str], dictionary: str | None) -> Translations:
    """Source text with its parallel files (one TSV or two files) and its dictionary, either."""

    def pairs(*files: str) -> list[tuple[str, str]]:
        found = read_parallel(*files)
        return list(zip(found.target_lines, found.source_lines, strict=True))

    files = [*parallel, *([dictionary] if dictionary else [])]
    return Translations(
        text.lines,
        pairs(*parallel) if parallel else [],
        pairs(dictionary) if dictionary else [],
        {f"source {name}": hashed for name, hashed in text.inputs.items()}
        | hashes("translations", files),
    )


def _stage_input(role: str, folder: Path | None, stage: str = "adapt") -> dict[str, str]:
    return {} if folder is None else {role: str(read_manifest(folder, stage)["fingerprint"])}


def vocabulary_stage(at: Workplace, text: Text, settings: SearchSettings, *, language: str) -> Path:
    """§2.1: the size and the tokenizer. Holds sentencepiece.model and tokenizer/."""
    from unibridge.vocabulary.extend import extend_tokenizer, read_as_base
    from unibridge.vocabulary.search import TraceRow, search_vocabulary
    from unibridge.vocabulary.tokenizer import to_fast_tokenizer

    extends = settings.mode == "extend"

    def build(folder: Path) -> Outcome:
        def tell(row: TraceRow) -> None:
            measures = {"size": float(row.size), "alp": row.alp or 0.0}
            at.on_progress(f"vocabulary-{language}", 0, 0, measures)

        lines = read_as_base(at.base.tokenizer, text.lines) if extends else text.lines
        found = search_vocabulary(lines, settings, language=language, progress=tell)
        write_bytes(folder / "sentencepiece.model", found.model)
        tokenizer = (
            extend_tokenizer(at.base.tokenizer, found.model, text.lines)
            if extends
            else to_fast_tokenizer(found.model, like=at.base.tokenizer)
        )
        tokenizer.save_pretrained(folder / "tokenizer")
        facts = {
            "added": len(tokenizer) - len(at.base.tokenizer) if extends else None,
            "trace": [asdict(row) for row in found.trace],
            "verified": [asdict(row) for row in found.verified],
            "chosen": found.size,
            "stopped": found.stopped,
            "kind": found.kind,
            "samples": found.samples,
            "words": found.words,
            "epsilon": settings.epsilon,
        }
        return Outcome(facts, found.warnings)

    return at.run("vocabulary", language, build, settings=settings.model_dump(), inputs=text.inputs)


def embed_stage(
    at: Workplace,
    text: Text,
    settings: EmbeddingSettings,
    *,
    language: str,
    vocabulary: Path,
    seed: int,
    translations: Translations | None = None,
) -> Path:
    """§2.2: the first values of the new embeddings. Holds embeddings.safetensors."""
    import torch
    from safetensors.torch import save
    from transformers import AutoTokenizer

    from unibridge.embeddings.base import ORIGINS
    from unibridge.embeddings.initialise import initialise_embeddings
    from unibridge.embeddings.install import embedding_table

    found = translations or Translations((), (), (), {})
    if not settings.reads_translations(len(found.parallel) + len(found.dictionary)):
        found = Translations((), (), (), {})

    def build(folder: Path) -> Outcome:
        result = initialise_embeddings(
            embedding_table(at.base.model),
            at.base.tokenizer,
            AutoTokenizer.from_pretrained(vocabulary / "tokenizer"),
            text.lines,
            settings,
            seed=seed,
            source_lines=found.source_lines,
            parallel=found.parallel,
            dictionary=found.dictionary,
        )
        tensors = {
            "matrix": result.matrix.contiguous(),
            "source_row": result.source_row,
            "origin": torch.tensor([ORIGINS.index(o) for o in result.origin], dtype=torch.uint8),
        }
        write_bytes(folder / "embeddings.safetensors", save(tensors))
        return Outcome({"method": settings.method, **result.facts}, result.warnings)

    return at.run(
        "embed",
        language,
        build,
        settings={**settings.model_dump(), "seed": seed},
        inputs={
            **text.inputs,
            **found.inputs,
            **_stage_input("vocabulary", vocabulary, "vocabulary"),
        },
    )


def adapt_stage(
    at: Workplace,
    text: Text,
    settings: AdaptationSettings,
    *,
    language: str,
    seed: int,
    vocabulary: Path | None = None,
    embeddings: Path | None = None,
    others: Mapping[str, Text] | None = None,
) -> Path:
    """§2.3: a language adapter; new embeddings with it where a vocabulary is given.

    others: further languages -> their text, where the settings replay it.
    """
    from safetensors.torch import load_file
    from transformers import AutoTokenizer

    from unibridge.embeddings.base import InitResult
    from unibridge.transfer.language import adapt_language

    name = language if vocabulary is not None else f"{language}-base-vocabulary"
    replayed = dict(others or {}) if settings.replay else {}

    def build(folder: Path) -> Outcome:
        tokenizer = initial = None
        if vocabulary is not None and embeddings is not None:
            tokenizer = AutoTokenizer.from_pretrained(vocabulary / "tokenizer")
            tensors = load_file(embeddings / "embeddings.safetensors")
            initial = InitResult(tensors["matrix"], (), tensors["source_row"], {}, [])
        adapted = adapt_language(
            at.base,
            text.lines,
            settings,
            language=language,
            tokenizer=tokenizer,
            embeddings=initial,
            others={code: one.lines for code, one in replayed.items()},
            seed=seed,
            checkpoint=folder / "checkpoint.pt",
            progress=at.steps(f"adapt-{name}"),
        )
        if processes().main:
            adapted.save(folder)
        return Outcome(adapted.facts, adapted.warnings)

    return at.run(
        "adapt",
        name,
        build,
        settings={**settings.model_dump(), "seed": seed},
        inputs={
            **text.inputs,
            **{f"{c}:{k}": v for c, one in replayed.items() for k, v in one.inputs.items()},
            **_stage_input("vocabulary", vocabulary, "vocabulary"),
            **_stage_input("embeddings", embeddings, "embed"),
        },
        together=True,
    )


def ready_adapter_stage(at: Workplace, adapter: Path, *, language: str) -> Path:
    """A language adapter trained elsewhere, in AdapterHub's layout, instead of training one."""
    import copy

    from unibridge.adapters import attach
    from unibridge.adapters.adapterhub import load_adapter

    def build(folder: Path) -> Outcome:
        model = copy.deepcopy(at.base.model)
        load_adapter(model, at.base.family, adapter, name=language)
        config = attach.ledger_of(model).configs[language]
        state = attach.adapter_state(model, language)
        AdaptedLanguage(language, config, state).save(folder)
        return Outcome({"language": language, "ready_made": adapter.name, "steps": 0})

    return at.run(
        "adapt", f"{language}-ready", build, settings={}, inputs=hashes("adapter", [adapter])
    )


def task_stage(
    at: Workplace,
    task: "Task",
    train: Mapping[str, Labels],
    held_out: Mapping[str, Labels],
    languages: Mapping[str, Path | None],
    labels: Sequence[str],
    settings: TaskSettings,
    *,
    seed: int,
    trains: Literal["adapter", "model"] = "adapter",
) -> Path:
    """§2.3: a task adapter with its head (or the whole encoder) on one or more sources."""
    from unibridge.transfer.task import train_task

    sources = sorted(train)
    name = sources[0] if len(sources) == 1 else "all-sources"

    def build(folder: Path) -> Outcome:
        # one that several sources share is one object
        loaded = {path: load_language(path) for path in {languages.get(s) for s in sources}}
        trained = train_task(
            at.base,
            task,
            {s: train[s].file.examples for s in sources},
            {s: loaded[languages.get(s)] for s in sources},
            labels,
            settings,
            name=f"{task.name}-{name}",
            held_out={s: held_out[s].file.examples for s in sources if s in held_out},
            train=trains,
            seed=seed,
            checkpoint=folder / "checkpoint.pt",
            progress=at.steps(f"train-task-{name}"),
        )
        if processes().main:
            trained.save(folder)
        return Outcome(trained.facts, trained.warnings)

    inputs: dict[str, str] = {}
    for source in sources:
        inputs |= {f"{source}:{k}": v for k, v in train[source].inputs.items()}
        if source in held_out:
            inputs |= {f"{source}:held-out:{k}": v for k, v in held_out[source].inputs.items()}
        inputs |= _stage_input(f"{source}:language", languages.get(source))
    return at.run(
        "train-task",
        name,
        build,
        settings={
            **settings.model_dump(),
            "task": task.reference,
            "labels": list(labels),
            "trains": trains,
            "seed": seed,
        },
        inputs=inputs,
        together=True,
    )


def load_language(folder: Path | None) -> AdaptedLanguage | None:
    return None if folder is None else AdaptedLanguage.load(folder)


def weigh_stage(
    at: Workplace,
    target: Path,
    sources: Mapping[str, Path],
    parallel: Mapping[str, Sequence[tuple[str, str]]],
    settings: WeightSettings,
    *,
    state: Literal["encoder", "inverse"],
    tasks: Mapping[str, Path] | None = None,
    text: Text | None = None,
    labelled: Labels | None = None,
    seed: int = 0,
) -> Path:
    """§2.4: how much each source counts for the target.

    tasks, text, labelled: source -> its trained task, plain target text, labelled target examples;
    what the weighting does not read is ignored. seed: of the draw of labelled examples.
    """
    import math

    from unibridge.artifacts import write_json
    from unibridge.tasks import task_of
    from unibridge.text.corpus import nested_draw, spread
    from unibridge.transfer.typology import language_distances
    from unibridge.transfer.weighting import harmony_weights

    trained = [read_manifest(path, "train-task") for path in (tasks or {}).values()]
    pairs = not all(task_of(m["settings"]["task"]).reads_plain_text for m in trained)
    plain = bool(text and trained) and not pairs
    settings = settings.settled(len(sources), plain_text=plain)
    needed = inputs_of(WEIGHTINGS.resolve(settings.method))
    for name, given in (("unlabelled", text and tasks), ("labelled", labelled and tasks)):
        if name in needed and not given:
            raise UnibridgeError(
                f"the weighting {settings.method!r} reads {name} target text and every source's "
                "trained task",
                where="weights.method",
                do="give both, or choose another weighting",
            )
    distances: dict[str, float] = {}
    if "distances" in needed:
        distances = language_distances(
            str(read_manifest(target, "adapt")["facts"]["language"]),
            list(sources),
            kind=settings.typology,
            table=settings.distances,
        )

    def build(folder: Path) -> Outcome:
        def predictions(examples: Sequence[Any]) -> Any:
            alike = dict.fromkeys(tasks or {}, 1.0)
            return model_of(at, target, tasks or {}, alike, max_tokens=longest).predict_sources(
                examples
            )

        longest = max((m["settings"]["max_tokens"] for m in trained), default=128)
        unlabelled = few = None
        if "unlabelled" in needed and text is not None:
            unlabelled = predictions(spread(text.lines, settings.unlabelled_sentences))
        if "labelled" in needed and labelled is not None:
            few = predictions(
                nested_draw(labelled.file.examples, settings.labelled_sentences, seed=seed)
            )
        found = harmony_weights(
            at.base,
            AdaptedLanguage.load(target),
            {s: AdaptedLanguage.load(path) for s, path in sources.items()},
            parallel,
            settings,
            state=state,
            unlabelled=unlabelled,
            labelled=few,
            distances=distances,
        )
        write_json(folder / "weights.json", found.weights)
        facts = {
            "weighting": settings.method,
            "weights": found.weights,
            "distances": found.distances,
            "entropy": found.entropy,
            "uniform_entropy": math.log(len(sources)),
            "temperature": found.temperature,
            "sentence_temperature": found.sentence_temperature,
            "target_labels": len(few.entropies[0]) if few is not None else 0,
        }
        return Outcome(facts, found.warnings)

    inputs = _stage_input("target", target)
    if "parallel" in needed:
        inputs["parallel"] = fingerprint({**parallel})
    if "distances" in needed:
        inputs["distances"] = fingerprint(distances)
    if "unlabelled" in needed and text is not None:
        inputs |= text.inputs
    if "labelled" in needed and labelled is not None:
        inputs |= {**labelled.inputs, "draw": str(seed)}
    if {"unlabelled", "labelled"} & {*needed}:
        for source, path in (tasks or {}).items():
            inputs |= _stage_input(f"{source}:task", path, "train-task")
    for source, path in sources.items():
        inputs |= _stage_input(source, path)
    return at.run(
        "weigh",
        settings.method.replace(":", "-"),
        build,
        # the table's distances are an input, so where it lies decides nothing
        settings={**settings.model_dump(exclude={"distances"}), "state": state},
        inputs=inputs,
    )


def few_shot_stage(
    root: Path,
    language: str,
    model: Callable[[], "MultiSourceModel"],
    made_of: Mapping[str, str],
    examples: Labels,
    test: Labels,
    settings: FewShotSettings,
    *,
    seed: int,
    reuse: Sequence[Path] = (),
    on_stage: Callable[[str, bool], None] = lambda folder, done: None,
    on_progress: Progress = lambda stage, step, steps, parts: None,
) -> Path:
    """A few target labels: going on from the transferred model, or anew. Holds pack/.

    made_of: what decides the transferred model, by name -> hash.
    """
    from unibridge.transfer.few_shot import few_shot

    def build(folder: Path) -> Outcome:
        found = few_shot(
            model(),
            examples.file.examples,
            test.file.examples,
            settings,
            seed=seed,
            progress=lambda *now: on_progress(f"few-shot-{language}", *now),
        )
        if processes().main:
            found.model.save_pretrained(folder / "pack")
        points = [asdict(point) for point in found.points]
        return Outcome({"metric": found.metric, "points": points}, found.warnings)

    inputs = {**made_of, **{f"few:{k}": v for k, v in examples.inputs.items()}, **test.inputs}
    return run_stage(
        root,
        "few-shot",
        language,
        build,
        settings={**settings.model_dump(), "seed": seed},
        inputs=inputs,
        together=True,
        reuse=reuse,
        on_start=on_stage,
    )


def student_stage(
    at: Workplace,
    name: str,
    model: Callable[[], "MultiSourceModel"],
    text: Text,
    settings: MergeSettings | DistilSettings,
    *,
    made_of: Mapping[str, Any],
    seed: int,
) -> Path:
    """The sources as one, averaged or distilled as the settings are. Holds pack/.

    made_of: what decides the model: settings, and stages by name -> fingerprint.
    """
    from unibridge.transfer.distil import distil
    from unibridge.transfer.merge import fit_merge

    merging = isinstance(settings, MergeSettings)
    stage = "merge" if merging else "distil"
    teach: Callable[..., Student] = fit_merge if merging else distil

    def build(folder: Path) -> Outcome:
        found = teach(
            model(),
            text.lines,
            settings,
            seed=seed,
            checkpoint=folder / "checkpoint.pt",
            progress=at.steps(f"{stage}-{name}"),
        )
        if processes().main:
            found.model.save_pretrained(folder / "pack")
        return Outcome(found.facts, found.warnings)

    return at.run(
        stage,
        name,
        build,
        settings={**settings.model_dump(), "seed": seed, "model": made_of},
        inputs=text.inputs,
        together=True,
    )


def predict_stage(
    at: Workplace,
    name: str,
    test: Labels,
    task: "Task",
    predict: Callable[[], Sequence[Any]],
    *,
    settings: Mapping[str, Any],
    inputs: Mapping[str, str],
) -> Path:
    """Predictions for the gold file in its own format, and their score."""

    def build(folder: Path) -> Outcome:
        predictions = predict()
        write_predictions(test.file, predictions, folder / f"predictions{_suffix(test.file)}")
        score = task.score(test.file.examples, predictions)
        facts = {
            "metric": score.metric,
            "score": score.value,
            "low": score.low,
            "high": score.high,
            "all": score.all,
            "examples": len(predictions),
        }
        return Outcome(facts)

    return at.run("predict", name, build, settings=settings, inputs={**test.inputs, **inputs})


def _suffix(file: LabelFile) -> str:
    suffixes = Path(file.path).suffixes
    packed = suffixes[-1:] == [".gz"]
    return ".jsonl" if file.path.startswith("hub:") else "".join(suffixes[-2 if packed else -1 :])


def predictions_file(folder: Path) -> Path:
    """The predictions that a `predict_stage` wrote."""
    found = sorted(folder.glob("predictions.*"))
    if not found:
        raise UnibridgeError("holds no predictions", where=folder)
    return found[0]


def read_predictions(folder: Path, test: Labels, task: "Task") -> list[Any]:
    """What a `predict_stage` predicted, in the order of the gold examples."""
    layout = test.file.layout
    written = read_labels(
        predictions_file(folder), test.file.reader, layout.columns, expect=layout.expect
    )
    return [task.gold(example) for example in written.examples]


def model_of(
    at: Workplace,
    language: Path | None,
    tasks: Mapping[str, Path],
    weights: Mapping[str, float],
    *,
    max_tokens: int,
    sentence_temperature: float | None = None,
) -> Any:
    """The `MultiSourceModel` that stages make together."""
    from unibridge.transfer.infer import MultiSourceModel

    return MultiSourceModel.assemble(
        at.base,
        load_language(language),
        {source: TrainedTask.load(path) for source, path in tasks.items()},
        weights,
        max_tokens=max_tokens,
        sentence_temperature=sentence_temperature,
    )
