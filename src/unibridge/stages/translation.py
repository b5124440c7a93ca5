"""Examples in another language as folder in, folder out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.artifacts import Outcome, write_bytes
from unibridge.errors import UnibridgeError
from unibridge.stages.inputs import NO_PAIRS, Inputs, Labels, Pairs
from unibridge.stages.workplace import Workplace
from unibridge.translation.base import Between, TranslationSettings

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base
    from unibridge.tasks.base import Task
    from unibridge.translation.crossings import TranslatedExamples


def entries_between(
    settings: TranslationSettings, dictionary: Pairs, parallel: Pairs, base: "Base"
) -> list[tuple[str, str]]:
    """Words of the target with those of a source, of what `settings.entries` names."""
    from unibridge.alignment.carry import entries_of

    kinds = {"dictionary": True, "parallel": True}
    if settings.entries in kinds:
        kinds = {settings.entries: True}
    elif settings.entries == "any":
        kinds = {"dictionary" if dictionary.rows else "parallel": True}
    found = list(dictionary.rows) if "dictionary" in kinds else []
    if "parallel" in kinds and parallel.rows:
        found += entries_of(parallel.rows, settings.alignment, least=settings.least, base=base)
    return list(dict.fromkeys(found))


def translates(settings: TranslationSettings, inputs: Inputs, source: str) -> bool:
    """Whether there is what the translator needs of a source: entries, lines."""
    if settings.translator == "own":
        return source in inputs.parallel
    either = settings.entries in ("any", "both")
    return (
        settings.translator != "lexicon"
        or (source in inputs.lexicons and (either or settings.entries == "dictionary"))
        or (source in inputs.parallel and (either or settings.entries == "parallel"))
    )


def translate_stage(
    at: Workplace,
    inputs: Inputs,
    labels: Labels,
    settings: TranslationSettings,
    *,
    source: str,
    into_target: bool,
) -> Path:
    """Examples of a source in the target's language, or the target's in that of a source.

    Holds examples.jsonl; its facts count the labels that were lost.
    """
    from unibridge.text.belonging import plain_text
    from unibridge.translation.crossings import crossing_of
    from unibridge.translation.examples import written
    from unibridge.translation.lexicon import known_share

    crossing = crossing_of(inputs.task)
    dictionary, parallel = (one.get(source, NO_PAIRS) for one in (inputs.lexicons, inputs.parallel))
    first, second = (source, inputs.target) if into_target else (inputs.target, source)
    examples: Sequence[Any] = labels.file.examples
    if not into_target:
        # what is to be labelled is translated as if its labels were not known
        settings = settings.model_copy(update={"projection": "alignment"})
        examples = [crossing.unlabelled(example) for example in examples]

    ready = inputs.translated_test if settings.translator == "ready" else None

    def turned(rows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(b, a) for a, b in rows] if into_target else list(rows)

    def build(folder: Path) -> Outcome:
        entries = []
        if settings.translator == "lexicon":
            entries = turned(entries_between(settings, dictionary, parallel, at.base))
            entries = crossing.entries(entries)
        between = Between(
            first, second, settings, entries, turned(parallel.rows), at.base.model.device
        )
        found = crossing.over(
            examples, between, ready=ready.file.examples if ready else None, base=at.base
        )
        write_bytes(folder / "examples.jsonl", written(found).encode())
        facts = {**found.facts, "from": first, "into": second, "translator": settings.translator}
        if entries:
            texts = [plain_text(example) for example in examples[:1000]]
            facts |= {"entries": len(entries), "known": known_share(texts, entries)}
        return Outcome(facts)

    return at.run(
        "translate",
        f"{first}-{second}",
        build,
        settings={**settings.model_dump(exclude={"pivot", "batch_size"}), "into": second},
        inputs={
            **labels.inputs,
            **dictionary.inputs("dictionary"),
            **parallel.inputs("parallel"),
            **({f"ready:{k}": v for k, v in ready.inputs.items()} if ready else {}),
        },
    )


def read_translated(folder: Path) -> "TranslatedExamples":
    """What a `translate` stage holds."""
    from unibridge.translation.examples import read

    return read((folder / "examples.jsonl").read_text(encoding="utf-8"))


def translated_labels(folder: Path, original: Labels, fingerprint: str, task: "Task") -> Labels:
    """A `translate` stage as labels to learn from, without the examples whose labels were lost.

    Raises UnibridgeError where all of them were.
    """
    file = original.file
    examples = [one for one in read_translated(folder).examples if task.labels_of(one)]
    if not examples:
        raise UnibridgeError(
            f"none of the {len(file.examples)} examples kept its labels in translation",
            where=folder,
            do="choose another translation.alignment or translation.projection, or a translator "
            "that goes word by word",
        )
    return Labels(
        replace(file, examples=examples, path=str(folder)),
        {"translated": fingerprint},
    )
