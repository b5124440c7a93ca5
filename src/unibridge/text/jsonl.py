"""JSON: texts with a class, or words with tags, a record a line or records in an array."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.text.documents import records_in, with_value
from unibridge.text.examples import (
    Example,
    LabelledText,
    Layout,
    Parsed,
    Prediction,
)
from unibridge.text.headers import NAMES, named_roles
from unibridge.text.prefixes import Prefixes, without
from unibridge.text.schemes import Row, named
from unibridge.text.sentences import tagged_sentences
from unibridge.text.tables import text_example
from unibridge.text.values import (
    Repaired,
    json_object,
    label_notes,
    label_value,
    text_value,
    trimmed,
)

_WORD_KEYS = ("words", "tokens", "forms", "token", "word")
_ENTITIES = ("ner_tags", "ner", "ner_labels", "entity_tags", "bio_tags", "iob_tags")
_POS = ("upos", "pos_tags", "pos", "upos_tags", "xpos")


def _tag_keys(layout: Layout) -> Sequence[str]:
    """Where tags stand, those that are meant first; others are read, but never written over."""
    own, other = (_POS, _ENTITIES) if layout.expect == "words" else (_ENTITIES, _POS)
    return (*own, "tags", "labels", *(other if layout.labelled or layout.expect is None else ()))


Records = Iterable[tuple[int, dict[str, Any]]]
"""(line number, object) of each."""


def records_by_line(
    lines: Iterable[str], layout: Layout, repaired: Repaired | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of JSON lines, blank ones left out."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, json_object(line, layout.at(number), repaired)


def _key(record: dict[str, Any], role: str, known: Sequence[str], layout: Layout) -> str | None:
    asked = layout.columns.get(role)
    if asked is not None:
        return str(asked) if str(asked) in record else None
    return next((name for name in known if name in record), None)


def _text_keys(record: dict[str, Any], layout: Layout) -> dict[str, str | None]:
    """The keys of text, second text and label: by the usual names, else as a header is read."""
    keys = {role: _key(record, role, names, layout) for role, names in NAMES.items()}
    if None in keys.values():
        names = list(record)
        taken = set(keys.values())
        for role, place in zip(NAMES, named_roles(names), strict=True):
            if place is not None and role not in layout.columns and names[place] not in taken:
                keys[role] = keys[role] or names[place]
    if not (layout.labelled or "label" in layout.columns) and keys["label"] not in NAMES["label"]:
        keys["label"] = None  # of another kind: what is predicted does not overwrite it
    return keys


def _has_words(record: dict[str, Any], layout: Layout) -> bool:
    if layout.expect is not None:
        return layout.expect in ("words", "entities", "trees")
    key = _key(record, "words", _WORD_KEYS, layout)
    return key is not None and isinstance(record[key], list)


def _survey(records: Records, layout: Layout) -> dict[str, Any]:
    """The language tags that are before every word."""
    prefixes, notes = Prefixes(), list[str]()
    for _, record in records:
        words = record.get(_key(record, "words", _WORD_KEYS, layout) or "")
        own = words if _has_words(record, layout) and isinstance(words, list) else []
        for word in own:
            if isinstance(word, str):
                prefixes.add(word)
        if prefixes.differ or not own:
            break
    return {"prefix": prefixes.taken(layout.path, notes), "notes": notes}


def survey_jsonl(lines: Iterator[str], layout: Layout) -> dict[str, Any]:
    """See `Reader.survey`."""
    return _survey(records_by_line(lines, layout), layout)


def parse_jsonl(lines: list[str], layout: Layout) -> Parsed:
    """See `Reader.parse`."""
    layout, repaired = layout.surveyed(lines, survey_jsonl), Repaired()
    return _parse(records_by_line(lines, layout, repaired), layout, repaired)


def parse_json(lines: list[str], layout: Layout) -> Parsed:
    """See `Reader.parse`."""
    text, repaired = "\n".join(lines), Repaired()
    if not text.strip():
        return [], []
    records = [(one.line, one.record) for one in records_in(text, layout.path, repaired)]
    layout = replace(layout, whole=_survey(records, layout))
    return _parse(records, layout, repaired)


def _parse(records: Records, layout: Layout, repaired: Repaired) -> Parsed:
    examples: list[Example | None] = []
    sentences: list[list[Row]] = []
    taken: list[str] = []
    for number, record in records:
        if _has_words(record, layout):
            sentences.append(_words(record, number, layout))
            examples.append(None)
        else:
            examples.append(_text(record, number, layout))
            taken = taken or _unusual(record, layout)
    tagged, warnings = tagged_sentences(sentences, layout)
    waiting = iter(tagged)
    found = [next(waiting) if example is None else example for example in examples]
    labels = [one for one in found if isinstance(one, LabelledText)]
    return found, [
        *layout.whole["notes"],
        *taken,
        *repaired.note(layout.path),
        *label_notes(layout.path, labels),
        *warnings,
    ]


def _unusual(record: dict[str, Any], layout: Layout) -> list[str]:
    """A note of keys that were taken for what they are not usually called."""
    found = {
        role: key
        for role, key in _text_keys(record, layout).items()
        if key is not None and key not in NAMES[role] and role not in layout.columns
    }
    if not found or (set(found) == {"second"} and layout.expect == "text"):
        return []
    said = ", ".join(f"{key!r} ({role})" for role, key in found.items())
    return [f"{layout.path}: keys taken for what is wanted: {said}"]


def _words(record: dict[str, Any], line: int, layout: Layout) -> list[Row]:
    words_key = _key(record, "words", _WORD_KEYS, layout)
    tags_key = _key(record, "tags", _tag_keys(layout), layout)
    where = layout.at(line)
    words = record.get(words_key or "")
    tags = record.get(tags_key or "") or []
    keys = ", ".join(list(record)[:8]) or "none"
    if not isinstance(words, list) or not words:
        raise UnibridgeError(
            'no list of "words"',
            where=where,
            do=f"name its key: columns = {{ words = 'KEY', tags = 'KEY' }}; there are {keys}",
        )
    if not isinstance(tags, list) or (tags_key is None and layout.labelled):
        raise UnibridgeError(
            'no list of "tags"',
            where=where,
            do=f"name its key: columns = {{ tags = 'KEY' }}; there are {keys}",
        )
    if len(tags) != len(words) and (tags or layout.labelled):
        raise UnibridgeError(
            f"{len(tags)} tags for {len(words)} words", where=where, do="write one tag a word"
        )
    rows = []
    for place, word in enumerate(words):
        text = text_value(word, f"{words_key}[{place}]", where)
        tag = label_value(tags[place], f"{tags_key}[{place}]", where) if tags else ""
        if not tag and layout.labelled:
            raise UnibridgeError(f"the word {text!r} has no tag", where=where)
        rows.append(Row(line, without(text, layout.whole["prefix"]), trimmed(tag or "")))
    return rows


def _text(record: dict[str, Any], line: int, layout: Layout) -> LabelledText:
    keys = _text_keys(record, layout)
    where = layout.at(line)
    if keys["text"] is None or (layout.expect == "pair" and keys["second"] is None):
        missing = "hypothesis" if keys["text"] else "text"
        raise UnibridgeError(
            f'no "{missing}" among {", ".join(record)}',
            where=where,
            do="use the keys text and label, or premise, hypothesis and label, or set `columns`",
        )
    second = None
    if keys["second"] and layout.expect != "text":
        second = text_value(record[keys["second"]], keys["second"], where).strip()
    label = label_value(record.get(keys["label"] or ""), keys["label"] or "", where)
    label = None if label is None else trimmed(label)
    if label is not None and layout.names and label not in layout.names:
        label = named(label, line, layout)
    text = text_value(record[keys["text"]], keys["text"], where).strip()
    return text_example(text, second, label, line, layout)


def rewrite_jsonl(lines: list[str], predictions: list[Prediction], layout: Layout) -> Iterator[str]:
    """See `Reader.rewrite`."""
    return rewritten_lines(lines, predictions, layout, _with_prediction)


def rewritten_lines(
    lines: list[str],
    predictions: list[Prediction],
    layout: Layout,
    put: Callable[[str, dict[str, Any], Prediction, Layout], str],
) -> Iterator[str]:
    """Lines with predictions, blank ones as they are. put: (line, its object, prediction, layout)
    -> the line with it."""
    given, repaired = iter(predictions), Repaired()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            yield line
            continue
        before = repaired.count
        record = json_object(line, layout.at(number), repaired)
        whole = line if repaired.count == before else json.dumps(record, ensure_ascii=False)
        yield put(whole, record, next(given), layout)


def rewrite_json(lines: list[str], predictions: list[Prediction], layout: Layout) -> Iterator[str]:
    """See `Reader.rewrite`."""
    text, given, at = "\n".join(lines), iter(predictions), 0
    parts = []
    for one in records_in(text, layout.path, Repaired()):
        own = text[one.begin : one.end]
        whole = json.dumps(one.record, ensure_ascii=False) if one.repaired else own
        parts += [text[at : one.begin], _with_prediction(whole, one.record, next(given), layout)]
        at = one.end
    yield from "".join([*parts, text[at:]]).split("\n")


def _with_prediction(
    text: str, record: dict[str, Any], prediction: Prediction, layout: Layout
) -> str:
    if _has_words(record, layout):
        key = _key(record, "tags", _tag_keys(layout), layout) or "tags"
        return with_value(text, key, list(prediction))
    asked = layout.columns.get("label", "label")
    return with_value(text, _text_keys(record, layout)["label"] or str(asked), prediction)
