"""Labelled examples as JSON records and back, whatever kind they are, and as a reader sees them."""

from collections.abc import Mapping
from typing import Any

from unibridge.text.examples import Answer, Example, LabelledText, Question, TaggedSentence


def record_of(example: Example) -> dict[str, Any]:
    """An example as what JSON can hold; where it stood in its file is left out."""
    if isinstance(example, TaggedSentence):
        return {"words": example.words, "tags": example.tags}
    texts = {"text": example.text, "second": example.second}
    if isinstance(example, Question):
        return {**texts, "answers": example.answers, "language": example.language}
    return {**texts, "label": example.label}


def example_of(record: Mapping[str, Any]) -> Example:
    """The example of a record that `record_of` made; what else the record holds is passed over."""
    if "words" in record:
        return TaggedSentence(tuple(record["words"]), tuple(record["tags"]))
    if "answers" not in record:
        return LabelledText(record["text"], record["second"], record["label"])
    answers = record["answers"]
    own = None if answers is None else tuple(Answer(*one) for one in answers)
    return Question(record["text"], record["second"], answers=own, language=record["language"])


def pieces_of(example: Example) -> list[tuple[str, str]]:
    """(text, tag) pieces of a tagged sentence or a labelled text; words of one span together."""
    if not isinstance(example, TaggedSentence):
        text = example.text if example.second is None else f"{example.text} / {example.second}"
        return [(text, ""), ("→", str(example.label))]
    pieces: list[tuple[str, str]] = []
    open_type = ""
    for word, tag in zip(example.words, example.tags, strict=True):
        prefix, _, kind = tag.partition("-")
        inside = prefix == "I" and kind == open_type
        name = "" if tag == "O" else kind or tag
        if inside or (pieces and not name and not pieces[-1][1]):
            pieces[-1] = (f"{pieces[-1][0]} {word}", name)
        else:
            pieces.append((word, name))
        open_type = kind
    return pieces
