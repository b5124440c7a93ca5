"""Everything that a run reads, read and checked before anything is trained."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.config import Config
from unibridge.errors import UnibridgeError
from unibridge.stages.inputs import (
    NO_PAIRS,
    Inputs,
    Labels,
    Pairs,
    Text,
    base_identity,
    read_dictionary,
    read_label_file,
    read_parallel_files,
    translations_of,
)
from unibridge.text import belonging
from unibridge.text.benchmarks import BENCHMARKS
from unibridge.text.corpus import read_text
from unibridge.text.examples import ReadAs
from unibridge.text.stream import look_through

if TYPE_CHECKING:
    from unibridge.tasks.base import Task


def read_inputs(config: Config) -> Inputs:
    """Load the base and read every file. Raises UnibridgeError for the first that is broken."""
    from unibridge.models.base import load_base, unknown_share
    from unibridge.tasks import task_of
    from unibridge.tasks.base import scored_by

    task = task_of(config.task.kind)
    if config.task.dataset != "none":
        task = scored_by(task, BENCHMARKS.resolve(config.task.dataset).metrics[0])
    warnings: list[str] = []
    read_as = ReadAs(config.task.reader, config.task.columns, config.task.labels)

    def text(files: Sequence[str]) -> Text:
        corpus = read_text(list(files), most=config.run.text_megabytes * 2**20 or None)
        warnings.extend(corpus.warnings)
        return Text.of(corpus, files)

    def labels(file: str, language: str, *, answered: bool = False) -> Labels:
        found = read_label_file(file, task, read_as, language=language, answered=answered)
        warnings.extend(f"{Path(file).name}: {warning}" for warning in found.file.warnings)
        return found

    texts = {config.target.language: text(config.target.text)}
    texts |= {s.language: text(s.text) for s in config.sources if s.text}
    only = config.task.unanswerable == "leave-out"
    own = config.target.language
    train = {s.language: labels(s.train, s.language, answered=only) for s in config.sources}
    translated = {
        s.language: labels(s.translated, own, answered=only) for s in config.sources if s.translated
    }
    held_out = {
        s.language: labels(s.dev, s.language, answered=only) for s in config.sources if s.dev
    }
    parallel, lexicons = {}, {}
    further: dict[str, dict[str, Pairs]] = {}
    for source in config.sources:
        if source.parallel:
            parallel[source.language], told = read_parallel_files(source.parallel)
            warnings += told
        if source.dictionary:
            languages = (config.target.language, source.language)
            lexicons[source.language], told = read_dictionary(source.dictionary, languages)
            warnings += told
        for path in source.lexicons:
            pairs, told = read_dictionary(path)
            further.setdefault(source.language, {})[Path(path).stem] = pairs
            warnings += told
    # one language is bridged to: that with the most translations, where need be with a dictionary
    found_translations = [
        translations_of(
            texts[source], parallel.get(source, NO_PAIRS), lexicons.get(source, NO_PAIRS)
        )
        for source in (s.language for s in config.sources)
        if source in texts and (source in parallel or source in lexicons)
    ]
    needs = any(config.for_method(m).embeddings.needs_dictionary for m in config.run.methods)
    translations = max(
        found_translations,
        key=lambda one: (needs and bool(one.dictionary), len(one.parallel) + len(one.dictionary)),
        default=None,
    )
    test = labels(config.target.test, own) if config.target.test else None
    brought = config.target.translated
    translated_test = labels(brought, own) if brought else None
    target_train = labels(config.target.train, own, answered=only) if config.target.train else None
    to_label = [look_through(file, read_as, task.reads) for file in config.target.predict]
    for one in to_label:
        warnings.extend(f"{Path(one.source).name}: {note}" for note in one.notes)
    examples = {source: file.file.examples for source, file in train.items()}
    warnings += task.check_labels_shared(
        examples,
        test.file.examples if test else (),
        allow_label_union=config.task.allow_label_union,
    )
    warnings += belonging.of_a_run(
        config.target.language,
        {language: one.lines for language, one in texts.items()},
        examples,
        {source: file.file.examples for source, file in held_out.items()},
        test.file.examples if test else (),
        target_train.file.examples if target_train else (),
    )
    for language, file in translated.items():
        warnings += _check_translated(task, language, file, examples, test)
    most = max(config.for_method(name).weights.sentences for name in config.run.methods)
    warnings += [
        f"{len(pairs.rows)} parallel sentences for {source}, fewer than weights.sentences = {most}."
        for source, pairs in parallel.items()
        if len(pairs.rows) < most
    ]

    given = config.base
    base = load_base(given.model, family=given.family, dropout=given.dropout, device=given.device)
    lines = texts[config.target.language].lines
    unknown = unknown_share(base.tokenizer, lines)
    if unknown > config.adaptation.max_teacher_unknown:
        warnings.append(
            f"The base reads {unknown:.0%} of the target's tokens as unknown. Its states say "
            "nothing about this text, so the KL term is off, and methods that keep the base's "
            "vocabulary (fine-tuning, MAD-X) are weak here by construction."
        )
    inputs = Inputs(
        base=base,
        base_hash=base_identity(base, config.base.dropout),
        task=task,
        target=config.target.language,
        labels=task.collect_labels(examples.values()),
        texts=texts,
        train=train,
        translated=translated,
        held_out=held_out,
        parallel=parallel,
        lexicons=lexicons,
        further_lexicons=further,
        vectors={s.language: s.vectors for s in config.sources if len(s.vectors) == 2},
        translations=translations,
        adapters={s.language: Path(s.adapter) for s in config.sources if s.adapter},
        test=test,
        translated_test=translated_test,
        target_train=target_train,
        to_label=to_label,
        teacher_unknown=unknown,
        warnings=warnings,
    )
    for name in config.run.methods:
        for check in config.method(name).checks:
            check(inputs)
    return inputs


def _check_translated(
    task: "Task",
    source: str,
    file: Labels,
    examples: Mapping[str, Sequence[Any]],
    test: Labels | None,
) -> list[str]:
    """Labels must be the sources' own; warnings of what the test set shares with them."""

    def labels_in(parts: Iterable[Sequence[Any]]) -> set[str]:
        return task.comparable({x for part in parts for one in part for x in task.labels_of(one)})

    unknown = labels_in([file.file.examples]) - labels_in(examples.values())
    if unknown:
        raise UnibridgeError(
            f"the translation has labels that no source has: {', '.join(sorted(unknown)[:12])}",
            where=file.file.path,
            do="rename them as in the sources' files",
        )
    scored = test.file.examples if test else ()
    return belonging.shared_with(scored, {f"the translated {source}": file.file.examples})
