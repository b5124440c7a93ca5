"""A whole study: read, say what it costs, task adapters, then every encoder with its scores.

    study.toml ── texts, labels ── a task adapter a mix ── grid of encoders ── cells.jsonl

What is finished is left alone, also by a call that was broken off or has more languages, targets,
steps or seeds; what a changed setting leaves without use waits beside it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from unibridge.artifacts import fingerprint, read_json, versions, write_json
from unibridge.grid.executors import EXECUTORS
from unibridge.grid.run import in_words, run_grid
from unibridge.settings import options_of
from unibridge.stages.inputs import Text, base_identity
from unibridge.stages.language import adapt_stage
from unibridge.stages.workplace import Progress, Workplace
from unibridge.transfer_study.cells import Chunks, Pair, Unit, mix_of, units_of
from unibridge.transfer_study.cost import cost_of, measure_speed
from unibridge.transfer_study.data import StudyData, read_data
from unibridge.transfer_study.measure import Measure, load_kit, load_study_base
from unibridge.transfer_study.plan import Plan
from unibridge.transfer_study.reading import reading_of
from unibridge.transfer_study.scores import CELLS, Scores, put_aside, write_parquet
from unibridge.transfer_study.scoring import check_metrics, mix_stage

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base

STAYS = ("ray",)
"""Executors whose workers outlive a job, so that each cell is one."""
Stage = Path | str
"""A stage's folder, or why there is none."""
Key = TypeVar("Key")


@dataclass(frozen=True)
class Finished:
    """folder: of the study. missing: lines of scores that failed. dry: nothing was run."""

    folder: Path
    missing: Sequence[Mapping[str, Any]]
    dry: bool = False


def run_study(
    plan: Plan,
    *,
    dry_run: bool = False,
    tell: Callable[[str], None] = print,
    on_stage: Callable[[str, bool], None] = lambda folder, done: None,
    on_progress: Progress = lambda stage, step, steps, parts: None,
) -> Finished:
    """Run what is missing of a study; the same call goes on where one was broken off.

    dry_run: read and check everything, say what it costs, and train nothing but the few steps that
    are timed. Raises UnibridgeError for a user's mistake before anything is trained; a cell that
    fails is reported and never stops the others.
    """
    # 1. Everything is read and checked.
    data = read_data(plan)
    check_metrics(plan, data.tasks)
    base = load_study_base(plan)
    for line in (*plan.warnings, *data.warnings, *base.notes):
        tell(f"warning: {line}")
    folder, name = plan.settings.run.folder, _base_name(plan)
    units = units_of(plan, data, name, base_identity(base, plan.settings.base.dropout))
    metrics = {task: plan.metrics(task) for task in plan.settings.tasks}

    # 2. What is finished, and what the rest costs.
    store = Scores(folder / CELLS, units, metrics)
    if not dry_run:
        folder.mkdir(parents=True, exist_ok=True)
        aside, back = put_aside(folder, units)
        if aside:
            tell(
                f"{aside:,} finished scores are of other settings; they wait in the folder and "
                "return with these settings"
            )
        if back:
            tell(f"{back:,} scores of these settings were finished before and are back")
    pending = {unit.cell.key: store.pending(unit) for unit in units}
    todo = [unit for unit in units if pending[unit.cell.key]]
    sizes = {(t, g): len(data.tasks[t].targets[g]) for t, g in plan.pairs()}
    if todo:
        speed = measure_speed(load_kit(plan, {}, {}, base=base, data=data))
        cost = cost_of(plan, todo, pending, sizes, speed, _bytes_of(base))
        tell(f"{len(units) - len(todo):,} of {len(units):,} encoders are finished; still {cost}")
        mixes = _mixes(plan, data).values()
        tell(
            f"beside them {len(mixes)} task adapters "
            f"({', '.join(sorted(_mix_name(*keys[0]) for keys in mixes))})"
        )
        for line in _executor_warnings(plan):
            tell(f"warning: {line}")
    if dry_run:
        return Finished(folder, [], dry=True)
    before = read_json(folder / "study.json") if (folder / "study.json").exists() else {}
    known = before.get("reading", {}) if before.get("model") == name else {}
    reading = {"reading": reading_of(base, data, known)}
    write_json(folder / "study.json", record_of(plan, data, name) | reading)

    # 3. Every encoder, scored at once; failures once more. Task adapters come before, made once.
    #    What is fused comes last, and the language adapters of which it is made after all else.
    at = Workplace(folder / "stages", base, base_identity(base), on_stage, on_progress)
    for attempt in range(1 + plan.settings.run.retries):
        todo = [unit for unit in units if store.pending(unit)]
        if not todo:
            break
        if attempt:
            tell(f"{len(todo)} encoders once more, for what is missing")
        adapters = task_stages(plan, data, at, tell)
        for of_adapters in (False, True):
            some = [unit for unit in todo if (unit.kind == "fusion") is of_adapters]
            languages = language_stages(plan, data, at, tell) if some and of_adapters else {}
            pending = _possible(plan, some, store, adapters, languages)
            if some := [unit for unit in some if pending[unit.cell.key]]:
                folders = _made(adapters), _made(languages)
                _run_grid(plan, some, pending, *folders, store, base, data, tell)

    # 4. What is there, and what is not.
    write_parquet(folder)
    failures = store.failures()
    for lost in failures:
        tell(
            f"missing: {lost['kind']} {lost['transfer']} {lost['task']} {lost['target']}: "
            f"{lost['error']}"
        )
    return Finished(folder, failures)


def _executor_warnings(plan: Plan) -> list[str]:
    """What the executor lacks. Raises UnibridgeError where it cannot be had."""
    run = plan.settings.run
    check = getattr(EXECUTORS.resolve(run.executor), "check", None)
    return [] if check is None else check(run.workers, *_options(plan))


def _options(plan: Plan) -> list[Any]:
    """The executor's settings; none where it declares none."""
    executor = EXECUTORS.resolve(plan.settings.run.executor)
    declares = hasattr(executor, "options")
    return [options_of(executor, plan.settings.run.options)] if declares else []


def _run_grid(
    plan: Plan,
    todo: Sequence[Unit],
    pending: Mapping[str, Any],
    adapters: Mapping[tuple[str, str], Path],
    languages: Mapping[str, Path],
    store: Scores,
    base: "Base",
    data: StudyData,
    tell: Callable[[str], None],
) -> None:
    run = plan.settings.run
    work = Measure(plan, {unit.cell.key: unit for unit in todo}, pending, adapters, languages)
    if run.executor != "processes":  # whose processes read what they need themselves
        work.kit = load_kit(plan, adapters, languages, base=base, data=data)
    run_grid(
        [unit.cell for unit in todo],
        work,
        store,
        executor=run.executor,
        workers=run.workers,
        options=next(iter(_options(plan)), None),
        jobs=Chunks(run.workers, run.executor in STAYS),
        tell=tell,
    )


def task_stages(
    plan: Plan, data: StudyData, at: Workplace, tell: Callable[[str], None]
) -> dict[tuple[str, str], Stage]:
    """The task adapters, by (task, left-out language)."""
    at.root.mkdir(parents=True, exist_ok=True)
    adapters: dict[tuple[str, str], Stage] = {}
    for keys in _mixes(plan, data).values():
        name, left_out = keys[0]
        make = partial(mix_stage, at, name, data.tasks[name], plan.settings.tasks[name], left_out)
        stage = _stage(f"task adapter of {_mix_name(name, left_out)}", make, tell)
        adapters |= dict.fromkeys(keys, stage)
    return adapters


def _stage(what: str, make: Callable[[], Path], tell: Callable[[str], None]) -> Stage:
    """A stage that fails costs what needs it and nothing else."""
    try:
        return make()
    except Exception as error:
        why = f"no {what}: {in_words(error)}"
        tell(f"warning: {why}; what needs it is missing, all else goes on")
        return why


def _made(stages: Mapping[Key, Stage]) -> dict[Key, Path]:
    return {key: stage for key, stage in stages.items() if isinstance(stage, Path)}


def _possible(
    plan: Plan,
    units: Sequence[Unit],
    store: Scores,
    adapters: Mapping[tuple[str, str], Stage],
    languages: Mapping[str, Stage],
) -> dict[str, list[Pair]]:
    """Key of a unit -> its scores that are missing; one without its stages is recorded as lost."""
    possible: dict[str, list[Pair]] = {}
    lost: dict[str, dict[Pair, str]] = {}
    for unit in units:
        own = possible[unit.cell.key] = []
        for task, target in store.pending(unit):
            needed = [adapters[task, plan.left_out(task, target)]]
            needed += [languages[code] for code in unit.transfer if unit.kind == "fusion"]
            why = next((stage for stage in needed if isinstance(stage, str)), None)
            if why is None:
                own.append((task, target))
            else:
                lost.setdefault(unit.cell.key, {})[task, target] = why
    store.lack(lost)
    return possible


def _mixes(plan: Plan, data: StudyData) -> dict[str, list[tuple[str, str]]]:
    """What decides a task adapter -> its (task, left-out language).

    Tasks that differ in their targets alone, as two sets of test files do, have one adapter.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for name, left_out in dict.fromkeys((t, plan.left_out(t, g)) for t, g in plan.pairs()):
        mix = mix_of(plan.kind(name), data.tasks[name], plan.settings.tasks[name], left_out)
        found.setdefault(fingerprint(mix), []).append((name, left_out))
    return found


def language_stages(
    plan: Plan, data: StudyData, at: Workplace, tell: Callable[[str], None]
) -> dict[str, Stage]:
    """The language adapters, where interference is studied, by language."""
    given = plan.settings.interference
    stages: dict[str, Stage] = {}
    for code in plan.transfer:
        if code in given.languages:
            text = Text(data.texts[code], {"text": data.text_hashes[code]})
            make = partial(adapt_stage, at, text, given.adaptation, language=code, seed=0)
            stages[code] = _stage(f"language adapter of {code}", make, tell)
    return stages


def record_of(plan: Plan, data: StudyData, model: str) -> dict[str, Any]:
    """study.json: what was asked for, for whoever reads the scores."""
    settings = plan.settings
    return {
        "model": model,
        "transfer": [{"code": code, "names": plan.names(code)} for code in plan.transfer],
        "texts": {
            code: {"file": settings.text[code], "lines": len(lines), "bytes": _bytes(lines)}
            for code, lines in data.texts.items()
        },
        "targets": {
            name: {target: str(file) for target, file in task.targets.items()}
            for name, task in settings.tasks.items()
        },
        "target_names": {target: plan.names(target) for _, target in plan.pairs()},
        "tasks": {
            name: {
                "kind": plan.kind(name),
                "metric": plan.metrics(name)[0],
                "metrics": plan.metrics(name),
                "labels": data.tasks[name].labels,
                "mix": data.mix_sizes()[name],
            }
            for name in settings.tasks
        },
        "steps": sorted(settings.tuning.steps),
        "seeds": list(settings.seeds),
        "leave_target_out": settings.leave_target_out,
        "warnings": [*plan.warnings, *data.warnings],
        "settings": settings.model_dump(mode="json"),
        "versions": versions(),
    }


def _bytes(lines: Sequence[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def _bytes_of(base: "Base") -> int:
    """Of its weights, as they are kept."""
    return sum(p.numel() * p.element_size() for p in base.model.parameters())


def _base_name(plan: Plan) -> str:
    model = plan.settings.base.model
    return Path(model).name if Path(model).is_dir() else model


def _mix_name(task: str, left_out: str) -> str:
    return f"{task} without {left_out}" if left_out else task
