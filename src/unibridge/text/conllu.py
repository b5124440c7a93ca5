"""CoNLL-U: parts of speech in the fourth column, entities in MISC (`name=B-PER`), trees in HEAD
and DEPREL, together one tag (`2|nsubj`).

Ten columns between tabs and nothing else; a space belongs to its field. Ranges of words (3-4) and
empty nodes (3.1) have no tag of their own. https://universaldependencies.org/format.html
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.text.examples import Layout, Parsed, Prediction
from unibridge.text.prefixes import Prefixes, without
from unibridge.text.schemes import Row
from unibridge.text.sentences import Counted, column, tagged_sentences
from unibridge.text.values import MARK, is_blank, trimmed

_WIDTH = 10
_FORM, _UPOS, _HEAD, _DEPREL, _MISC = 1, 3, 6, 7, 9
_WORD_ID = re.compile(r"[0-9]+")
_OTHER_ID = re.compile(r"([0-9]+)-([0-9]+)|[0-9]+\.[0-9]+")
ENTITY_KEYS = ("name", "ner", "ne", "ner_tag", "nertag", "entity", "iob", "bio")
"""Keys of MISC that hold entities, in any case; the first is written where there was none."""


def _rows(lines: Iterable[str], layout: Layout) -> Iterator[tuple[int, list[str] | None]]:
    """(line number, fields of a syntactic word), or None for all other lines."""
    for number, line in enumerate(lines, start=1):
        if is_blank(line) or line.lstrip(MARK).startswith("#"):
            yield number, None
            continue
        fields = line.lstrip(MARK).split("\t")
        if len(fields) != _WIDTH:
            raise UnibridgeError(
                f"{len(fields)} instead of the 10 columns of CoNLL-U, separated by tabs",
                where=layout.at(number),
            )
        if not _WORD_ID.fullmatch(fields[0]):
            other = _OTHER_ID.fullmatch(fields[0])
            if other is None or (other[1] and int(other[1]) > int(other[2])):
                raise UnibridgeError(
                    f"not CoNLL-U: the ID {fields[0]!r} is no number or range",
                    where=layout.at(number),
                    do="number the words of a sentence from 1; ranges are 1-2, empty nodes 1.1",
                )
            yield number, None
            continue
        yield number, fields


def survey_conllu(lines: Iterator[str], layout: Layout) -> dict[str, Any]:
    """key: of MISC, of the entities, where these are wanted; "" where there is none. prefix: the
    language tags before every word."""
    entities = layout.expect == "entities" and not isinstance(layout.columns.get("tags"), int)
    asked = layout.columns.get("tags")
    wanted = ENTITY_KEYS if asked is None else (str(asked).lower(),)
    found: dict[str, str] = {}
    prefixes, notes = Prefixes(), list[str]()
    for _, fields in _rows(lines, layout):
        if fields is None:
            continue
        prefixes.add(fields[_FORM])
        if not entities and prefixes.differ:
            break
        for item in fields[_MISC].split("|") if entities else ():
            key, equals, _ = item.partition("=")
            if equals and key.lower() in wanted:
                found.setdefault(key.lower(), key)
    return {
        "key": next((found[key] for key in wanted if key in found), ""),
        "prefix": prefixes.taken(layout.path, notes),
        "notes": notes,
    }


def parse_conllu(lines: list[str], layout: Layout) -> Parsed:
    """See `Reader.parse`."""
    layout = layout.surveyed(lines, survey_conllu)
    sentences: list[list[Row]] = [[]]
    counted = Counted()
    for number, fields in _rows(lines, layout):
        if is_blank(lines[number - 1]):
            sentences.append([])
            counted.ends()
        if fields is None:
            continue
        if counted.begins(int(fields[0]), number):
            sentences.append([])
        word, tag = fields[_FORM], _tag(fields, number, layout)
        if not tag and layout.labelled:
            what = "HEAD and DEPREL" if layout.expect == "trees" else "UPOS tag"
            raise UnibridgeError(f"the word {word!r} has no {what}", where=layout.at(number))
        if layout.expect == "trees" and int(fields[0]) != len(sentences[-1]) + 1:
            raise UnibridgeError(
                f"the ID {fields[0]} of the word {word!r} does not follow the one before",
                where=layout.at(number),
                do="number the words of a sentence 1, 2, 3, since heads are these numbers",
            )
        sentences[-1].append(Row(number, without(word, layout.whole["prefix"]), tag))
    examples, warnings = tagged_sentences(sentences, layout)
    roots = _several_roots(sentences, layout) if layout.expect == "trees" else []
    return examples, [*layout.whole["notes"], *warnings, *counted.notes(layout), *roots]


def _several_roots(sentences: Sequence[Sequence[Row]], layout: Layout) -> list[str]:
    """A counted note of trees with more than one root, which CoNLL 2018's scorer refuses."""
    several = [
        sentence[0].line
        for sentence in sentences
        if sum(row.tag.startswith("0|") for row in sentence) > 1
    ]
    if not several:
        return []
    return [
        f"{layout.path}: sentences with several roots: {len(several)}, the first on line "
        f"{layout.before + several[0]}; predictions have one root each, and the scorer of CoNLL "
        "2018 takes no such file"
    ]


def _tag(fields: list[str], number: int, layout: Layout) -> str:
    if layout.expect == "trees":
        head, relation = fields[_HEAD].strip(), fields[_DEPREL].strip()
        if "_" in (head, relation) or not head or not relation:
            return ""
        if not _WORD_ID.fullmatch(head):
            raise UnibridgeError(f"the HEAD {head!r} is no number", where=layout.at(number))
        return f"{int(head)}|{relation}"
    if layout.expect != "entities" or isinstance(layout.columns.get("tags"), int):
        tag = trimmed(fields[column(layout, "tags", _UPOS, _WIDTH, number)])
        return "" if tag == "_" else tag
    key = layout.whole["key"]
    if not key:
        if layout.labelled:
            raise UnibridgeError(
                "no entities: nothing in the MISC column is one, such as name=B-PER",
                where=layout.at(number),
                do="write the key of MISC: columns = { tags = 'KEY' }; or give a file of words and "
                "tags (.conll)",
            )
        return ""
    items = (item.partition("=") for item in fields[_MISC].split("|"))
    tag = next((trimmed(value) for name, _, value in items if name == key), "O")
    if "(" in tag or ")" in tag:
        raise UnibridgeError(
            f"{key}={tag} marks coreference in brackets, not a word's entity tag",
            where=layout.at(number),
            do="convert it to a tag a word, such as name=B-PER",
        )
    return tag


def rewrite_conllu(
    lines: list[str], predictions: list[Prediction], layout: Layout
) -> Iterator[str]:
    """See `Reader.rewrite`."""
    layout = layout.surveyed(lines, survey_conllu)
    tags = iter([tag for sentence in predictions for tag in sentence])
    in_misc = layout.expect == "entities" and not isinstance(layout.columns.get("tags"), int)
    for (number, fields), line in zip(_rows(lines, layout), lines, strict=True):
        if fields is None:
            yield line
            continue
        if layout.expect == "trees":
            fields[_HEAD], _, fields[_DEPREL] = next(tags).partition("|")
        elif in_misc:
            fields[_MISC] = _with_entity(fields[_MISC], next(tags), layout)
        else:
            fields[column(layout, "tags", _UPOS, _WIDTH, number)] = next(tags)
        yield line[: len(line) - len(line.lstrip(MARK))] + "\t".join(fields)


def _with_entity(misc: str, tag: str, layout: Layout) -> str:
    """MISC with the word's entity under its key, the rest as it was."""
    asked = layout.columns.get("tags")
    key = layout.whole["key"] or (ENTITY_KEYS[0] if asked is None else str(asked))
    items = [] if misc in ("_", "") else misc.split("|")
    places = [place for place, item in enumerate(items) if item.partition("=")[0] == key]
    if places:
        items[places[0]] = f"{key}={tag}"
    else:
        items.append(f"{key}={tag}")
    return "|".join(items)
