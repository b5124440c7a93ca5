"""A task as folder in, folder out: learnt on sources, or on a few labels of the target."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from unibridge.artifacts import Outcome, run_stage
from unibridge.ensemble.few_shot import FewShotSettings
from unibridge.processes import processes
from unibridge.stages.inputs import Labels, Text
from unibridge.stages.language import load_language
from unibridge.stages.workplace import Progress, Workplace, stage_input
from unibridge.transfer.task_settings import TaskSettings

if TYPE_CHECKING:
    from unibridge.ensemble.model import MultiSourceModel
    from unibridge.tasks.base import Task


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
    unlabelled: Mapping[str, Text] | None = None,
) -> Path:
    """§2.3: a task adapter with its head (or the whole encoder) on one or more sources.

    unlabelled: plain text by language, where `settings.languages` needs it.
    """
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
            versions={s: train[s].versions for s in sources},
            train=trains,
            unlabelled={code: text.lines for code, text in (unlabelled or {}).items()},
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
        inputs |= stage_input(f"{source}:language", languages.get(source))
    for code, text in (unlabelled or {}).items():
        inputs |= {f"{code}:{name}": hashed for name, hashed in text.inputs.items()}
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
    from unibridge.ensemble.few_shot import few_shot

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
