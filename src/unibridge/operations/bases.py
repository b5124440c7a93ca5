"""What is done with base models and word vectors: look at them, train them, align them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from unibridge.errors import UnibridgeError
from unibridge.operations.listening import SILENCE, Listener
from unibridge.operations.reading import (
    MEGABYTES,
    read_pairs,
    read_words,
    text_lines,
    texts_by_language,
)
from unibridge.operations.stages import AnyBase

if TYPE_CHECKING:
    from unibridge.embeddings.align import Alignment, Induction
    from unibridge.embeddings.rotation import AlignmentSettings
    from unibridge.pack.trim import TrimOutput
    from unibridge.study.inspection import Inspection
    from unibridge.transfer.pretrain import PretrainSettings


@dataclass(frozen=True)
class Look:
    """What `inspect` found, and what was noted when the base was loaded."""

    found: "Inspection"
    notes: Sequence[str]


def inspect(
    base: AnyBase,
    text: Sequence[str | Path],
    *,
    device: str = "auto",
    text_megabytes: int = MEGABYTES,
    listener: Listener = SILENCE,
) -> Look:
    """Does this model read this language? A few seconds.

    text_megabytes: as in `unibridge.operations.stages`.
    """
    from unibridge.models.base import load_base
    from unibridge.study.inspection import inspect_base

    loaded = load_base(base, device=device) if isinstance(base, str) else base
    return Look(inspect_base(loaded, text_lines(text, listener, text_megabytes)), loaded.notes)


def pretrain(
    out: Path,
    settings: "PretrainSettings",
    *,
    base: str | None = None,
    text: Mapping[str, str] | None = None,
    pairs: Sequence[str | Path] = (),
    seed: int = 7,
    listener: Listener = SILENCE,
) -> Path:
    """Train a small multilingual base into a sub-folder of `out`, or a given one further.

    text: language -> plain text; unset: CLDR phrases, for a new base only. pairs: TSV files of
    translations, for TLM.
    """
    from unibridge.stages.pretrain import pretrain_base

    if base is not None and not text:
        raise UnibridgeError("a given base needs text to read", do="give --text, such as en=en.txt")
    if text:
        texts = texts_by_language(text, listener)
        translated = [pair for file in pairs for pair in read_pairs([str(file)], listener).rows]
        origin = ", ".join(text)
    else:
        from unibridge.demo import BASE_LANGUAGES, pretraining_text

        listener.say(f"making CLDR phrases of {len(BASE_LANGUAGES)} languages (some minutes)")
        texts, translated = pretraining_text(BASE_LANGUAGES, seed=seed)
        origin = "CLDR phrases"
    return pretrain_base(
        out,
        texts,
        settings,
        base=base,
        pairs=translated,
        origin=origin,
        device="auto",
        seed=seed,
        progress=lambda step, steps, parts: listener.on_progress("pretrain", step, steps, parts),
    )


def trim(
    base: str | Path,
    out: Path,
    text: Sequence[str | Path],
    settings: "TrimOutput",
    *,
    gold: str | Path | None = None,
) -> Path:
    """Cut a base, or a pack, down to the pieces that texts use; see `unibridge.pack.trim`."""
    from unibridge.pack.trim import trim as cut

    return cut(base, out, text, settings, gold=gold)


@dataclass(frozen=True)
class Aligned:
    """Aligned vectors; scored: of the gold dictionary, where one was given."""

    found: "Alignment"
    scored: "Induction | None"


def align(
    source: str | Path,
    target: str | Path,
    out: Path,
    settings: "AlignmentSettings",
    *,
    method: str = "procrustes",
    dictionary: str | None = None,
    test: str | None = None,
    seed: int = 0,
    listener: Listener = SILENCE,
) -> Aligned:
    """Rotate one language's word vectors onto another's and write them to `out`.

    dictionary, test: TSV of target word and source word, as anchors and to score P@1 and P@5 on.
    """
    from unibridge.embeddings.align import align_embeddings, induce_dictionary
    from unibridge.embeddings.word_vectors import write_word_vectors

    def pairs(file: str) -> list[tuple[str, str]]:
        entries = read_words(file, listener).rows
        return [(source_word, target_word) for target_word, source_word in entries]

    anchors = pairs(dictionary) if dictionary else None
    gold = pairs(test) if test else None
    found = align_embeddings(source, target, method, settings, dictionary=anchors, seed=seed)
    scored = None if gold is None else induce_dictionary(found.source, found.target, gold)
    write_word_vectors(out, found.source.words, found.source.vectors)
    return Aligned(found, scored)
