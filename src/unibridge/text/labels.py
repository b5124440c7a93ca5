"""Labelled sentences and texts in, predictions out in the same file format."""

import gzip
import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path

from unibridge.artifacts import write_bytes
from unibridge.errors import UnibridgeError
from unibridge.registry import Registry
from unibridge.text import conll, conllu, jsonl, squad, tables
from unibridge.text.benchmarks import is_part, part_of
from unibridge.text.content import HEAD, Content, is_document, recognise, refuse_other
from unibridge.text.corpus import is_hub_id
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
from unibridge.text.files import Form, stream_lines
from unibridge.text.headers import named_roles
from unibridge.text.hub import hub_records
from unibridge.text.sentences import sentences

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
        "conllu": Reader(
            "words",
            conllu.parse_conllu,
            conllu.rewrite_conllu,
            units=sentences,
            survey=conllu.survey_conllu,
        ),
        "conll": Reader(
            "words",
            conll.parse_conll,
            conll.rewrite_conll,
            units=conll.units_conll,
            survey=conll.survey_conll,
        ),
        "words": Reader("words", conll.parse_words, conll.rewrite_words),
        "tsv": Reader("texts", tables.parse_tsv, tables.rewrite_tsv, survey=tables.survey_tsv),
        "csv": Reader(
            "texts",
            tables.parse_csv,
            tables.rewrite_csv,
            units=tables.records,
            survey=tables.survey_csv,
        ),
        "jsonl": Reader(
            "either", jsonl.parse_jsonl, jsonl.rewrite_jsonl, survey=jsonl.survey_jsonl
        ),
        "json": Reader("either", jsonl.parse_json, jsonl.rewrite_json, units=squad.whole_file),
        "text": Reader("texts", tables.parse_text, tables.rewrite_text),
        "squad": Reader(
            "questions", squad.parse_squad, squad.rewrite_squad, units=squad.whole_file
        ),
        "questions": Reader("questions", squad.parse_rows, squad.rewrite_rows),
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
    names: Sequence[str] = (),
    *,
    labelled: bool = True,
    expect: Expected | None = None,
) -> LabelFile:
    """Read labelled examples: a file, a hub data set ("hub:org/name:config:split"), or a
    benchmark's part ("bench:NAME:LANGUAGE:SPLIT", see `unibridge.text.benchmarks`), which says
    itself how it is read.

    reader: a name in `READERS`; None chooses by suffix and by what the file holds. columns: see
    `Layout`. names: of labels that are written as numbers, in order from 0. labelled: False allows
    labels to be missing, for prediction. expect: what the task takes; it decides how .txt, .tsv and
    unnamed columns are meant: "words", "entities" or "trees" (tagged sentences; entity tags become
    IOB2, a word's place in a tree is HEAD|DEPREL), "text", "pair" or "question" (SQuAD's JSON).

    Raises UnibridgeError, with file and line, for whatever is missing or does not fit.
    """
    own = is_part(path)
    layout = Layout(
        str(path), labelled, expect, {} if own else dict(columns or {}), () if own else tuple(names)
    )
    name, notes = choose_reader(path, reader, layout)
    lines = list(raw_lines(path))
    refuse_other(path, name, iter(lines))
    examples, warnings = READERS.resolve(name).parse(lines, layout)
    if not examples:
        raise UnibridgeError("the file holds no example", where=path)
    return LabelFile(examples, name, str(path), [*notes, *warnings], layout)


def choose_reader(path: str | Path, reader: str | None, layout: Layout) -> tuple[str, list[str]]:
    """The reader asked for, or the one for the suffix and for what the file holds, and a note where
    these are not of one mind; raises where it cannot serve the task."""
    asked = layout.expect == "question"
    notes: list[str] = []
    if is_hub_id(path) or is_part(path):
        name = "questions" if asked else "jsonl"
    else:
        name = reader or _reader_for(Path(path), layout, notes)
    gives = READERS.resolve(name).gives
    wants = None if layout.expect is None else "words" if _wants_words(layout) else "texts"
    if asked:
        wants = "questions"
    if wants and gives not in (wants, "either" if wants != "questions" else wants):
        raise UnibridgeError(
            f"the reader {name!r} gives {gives}, but the task takes {wants}",
            where=path,
            do=f"name another reader: {', '.join(READERS)}",
        )
    return name, notes


def _wants_words(layout: Layout) -> bool:
    return layout.expect in ("words", "entities", "trees")


def raw_lines(path: str | Path, form: Form | None = None) -> Iterator[str]:
    """The lines that a reader parses, of a file or a hub data set; `form` is filled meanwhile."""
    if is_part(path):
        return part_of(str(path)).lines()
    return hub_records(str(path)) if is_hub_id(path) else stream_lines(path, form)


def write_predictions(
    labels: LabelFile, predictions: Sequence[Prediction], target: str | Path
) -> None:
    """Write predictions in the format of the file that was read; all else in it stays.

    predictions: per example a class, or one tag per word. The label column is replaced, or added
    where the input had none. The file appears under its own name only once it is whole; one that
    came from the hub is written as JSON lines.
    """
    check_predictions(labels, predictions)
    form = Form.to_write()
    lines = list(raw_lines(labels.path, form))
    rewritten = READERS.resolve(labels.reader).rewrite(lines, list(predictions), labels.layout)
    content = b"".join(form.encode([(lines, rewritten)]))
    if Path(target).suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    with writing_errors(target):
        write_bytes(Path(target), content)


@contextmanager
def writing_errors(target: str | Path) -> Iterator[None]:
    """Name the place where predictions cannot be written."""
    try:
        yield
    except OSError as error:
        raise UnibridgeError(
            f"predictions cannot be written ({error.strerror})",
            where=target,
            do="name a file in a folder that you may write to",
        ) from error


def check_predictions(labels: LabelFile, predictions: Sequence[Prediction]) -> None:
    """Raise UnibridgeError where there is not one prediction per example, or a tag per word."""
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


def check_same_examples(gold: LabelFile, predicted: LabelFile) -> None:
    """Raise UnibridgeError, with both lines, at the first word or text in which files differ."""
    for one, other in zip(gold.examples, predicted.examples, strict=False):
        for (part, line), (said, where) in zip_longest(
            _parts(one), _parts(other), fillvalue=("", 0)
        ):
            if unicodedata.normalize("NFC", part) != unicodedata.normalize("NFC", said):
                raise UnibridgeError(
                    f"{said[:60]!r} stands where {gold.path}:{line or _parts(one)[-1][1]} has "
                    f"{part[:60]!r}",
                    where=f"{predicted.path}:{where or _parts(other)[-1][1]}",
                    do="give predictions for the examples of the gold file, in their order",
                )
    if len(gold.examples) != len(predicted.examples):
        raise UnibridgeError(
            f"{len(predicted.examples)} predictions for {len(gold.examples)} gold examples",
            where=predicted.path,
        )


_PREDICTED = re.compile(r"(y_)?(preds?|predicted|predictions?|hyp)([_ ](labels?|tags?|class))?")

_TAGS = re.compile(r".*tags|u?pos|ner")


def refuse_other_predictions(file: LabelFile) -> None:
    """Raise UnibridgeError where a file has predictions beside the labels that were read from it.

    Told by the names above its columns, or by the keys of its first record.
    """
    if file.layout.columns:
        return
    lines = (line for line in raw_lines(file.path) if line.strip() and line[:4] != "sep=")
    head = "\n".join(islice(lines, 8))
    names = re.split(r"[\t,;|]", head.partition("\n")[0])
    if head.lstrip().startswith(("{", "[")):
        names = re.findall(r'"(\w+)"\s*:', head)
    names = [name.strip().strip('"').lower() for name in names]
    predicted = [name for name in names if _PREDICTED.fullmatch(name)]
    rest = [name for name in names if name not in predicted]
    if predicted and (named_roles(rest)[2] is not None or any(map(_TAGS.fullmatch, rest))):
        raise UnibridgeError(
            f"the file has {predicted[0]!r} beside other labels, which would be scored",
            where=f"{file.path}:1",
            do=f"leave the other labels out of it, or name {predicted[0]!r} as the gold file's are",
        )


def _parts(example: Example) -> list[tuple[str, int]]:
    """The words or texts of an example, each with its line."""
    if isinstance(example, TaggedSentence):
        lines = example.lines or (0,) * len(example.words)
        return list(zip(example.words, lines, strict=True))
    texts = [example.text, *([] if example.second is None else [example.second])]
    return [(text, example.line) for text in texts]


def _reader_for(path: Path, layout: Layout, notes: list[str]) -> str:
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    words, asked = _wants_words(layout), layout.expect == "question"
    by_suffix = {
        ".conllu": "conllu",
        ".conll": "conll",
        ".bio": "conll",
        ".iob2": "conll",
        ".tsv": "conll" if words else "tsv",
        ".csv": "csv",
        ".jsonl": "questions" if asked else "jsonl",
        ".json": "squad" if asked else "json",
        ".txt": "text" if not words else "conll" if layout.labelled else "words",
    }
    head = list(islice(raw_lines(path), HEAD))
    found = recognise(head)
    name, held = by_suffix.get(suffix), None
    array = bool(head) and head[0].lstrip("\ufeff \t").startswith("[")
    if is_document(head, found) and (suffix != ".jsonl" or array):
        held = "squad" if asked else "json"
    elif found.kind == "json lines":
        held = "questions" if asked else "jsonl"
    elif name in (None, "json", "squad") and any(line.strip() for line in head):
        name, held = None, _reader_of(found, layout)
    if held and held != name:
        notes.append(f"{path}: holds {found.name}, read as such ({held})")
    if suffix == ".txt" and held is None and layout.labelled and not words:
        raise UnibridgeError(
            "a .txt file does not say how its labels are written",
            where=path,
            do="name the reader: conll for word and tag, tsv for text and label",
        )
    if (chosen := held or name) is None:
        raise UnibridgeError(
            f"no reader is known for the suffix {suffix!r}, and what it holds does not say it",
            where=path,
            do=f"name one: {', '.join(READERS)}",
        )
    return chosen


def _reader_of(found: Content, layout: Layout) -> str | None:
    """The reader of what a file holds whose name says nothing."""
    if found.kind == "conllu" and found.columns == _CONLLU:
        return "conllu"
    if found.kind == "conllu" and found.separator in "\t ":
        return "conll"
    tables = {"\t": "tsv", ",": "csv", ";": "csv", "|": "csv"}
    if found.kind in ("table", "columns") and not _wants_words(layout):
        return tables.get(found.separator)
    return "conll" if (found.kind, found.separator) == ("columns", "\t") else None


_CONLLU = 10
