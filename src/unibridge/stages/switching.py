"""Words in other languages as folder in, folder out: what code-switching draws from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.artifacts import Outcome, fingerprint, read_json, read_manifest, write_json
from unibridge.augmentation.settings import CodeSwitchingSettings
from unibridge.stages.inputs import NO_PAIRS, Inputs, Labels, Text, hashes
from unibridge.stages.workplace import Workplace

if TYPE_CHECKING:
    from unibridge.tasks.base import Task


def words_stage(
    at: Workplace, inputs: Inputs, settings: CodeSwitchingSettings, source: str
) -> Path | None:
    """A source's words in the target's language and in the others that lexicons were given of.

    Holds words.json, language -> [(word, translation)]. None where nothing is given of the source.
    """
    dictionary = inputs.lexicons.get(source, NO_PAIRS)
    parallel = inputs.parallel.get(source, NO_PAIRS)
    vectors = inputs.vectors.get(source, ())
    further = inputs.further_lexicons.get(source, {})
    read = {
        "lexicon": dictionary.inputs("dictionary"),
        "alignment": parallel.inputs("parallel"),
        "neighbours": hashes("vectors", vectors),
    }.get(settings.method, {})
    if settings.method == "none" or not (read or further):
        return None

    def build(folder: Path) -> Outcome:
        from unibridge.alignment.carry import entries_of
        from unibridge.augmentation.neighbours import nearest_words

        own: list[tuple[str, str]] = []
        if settings.method == "lexicon":
            own = [(word, translation) for translation, word in dictionary.rows]
        elif settings.method == "alignment" and parallel.rows:
            turned = [(line, other) for other, line in parallel.rows]
            own = entries_of(turned, settings.alignment, least=settings.least, base=at.base)
        elif vectors:
            own = nearest_words(vectors[1], vectors[0], settings.neighbours)
        words = {inputs.target: own} if own else {}
        for language, pairs in further.items():
            words[language] = [(word, translation) for translation, word in pairs.rows]
        write_json(folder / "words.json", words)
        return Outcome({"entries": {language: len(rows) for language, rows in words.items()}})

    how = settings.model_dump(include={"method", "neighbours", "least", "alignment"})
    for language, pairs in further.items():
        read |= pairs.inputs(f"lexicon {language}")
    return at.run("words", f"{source}-{settings.method}", build, settings=how, inputs=read)


def switched_labels(
    task: "Task[Any, Any]",
    stages: Mapping[str, Path],
    labels: Mapping[str, Labels],
    settings: CodeSwitchingSettings,
    *,
    seed: int,
) -> dict[str, Labels]:
    """The labels of sources in so many versions, each with words drawn anew.

    stages: source -> its `words_stage`; a source without one stays as it is.
    """
    from unibridge.augmentation.code_switching import switch_examples, tables_of

    found = dict(labels)
    for source, folder in stages.items():
        tables = tables_of(read_json(folder / "words.json"))
        given = labels[source]
        versions = [
            switch_examples(task, given.file.examples, tables, settings, seed=seed, version=version)
            for version in range(settings.versions)
        ]
        found[source] = replace(
            given,
            file=replace(given.file, examples=versions[0]),
            inputs={**given.inputs, "switched": _decided_by(folder, settings, seed)},
            versions=versions[1:],
        )
    return found


def switched_texts(
    stages: Mapping[str, Path],
    texts: Mapping[str, Text],
    settings: CodeSwitchingSettings,
    *,
    seed: int,
) -> dict[str, Text]:
    """The plain text of sources with words of it in other languages, drawn once."""
    import random

    from unibridge.augmentation.code_switching import switch_text, tables_of

    found = dict(texts)
    for source, folder in stages.items():
        if source not in texts:
            continue
        tables, draw = tables_of(read_json(folder / "words.json")), random.Random(seed)
        lines: Sequence[Any] = [
            switch_text(line, tables, settings, draw) for line in texts[source].lines
        ]
        decided = {**texts[source].inputs, "switched": _decided_by(folder, settings, seed)}
        found[source] = Text(lines, decided)
    return found


def _decided_by(folder: Path, settings: CodeSwitchingSettings, seed: int) -> str:
    made_of = str(read_manifest(folder)["fingerprint"])
    return fingerprint([made_of, settings.model_dump(mode="json"), seed])
