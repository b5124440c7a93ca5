"""The stages of the method one at a time, from files to a stage folder.

Common to all: base is a name, folder, hub id, or a loaded base; out is the folder that gets the
stage's own; text is files or folders of plain text, of which text_megabytes (MiB; 0: all) are held
at most, lines evenly spread; seed decides what is drawn. Each returns the stage's folder, whose
manifest has its facts and warnings, and takes a finished one over as it is. Raises UnibridgeError
for a broken file, setting or folder.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Union

from unibridge.artifacts import fingerprint, hash_path, read_json, read_manifest, write_manifest
from unibridge.errors import UnibridgeError
from unibridge.operations.listening import SILENCE, Listener
from unibridge.operations.reading import (
    MEGABYTES,
    Files,
    read_corpus,
    read_labelled,
    read_pairs,
    read_words,
    say_all,
)
from unibridge.pack import find, load
from unibridge.stages.ensemble import model_of, weigh_stage
from unibridge.stages.inputs import (
    NO_PAIRS,
    base_identity,
    translations_of,
)
from unibridge.stages.language import adapt_stage
from unibridge.stages.task import few_shot_stage, task_stage
from unibridge.stages.vocabulary import embed_stage, vocabulary_stage
from unibridge.stages.workplace import Workplace
from unibridge.tasks import task_of
from unibridge.text.belonging import shared_with
from unibridge.text.examples import AS_IT_IS, ReadAs

if TYPE_CHECKING:
    from unibridge.embeddings.settings import EmbeddingSettings
    from unibridge.ensemble.few_shot import FewShotSettings
    from unibridge.models.base import BaseModel as Base
    from unibridge.transfer.language import AdaptationSettings
    from unibridge.transfer.task_settings import TaskSettings
    from unibridge.vocabulary.search import SearchSettings
    from unibridge.weighting.base import WeightSettings

AnyBase = Union[str, "Base"]


def workplace(
    base: AnyBase, out: Path, *, device: str = "auto", listener: Listener = SILENCE
) -> Workplace:
    """Where stages that are run alone are kept: the base loaded, the folder made."""
    from unibridge.models.base import load_base

    loaded = load_base(base, device=device) if isinstance(base, str) else base
    out.mkdir(parents=True, exist_ok=True)
    return Workplace(out, loaded, base_identity(loaded), listener.on_stage, listener.on_progress)


def vocabulary(
    base: AnyBase,
    out: Path,
    text: Files,
    settings: "SearchSettings",
    *,
    language: str,
    text_megabytes: int = MEGABYTES,
    listener: Listener = SILENCE,
) -> Path:
    """§2.1: choose a vocabulary size and make a tokenizer of it."""
    at = workplace(base, out, listener=listener)
    read = read_corpus(text, listener, text_megabytes)
    return vocabulary_stage(at, read, settings, language=language)


def embed(
    base: AnyBase,
    out: Path,
    text: Files,
    settings: "EmbeddingSettings",
    *,
    language: str,
    vocabulary: Path,
    source_text: Files = (),
    parallel: Sequence[str] = (),
    dictionary: str | None = None,
    seed: int = 0,
    text_megabytes: int = MEGABYTES,
    listener: Listener = SILENCE,
) -> Path:
    """§2.2: first values for the embeddings of a vocabulary stage.

    source_text: text that the base reads; with it parallel, a TSV of target and source or two
    files, and dictionary, a TSV of target word and source word, tie the two languages together.
    """
    translations = None
    if source_text:
        translations = translations_of(
            read_corpus(source_text, listener, text_megabytes),
            read_pairs(parallel, listener) if parallel else NO_PAIRS,
            read_words(dictionary, listener) if dictionary else NO_PAIRS,
        )
    return embed_stage(
        workplace(base, out, listener=listener),
        read_corpus(text, listener, text_megabytes),
        settings,
        language=language,
        vocabulary=vocabulary,
        seed=seed,
        translations=translations,
    )


def adapt(
    base: AnyBase,
    out: Path,
    text: Files,
    settings: "AdaptationSettings",
    *,
    language: str,
    vocabulary: Path | None = None,
    embeddings: Path | None = None,
    seed: int = 0,
    text_megabytes: int = MEGABYTES,
    listener: Listener = SILENCE,
) -> Path:
    """§2.3: train a language adapter; a target's with its vocabulary and embeddings stages."""
    if (vocabulary is None) != (embeddings is None):
        raise UnibridgeError(
            "a new vocabulary needs its embeddings",
            do="give --vocabulary and --embeddings, or neither",
        )
    return adapt_stage(
        workplace(base, out, listener=listener),
        read_corpus(text, listener, text_megabytes),
        settings,
        language=language,
        seed=seed,
        vocabulary=vocabulary,
        embeddings=embeddings,
    )


def train_task(
    base: AnyBase,
    out: Path,
    labels: str,
    settings: "TaskSettings",
    *,
    task: str,
    language: str,
    language_adapter: Path | None = None,
    dev: str | None = None,
    read_as: ReadAs = AS_IT_IS,
    seed: int = 0,
    listener: Listener = SILENCE,
) -> Path:
    """§2.3: train a task adapter on one source language.

    labels, dev: labelled files to train on, and to score on meanwhile. task: a registered name or
    an import path. language_adapter: folder of the source's adapt stage. read_as: how the files are
    to be read.
    """
    found = task_of(task)
    train = {language: read_labelled(labels, found, read_as, listener)}
    held_out = {language: read_labelled(dev, found, read_as, listener)} if dev else {}
    for own in held_out.values():
        others = {labels: train[language].file.examples}
        say_all(shared_with(own.file.examples, others, name=str(dev)), listener)
    return task_stage(
        workplace(base, out, listener=listener),
        found,
        train,
        held_out,
        {language: language_adapter},
        found.collect_labels(one.file.examples for one in train.values()),
        settings,
        seed=seed,
    )


def few_shot_curve(
    model: str | Path,
    out: Path,
    target_labels: str,
    test: str,
    settings: "FewShotSettings",
    *,
    read_as: ReadAs = AS_IT_IS,
    seed: int = 0,
    listener: Listener = SILENCE,
) -> Path:
    """What a few labelled target sentences add to a pack, from its model and from scratch.

    model: folder of a pack or run. target_labels: what is drawn from. test: what is scored.
    """
    loaded = load(model, device="auto")
    drawn = read_labelled(target_labels, loaded.task, read_as, listener)
    scored = read_labelled(test, loaded.task, read_as, listener)
    say_all(shared_with(scored.file.examples, {target_labels: drawn.file.examples}), listener)
    out.mkdir(parents=True, exist_ok=True)
    return few_shot_stage(
        out,
        loaded.config.language or "target",
        lambda: loaded,
        {"model": hash_path(find(model))},
        drawn,
        scored,
        settings,
        seed=seed,
        on_stage=listener.on_stage,
        on_progress=listener.on_progress,
    )


def weigh(
    base: AnyBase,
    out: Path,
    target: Path,
    sources: Mapping[str, Path],
    settings: "WeightSettings",
    *,
    parallel: Mapping[str, str] | None = None,
    tasks: Mapping[str, Path] | None = None,
    text: Files = (),
    labels: str | None = None,
    read_as: ReadAs = AS_IT_IS,
    seed: int = 0,
    listener: Listener = SILENCE,
) -> Path:
    """§2.4: how much each source counts for the target.

    target, sources, tasks: folders of adapt and train-task stages. parallel: source -> TSV. text:
    of the target; labels: a few labelled target examples, for weightings that read them.
    """
    from unibridge.transfer.trained import TrainedTask

    pairs = {code: read_pairs([file], listener).rows for code, file in (parallel or {}).items()}
    labelled = None
    if labels and tasks:
        first = TrainedTask.load(next(iter(tasks.values())))
        labelled = read_labelled(labels, task_of(first.task), read_as, listener)
    return weigh_stage(
        workplace(base, out, listener=listener),
        target,
        sources,
        pairs,
        settings,
        state=read_manifest(target, "adapt")["settings"].get("state", "encoder"),
        tasks=tasks,
        text=read_corpus(text, listener) if text else None,
        labelled=labelled,
        seed=seed,
    )


def assemble_pack(
    base: AnyBase,
    out: Path,
    target: Path,
    tasks: Mapping[str, Path],
    *,
    weights: Path | None = None,
    listener: Listener = SILENCE,
) -> Path:
    """A language pack in `out` from a target's adapt stage and trained tasks.

    weights: folder of a weigh stage; unset: all sources alike.
    """
    shares, own = dict.fromkeys(tasks, 1.0), None
    if weights is not None:
        shares = read_json(weights / "weights.json")
        own = read_manifest(weights, "weigh")["facts"]["sentence_temperature"]
    trained = [read_manifest(folder, "train-task") for folder in tasks.values()]
    read_manifest(target, "adapt")
    model = model_of(
        workplace(base, out, listener=listener),
        target,
        tasks,
        shares,
        max_tokens=max(manifest["settings"]["max_tokens"] for manifest in trained),
        sentence_temperature=own,
    )
    model.save_pretrained(out)
    key = fingerprint([manifest["fingerprint"] for manifest in trained])
    write_manifest(out, {"stage": "pack", "name": target.name, "fingerprint": key})
    return out
