"""The layouts that benchmarks are published in, as rows by column."""

import csv
import json
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.text.benchmarks.record import Row


def plain_table(lines: Iterable[str]) -> Iterator[Row]:
    """Tab-separated with a header, where a quote is a quote (XNLI, PAWS-X)."""
    yield from csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)


def quoted_table(lines: Iterable[str], *, delimiter: str = "\t") -> Iterator[Row]:
    """With a header, and quotes around what has the delimiter in it (SIB-200, AmericasNLI)."""
    # a quoted field may hold line ends
    yield from csv.DictReader((line + "\n" for line in lines), delimiter=delimiter)


comma_table = partial(quoted_table, delimiter=",")
"""The same with commas (NusaX)."""


def questions(lines: Iterable[str]) -> Iterator[Row]:
    """SQuAD's JSON as the hub has it: a row a question, its answers in two lists."""
    try:
        articles = json.loads("\n".join(lines))["data"]
        for article in articles:
            for paragraph in article["paragraphs"]:
                for one in paragraph["qas"]:
                    answers = one.get("answers", [])
                    yield {
                        "id": str(one.get("id", "")),
                        "question": one["question"],
                        "context": paragraph["context"],
                        "answers": {
                            key: [answer[key] for answer in answers]
                            for key in ("text", "answer_start")
                        },
                    }
    except (ValueError, KeyError, TypeError) as error:
        raise UnibridgeError(f"not SQuAD's JSON ({type(error).__name__}: {error})") from error


def tagged_words(lines: Iterable[str]) -> Iterator[Row]:
    """A word and its tag a line, the tag behind the last space or tab; blank between sentences."""
    words: list[str] = []
    tags: list[str] = []
    for line in [*lines, ""]:
        parts = line.rsplit(maxsplit=1)
        if len(parts) == 2 and not line.startswith("-DOCSTART-"):
            words.append(parts[0])
            tags.append(parts[1])
        elif words and not line.strip():
            yield {"tokens": words, "ner_tags": tags}
            words, tags = [], []


def trees(lines: Iterable[str]) -> Iterator[Row]:
    """CoNLL-U's syntactic words: tokens, upos, head, deprel."""
    columns: dict[str, list[str]] = {"tokens": [], "upos": [], "head": [], "deprel": []}
    for line in [*lines, ""]:
        parts = line.split("\t")
        if len(parts) == 10 and parts[0].isdigit():
            for name, place in (("tokens", 1), ("upos", 3), ("head", 6), ("deprel", 7)):
                columns[name].append(parts[place])
        elif columns["tokens"] and not line.strip():
            yield columns
            columns = {name: [] for name in columns}


# --- rows as our records ------------------------------------------------------------------------


def question(row: Row, code: str) -> Row:
    """A question on a passage, in the passage's language."""
    return {**row, "language": code}


def tagged(row: Row, code: str, *, tags: str = "ner_tags") -> Row:
    """Words and their tags."""
    return {"words": list(row["tokens"]), "tags": [str(tag) for tag in row[tags]]}


def pair(row: Row, code: str, *, first: str, second: str, label: str = "label") -> Row:
    """Two texts and their class."""
    return {"premise": row[first], "hypothesis": row[second], "label": named(row[label])}


def text(row: Row, code: str, *, column: str = "text", label: str = "label") -> Row:
    """A text and its class."""
    return {"text": row[column], "label": named(row[label])}


def named(label: Any) -> str | None:
    """A class as the files write it; None where it is hidden."""
    return None if label is None else str(label).strip()
