"""Tasks by name. A new one is a subclass of `Task` or `TaggingTask` and a line here,
or, from the user's own code, its import path `package.module:Class`."""

from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.registry import Registry
from unibridge.tasks.base import Task
from unibridge.tasks.classification import TextClassification
from unibridge.tasks.ner import NamedEntities
from unibridge.tasks.pairs import PairClassification
from unibridge.tasks.parsing import DependencyParsing
from unibridge.tasks.pos import PartOfSpeech
from unibridge.tasks.qa import QuestionAnswering

TASKS: Registry[Task[Any, Any]] = Registry(
    "task",
    {
        task.name: task
        for task in (
            NamedEntities(),
            PartOfSpeech(),
            DependencyParsing(),
            TextClassification(),
            PairClassification(),
            QuestionAnswering(),
        )
    },
)


def task_of(name: str | Task[Any, Any]) -> Task[Any, Any]:
    """The task of a registered name or of the import path of a user's own class, or itself.

    Raises UnibridgeError where there is no such task.
    """
    found: Any = TASKS.resolve(name)
    try:
        task = found() if isinstance(found, type) else found
    except TypeError as error:
        raise UnibridgeError(
            f"the task {name!r} cannot be made ({error})", do="let its class be called as Class()"
        ) from error
    if not isinstance(task, Task):
        raise UnibridgeError(
            f"{name!r} is not a task", do="name a subclass of unibridge.tasks.base.Task"
        )
    return task
