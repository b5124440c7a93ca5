"""How labels of one kind cross a translation: what each kind says of itself."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from unibridge.alignment import Links
from unibridge.settings import Lack
from unibridge.translation.base import Between, TranslationSettings

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base


@dataclass(frozen=True)
class TranslatedExamples:
    """examples: in the order of those given. links: of each its words with the given ones', none
    of whole texts. facts: counts of labels and words that were lost."""

    examples: list[Any]
    links: list[Links]
    facts: dict[str, Any] = field(default_factory=dict)


class Crossing(ABC):
    """How labels come along into a translation, and what is predicted of one comes back.

    A task names its own by `Task.crossing`. A crossing of the user's own code is named by its
    import path, `package.module:Class`, and called with nothing.
    """

    cannot_come_back = "cannot bring the task's labels back from a translation; drop the method"
    """What is said where `back` is not overridden."""

    @abstractmethod
    def over(
        self,
        examples: Sequence[Any],
        between: Between,
        *,
        ready: Sequence[Any] | None = None,
        base: "Base | None" = None,
    ) -> TranslatedExamples:
        """Examples in the second language, labels and all; one whose labels are lost has none.

        ready: their translations, where they need not be made. base: what an alignment may read
        with.
        """

    def back(
        self, predictions: Sequence[Any], found: TranslatedExamples, examples: Sequence[Any]
    ) -> list[Any]:
        """What was predicted of translations, of the examples that these were made of."""
        raise NotImplementedError(self.cannot_come_back)

    def lacks(self, settings: TranslationSettings) -> Iterator[Lack]:
        """What of the settings would lose the labels on their way over."""
        return iter(())

    def lacks_back(self, settings: TranslationSettings) -> Iterator[Lack]:
        """What of the settings would lose the predictions on their way back."""
        if type(self).back is Crossing.back:
            yield "task.kind", self.cannot_come_back

    def unlabelled(self, example: Any) -> Any:
        """An example that is to be labelled, without labels that would change its translation."""
        return example

    def entries(self, entries: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """The entries of a lexicon, (word, translation), that labels can cross by."""
        return entries

    def check_ready(self, test: Sequence[Any], ready: Sequence[Any], where: str) -> None:
        """Raises UnibridgeError, at `where`, if predictions of ready translations of the test could
        not be brought back; there is one translation an example."""
        return  # most labels do not hang on what else an example says
