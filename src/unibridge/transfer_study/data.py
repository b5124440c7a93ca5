"""What a study reads: texts, mixes and test sets, all of it before anything is trained."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from unibridge.artifacts import fingerprint
from unibridge.errors import ConfigError, UnibridgeError
from unibridge.stages.inputs import Labels, read_label_file
from unibridge.tasks import task_of
from unibridge.tasks.base import Task
from unibridge.text.corpus import read_text, spread
from unibridge.text.examples import ReadAs
from unibridge.transfer_study.plan import Plan

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class TaskData:
    """A task with its examples by language, as many as its table allows.

    labels: of the head, in order. hashes: language -> what decides its examples.
    """

    task: Task[Any, Any]
    labels: list[str]
    mix: Mapping[str, list[Any]]
    targets: Mapping[str, list[Any]]
    hashes: Mapping[str, str]


@dataclass(frozen=True)
class StudyData:
    """texts: language -> its first lines. text_hashes: of these lines. tasks: by name."""

    texts: Mapping[str, list[str]]
    text_hashes: Mapping[str, str]
    tasks: Mapping[str, TaskData]
    warnings: list[str] = field(default_factory=list)

    def mix_sizes(self) -> dict[str, dict[str, int]]:
        """Task -> language -> examples that its adapter learns from."""
        return {
            name: {code: len(part) for code, part in data.mix.items()}
            for name, data in self.tasks.items()
        }


def read_data(plan: Plan) -> StudyData:
    """Read every file of the plan. Raises ConfigError with all that cannot be read."""
    faults: list[str] = []
    warnings: list[str] = []

    def attempt(place: str, read: Callable[[], Thing]) -> Thing | None:
        try:
            return read()
        except UnibridgeError as error:
            faults.append(f"{place}: {error}")
            return None

    texts: dict[str, list[str]] = {}
    for code, file in plan.settings.text.items():
        corpus = attempt(f"text.{code}", partial(read_text, file))
        if corpus is not None:
            texts[code] = list(corpus.lines[: plan.settings.tuning.max_lines])
            if len(texts[code]) < 2:
                faults.append(f"text.{code}: one line is not enough to learn from")
            warnings += corpus.warnings
    tasks: dict[str, TaskData] = {}
    for name, section in plan.settings.tasks.items():
        task = task_of(plan.kind(name))
        how = ReadAs(section.reader, section.columns, section.labels)
        files: dict[str, dict[str, Labels]] = {}
        for part in ("mix", "targets"):
            for code, file in getattr(section, part).items():
                read = partial(read_label_file, file, task, how)
                found = attempt(f"tasks.{name}.{part}.{code}", read)
                if found is not None:
                    files.setdefault(part, {})[code] = found
                    warnings += found.file.warnings
        if set(files.get("mix", {})) != set(section.mix):
            continue
        made = attempt(f"tasks.{name}.mix", partial(_task_data, plan, name, task, files, warnings))
        if made is not None:
            tasks[name] = made
    if faults:
        raise ConfigError(faults)
    hashes = {code: fingerprint(lines) for code, lines in texts.items()}
    return StudyData(texts, hashes, tasks, warnings)


def _task_data(
    plan: Plan,
    name: str,
    task: Task[Any, Any],
    files: Mapping[str, Mapping[str, Labels]],
    warnings: list[str],
) -> TaskData:
    section = plan.settings.tasks[name]
    mix = {code: labels.file.examples for code, labels in files["mix"].items()}
    targets = {code: labels.file.examples for code, labels in files.get("targets", {}).items()}
    found = task.check_labels_shared(
        mix,
        [example for part in targets.values() for example in part],
        allow_label_union=section.allow_label_union,
    )
    most = section.max_mix
    if section.balance == "smallest":
        most = min(most, *map(len, mix.values()))
    warnings += [f"{name}: {line}" for line in found]
    return TaskData(
        task,
        section.labels or task.collect_labels(mix.values()),
        {code: spread(part, most) for code, part in mix.items()},
        {code: spread(part, section.max_test) for code, part in targets.items()},
        {
            f"{part}.{code}": fingerprint(dict(labels.inputs))
            for part, several in files.items()
            for code, labels in several.items()
        },
    )
