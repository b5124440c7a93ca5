"""What a study found: its report, what could have told it beforehand, and files for other tools."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from unibridge.errors import UnibridgeError
from unibridge.operations.listening import SILENCE, Listener

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from unibridge.comparison.rankers.base import RankerSettings
    from unibridge.comparison.rows import Study
    from unibridge.comparison.settings import ComparisonSettings

DISTANCES = ("genetic", "syntactic", "featural", "geographic")
QUICK = ("piece-overlap", "word-overlap", "size", *DISTANCES)
"""Rankers that need no base model, but at most its tokenizer."""


@dataclass(frozen=True)
class Reported:
    """page: report.html. files: for other tools. left_out: ranker -> why it was not computed."""

    page: Path
    files: list[Path] = field(default_factory=list)
    left_out: Mapping[str, str] = field(default_factory=dict)


def report_study(
    study: str | Path,
    *,
    base: str | None = None,
    rankers: Sequence[str] | None = None,
    settings: "ComparisonSettings | None" = None,
    listener: Listener = SILENCE,
) -> Reported:
    """Write a study's report, its tables, and LITMUS's and LangRank's training files into it.

    base: a model for the predictors that read its states; unset: what was computed of these before,
    and the quick ones. rankers: to compute instead; none: []. settings: unset: those of the study's
    [report].
    """
    from unibridge.comparison.analysis import analyse
    from unibridge.comparison.exports import write_langrank, write_litmus
    from unibridge.comparison.report import write_report
    from unibridge.comparison.rows import read_study

    found = read_study(study)
    if not (found.plan.get("seen") or found.plan.get("reading")):
        measure_reading(found, base=base, listener=listener)
    asked = rankers if rankers is not None else () if base else QUICK
    left_out: Mapping[str, str] = {}
    if asked or rankers is None:
        left_out = predict_study(study, base=base, rankers=asked, listener=listener)
    page, _ = write_report(study, settings)
    files, texts = [], study_texts(found)
    for one in analyse(found, settings):
        folder = found.folder / "tables"
        for task, matrix in one.matrices.items():
            name = f"{one.model} {task}".replace("/", " ").replace(" ", "-")
            files.append(write_litmus(folder / f"litmus-{name}.json", found, one.model, task))
            distances = {
                kind: {pair: -value for pair, value in one.predictors.get(kind, {}).items()}
                for kind in DISTANCES
            }
            try:
                written = write_langrank(folder / f"langrank-{name}", matrix, texts, distances)
            except UnibridgeError as error:
                listener.say(f"no file for LangRank of {task}: {error}")
                continue
            files += written
    return Reported(page, files, left_out)


def measure_reading(
    study: "Study", *, base: str | None = None, listener: Listener = SILENCE
) -> Path | None:
    """How the base reads each language, kept with the study, where no list says what it has seen.

    base: unset: the one that the study's plan names. Returns reading.json, None where a list is
    published, the base cannot be loaded or there is no text.
    """
    from unibridge.artifacts import write_json
    from unibridge.comparison.languages import published
    from unibridge.comparison.rows import READING
    from unibridge.models.base import load_base
    from unibridge.study.inspection import inspect_base

    named = _base_of(study)
    texts = study_texts(study)
    if all(published(model) for model in study.models) or not texts or not (base or named):
        return None
    try:
        loaded = load_base(str(base or named))
    except UnibridgeError as error:
        listener.say(f"which languages the base has seen is not known: {error}")
        return None
    found = {}
    for number, (code, lines) in enumerate(texts.items()):
        listener.on_progress("reading", number, len(texts), {})
        look = inspect_base(loaded, lines, limit=100)
        found[code] = {
            "unknown": look.reading.unknown,
            "loss": look.masked_loss,
            "lines": look.lines,
        }
    write_json(study.folder / READING, found)
    return study.folder / READING


def predict_study(
    study: str | Path,
    *,
    base: str | None = None,
    rankers: Sequence[str] = (),
    settings: "RankerSettings | None" = None,
    listener: Listener = SILENCE,
) -> Mapping[str, str]:
    """Compute the predictors of a study's pairs and keep them there; ranker -> why it was left out.

    base: unset: the tokenizer alone of the base that the plan names, where it can be loaded.
    rankers: unset: all. Those that were computed before and are not asked for stay.
    """
    from unibridge.comparison.predictors import predict, read_predictors, write_predictors
    from unibridge.comparison.rows import read_study

    found = read_study(study)
    tuned = [score for score in found.scores if score.kind == "tuned"]
    predicted = predict(
        list(dict.fromkeys(score.transfer[0] for score in tuned)),
        list(dict.fromkeys(score.target for score in tuned)),
        study_texts(found, listener),
        base=_loaded(base),
        tokenizer=None if base else study_tokenizer(found, listener),
        rankers=rankers,
        settings=settings,
        progress=lambda name, done, total: listener.on_progress(name, done, total, {}),
    )
    write_predictors(found.folder, {**read_predictors(found.folder), **predicted.table})
    return predicted.left_out


def study_tokenizer(
    study: "Study", listener: Listener = SILENCE
) -> "PreTrainedTokenizerBase | None":
    """The tokenizer of the base that the plan names; None where it cannot be loaded, as is said."""
    from unibridge.models.base import load_tokenizer

    named = _base_of(study)
    if not named:
        return None
    try:
        return load_tokenizer(named)
    except UnibridgeError as error:
        listener.say(f"which pieces languages share is not known: {error}")
        return None


def _base_of(study: "Study") -> str | None:
    return ((study.plan.get("settings") or {}).get("base") or {}).get("model")


def study_texts(study: "Study", listener: Listener = SILENCE) -> dict[str, list[str]]:
    """code -> lines: what a study read of a transfer language, else the sentences of a target's
    test files."""
    from unibridge.operations.reading import texts_by_language

    given = study.plan.get("texts") or {}
    there = {c: str(about["file"]) for c, about in given.items() if Path(about["file"]).exists()}
    texts = texts_by_language(there, listener)
    texts = {code: lines[: given[code].get("lines")] for code, lines in texts.items()}
    for files in (study.plan.get("targets") or {}).values():
        for code, file in files.items():
            if not texts.get(code) and Path(file).exists():
                texts[code] = _sentences(file)
    return {code: lines for code, lines in texts.items() if lines}


def _sentences(file: str | Path) -> list[str]:
    """What a labelled file says, empty where it cannot be told without its task."""
    from unibridge.text.labels import read_labels

    try:
        examples = read_labels(file, labelled=False).examples
    except UnibridgeError:
        return []
    return [example.text for example in examples if example.text]


def _loaded(base: str | None):  # type: ignore[no-untyped-def]
    if base is None:
        return None
    from unibridge.models.base import load_base

    return load_base(base)
