"""Labelled examples in another language: their texts translated, their labels carried over.

Translate-train and translate-test (Conneau et al., XNLI, EMNLP 2018; Hu et al., XTREME, arXiv
2003.11080, §4.2); the tags of words by alignment, as Fei, Zhang and Ji (ACL 2020) do.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from unibridge.alignment import Links, ToAlign, align_words
from unibridge.alignment.carry import UNKNOWN, Carried, carry_entities, carry_tags
from unibridge.text.examples import LabelledText, TaggedSentence
from unibridge.text.words import split_words
from unibridge.translation import Between, translate

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
    parallel: Sequence[tuple[str, str]] = (),
    base: "Base | None" = None,
) -> TranslatedExamples:
    """Examples of a task on words or whole texts in the second language, labels and all.

    ready: their translations, where they need not be made. parallel: (line, translation) that the
    alignment may learn from. base: what it may read with.
    """
    if task.reads in ("words", "entities"):
        return _sentences(task, examples, between, ready, parallel, base)
    if ready is not None:
        return TranslatedExamples(list(ready), [()] * len(ready), {"examples": len(ready)})
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
    parallel: Sequence[tuple[str, str]],
    base: "Base | None",
) -> TranslatedExamples:
    links: list[Links | None] = [None] * len(examples)
    if ready is not None:
        words = [list(one.words) for one in ready]
    else:
        found = translate([" ".join(example.words) for example in examples], between)
        links = [one.links for one in found]
        # a translator that knows where its words came from keeps the words as they are
        words = [
            (split_words(one.text) if one.links is None else one.text.split()) or [*example.words]
            for one, example in zip(found, examples, strict=True)
        ]
    open_places = [place for place, one in enumerate(links) if one is None]
    if open_places:
        aligned = align_words(
            ToAlign(
                [(examples[place].words, words[place]) for place in open_places],
                between.settings.alignment,
                [(split_words(first), split_words(second)) for first, second in parallel],
                base,
            )
        )
        for place, own in zip(open_places, aligned, strict=True):
            links[place] = own
    known = [one or () for one in links]
    carried = [
        carry(task, example.tags, own, len(said)) if example.tags else Carried((), 0, 0)
        for example, own, said in zip(examples, known, words, strict=True)
    ]
    translated = [
        TaggedSentence(tuple(said), one.tags) for said, one in zip(words, carried, strict=True)
    ]
    reached = sum(len({second for _, second in own}) for own in known)
    return TranslatedExamples(
        translated,
        known,
        {
            "examples": len(translated),
            "labels": sum(one.all for one in carried),
            "labels_lost": sum(one.lost for one in carried),
            "words": sum(map(len, words)),
            "words_unlinked": sum(map(len, words)) - reached,
        },
    )


def carry(task: "Task", tags: Sequence[str], links: Links, words: int) -> Carried:
    """The tags of a sentence on the words of another one, as the task means them."""
    return (carry_entities if task.reads == "entities" else carry_tags)(tags, links, words)


def carry_back(
    task: "Task",
    predictions: Sequence[Sequence[str]],
    links: Sequence[Links],
    lengths: Sequence[int],
) -> list[list[str]]:
    """What was predicted of translations, of the sentences that these were made of.

    lengths: words of each. A word that no link reaches has the tag that is predicted most often.
    """
    turned = [tuple(sorted((second, first) for first, second in own)) for own in links]
    carried = [
        carry(task, tags, own, words).tags
        for tags, own, words in zip(predictions, turned, lengths, strict=True)
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
        if "words" in row:
            examples.append(TaggedSentence(tuple(row["words"]), tuple(row["tags"])))
            links.append(tuple((first, second) for first, second in row["links"]))
        else:
            examples.append(LabelledText(row["text"], row["second"], row["label"]))
            links.append(())
    return TranslatedExamples(examples, links)
