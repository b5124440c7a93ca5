"""A base, or a finished pack, on published benchmarks: one table, averaged as each of them says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.artifacts import Outcome, fingerprint, hash_path, read_manifest
from unibridge.ensemble.model import MultiSourceModel
from unibridge.errors import UnibridgeError
from unibridge.metrics import METRICS, bootstrap_interval
from unibridge.operations.listening import SILENCE, Listener
from unibridge.operations.reading import read_labelled
from unibridge.operations.stages import workplace
from unibridge.pack import find, load
from unibridge.stages.predict import plain_notes
from unibridge.stages.task import task_stage
from unibridge.tasks import task_of
from unibridge.text.benchmarks import BENCHMARKS, SUITES, Benchmark, part_id
from unibridge.text.examples import AS_IT_IS
from unibridge.transfer.task import TrainedTask

if TYPE_CHECKING:
    from unibridge.stages.inputs import Labels
    from unibridge.stages.workplace import Workplace
    from unibridge.transfer.task_settings import TaskSettings


@dataclass
class Scored:
    """A benchmark's scores. languages: code -> metric -> 0 to 100. average: metric -> its mean.

    intervals: code -> the 95% bootstrap interval of the first metric. missing: languages that the
    published average has and this one has not.
    """

    benchmark: Benchmark
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


def named(tasks: Sequence[str]) -> list[Benchmark]:
    """Benchmarks by name, suites as all of theirs. Raises UnibridgeError for an unknown name."""
    found: dict[str, Benchmark] = {}
    for name in tasks:
        suite = SUITES.get(name)
        names = [one for group in suite.groups.values() for one in group] if suite else [name]
        for one in names:
            benchmark = BENCHMARKS.resolve(one)
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
    data: str | Path | None = None,
    seed: int = 0,
    listener: Listener = SILENCE,
) -> list[Scored]:
    """Score a base, fine-tuned on what each benchmark trains on, or a ready pack.

    tasks: names in `BENCHMARKS` or `SUITES`. out: folder of what was trained and predicted; a
    broken-off call goes on from there. settings: of the fine-tuning. languages: codes, of which
    each benchmark takes those that it has; unset: all that it lists. data: folder of the files as
    they are published; unset: the hub.
    Raises UnibridgeError before anything is trained, for all parts that are not to be had.
    """
    if (base is None) == (model is None):
        raise UnibridgeError("nothing to score", do="give --base or --model")
    todo = named(tasks)
    wanted = {one.name: _languages(one, languages) for one in todo}
    _check(todo, wanted, data, trains=model is None)
    ready = None if model is None else load(model, device="auto")
    at = workplace(base, out, listener=listener) if base is not None else None

    results = []
    for one in todo:
        if ready is not None:
            _check_task(one, ready)
            source, made_of = ready, {"model": hash_path(find(model or ""))}
        else:
            assert at is not None
            source, made_of = _trained(at, one, settings, data, seed=seed, listener=listener)
        scored = Scored(one)
        for language in wanted[one.name]:
            listener.say(f"{one.name} {language}")
            folder = _score_stage(out, one, language, data, source, made_of, listener)
            facts = read_manifest(folder)["facts"]
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


def _languages(one: Benchmark, asked: Sequence[str]) -> list[str]:
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


def _check(
    todo: Sequence[Benchmark],
    wanted: Mapping[str, Sequence[str]],
    data: str | Path | None,
    *,
    trains: bool,
) -> None:
    """Everything that is missing, at once."""
    from unibridge.text.benchmarks import part_of

    faults = []
    for one in todo:
        parts = [part_id(one.name, code, "test", data) for code in wanted[one.name]]
        if trains:
            parts.append(part_id(*one.trained_on, "train", data))
        for part in parts:
            try:
                part_of(part).check()
            except UnibridgeError as error:
                faults.append(str(error))
    if faults:
        raise UnibridgeError("parts of benchmarks are missing\n  - " + "\n  - ".join(faults))


def _check_task(one: Benchmark, model: MultiSourceModel) -> None:
    if model.task.name != one.task:
        raise UnibridgeError(
            f"the pack does {model.task.name}, but {one.name} is {one.task}", where="--tasks"
        )


def _trained(
    at: "Workplace",
    one: Benchmark,
    settings: "TaskSettings",
    data: str | Path | None,
    *,
    seed: int,
    listener: Listener,
) -> tuple[MultiSourceModel, dict[str, str]]:
    """The whole base fine-tuned on the benchmark's training labels; one stage for all that share
    them."""
    from unibridge.text.benchmarks import part_of

    task = task_of(one.task)
    name, code = one.trained_on
    train = read_labelled(
        part_id(name, code, "train", data), task, AS_IT_IS, listener, language=code
    )
    held_out: dict[str, Labels] = {}
    try:
        dev = part_id(name, code, "dev", data)
        part_of(dev).check()
        held_out = {code: read_labelled(dev, task, AS_IT_IS, listener, language=code)}
    except UnibridgeError:
        listener.say(f"{name} has no dev labels here; it is trained without")
    labels = task.collect_labels([train.file.examples])
    folder = task_stage(
        at, task, {code: train}, held_out, {code: None}, labels, settings, seed=seed, trains="model"
    )
    trained = {code: TrainedTask.load(folder)}
    model = MultiSourceModel.assemble(
        at.base, None, trained, {code: 1.0}, max_tokens=settings.max_tokens
    )
    return model, {"task": str(read_manifest(folder)["fingerprint"])}


def _score_stage(
    out: Path,
    one: Benchmark,
    language: str,
    data: str | Path | None,
    model: MultiSourceModel,
    made_of: Mapping[str, str],
    listener: Listener,
) -> Path:
    from unibridge.artifacts import run_stage

    part = part_id(one.name, language, "test", data)
    test = read_labelled(part, model.task, AS_IT_IS, listener, language=language)

    def build(folder: Path) -> Outcome:
        examples: list[Any] = test.file.examples
        told: list[str] = []
        said: list[Any] = model.predict(
            examples,
            warn=told.append,
            progress=lambda done, total: listener.on_progress(one.name, done, total, {}),
        )
        gold: list[Any] = [model.task.gold(example) for example in examples]
        metrics = [METRICS.resolve(name) for name in one.metrics]
        low, high = bootstrap_interval(gold, said, metrics[0])
        scores = {metric.name: metric(gold, said) for metric in metrics}
        facts = {"scores": scores, "interval": [low, high], "examples": len(examples)}
        return Outcome(facts, plain_notes(told))

    out.mkdir(parents=True, exist_ok=True)
    return run_stage(
        out,
        "benchmark",
        f"{one.name}-{language}",
        build,
        settings={"metrics": one.metrics, "max_tokens": model.config.max_tokens},
        inputs={**made_of, **test.inputs, "about": fingerprint([one.name, language])},
        on_start=listener.on_stage,
    )
