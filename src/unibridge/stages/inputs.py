"""What stages read, each with the hashes that decide them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.artifacts import fingerprint, hash_path
from unibridge.errors import UnibridgeError
from unibridge.settings import ELSEWHERE
from unibridge.text.examples import AS_IT_IS, ReadAs

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base
    from unibridge.tasks.base import Task
    from unibridge.text.corpus import Corpus
    from unibridge.text.labels import LabelFile
    from unibridge.text.stream import Unlabelled


@dataclass(frozen=True)
class Text:
    """Lines of one language, and the files' hashes, with how much of them is held."""

    lines: Sequence[str]
    inputs: Mapping[str, str]

    @classmethod
    def of(cls, corpus: "Corpus", files: Sequence[str | Path]) -> "Text":
        """A corpus that was read from these files."""
        part = {"held": f"{len(corpus.lines)} of {corpus.read} lines"}
        return cls(
            corpus.lines,
            hashes("text", files) | (part if len(corpus.lines) < corpus.read else {}),
        )


@dataclass(frozen=True)
class Pairs:
    """Lines or words of the target with their translations: (target, source), and the files."""

    rows: Sequence[tuple[str, str]] = ()
    files: tuple[str, ...] = ()

    def inputs(self, role: str) -> dict[str, str]:
        """What decides a stage that reads them, see `hashes`."""
        return hashes(role, self.files)


NO_PAIRS = Pairs()


@dataclass(frozen=True)
class Translations:
    """Text of a language that the base reads, and what ties the target to it.

    parallel: (target line, source line). dictionary: (target word, source word).
    """

    source_lines: Sequence[str]
    parallel: Sequence[tuple[str, str]]
    dictionary: Sequence[tuple[str, str]]
    inputs: Mapping[str, str]


@dataclass(frozen=True)
class Labels:
    """A label file with its hash; `file` has the examples.

    versions: the same examples in other words, of which later epochs read the next.
    """

    file: "LabelFile"
    inputs: Mapping[str, str]
    versions: Sequence[Sequence[Any]] = ()


def hashes(role: str, files: Sequence[str | Path]) -> dict[str, str]:
    """role:number:file name -> hash, of what a stage reads. A hub id stands for itself."""
    return {
        f"{role}:{number}:{Path(file).name}": _identity(str(file))
        for number, file in enumerate(files)
    }


def _identity(file: str) -> str:
    if not file.startswith(ELSEWHERE):
        return hash_path(Path(file))
    from unibridge.text.benchmarks import is_part, part_of

    return part_of(file).identity if is_part(file) else file


def read_label_file(
    file: str,
    task: "Task",
    read_as: ReadAs = AS_IT_IS,
    *,
    language: str = "",
    answered: bool = False,
) -> Labels:
    """Labels with what decides them: the file, and how it was read.

    language: of the examples where the file does not say it. answered: without the examples that
    have no answer.
    """
    from unibridge.text.labels import read_labels

    found = read_labels(file, *read_as, expect=task.reads)
    examples = [task.in_language(example, language) for example in found.examples]
    if answered:
        examples = [example for example in examples if task.has_answer(example)]
        if not examples:
            raise UnibridgeError("no example has an answer", where=file)
    left_out = len(examples) < len(found.examples)
    found = replace(found, examples=examples)
    names = [list(found.layout.names)] if found.layout.names else []
    names += [["answered"]] if left_out else []
    how = fingerprint([found.reader, found.layout.columns, *names])
    return Labels(found, hashes("labels", [file]) | {"read as": how})


def read_parallel_files(files: Sequence[str]) -> tuple[Pairs, list[str]]:
    """Aligned lines of one TSV or of two files, and warnings."""
    from unibridge.text.parallel import read_parallel

    found = read_parallel(*files)
    rows = list(zip(found.target_lines, found.source_lines, strict=True))
    return Pairs(rows, tuple(files)), found.warnings


def read_dictionary(file: str, languages: Sequence[str] = ()) -> tuple[Pairs, list[str]]:
    """Entries of a lexicon, and warnings."""
    from unibridge.text.lexicon import read_lexicon

    found = read_lexicon(file, languages=languages)
    return Pairs(found.entries, (file,)), found.warnings


def translations_of(
    text: Text, parallel: Pairs = NO_PAIRS, dictionary: Pairs = NO_PAIRS
) -> Translations:
    """Source text with its aligned lines and its dictionary, either."""
    both = Pairs(files=(*parallel.files, *dictionary.files))
    return Translations(
        text.lines,
        parallel.rows,
        dictionary.rows,
        {f"source {name}": hashed for name, hashed in text.inputs.items()}
        | both.inputs("translations"),
    )


@dataclass(frozen=True)
class Inputs:
    """Everything that a run reads, read before anything is trained.

    target: code. labels: of the task, in the order of the head's outputs. texts, train, held_out,
    parallel, lexicons, further_lexicons, vectors, adapters: by language; parallel: lines, lexicons:
    words of the target with this language's; further_lexicons: other languages' words with it, by
    file name; vectors: files of the target's and of its own; adapters: folders of ready ones.
    translated: source -> its labels in the target's language; translated_test: the test examples in
    a source's. teacher_unknown: share of the target's tokens that the base does not know.
    """

    base: "Base"
    base_hash: str
    task: "Task"
    target: str
    labels: list[str]
    texts: Mapping[str, Text]
    train: Mapping[str, Labels]
    translated: Mapping[str, Labels]
    held_out: Mapping[str, Labels]
    parallel: Mapping[str, Pairs]
    lexicons: Mapping[str, Pairs]
    further_lexicons: Mapping[str, Mapping[str, Pairs]]
    vectors: Mapping[str, tuple[str, ...]]
    translations: Translations | None
    adapters: Mapping[str, Path]
    test: Labels | None
    translated_test: Labels | None
    target_train: Labels | None
    to_label: "list[Unlabelled]"
    teacher_unknown: float
    warnings: list[str]

    def labels_of(self, language: str) -> Labels:
        """What is there to learn of a language. Raises UnibridgeError where that is nothing."""
        found = self.target_train if language == self.target else self.train.get(language)
        if found is None:
            raise UnibridgeError(
                f"there are no labels of {language!r} to learn from",
                where="target.train" if language == self.target else "sources",
            )
        return found


def base_identity(base: "Base", dropout: float | None = None) -> str:
    """A hash of the base's files, or the hub's own for a cached hub model; with its dropout, and
    with the family where that is not the checkpoint's."""
    from unibridge.models.families import OWN

    name = str(base.model.config._name_or_path)
    files = [
        hash_path(path)
        for path in sorted(Path(name).glob("*"))
        if path.suffix in {".json", ".safetensors", ".txt", ".model"}
    ]
    identity = (
        fingerprint(files)
        if Path(name).is_dir()
        else f"{name}@{getattr(base.model.config, '_commit_hash', None)}"
    )
    own = getattr(base.model.config, OWN, None)
    identity += "" if own is None else f", family {own}"
    return identity if dropout is None else f"{identity}, dropout {dropout:g}"
