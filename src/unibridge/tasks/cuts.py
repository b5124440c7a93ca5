"""How many texts are longer than the model, as a warning."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unibridge.tasks.encoded import Encoded, by_example

if TYPE_CHECKING:
    from unibridge.tasks.base import Task


ONLY_BEGINNING = "only their beginning was read"


def cut_note(cut: int, texts: int, limit: int, lost: str = ONLY_BEGINNING) -> str:
    """How many of all texts are longer than `limit` tokens, and what they lose by that."""
    return f"{cut} of {texts} texts are longer than {limit} tokens: {lost}"


@dataclass
class Cuts:
    """Texts that lose something since they are longer than `limit` tokens: see `Task.cut`.

    cut: these. texts: all that were read.
    """

    task: "Task[Any, Any]"
    limit: int
    cut: int = 0
    texts: int = 0

    def add(self, encoded: Sequence[Encoded]) -> "Cuts":
        """Count further texts, the encodings of each one after the other; returns itself."""
        self.cut += self.task.cut(encoded)
        self.texts += len(by_example(encoded))
        return self

    @property
    def notes(self) -> list[str]:
        """A warning where there are any."""
        if not self.cut:
            return []
        return [
            f"{cut_note(self.cut, self.texts, self.limit, self.task.when_cut)}. "
            "Where the base can, raise task_training.max_tokens"
        ]

    def tell(self, warn: Callable[[str], None]) -> None:
        """The same, to who listens."""
        for note in self.notes:
            warn(f"warning: {note}")
