"""Labels of whole texts: they are those of the translation as well (XNLI, EMNLP 2018)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from unibridge.text.examples import LabelledText
from unibridge.translation import translate
from unibridge.translation.base import Between
from unibridge.translation.crossings.base import Crossing, TranslatedExamples

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base


class WholeTexts(Crossing):
    """Of `LabelledText`, alone or in pairs, both of which are translated."""

    def over(
        self,
        examples: Sequence[LabelledText],
        between: Between,
        *,
        ready: Sequence[LabelledText] | None = None,
        base: "Base | None" = None,
    ) -> TranslatedExamples:
        if ready is not None:
            return as_they_are(ready)
        firsts = translate([example.text for example in examples], between)
        paired = [place for place, example in enumerate(examples) if example.second]
        seconds = translate([examples[place].second or "" for place in paired], between)
        said = dict(zip(paired, (one.text for one in seconds), strict=True))
        return as_they_are(
            [
                replace(
                    example, text=one.text or example.text, second=said.get(place, example.second)
                )
                for place, (example, one) in enumerate(zip(examples, firsts, strict=True))
            ]
        )

    def back(
        self, predictions: Sequence[Any], found: TranslatedExamples, examples: Sequence[Any]
    ) -> list[Any]:
        return list(predictions)


def as_they_are(examples: Sequence[Any]) -> TranslatedExamples:
    """Translations of which no word need be linked."""
    return TranslatedExamples(list(examples), [()] * len(examples), {"examples": len(examples)})
