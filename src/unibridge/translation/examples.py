"""Labelled examples in another language: their texts translated, their labels carried over.

Translate-train and translate-test (Conneau et al., XNLI, EMNLP 2018; Hu et al., XTREME, arXiv
2003.11080, §4.2); the tags of words by alignment, as Fei, Zhang and Ji (ACL 2020) do.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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
from unibridge.text.examples import LabelledText, TaggedSentence
from unibridge.text.squad import Answer, Question
from unibridge.translation import Between, translate
from unibridge.translation.projection import PROJECTIONS, ToProject, by_alignment, lost_marks
from unibridge.translation.questions import answers_back, translate_questions

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base
    from unibridge.tasks.base import Task


@dataclass(frozen=True)
class TranslatedExamples:
    """examples: in the order of those given. links: of each its words with the given ones', none
    of whole texts. facts: counts of labels and words that were lost."""

    examples: list[Any]
    links: list[Links]
    facts: dict[str, Any] = field(default_factory=dict)


def translate_examples(
    task: "Task",
    examples: Sequence[Any],
    between: Between,
    *,
    ready: Sequence[Any] | None = None,
    base: "Base | None" = None,
) -> TranslatedExamples:
    """Examples of a task in the second language, labels and all.

    A sentence whose tree is lost has no tags, a question whose answer is lost no answers. ready:
    their translations, where they need not be made. base: what an alignment may read with.
    """
    if task.reads in ("words", "entities", "trees"):
        return _sentences(task, examples, between, ready, base)
    if ready is not None:
        return TranslatedExamples(list(ready), [()] * len(ready), {"examples": len(ready)})
    if task.reads == "question":
        return TranslatedExamples(*translate_questions(examples, between, base=base))
    firsts = translate([example.text for example in examples], between)
    paired = [place for place, example in enumerate(examples) if example.second]
    seconds = translate([examples[place].second for place in paired], between)
    said = dict(zip(paired, (one.text for one in seconds), strict=True))
    translated = [
        replace(example, text=one.text or example.text, second=said.get(place, example.second))
        for place, (example, one) in enumerate(zip(examples, firsts, strict=True))
    ]
    return TranslatedExamples(translated, [()] * len(translated), {"examples": len(translated)})


def _sentences(
    task: "Task",
    examples: Sequence[TaggedSentence],
    between: Between,
    ready: Sequence[TaggedSentence] | None,
    base: "Base | None",
) -> TranslatedExamples:
    of_entities = task.reads == "entities"
    spans = [entities(example.tags) if of_entities else [] for example in examples]
    words = [one.words for one in ready] if ready is not None else None
    given = ToProject([one.words for one in examples], spans, between, words, base)
    # of words with a label each there is no span to mark
    project = PROJECTIONS.resolve(between.settings.projection) if of_entities else by_alignment
    found = project(given)
    carried = []
    for example, own, one in zip(examples, spans, found, strict=True):
        if not example.tags:
            carried.append(Carried((), 0, 0))
        elif of_entities:
            tags = spelled(own, one.places, len(one.words))
            carried.append(Carried(tags, one.places.count(None), len(own)))
        else:
            carried.append(carry(task, example.tags, one.links or (), len(one.words)))
    translated = [
        TaggedSentence(tuple(one.words), own.tags) for one, own in zip(found, carried, strict=True)
    ]
    aligned = [one for one in found if one.links is not None]
    reached = sum(len({second for _, second in one.links or ()}) for one in aligned)
    counted = sum(len(one.words) for one in aligned)
    return TranslatedExamples(
        translated,
        [one.links or () for one in found],
        {
            "examples": len(translated),
            "labels": sum(one.all for one in carried),
            "labels_lost": sum(one.lost for one in carried),
            "words": sum(len(one.words) for one in found),
            "words_unlinked": counted - reached,
            **lost_marks(between, found),
        },
    )


def carry(task: "Task", tags: Sequence[str], links: Links, words: int) -> Carried:
    """The tags of a sentence on the words of another one, as the task means them."""
    ways = {"entities": carry_entities, "trees": carry_tree}
    return ways.get(task.reads, carry_tags)(tags, links, words)


def carry_back(
    task: "Task",
    predictions: Sequence[Any],
    found: TranslatedExamples,
    examples: Sequence[Any],
) -> list[Any]:
    """What was predicted of translations, of the examples that these were made of.

    A word that no link reaches has the tag that is predicted most often.
    """
    if task.reads == "question":
        return list(answers_back(predictions, found.examples, found.links, examples))
    if task.reads not in ("words", "entities"):
        return list(predictions)
    turned = [tuple(sorted((second, first) for first, second in own)) for own in found.links]
    carried = [
        carry(task, tags, own, len(example.words)).tags
        for tags, own, example in zip(predictions, turned, examples, strict=True)
    ]
    everything = [tag for tags in predictions for tag in tags]
    common = max(sorted(set(everything)), key=everything.count, default="O")
    return [[common if tag == UNKNOWN else tag for tag in tags] for tags in carried]


def written(found: TranslatedExamples) -> str:
    """One JSON line an example, with its links."""
    rows = []
    for example, links in zip(found.examples, found.links, strict=True):
        if isinstance(example, TaggedSentence):
            row: dict[str, Any] = {"words": example.words, "tags": example.tags, "links": links}
        elif isinstance(example, Question):
            row = {"text": example.text, "second": example.second, "answers": example.answers}
            row |= {"language": example.language, "links": links}
        else:
            row = {"text": example.text, "second": example.second, "label": example.label}
        rows.append(json.dumps(row, ensure_ascii=False) + "\n")
    return "".join(rows)


def read(text: str) -> TranslatedExamples:
    """What `written` wrote."""
    examples: list[Any] = []
    links: list[Links] = []
    for line in text.split("\n"):
        if not line:
            continue
        row = json.loads(line)
        links.append(tuple((first, second) for first, second in row.get("links", ())))
        if "words" in row:
            examples.append(TaggedSentence(tuple(row["words"]), tuple(row["tags"])))
        elif "answers" in row:
            answers = row["answers"] and tuple(Answer(*one) for one in row["answers"])
            own = () if row["answers"] == [] else answers
            examples.append(
                Question(row["text"], row["second"], answers=own, language=row["language"])
            )
        else:
            examples.append(LabelledText(row["text"], row["second"], row["label"]))
    return TranslatedExamples(examples, links)
