"""SQuAD's JSON: questions on passages, with answers as places in them: also XQuAD, MLQA, AfriQA."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.text.documents import with_value
from unibridge.text.examples import Answer, Layout, Parsed, Prediction, Question
from unibridge.text.files import held_at_once
from unibridge.text.jsonl import records_by_line, rewritten_lines
from unibridge.text.values import (
    OddCharacters,
    Repaired,
    strict_json,
    text_value,
    whole_values,
)


def _document(
    lines: Sequence[str], layout: Layout, repaired: Repaired | None = None
) -> dict[str, Any]:
    try:
        text = "\n".join(held_at_once(lines, "a JSON document", layout.path))
        document = json.loads(text, **strict_json(layout.path))
    except (ValueError, RecursionError) as error:
        raise UnibridgeError(
            f"not valid JSON ({getattr(error, 'msg', error)})",
            where=layout.at(getattr(error, "lineno", 1)),
        ) from error
    if not isinstance(document, dict) or not isinstance(document.get("data"), list):
        raise UnibridgeError(
            'no list under "data"',
            where=layout.path,
            do="give SQuAD's format: data, paragraphs, context and qas",
        )
    mended = whole_values(document)
    if mended != document and repaired is not None:
        repaired.add(f"{layout.path}: this document")
    return mended


def _questions(
    document: dict[str, Any], layout: Layout
) -> Iterator[tuple[str, dict[str, Any], str]]:
    """(passage, question's record, where it is) in the order of the file."""
    for a, article in enumerate(document["data"]):
        for p, paragraph in enumerate(_list(article, "paragraphs", f"data[{a}]", layout)):
            at = f"data[{a}].paragraphs[{p}]"
            context = _string(paragraph, "context", at, layout)
            for q, record in enumerate(_list(paragraph, "qas", at, layout)):
                yield context, record, f"{at}.qas[{q}]"


def _list(record: Any, key: str, at: str, layout: Layout) -> list[Any]:
    found = record.get(key) if isinstance(record, dict) else None
    if not isinstance(found, list):
        raise UnibridgeError(f'no list under "{key}"', where=f"{layout.path}: {at}")
    return found


def _string(record: Any, key: str, at: str, layout: Layout) -> str:
    found = record.get(key) if isinstance(record, dict) else None
    if not isinstance(found, str) or not found.strip():
        raise UnibridgeError(f'no text under "{key}"', where=f"{layout.path}: {at}")
    return text_value(found, key, f"{layout.path}: {at}")


def parse_squad(lines: list[str], layout: Layout) -> Parsed:
    """See `Reader.parse`."""
    if not any(line.strip() for line in lines):
        return [], []
    repaired = Repaired()
    document = _document(lines, layout, repaired)
    language = document.get("context_language", document.get("language", ""))
    moved = 0
    examples: list[Any] = []
    for context, record, at in _questions(document, layout):
        question = _string(record, "question", at, layout)
        answers: tuple[Answer, ...] | None = None
        if layout.labelled or isinstance(record.get("answers"), list):
            given = _list(record, "answers", at, layout)
            found = [_answer(one, context, str(language), at, layout) for one in given]
            moved += sum(was for _, was in found)
            answers = tuple(answer for answer, _ in found)
        examples.append(
            Question(question, context, line=0, answers=answers, language=str(language))
        )
    notes = [*repaired.note(layout.path), *_odd(examples, layout)]
    if moved:
        notes.append(
            f"{layout.path}: answers that do not stand where answer_start says, taken where the "
            f"passage has them: {moved}"
        )
    return examples, notes


def _odd(examples: Sequence[Question], layout: Layout) -> list[str]:
    odd = OddCharacters()
    for one in examples:
        odd.add(f"{one.text}\n{one.second}", one.line)
    return odd.notes(layout.path, "questions with their passages")


def _answer(
    record: Any, context: str, language: str, at: str, layout: Layout
) -> tuple[Answer, bool]:
    """An answer, and whether it was found elsewhere than its offset says."""
    text = _string(record, "text", f"{at}.answers", layout)
    start = record.get("answer_start")
    if isinstance(start, int) and context[start : start + len(text)] == text and start >= 0:
        return Answer(text, start, language), False
    near = start if isinstance(start, int) else 0
    places = [place for place in range(len(context)) if context.startswith(text, place)]
    if not places:
        raise UnibridgeError(
            f"the answer {text[:60]!r} is not in the passage",
            where=f"{layout.path}: {at}",
            do="answers are parts of the passage, letter by letter",
        )
    return Answer(text, min(places, key=lambda place: abs(place - near)), language), True


def rewrite_squad(lines: list[str], predictions: list[Prediction], layout: Layout) -> Iterator[str]:
    """See `Reader.rewrite`; all else stays, keys in their order, in the file's own indentation."""
    document = _document(lines, layout)
    given: Iterator[Any] = iter(predictions)
    for _, record, _ in _questions(document, layout):
        found = next(given)
        record["answers"] = [{"text": one.text, "answer_start": one.start} for one in found]
        if not found or "is_impossible" in record:
            record["is_impossible"] = not found
    inner = next((line for line in lines[1:] if line.strip()), "")
    indent = len(inner) - len(inner.lstrip()) if len(lines) > 1 else None
    yield from json.dumps(document, ensure_ascii=False, indent=indent).split("\n")


def parse_rows(lines: list[str], layout: Layout) -> Parsed:
    """See `Reader.parse`: a question a line, as the hub has SQuAD (context, question, answers)."""
    repaired = Repaired()
    examples: list[Any] = []
    for number, record in records_by_line(lines, layout, repaired):
        where = f"line {number}"
        context, asked = (_string(record, key, where, layout) for key in ("context", "question"))
        language = str(record.get("language") or "")
        given, answers = record.get("answers"), None
        if given is not None or layout.labelled:
            if not isinstance(given, dict) or not all(
                isinstance(given.get(key), list) for key in ("text", "answer_start")
            ):
                raise UnibridgeError(
                    'no lists "text" and "answer_start" under "answers"', where=layout.at(number)
                )
            pairs = zip(given["text"], given["answer_start"], strict=False)
            found = [
                _answer({"text": t, "answer_start": s}, context, language, where, layout)
                for t, s in pairs
            ]
            answers = tuple(answer for answer, _ in found)
        examples.append(Question(asked, context, None, number, answers, language))
    return examples, [*repaired.note(layout.path), *_odd(examples, layout)]


def rewrite_rows(lines: list[str], predictions: list[Prediction], layout: Layout) -> Iterator[str]:
    """See `Reader.rewrite`."""
    return rewritten_lines(lines, predictions, layout, _with_answers)


def _with_answers(text: str, record: dict[str, Any], prediction: Prediction, layout: Layout) -> str:
    found: Any = prediction
    said = {"text": [one.text for one in found], "answer_start": [one.start for one in found]}
    return with_value(text, "answers", said)


def whole_file(lines: Iterator[str], layout: Layout) -> Iterator[list[str]]:
    """Units of a format that has no parts."""
    yield list(held_at_once(lines, "a JSON document", layout.path))
