"""Tasks by name. A new one is a subclass of `Task` or `TaggingTask` and a line here."""

from typing import Any

from unibridge.registry import Registry
from unibridge.tasks.base import Task
from unibridge.tasks.classification import TextClassification
from unibridge.tasks.ner import NamedEntities
from unibridge.tasks.pairs import PairClassification
from unibridge.tasks.pos import PartOfSpeech

TASKS: Registry[Task[Any, Any]] = Registry(
    "task",
    {
        task.name: task
        for task in (NamedEntities(), PartOfSpeech(), TextClassification(), PairClassification())
    },
)
