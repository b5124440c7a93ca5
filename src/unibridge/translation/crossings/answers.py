"""Answers in passages: see `unibridge.translation.questions`, which finds them again."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from unibridge.errors import UnibridgeError
from unibridge.settings import Lack
from unibridge.text.examples import Question
from unibridge.translation.base import Between, TranslationSettings
from unibridge.translation.crossings.base import Crossing, TranslatedExamples
from unibridge.translation.crossings.texts import as_they_are
from unibridge.translation.crossings.words import needs_projection
from unibridge.translation.questions import answers_back, translate_questions

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base


class Answers(Crossing):
    """Of `Question`: its answers are places in its passage."""

    def lacks(self, settings: TranslationSettings) -> Iterator[Lack]:
        return needs_projection(settings)

    def lacks_back(self, settings: TranslationSettings) -> Iterator[Lack]:
        if settings.translator == "ready" and settings.passages:
            yield (
                "translation.passages",
                "cannot find answers again in passages that it did not translate; choose a "
                "translation.translator, or set it to false and bring translated questions alone",
            )

    def over(
        self,
        examples: Sequence[Question],
        between: Between,
        *,
        ready: Sequence[Question] | None = None,
        base: "Base | None" = None,
    ) -> TranslatedExamples:
        if ready is not None:
            return as_they_are(ready)
        return TranslatedExamples(*translate_questions(examples, between, base=base))

    def back(
        self, predictions: Sequence[Any], found: TranslatedExamples, examples: Sequence[Any]
    ) -> list[Any]:
        return list(answers_back(predictions, found.examples, found.links, examples))

    def unlabelled(self, example: Question) -> Question:
        """A sentence does not end within an answer, so that one decides what is translated."""
        return replace(example, answers=None)

    def check_ready(self, test: Sequence[Any], ready: Sequence[Any], where: str) -> None:
        for number, (asked, found) in enumerate(zip(test, ready, strict=True), start=1):
            if asked.second != found.second:
                raise UnibridgeError(
                    f"question {number} is on another passage than in the test, where its answer "
                    "could not be found again",
                    where=where,
                    do="translate the questions alone, or choose a translation.translator",
                )
