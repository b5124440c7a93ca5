"""Named entities."""

from collections.abc import Sequence

from unibridge.metrics import span_scores
from unibridge.tasks.tagging import TaggingTask
from unibridge.text.examples import Expected


class NamedEntities(TaggingTask):
    """An IOB2 tag per word, scored by entity F1."""

    name = "ner"
    reads: Expected = "entities"
    metric = "span_f1"
    crossing = "entities"

    def inventory(self, labels: set[str]) -> list[str]:
        """O, then B- and I- of every type, whether or not both occur."""
        entities = sorted(self.comparable(labels))
        return ["O", *(f"{side}-{entity}" for entity in entities for side in "BI")]

    def comparable(self, labels: set[str]) -> set[str]:
        return {label[2:] for label in labels if label != "O"}

    def further_scores(
        self, gold: Sequence[list[str]], predictions: Sequence[list[str]]
    ) -> dict[str, float]:
        return span_scores(gold, predictions)
