"""Translated examples as text that a stage keeps, and back."""

import json

from unibridge.text.records import example_of, record_of
from unibridge.translation.crossings import TranslatedExamples


def written(found: TranslatedExamples) -> str:
    """One JSON line an example, with its links."""
    rows = (
        {**record_of(example), **({"links": links} if links else {})}
        for example, links in zip(found.examples, found.links, strict=True)
    )
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def read(text: str) -> TranslatedExamples:
    """What `written` wrote."""
    rows = [json.loads(line) for line in text.split("\n") if line]
    links = [tuple((first, second) for first, second in row.get("links", ())) for row in rows]
    return TranslatedExamples([example_of(row) for row in rows], links)
