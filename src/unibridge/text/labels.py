"""Labelled sentences and texts in, predictions out in the same file format."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unibridge.artifacts import write_bytes
from unibridge.errors import UnibridgeError
from unibridge.registry import Registry
from unibridge.text import tables, tagged
from unibridge.text.corpus import is_hub_id, load_hub, read_lines
from unibridge.text.examples import (
    Columns,
    Example,
    Expected,
    LabelledText,
    Layout,
    Prediction,
    Reader,
    TaggedSentence,
)

__all__ = [
    "READERS",
    "Expected",
    "LabelFile",
    "LabelledText",
    "Reader",
    "TaggedSentence",
    "read_labels",
    "write_predictions",
]

READERS: Registry[Reader] = Registry(
    "label reader",
    {
        "conllu": Reader("words", tagged.parse_conllu, tagged.rewrite_conllu),
        "conll": Reader("words", tagged.parse_conll, tagged.rewrite_conll),
        "words": Reader("words", tagged.parse_words, tagged.rewrite_words),
        "tsv": Reader("texts", tables.parse_tsv, tables.rewrite_tsv),
        "csv": Reader("texts", tables.parse_csv, tables.rewrite_csv),
        "jsonl": Reader("either", tables.parse_jsonl, tables.rewrite_jsonl),
        "text": Reader("texts", tables.parse_text, tables.rewrite_text),
    },
)


@dataclass(frozen=True)
class LabelFile:
    """What was read, and by which reader, so that predictions can be written back the same way."""

    examples: list[Example]
    reader: str
    path: str
    warnings: list[str]
    layout: Layout


def read_labels(
    path: str | Path,
    reader: str | None = None,
    columns: Columns | None = None,
    *,
    labelled: bool = True,
    expect: Expected | None = None,
) -> LabelFile:
    """Read a file of labelled examples, or a hub data set ("hub:org/name:config:split").

    reader: a name in `READERS`; None chooses by suffix. columns: see `Layout`. labelled: False
    allows labels to be missing, for prediction. expect: what the task takes, "words" (tagged
    sentences), "text" or "pair"; it decides how .txt, .tsv and unnamed columns are meant.

    Raises UnibridgeError, with file and line, for whatever is missing or does not fit.
    """
    layout = Layout(str(path), labelled, expect, dict(columns or {}))
    if is_hub_id(path):
        name = "jsonl"
        lines = _hub_records(str(path))
    else:
        name = reader or _reader_for(Path(path), layout)
        lines = read_lines(path)
    chosen = READERS.resolve(name)
    wants = None if expect is None else "words" if expect == "words" else "texts"
    if wants and chosen.gives not in (wants, "either"):
        raise UnibridgeError(
            f"the reader {name!r} gives {chosen.gives}, but the task takes {wants}",
            where=path,
            do=f"name another reader: {', '.join(READERS)}",
        )
    examples, warnings = chosen.parse(lines, layout)
    if not examples:
        raise UnibridgeError("the file holds no example", where=path)
    return LabelFile(examples, name, str(path), warnings, layout)


def write_predictions(
    labels: LabelFile, predictions: Sequence[Prediction], target: str | Path
) -> None:
    """Write predictions in the format of the file that was read; all else in it stays.

    predictions: per example a class, or one tag per word. The label column is replaced, or added
    where the input had none. The file appears under its own name only once it is whole; one that
    came from the hub is written as JSON lines.
    """
    _check_predictions(labels, predictions)
    lines = _hub_records(labels.path) if is_hub_id(labels.path) else read_lines(labels.path)
    rewritten = READERS.resolve(labels.reader).rewrite(lines, list(predictions), labels.layout)
    content = "".join(line + "\n" for line in rewritten).encode()
    if Path(target).suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    try:
        write_bytes(Path(target), content)
    except OSError as error:
        raise UnibridgeError(
            f"predictions cannot be written ({error.strerror})",
            where=target,
            do="name a file in a folder that you may write to",
        ) from error


def _check_predictions(labels: LabelFile, predictions: Sequence[Prediction]) -> None:
    if len(predictions) != len(labels.examples):
        raise UnibridgeError(
            f"{len(predictions)} predictions for {len(labels.examples)} examples",
            where=labels.path,
        )
    for number, (example, prediction) in enumerate(
        zip(labels.examples, predictions, strict=True), start=1
    ):
        if isinstance(example, TaggedSentence) and len(prediction) != len(example.words):
            raise UnibridgeError(
                f"{len(prediction)} tags for the {len(example.words)} words of sentence {number}",
                where=labels.path,
            )


def _reader_for(path: Path, layout: Layout) -> str:
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    words = layout.expect == "words"
    if suffix == ".txt" and layout.labelled and not words:
        raise UnibridgeError(
            "a .txt file does not say how its labels are written",
            where=path,
            do="name the reader: conll for word and tag, tsv for text and label",
        )
    by_suffix = {
        ".conllu": "conllu",
        ".conll": "conll",
        ".bio": "conll",
        ".iob2": "conll",
        ".tsv": "conll" if words else "tsv",
        ".csv": "csv",
        ".jsonl": "jsonl",
        ".txt": "text" if not words else "conll" if layout.labelled else "words",
    }
    if suffix not in by_suffix:
        raise UnibridgeError(
            f"no reader is known for the suffix {suffix!r}",
            where=path,
            do=f"name one: {', '.join(READERS)}",
        )
    return by_suffix[suffix]


def _hub_records(hub_id: str) -> list[str]:
    """A hub data set as JSON lines, its class numbers replaced by their names."""
    dataset, _ = load_hub(hub_id)
    features = dataset.features

    def named(column: str, value: Any) -> Any:
        feature = getattr(features[column], "feature", features[column])
        if not hasattr(feature, "int2str") or value is None:
            return value
        if isinstance(value, list):
            return [feature.int2str(one) for one in value]
        return feature.int2str(value) if value >= 0 else None

    return [
        json.dumps({column: named(column, value) for column, value in row.items()}, default=str)
        for row in dataset
    ]
