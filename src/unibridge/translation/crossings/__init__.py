"""How labels cross a translation. A further way is one file and one line here, or a class of the
user's own code by its import path; a task names its own by `Task.crossing`.

Translate-train and translate-test: Conneau et al., XNLI, EMNLP 2018; Hu et al., XTREME, arXiv
2003.11080, §4.2.
"""

from typing import TYPE_CHECKING, Any

from unibridge.errors import UnibridgeError
from unibridge.registry import Registry
from unibridge.translation.crossings.answers import Answers
from unibridge.translation.crossings.base import Crossing, TranslatedExamples
from unibridge.translation.crossings.texts import WholeTexts
from unibridge.translation.crossings.words import Entities, Tags, Trees

if TYPE_CHECKING:
    from unibridge.tasks.base import Task

__all__ = ["CROSSINGS", "Crossing", "TranslatedExamples", "crossing_of"]

CROSSINGS: Registry[Crossing] = Registry(
    "crossing",
    {
        "texts": WholeTexts(),
        "tags": Tags(),
        "entities": Entities(),
        "trees": Trees(),
        "answers": Answers(),
    },
)


def crossing_of(task: "Task[Any, Any]") -> Crossing:
    """How a task's labels cross a translation.

    Raises UnibridgeError where the task does not say, or names what is no crossing.
    """
    if not task.crossing:
        raise UnibridgeError(
            f"the task {task.name} does not say how its labels cross a translation",
            do=f"give its class a crossing ({', '.join(CROSSINGS)}, or an import path), or drop "
            "the method",
        )
    found: Any = CROSSINGS.resolve(task.crossing)
    crossing = found() if isinstance(found, type) else found
    if not isinstance(crossing, Crossing):
        raise UnibridgeError(
            f"the crossing {task.crossing!r} of the task {task.name} is none",
            do="name a subclass of unibridge.translation.crossings.Crossing",
        )
    return crossing
