"""A base, or a finished pack, on published benchmarks: one table, averaged as each of them says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.artifacts import Outcome, fingerprint, hash_path, read_manifest, run_stage
from unibridge.ensemble.model import MultiSourceModel
from unibridge.errors import UnibridgeError, unknown_name
from unibridge.evaluation.retrieval import SEARCHES, Cut, Found, RetrievalSettings, TextReader
from unibridge.metrics import METRICS, bootstrap_interval
from unibridge.operations.listening import SILENCE, Listener
from unibridge.operations.reading import read_labelled
from unibridge.operations.stages import workplace
from unibridge.pack import find, load
from unibridge.registry import Registry
from unibridge.stages.predict import plain_notes
from unibridge.stages.task import task_stage
from unibridge.tasks import task_of
from unibridge.text.benchmarks import BENCHMARKS, RETRIEVALS, SUITES, part_id, part_of
from unibridge.text.benchmarks.parts import Part, TextPart
from unibridge.text.benchmarks.record import Benchmark, Published, Retrieval
from unibridge.text.examples import AS_IT_IS
from unibridge.transfer.task import TrainedTask

if TYPE_CHECKING:
    from unibridge.stages.inputs import Labels
    from unibridge.stages.workplace import Workplace
    from unibridge.transfer.task_settings import TaskSettings

Data = str | Path | Mapping[str, str | Path] | None
"""A folder of all files, folders by benchmark ("": of the others), or None: the hub."""


@dataclass
class Scored:
    """A benchmark's scores. languages: code -> metric -> 0 to 100. average: metric -> its mean.

    intervals: code -> the 95% bootstrap interval of the first metric. missing: languages that the
    published average has and this one has not.
    """

    benchmark: Published
    languages: dict[str, dict[str, float]] = field(default_factory=dict)
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def average(self) -> dict[str, float]:
        """See `Benchmark.average`."""
        return self.benchmark.average(self.languages)

    @property
    def missing(self) -> list[str]:
        """See `Benchmark.missing`."""
        return self.benchmark.missing(self.languages)


def named(tasks: Sequence[str]) -> list[Published]:
    """Benchmarks by name, suites as all of theirs. Raises UnibridgeError for an unknown name."""
    known: Registry[Published] = Registry("benchmark", {**BENCHMARKS, **RETRIEVALS})
    found: dict[str, Published] = {}
    for name in tasks:
        suite = SUITES.get(name)
        names = [one for group in suite.groups.values() for one in group] if suite else [name]
        for one in names:
            benchmark = known.resolve(one)
            found[benchmark.name] = benchmark
    return list(found.values())


def benchmark(
    tasks: Sequence[str],
    out: Path,
    settings: "TaskSettings",
    *,
    base: str | None = None,
    model: str | Path | None = None,
    languages: Sequence[str] = (),
    data: Data = None,
    retrieval: RetrievalSettings | None = None,
    seed: int = 0,
    listener: Listener = SILENCE,
) -> list[Scored]:
    """Score a base, fine-tuned on what each benchmark trains on, or a ready pack.

    tasks: names in `BENCHMARKS`, `RETRIEVALS` (a base is read as it is) or `SUITES`. out: folder of
    what was trained and predicted; a broken-off call goes on from there. settings: of the
    fine-tuning. languages: codes, of which each benchmark takes those that it has; unset: all that
    it lists. data: where the files are, as they are published. retrieval: what speaks for a text;
    unset: as published.
    Raises UnibridgeError before anything is trained, for all parts that are not to be had.
    """
    if (base is None) == (model is None):
        raise UnibridgeError("nothing to score", do="give --base or --model")
    todo = named(tasks)
    _check_folders(todo, data)
    wanted = {one.name: _languages(one, languages) for one in todo}
    _check(todo, wanted, data, trains=model is None)
    ready = None if model is None else load(model, device="auto")
    if ready is not None:
        _check_task(todo, ready)
    at = workplace(base, out, listener=listener) if base is not None else None
    made_of = {"base": at.base_hash} if at else {"model": hash_path(find(model or ""))}
    searched = [one for one in todo if isinstance(one, Retrieval)]
    reader = _reader(at, ready, retrieval or RetrievalSettings()) if searched else None

    results = []
    for one in todo:
        stage: Callable[[str], Path]
        if isinstance(one, Retrieval):
            assert reader is not None
            stage = partial(_searched, out, one, data, reader, made_of, listener)
        else:
            assert isinstance(one, Benchmark)
            source, inputs = ready, made_of
            if source is None:
                assert at is not None
                source, inputs = _trained(at, one, settings, data, seed=seed, listener=listener)
            stage = partial(_labelled, out, one, data, source, inputs, listener)
        scored = Scored(one)
        for language in wanted[one.name]:
            listener.say(f"{one.name} {language}")
            folder = stage(language)
            manifest = read_manifest(folder)
            for warning in manifest["warnings"]:
                listener.say(f"warning: {warning}")
            facts = manifest["facts"]
            scored.languages[language] = facts["scores"]
            scored.intervals[language] = tuple(facts["interval"])
        results.append(scored)
    return results


def suite_averages(results: Sequence[Scored]) -> dict[str, dict[str, float]]:
    """Suite -> group -> mean, of those whose benchmarks are all there, in every language."""
    whole = {one.benchmark.name: one.average["average"] for one in results if not one.missing}
    found = {name: suite.average(whole) for name, suite in SUITES.items()}
    return {name: means for name, means in found.items() if means}


def table(results: Sequence[Scored]) -> list[list[str]]:
    """Rows of text: a benchmark and a language each, then each benchmark's average."""
    rows = [["benchmark", "language", "score", "95% interval", "further"]]
    for one in results:
        first = one.benchmark.metrics[0]
        for language, scores in one.languages.items():
            low, high = one.intervals[language]
            own = [one.benchmark.name, language, f"{scores[first]:.1f}"]
            rows.append([*own, f"{low:.1f}-{high:.1f}", _further(scores, first)])
        if average := dict(one.average):
            value = average.pop("average")
            count = len(one.languages) - len(set(one.benchmark.left_out) & set(one.languages))
            lacking = f"; {len(one.missing)} languages missing" if one.missing else ""
            own = [one.benchmark.name, "average", f"{value:.1f}"]
            rows.append([*own, f"of {count}{lacking}", _further(average, "")])
    for suite, means in suite_averages(results).items():
        rows += [[suite, group, f"{value:.1f}", "", ""] for group, value in means.items()]
    return rows


def _further(scores: Mapping[str, float], first: str) -> str:
    return ", ".join(f"{name} {value:.1f}" for name, value in scores.items() if name != first)


def _languages(one: Published, asked: Sequence[str]) -> list[str]:
    if not asked and not one.languages:
        raise UnibridgeError(
            f"{one.name} has no list of languages", where="--languages", do="name those you want"
        )
    listed = {own: code for code, own in one.languages.items()}
    found, unknown = [], None
    for code in asked:
        try:
            found.append(listed.get(one.own_code(code), code))
        except UnibridgeError as error:  # of several benchmarks some may lack it
            unknown = error
    if unknown is not None and not found:
        raise unknown
    return found or list(one.languages)


def _check_folders(todo: Sequence[Published], data: Data) -> None:
    """Every folder is there, and is that of a benchmark in use."""
    known = {one.name for one in todo}
    known |= {one.trained_on[0] for one in todo if isinstance(one, Benchmark)}
    folders = data if isinstance(data, Mapping) else {"": data} if data else {}
    for name, folder in folders.items():
        if name and name not in known:
            raise unknown_name("benchmark", name, known, where="--data")
        if not Path(folder).is_dir():
            raise UnibridgeError(
                f"there is no folder {str(folder)!r}", where="--data", do="name one with the files"
            )


def _folder(data: Data, name: str) -> str | Path | None:
    return data.get(name, data.get("")) if isinstance(data, Mapping) else data


def _text_part(one: Retrieval, language: str, split: Any, data: Data) -> TextPart:
    folder = _folder(data, one.name)
    return TextPart(one, one.own_code(language), split, Path(folder) if folder else None)


def _check(
    todo: Sequence[Published],
    wanted: Mapping[str, Sequence[str]],
    data: Data,
    *,
    trains: bool,
) -> None:
    """Everything that is missing, at once."""

    def labelled(name: str, language: str, split: str) -> Part[Any]:
        return part_of(part_id(name, language, split, _folder(data, name)))

    faults = []
    for one in todo:
        parts: list[Callable[[], Part[Any]]] = []
        for code in wanted[one.name]:
            if isinstance(one, Retrieval):
                splits = ("test", "dev") if one.tuned else ("test",)
                parts += [partial(_text_part, one, code, split, data) for split in splits]
            else:
                parts.append(partial(labelled, one.name, code, "test"))
        if trains and isinstance(one, Benchmark):
            parts.append(partial(labelled, *one.trained_on, "train"))
        for part in parts:
            try:
                part().check()
            except UnibridgeError as error:
                faults.append(str(error))
    if faults:
        raise UnibridgeError("parts of benchmarks are missing\n  - " + "\n  - ".join(faults))


def _check_task(todo: Sequence[Published], model: MultiSourceModel) -> None:
    for one in todo:
        if isinstance(one, Benchmark) and model.task.name != one.task:
            raise UnibridgeError(
                f"the pack does {model.task.name}, but {one.name} is {one.task}", where="--tasks"
            )


def _trained(
    at: "Workplace",
    one: Benchmark,
    settings: "TaskSettings",
    data: Data,
    *,
    seed: int,
    listener: Listener,
) -> tuple[MultiSourceModel, dict[str, str]]:
    """The whole base fine-tuned on the benchmark's training labels; one stage for all that share
    them."""
    task = task_of(one.task)
    name, code = one.trained_on
    folder = _folder(data, name)
    train = read_labelled(
        part_id(name, code, "train", folder), task, AS_IT_IS, listener, language=code
    )
    held_out: dict[str, Labels] = {}
    try:
        dev = part_id(name, code, "dev", folder)
        part_of(dev).check()
        held_out = {code: read_labelled(dev, task, AS_IT_IS, listener, language=code)}
    except UnibridgeError:
        listener.say(f"{name} has no dev labels here; it is trained without")
    labels = task.collect_labels([train.file.examples])
    learnt = task_stage(
        at, task, {code: train}, held_out, {code: None}, labels, settings, seed=seed, trains="model"
    )
    trained = {code: TrainedTask.load(learnt)}
    model = MultiSourceModel.assemble(
        at.base, None, trained, {code: 1.0}, max_tokens=settings.max_tokens
    )
    return model, {"task": str(read_manifest(learnt)["fingerprint"])}


def _labelled(
    out: Path,
    one: Benchmark,
    data: Data,
    model: MultiSourceModel,
    made_of: Mapping[str, str],
    listener: Listener,
    language: str,
) -> Path:
    part = part_id(one.name, language, "test", _folder(data, one.name))
    test = read_labelled(part, model.task, AS_IT_IS, listener, language=language)

    def predicted(warn: Callable[[str], None]) -> Found:
        examples: list[Any] = test.file.examples
        said: list[Any] = model.predict(
            examples,
            warn=warn,
            progress=lambda done, total: listener.on_progress(one.name, done, total, {}),
        )
        return Found([model.task.gold(example) for example in examples], said)

    settings = {"max_tokens": model.config.max_tokens}
    inputs = {**made_of, **test.inputs}
    return _score_stage(out, one, language, predicted, settings, inputs, listener)


def _reader(
    at: "Workplace | None", ready: MultiSourceModel | None, settings: RetrievalSettings
) -> TextReader:
    if ready is not None:
        return TextReader.of_pack(ready, settings)
    assert at is not None
    return TextReader.of_base(at.base, settings)


def _searched(
    out: Path,
    one: Retrieval,
    data: Data,
    reader: TextReader,
    made_of: Mapping[str, str],
    listener: Listener,
    language: str,
) -> Path:
    parts = {"test": _text_part(one, language, "test", data)}
    if one.tuned:
        parts["dev"] = _text_part(one, language, "dev", data)

    def found(warn: Callable[[str], None]) -> Found:
        sides = {split: part.sides() for split, part in parts.items()}
        states = partial(
            reader.states,
            told=lambda done, total: listener.on_progress(one.name, done, total, {}),
            cuts=(cuts := Cut(reader.longest)),
        )
        result = SEARCHES.resolve(one.search)(sides["test"], sides.get("dev"), states)
        cuts.tell(warn)
        return result

    inputs = {**made_of, **{split: part.identity for split, part in parts.items()}}
    about = {"search": one.search, **reader.about}
    return _score_stage(out, one, language, found, about, inputs, listener)


def _score_stage(
    out: Path,
    one: Published,
    language: str,
    answer: Callable[[Callable[[str], None]], Found],
    settings: Mapping[str, Any],
    inputs: Mapping[str, str],
    listener: Listener,
) -> Path:
    """What was answered, scored. answer: given whom to warn."""

    def build(folder: Path) -> Outcome:
        told: list[str] = []
        found = answer(told.append)
        metrics = [METRICS.resolve(name) for name in one.metrics]
        low, high = bootstrap_interval(found.gold, found.said, metrics[0])
        scores = {metric.name: metric(found.gold, found.said) for metric in metrics}
        facts = {"scores": scores, "interval": [low, high], "examples": len(found.gold)}
        return Outcome({**facts, **found.facts}, plain_notes(told))

    out.mkdir(parents=True, exist_ok=True)
    return run_stage(
        out,
        "benchmark",
        f"{one.name}-{language}",
        build,
        settings={"metrics": one.metrics, **settings},
        inputs={**inputs, "about": fingerprint([one.name, language])},
        on_start=listener.on_stage,
    )
