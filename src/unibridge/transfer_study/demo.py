"""The study's embedded default: eight CLDR languages, two tasks, the packaged base."""

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

from unibridge.artifacts import write_bytes
from unibridge.config.load import read_content
from unibridge.errors import UnibridgeError
from unibridge.text import cldr

MIX = ("en", "ru", "hi", "fr")
"""The languages that the task adapters learn from; none of them is a target."""
SEEN, UNSEEN = ("sw", "tr", "hu", "fa"), ("so", "am", "zu", "km")
"""Transfer languages and targets: in the packaged base's text, and not."""
CONFIG = """\
# The demo's study, as `unibridge study --demo` wrote it. Edit it and run
#   unibridge study {name}
# Does a little training on one language help a task in another? (arXiv 2403.20088)

seeds = [0, 1, 2]

[run]
folder = "."
executor = "{executor}"
workers = {workers}

[base]
model = "cldr"                     # the small multilingual base that comes with the package

[text]
languages = [{languages}]
path = "data/text/{{language}}.txt"

[tasks.ner]                        # spans: LOC, LANG, DATE, QTY, MONEY, ZONE
max_mix = 400
max_test = 60
mix = {{ languages = [{mix}], path = "data/labels/{{language}}.train.conll" }}
targets = {{ languages = [{languages}], path = "data/labels/{{language}}.test.conll" }}
[tasks.ner.training.training]      # ten times the published rate: the base is small
epochs = 4
learning_rate = 2e-3
schedule = "linear"

[tasks.first]                      # which kind of thing a phrase names first
kind = "classification"
max_mix = 400
max_test = 60
mix = {{ languages = [{mix}], path = "data/first/{{language}}.train.tsv" }}
targets = {{ languages = [{languages}], path = "data/first/{{language}}.test.tsv" }}
[tasks.first.training.training]
epochs = 4
learning_rate = 2e-3
schedule = "linear"

[tuning]
steps = [1, 10, 100]
learning_rate = 2e-4               # the authors: 5e-5, for models a hundred times larger
sample_words = 0                   # a phrase is a sample
max_lines = 1500

[controls]
kinds = ["shuffled", "mixed"]
shuffled = [{shuffled}]
"""


def write_study_demo(
    folder: Path,
    *,
    executor: str = "processes",
    workers: int = 2,
    languages: Sequence[str] = (*SEEN, *UNSEEN),
    seed: int = 11,
) -> Path:
    """Write the demo's files and its study.toml; returns the path of the latter.

    languages: of CLDR, transfer languages and targets alike. A demo that is there already stays
    as it is. Raises UnibridgeError for a study.toml that says something else.
    """
    path = folder / "study.toml"
    text = CONFIG.format(
        name=path,
        executor=executor,
        workers=workers,
        languages=_quoted(languages),
        mix=_quoted(MIX),
        shuffled=_quoted([code for code in languages if code == UNSEEN[0]]),
    )
    if path.exists():  # it is written last, so that its files are there
        if read_content(path, []) != tomllib.loads(text):
            raise UnibridgeError(
                "is no longer as the demo wrote it",
                where=path,
                do=f"run unibridge study {path}, delete it, or give another --folder",
            )
        return path
    for number, code in enumerate((*MIX, *languages)):
        test = cldr.phrases(code, 60, seed=seed, split="test")
        hidden = {phrase.words for phrase in test}
        if code in languages:
            plain = cldr.phrases(code, 1500, seed=seed + number, split="plain", exclude=hidden)
            _write(folder, f"text/{code}.txt", plain, lambda one: " ".join(one.words) + "\n")
            _write(folder, f"labels/{code}.test.conll", test, _conll)
            _write(folder, f"first/{code}.test.tsv", test, _first)
        if code in MIX:
            train = cldr.phrases(code, 400, seed=seed + number, split="train")
            _write(folder, f"labels/{code}.train.conll", train, _conll)
            _write(folder, f"first/{code}.train.tsv", train, _first)
    write_bytes(path, text.encode())
    return path


def _write(
    folder: Path, name: str, phrases: Sequence[cldr.Phrase], say: Callable[[cldr.Phrase], str]
) -> None:
    write_bytes(folder / "data" / name, "".join(map(say, phrases)).encode())


def _conll(phrase: cldr.Phrase) -> str:
    rows = zip(phrase.words, phrase.tags, strict=True)
    return "".join(f"{word}\t{tag}\n" for word, tag in rows) + "\n"


def _first(phrase: cldr.Phrase) -> str:
    kinds = [tag[2:] for tag in phrase.tags if tag != "O"]
    return f"{' '.join(phrase.words)}\t{kinds[0] if kinds else 'none'}\n"


def _quoted(codes: Sequence[str]) -> str:
    return ", ".join(f'"{code}"' for code in codes)
