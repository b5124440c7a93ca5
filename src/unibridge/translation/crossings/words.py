"""Labels of words: those of the words that they are linked to in the translation.

The tags of words by alignment, as Fei, Zhang and Ji (ACL 2020) do.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from unibridge.alignment import Links
from unibridge.alignment.carry import (
    UNKNOWN,
    Carried,
    carry_entities,
    carry_tags,
    carry_tree,
    entities,
    spelled,
)
from unibridge.settings import Lack
from unibridge.text.examples import TaggedSentence
from unibridge.translation.base import Between, TranslationSettings
from unibridge.translation.crossings.base import Crossing, TranslatedExamples
from unibridge.translation.projection import (
    PROJECTIONS,
    Projected,
    Projection,
    Span,
    ToProject,
    by_alignment,
    lost_marks,
)

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base


def needs_projection(settings: TranslationSettings) -> Iterator[Lack]:
    """That labels which stand at words are found again at all."""
    if settings.projection == "none":
        yield (
            "translation.projection",
            "needs the labels of words in a translation; choose alignment or markers",
        )


class Tags(Crossing):
    """A tag for every word of a `TaggedSentence`, such as its part of speech."""

    def spans(self, example: TaggedSentence) -> list[Span]:
        """What is to be found again as a whole; none where every word has a label of its own."""
        return []

    def projection(self, settings: TranslationSettings) -> Projection:
        """See `PROJECTIONS`: around words with a label each there is nothing to mark."""
        return by_alignment

    def carry(self, tags: Sequence[str], links: Links, words: int) -> Carried:
        """The tags of a sentence on the `words` of another one, by the links between them."""
        return carry_tags(tags, links, words)

    def carried(self, example: TaggedSentence, spans: Sequence[Span], one: Projected) -> Carried:
        """The tags of an example on its translation."""
        return self.carry(example.tags, one.links or (), len(one.words))

    def lacks(self, settings: TranslationSettings) -> Iterator[Lack]:
        yield from needs_projection(settings)
        if settings.projection == "markers":
            yield (
                "translation.projection",
                "has a label for every word, and marks stand around entities and answers "
                "alone; choose alignment",
            )

    def over(
        self,
        examples: Sequence[TaggedSentence],
        between: Between,
        *,
        ready: Sequence[TaggedSentence] | None = None,
        base: "Base | None" = None,
    ) -> TranslatedExamples:
        spans = [self.spans(example) for example in examples]
        words = [one.words for one in ready] if ready is not None else None
        given = ToProject([one.words for one in examples], spans, between, words, base)
        found = self.projection(between.settings)(given)
        carried = [
            self.carried(example, own, one) if example.tags else Carried((), 0, 0)
            for example, own, one in zip(examples, spans, found, strict=True)
        ]
        aligned = [one for one in found if one.links is not None]
        reached = sum(len({second for _, second in one.links or ()}) for one in aligned)
        counted = sum(len(one.words) for one in aligned)
        return TranslatedExamples(
            [
                TaggedSentence(tuple(one.words), own.tags)
                for one, own in zip(found, carried, strict=True)
            ],
            [one.links or () for one in found],
            {
                "examples": len(found),
                "labels": sum(one.all for one in carried),
                "labels_lost": sum(one.lost for one in carried),
                "words": sum(len(one.words) for one in found),
                "words_unlinked": counted - reached,
                **lost_marks(between, found),
            },
        )

    def back(
        self, predictions: Sequence[Any], found: TranslatedExamples, examples: Sequence[Any]
    ) -> list[Any]:
        """A word that no link reaches has the tag that is predicted most often."""
        turned = [tuple(sorted((second, first) for first, second in own)) for own in found.links]
        carried = [
            self.carry(tags, own, len(example.words)).tags
            for tags, own, example in zip(predictions, turned, examples, strict=True)
        ]
        everything = [tag for tags in predictions for tag in tags]
        common = max(sorted(set(everything)), key=everything.count, default="O")
        return [[common if tag == UNKNOWN else tag for tag in tags] for tags in carried]


class Entities(Tags):
    """Spans of words as IOB2 tags, each found again as a whole."""

    def spans(self, example: TaggedSentence) -> list[Span]:
        return entities(example.tags)

    def projection(self, settings: TranslationSettings) -> Projection:
        return PROJECTIONS.resolve(settings.projection)

    def carry(self, tags: Sequence[str], links: Links, words: int) -> Carried:
        return carry_entities(tags, links, words)

    def carried(self, example: TaggedSentence, spans: Sequence[Span], one: Projected) -> Carried:
        tags = spelled(spans, one.places, len(one.words))
        return Carried(tags, one.places.count(None), len(spans))

    def lacks(self, settings: TranslationSettings) -> Iterator[Lack]:
        return needs_projection(settings)


class Trees(Tags):
    """Heads and relations, `2|nsubj`, where a translation goes word by word."""

    back = Crossing.back
    cannot_come_back = (
        "cannot bring trees back from a translation, whose words are not those of the test; "
        "drop the method"
    )

    def carry(self, tags: Sequence[str], links: Links, words: int) -> Carried:
        return carry_tree(tags, links, words)

    def entries(self, entries: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """A tree comes along where words are one to one."""
        return [pair for pair in entries if not any(" " in word for word in pair)]
