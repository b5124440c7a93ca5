"""A user's files as operations read them: what is odd about each is said to the listener."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unibridge.operations.listening import SILENCE, Listener
from unibridge.stages.inputs import (
    Labels,
    Pairs,
    Text,
    read_dictionary,
    read_label_file,
    read_parallel_files,
)
from unibridge.text.corpus import MOST_BYTES, Corpus, read_text
from unibridge.text.examples import ReadAs

if TYPE_CHECKING:
    from unibridge.tasks.base import Task

Files = Sequence[str | Path]
MEGABYTES = MOST_BYTES >> 20
"""Text of a language that is held where nothing else is said, MiB; of more, lines evenly spread."""


def say_all(warnings: Iterable[str], listener: Listener) -> None:
    """Each warning once, as the terminal shows them."""
    for warning in dict.fromkeys(warnings):
        listener.say(f"warning: {warning}")


def text_lines(
    files: Files, listener: Listener = SILENCE, text_megabytes: int = MEGABYTES
) -> Sequence[str]:
    """Lines of plain text. text_megabytes: how many MiB are held at most; 0: all."""
    return _corpus(files, listener, text_megabytes).lines


def read_corpus(
    files: Files, listener: Listener = SILENCE, text_megabytes: int = MEGABYTES
) -> Text:
    """Plain text with its files' hashes; as `text_lines`."""
    return Text.of(_corpus(files, listener, text_megabytes), files)


def _corpus(files: Files, listener: Listener, text_megabytes: int) -> Corpus:
    corpus = read_text(
        list(files),
        most=text_megabytes * 2**20 or None,
        progress=lambda done, total: listener.on_progress("reading", done, total, {}),
    )
    say_all(corpus.warnings, listener)
    return corpus


def texts_by_language(
    files: Mapping[str, str | Files], listener: Listener = SILENCE
) -> dict[str, list[str]]:
    """Language -> lines of its files."""
    return {
        code: list(text_lines([own] if isinstance(own, str) else own, listener))
        for code, own in files.items()
    }


def read_labelled(
    file: str, task: "Task", read_as: ReadAs, listener: Listener, *, language: str = ""
) -> Labels:
    """A label file, as `read_label_file`."""
    found = read_label_file(file, task, read_as, language=language)
    say_all(found.file.warnings, listener)
    return found


def read_pairs(files: Sequence[str], listener: Listener = SILENCE) -> Pairs:
    """Aligned lines of one TSV or of two files."""
    pairs, warnings = read_parallel_files(files)
    say_all(warnings, listener)
    return pairs


def read_words(file: str, listener: Listener = SILENCE, languages: Sequence[str] = ()) -> Pairs:
    """Entries of a lexicon."""
    pairs, warnings = read_dictionary(file, languages)
    say_all(warnings, listener)
    return pairs
