"""study.toml in, a checked plan out: every fault at once, before an hour is spent."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from unibridge.comparison.settings import LEAST_SEEDS
from unibridge.config.faults import explained
from unibridge.config.load import read_content
from unibridge.errors import ConfigError, UnibridgeError
from unibridge.metrics import METRICS, Metric
from unibridge.settings import ChosenFrom, marked, options_of
from unibridge.tasks import task_of
from unibridge.text.languages import MACRO_LANGUAGES, canonical
from unibridge.text.languages import language as language_record
from unibridge.transfer_study.settings import StudySettings


@dataclass(frozen=True)
class Plan:
    """A study whose languages have one code each: ISO 639-1 where there is one, else 639-3.

    written: code -> what the user wrote for it. warnings: what a reader of the study should know.
    """

    settings: StudySettings
    written: Mapping[str, list[str]]
    warnings: list[str] = field(default_factory=list)

    @property
    def transfer(self) -> list[str]:
        """Codes of the transfer languages, in their order."""
        return list(self.settings.text)

    def names(self, code: str) -> list[str]:
        """A language's English name, and what the user wrote for it."""
        known = [language_record(code).name, *self.written.get(code, ())]
        return list(dict.fromkeys(name for name in known if name != code)) or [code]

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Every (task, target)."""
        for name, task in self.settings.tasks.items():
            yield from ((name, target) for target in task.targets)

    def kind(self, task: str) -> str:
        """The registered name or import path of a task."""
        return self.settings.tasks[task].kind or task

    def measures(self, task: str) -> tuple[Metric, ...]:
        """The metrics that a task is scored by, the main one first."""
        chosen = self.settings.tasks[task].metrics or (task_of(self.kind(task)).metric,)
        return tuple(map(METRICS.resolve, chosen))

    def metrics(self, task: str) -> tuple[str, ...]:
        """Their names, which for an import path is what the metric itself is called."""
        return tuple(metric.name for metric in self.measures(task))

    def left_out(self, task: str, target: str) -> str:
        """The language that the task adapter for a target has not seen; "" for none."""
        known = target in self.settings.tasks[task].mix
        return target if self.settings.leave_target_out and known else ""

    def fusions(self) -> list[tuple[str, ...]]:
        """The sets of language adapters that are put together, small ones first."""
        given = self.settings.interference
        languages = [code for code in self.transfer if code in given.languages]
        return [one for size in sorted(given.sizes) for one in combinations(languages, size)]


def load_study(path: str | Path, overrides: Sequence[str] = ()) -> Plan:
    """Read and check study.toml; relative paths in it start at the file's folder.

    overrides: "section.field=value". Raises ConfigError that lists every fault.
    """
    path = Path(path)
    content = read_content(path, overrides)
    return check_study(content, folder=path.parent, where=path)


def check_study(content: Mapping[str, Any], *, folder: Path, where: object = "") -> Plan:
    """A plan from plain data. Raises ConfigError with the path of every fault."""
    try:
        settings = StudySettings.model_validate(content)
    except ValidationError as error:
        raise ConfigError(
            [explained(fault, StudySettings) for fault in error.errors()], where=where
        ) from error
    settings = _with_absolute_paths(settings, folder.absolute())
    faults = list(_name_faults(settings))
    written: dict[str, list[str]] = {}
    warnings: list[str] = []
    places = {"text": settings.text}
    for name, task in settings.tasks.items():
        places |= {f"tasks.{name}.mix": task.mix, f"tasks.{name}.targets": task.targets}
    for place, files in places.items():
        faults += _file_faults(place, files)
        faults += _spelling_faults(place, files)
        for code in files:
            spellings = written.setdefault(canonical(code), [])
            spellings += [code] if code not in spellings else []
    plan = Plan(_with_one_code(settings), written, warnings)
    faults += _sense_faults(plan)
    # where names are unknown there is no metric to look at
    faults += [] if faults else _metric_faults(plan)
    if faults:
        raise ConfigError(faults, where=where)
    warnings += _remarks(plan)
    return plan


def _with_absolute_paths(settings: StudySettings, folder: Path) -> StudySettings:
    def absolute(file: str) -> str:
        return file if file.startswith("hub:") else str(folder / Path(file).expanduser())

    def all_of(files: Mapping[str, str]) -> dict[str, str]:
        return {code: absolute(file) for code, file in files.items()}

    model = folder / Path(settings.base.model).expanduser()
    run = {"folder": folder / settings.run.folder.expanduser()}
    return settings.model_copy(
        update={
            "run": settings.run.model_copy(update=run),
            "base": settings.base.model_copy(update={"model": str(model)})
            if model.is_dir()
            else settings.base,
            "text": all_of(settings.text),
            "tasks": {
                name: task.model_copy(
                    update={"mix": all_of(task.mix), "targets": all_of(task.targets)}
                )
                for name, task in settings.tasks.items()
            },
        }
    )


def _with_one_code(settings: StudySettings) -> StudySettings:
    """Every language under its canonical code, of two names for one the last."""

    def coded(files: Mapping[str, str]) -> dict[str, str]:
        return {canonical(code): file for code, file in files.items()}

    def codes(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(map(canonical, names)))

    controls, fused = settings.controls, settings.interference
    return settings.model_copy(
        update={
            "text": coded(settings.text),
            "tasks": {
                name: task.model_copy(
                    update={"mix": coded(task.mix), "targets": coded(task.targets)}
                )
                for name, task in settings.tasks.items()
            },
            "controls": controls.model_copy(update={"shuffled": codes(controls.shuffled)}),
            "interference": fused.model_copy(update={"languages": codes(fused.languages)}),
        }
    )


def _name_faults(settings: StudySettings) -> Iterator[str]:
    """Names that no table has."""
    parts: dict[str, BaseModel] = {
        f"tasks.{name}": task if task.kind else task.model_copy(update={"kind": name})
        for name, task in settings.tasks.items()
    }
    parts |= {part: getattr(settings, part) for part in ("run", "interference", "report")}
    for place, part in parts.items():
        for path, choice, mark in marked(part):
            if isinstance(mark, ChosenFrom):
                try:
                    mark.resolve(choice)
                except UnibridgeError as error:
                    yield f"{place}.{path}: {error}"
    yield from _option_faults(settings)


def _option_faults(settings: StudySettings) -> Iterator[str]:
    from unibridge.grid.executors import EXECUTORS

    try:
        executor = EXECUTORS.resolve(settings.run.executor)
    except UnibridgeError:
        return  # said already
    if not hasattr(executor, "options"):
        if settings.run.options:
            yield f"run.options: the executor {settings.run.executor!r} has none; leave them out"
        return
    try:
        options_of(executor, settings.run.options)
    except ValidationError as error:
        yield from (f"run.options.{explained(f, executor.options)}" for f in error.errors())


def _file_faults(place: str, files: Mapping[str, str]) -> Iterator[str]:
    for code, file in files.items():
        if not file.startswith("hub:") and not Path(file).exists():
            what = "text" if place == "text" else "labels"
            yield f"{place}.{code}: there are no {what} of {code!r}: no file {file}".replace(
                "are no text", "is no text"
            )


def _spelling_faults(place: str, files: Mapping[str, str]) -> Iterator[str]:
    """Two names for one language."""
    named: dict[str, list[str]] = {}
    for code in files:
        named.setdefault(canonical(code), []).append(code)
    for code, names in named.items():
        if len(names) > 1:
            macro = [
                f"{n} is a member of {MACRO_LANGUAGES[n]}" for n in names if n in MACRO_LANGUAGES
            ]
            yield (
                f"{place}: {' and '.join(map(repr, names))} name one language, {code!r}"
                f"{''.join(f' ({one})' for one in macro)}; leave all but one out"
            )


def _metric_faults(plan: Plan) -> Iterator[str]:
    """What is no metric, and two of one name, whose scores could not be told apart."""
    for task in plan.settings.tasks:
        found: list[Any] = list(plan.measures(task))
        if other := [one for one in found if not isinstance(one, Metric)]:
            yield f"tasks.{task}.metrics: {other[0]!r} is no unibridge.metrics.Metric"
        elif len(names := plan.metrics(task)) > len(set(names)):
            yield f"tasks.{task}.metrics: two are called {max(names, key=names.count)!r}; keep one"


def _sense_faults(plan: Plan) -> Iterator[str]:
    """What cannot be studied."""
    settings = plan.settings
    for place, several in (("seeds", settings.seeds), ("tuning.steps", settings.tuning.steps)):
        if len(set(several)) < len(several):
            yield f"{place}: the same one is there twice; name each once"
    for place, chosen in (
        ("controls.shuffled", settings.controls.shuffled),
        ("interference.languages", settings.interference.languages),
    ):
        for code in chosen:
            if code not in settings.text:
                yield f"{place}: there is no text of {code!r}; add it to [text]"
    languages, sizes = settings.interference.languages, settings.interference.sizes
    if languages and max(sizes) > len(languages):
        yield f"interference.sizes: {max(sizes)} adapters at once need as many languages"
    if languages and (less := sorted(set(range(1, max(sizes))) - set(sizes))):
        yield (
            f"interference.sizes: what {max(sizes)} adapters do is counted from fewer; add "
            f"{', '.join(map(str, less))}"
        )
    if settings.leave_target_out and settings.keep_target_in_mix:
        yield "keep_target_in_mix: contradicts leave_target_out; set one of them"
    for name, task in settings.tasks.items():
        known = sorted(task.targets.keys() & task.mix.keys())
        if not known or settings.keep_target_in_mix:
            continue
        if not settings.leave_target_out:
            yield (
                f"tasks.{name}.targets: {', '.join(known)} in its own mix, so that its score is no "
                "transfer; set leave_target_out = true (an adapter without it for each), or "
                "keep_target_in_mix = true (the authors)"
            )
        elif len(task.mix) == 1:
            yield f"tasks.{name}.mix: nothing is left without {known[0]!r}; add another language"


def _remarks(plan: Plan) -> Iterator[str]:
    """What can be studied, but should be known."""
    seeds = len(plan.settings.seeds)
    if seeds < LEAST_SEEDS:
        yield (
            f"{seeds} seed: no test of the training's noise is possible with fewer than "
            f"{LEAST_SEEDS}"
        )
    for code, names in plan.written.items():
        members = [name for name in names if name in MACRO_LANGUAGES]
        for name in members:
            macro = MACRO_LANGUAGES[name]
            if canonical(name) == canonical(macro):
                yield f"{name!r} is read as {code!r}, the macro-language that it is a member of"
            elif canonical(macro) in plan.written:
                yield f"{name!r} is a member of the macro-language {macro!r}, which is there too"
    bare: dict[str, list[str]] = {}
    for code in plan.written:
        bare.setdefault(code.partition("_")[0], []).append(code)
    for codes in bare.values():
        if len(codes) > 1:
            yield (
                f"{' and '.join(map(repr, codes))} differ in script or variant alone and are taken "
                "for languages of their own: what one gives the other counts as transfer"
            )
    if plan.settings.keep_target_in_mix:
        for name, task in plan.settings.tasks.items():
            known = sorted(task.targets.keys() & task.mix.keys())
            if known:
                yield f"{name}: {', '.join(known)} in the mix of its own task adapter"
