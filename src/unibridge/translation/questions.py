"""Questions on passages in another language, and answers found again there.

A passage is translated sentence by sentence. The answer comes along as a span of words does: by
alignment, or by marks around it (as Lewis et al., MLQA, ACL 2020, translate their training set).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from unibridge.alignment import Links
from unibridge.text.examples import Answer, Question
from unibridge.text.words import split_words
from unibridge.translation import translate
from unibridge.translation.base import Between
from unibridge.translation.projection import PROJECTIONS, Place, Projected, ToProject, lost_marks

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base

ENDS = re.compile(r"[.!?。！？।።؟۔…]+")
"""What a sentence ends with."""
KIND = "answer"


@dataclass(frozen=True)
class Word:
    """A word of a passage. start, end: its first character there, and one past the last."""

    text: str
    start: int
    end: int


def words_of(passage: str) -> list[Word]:
    """A passage's words, as `split_words` has them, and where they stand."""
    found: list[Word] = []
    for chunk in re.finditer(r"\S+", passage):
        place = chunk.start()
        for word in split_words(chunk[0]):
            found.append(Word(word, place, place + len(word)))
            place += len(word)
    return found


def sentences_of(words: Sequence[Word], answer: Place | None) -> list[range]:
    """Places of the words of each sentence; none ends within the answer.

    A sentence ends with a mark that something else follows than a small letter.
    """
    found, start = [], 0
    for place, word in enumerate(words):
        after = words[place + 1].text if place + 1 < len(words) else ""
        inside = answer is not None and answer[0] <= place < answer[1] - 1
        ends = ENDS.fullmatch(word.text) and not ENDS.fullmatch(after) and not after[:1].islower()
        if not after or (ends and not inside):
            found.append(range(start, place + 1))
            start = place + 1
    return found


def translate_questions(
    examples: Sequence[Question],
    between: Between,
    *,
    base: "Base | None" = None,
) -> tuple[list[Question], list[Links], dict[str, int]]:
    """Questions, the links of their passages' words, and counts of what was lost.

    The first answer of each comes along; `answers` is None where it is lost. Without
    `translation.passages` the passages and their answers stay as they are.
    """
    asked = [one.text for one in translate([example.text for example in examples], between)]
    asked = [said or example.text for said, example in zip(asked, examples, strict=True)]
    facts = {"examples": len(examples), "labels": sum(bool(one.answers) for one in examples)}
    if not between.settings.passages:
        kept = [replace(one, text=said) for one, said in zip(examples, asked, strict=True)]
        return kept, [()] * len(kept), facts | {"labels_lost": 0}

    # 1. Every sentence once, however many questions are asked on its passage.
    passages = {text: words_of(text) for text in {one.second or "" for one in examples}}
    units: dict[tuple[tuple[str, ...], tuple[Place, ...]], int] = {}
    made_of: list[list[tuple[range, int]]] = []
    for example in examples:
        words = passages[example.second or ""]
        answer = _answer(example, words)
        parts = []
        for places in sentences_of(words, answer):
            own: tuple[Place, ...] = ()
            if answer and places.start <= answer[0] < places.stop:
                own = ((answer[0] - places.start, answer[1] - places.start),)
            key = (tuple(words[place].text for place in places), own)
            parts.append((places, units.setdefault(key, len(units))))
        made_of.append(parts)
    spans = [[(*place, KIND) for place in own] for _, own in units]
    given = ToProject([words for words, _ in units], spans, between, None, base)
    said = PROJECTIONS.resolve(between.settings.projection)(given)

    # 2. Passages of these sentences.
    found, links = [], []
    for example, question, parts in zip(examples, asked, made_of, strict=True):
        one, own_links = _assembled(example, [(p, said[unit]) for p, unit in parts], between.second)
        found.append(replace(one, text=question))
        links.append(own_links)
    lost = sum(bool(a.answers) and b.answers is None for a, b in zip(examples, found, strict=True))
    return found, links, {**facts, "labels_lost": lost, **lost_marks(between, said)}


def _answer(example: Question, words: Sequence[Word]) -> Place | None:
    """The words that the first answer has a part of."""
    for answer in (example.answers or ())[:1]:
        return _covered(words, answer)
    return None


def _covered(words: Sequence[Word], answer: Answer) -> Place | None:
    end = answer.start + len(answer.text)
    inside = [p for p, word in enumerate(words) if word.start < end and word.end > answer.start]
    return (inside[0], inside[-1] + 1) if inside else None


def _assembled(
    example: Question, parts: Sequence[tuple[range, Projected]], language: str
) -> tuple[Question, Links]:
    words: list[str] = []
    links: list[tuple[int, int]] = []
    place: Place | None = None
    for places, said in parts:
        links += [(places.start + a, len(words) + b) for a, b in said.links or ()]
        for own in said.places:
            place = (len(words) + own[0], len(words) + own[1]) if own else None
        words += said.words
    answers: tuple[Answer, ...] | None = example.answers
    if answers:
        before = len("".join(f"{word} " for word in words[: place[0]])) if place else 0
        text = " ".join(words[place[0] : place[1]]) if place else ""
        answers = (Answer(text, before, language),) if place else None
    passage = " ".join(words)
    return replace(example, second=passage, answers=answers, language=language), tuple(links)


def answers_back(
    predictions: Sequence[Sequence[Answer]],
    found: Sequence[Question],
    links: Sequence[Links],
    examples: Sequence[Question],
) -> list[list[Answer]]:
    """Answers in translated passages as those of the passages that these were made of.

    An answer is from the first to the last word that its words are linked to; none without a link.
    """
    back: list[list[Answer]] = []
    for said, one, own, example in zip(predictions, found, links, examples, strict=True):
        passage = example.second or ""
        if one.second == example.second:
            back.append([answer._replace(language=example.language) for answer in said])
            continue
        words, answers = words_of(passage), []
        for answer in said:
            place = _covered(_spaced(one.second or ""), answer)
            reached = [a for a, b in own if place and place[0] <= b < place[1]]
            if reached:
                start, end = words[min(reached)].start, words[max(reached)].end
                answers.append(Answer(passage[start:end], start, example.language))
        back.append(answers)
    return back


def _spaced(passage: str) -> list[Word]:
    """The words of a translated passage, which were put together with a space between."""
    return [Word(one[0], *one.span()) for one in re.finditer(r"[^ ]+", passage)]
