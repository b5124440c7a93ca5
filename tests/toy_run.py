"""A whole run's files on a toy base: `write_toy_run(tmp_path, "ner")` is what load_config reads."""

import json
from pathlib import Path
from random import Random

from toy import LINES, save_toy_base

# letters that the toy bases know, in words that they do not
SYLLABLES = ("to", "ri", "be", "wa", "su", "le", "no", "da")
RUN = """
[run]
folder = "run"
methods = ["unibridge"]
[base]
model = "base"
[task]
kind = "{task}"
[target]
language = "lug"
text = "lug.txt"
test = "lug.test{suffix}"
train = "lug.train{suffix}"
[vocabulary]
mode = "replace"
initial_size = 60
step = 10
max_size = 90
[embeddings]
static_dimension = 8
static_buckets = 500
[adaptation]
sample_words = 0
training = {{ steps = 4, batch_size = 8, checkpoint_seconds = 0 }}
[continuing]
sample_words = 0
training = {{ steps = 3, batch_size = 8, checkpoint_seconds = 0 }}
[self_training]
max_lines = 12
training = {{ steps = 2, batch_size = 8, checkpoint_seconds = 0 }}
[source_adaptation]
sample_words = 0
training = {{ steps = 3, batch_size = 8, checkpoint_seconds = 0 }}
[task_training]
head = {{ arc_size = 4, label_size = 4 }}
training = {{ steps = 4, batch_size = 8, learning_rate = 0.01, checkpoint_seconds = 0 }}
[fine_tuning]
head = {{ arc_size = 4, label_size = 4 }}
training = {{ steps = 3, batch_size = 8, checkpoint_seconds = 0 }}
[weights]
sentences = 3
"""
SOURCE = """
[[sources]]
language = "{language}"
text = "{language}.txt"
train = "{language}.train{suffix}"
dev = "{language}.dev{suffix}"
parallel = "lug-{language}.tsv"
"""


class Heard:
    """A listener that keeps what it is told: lines, stages without their fingerprint, steps."""

    def __init__(self):
        self.said, self.stages, self.steps = [], [], []

    def say(self, text=""):
        self.said.append(text)

    def on_stage(self, folder, done):
        self.stages.append((folder.rpartition("-")[0], done))

    def on_progress(self, stage, step, steps, parts):
        self.steps.append((stage, step, steps))


def toy_lines(language: str, count: int) -> list[str]:
    """Lines of the toy bases' own words for "en", of words that are new to them otherwise."""
    draw = Random(language)
    words = sorted({word for line in LINES for word in line.split()})
    if language != "en":
        words = [first + second for first in SYLLABLES for second in SYLLABLES]
    return [" ".join(draw.choices(words, k=draw.randint(4, 7))) for _ in range(count)]


def toy_questions(lines: list[str]) -> str:
    """SQuAD's JSON: the answer to a line backwards is its first word."""
    paragraphs = [
        {
            "context": line,
            "qas": [
                {
                    "id": str(number),
                    "question": " ".join(reversed(line.split())),
                    "answers": [{"text": line.split()[0], "answer_start": 0}],
                }
            ],
        }
        for number, line in enumerate(lines)
    ]
    return json.dumps({"version": "1.1", "data": [{"title": "toy", "paragraphs": paragraphs}]})


def toy_labels(task: str, lines: list[str]) -> str:
    """A label file of a task; what begins with b, s or t is a place; the first word is a class."""
    if task == "qa":
        return toy_questions(lines)
    rows = []
    for line in lines:
        words = line.split()
        label = "early" if words[0] < "o" else "late"
        if task == "parsing":
            # every word hangs from the next one, the last from the root
            rows.append(
                "".join(
                    f"{i}\t{word}\t_\tX\t_\t_\t{i + 1 if i < len(words) else 0}\t"
                    f"{'root' if i == len(words) else 'nsubj' if word[0] in 'bst' else 'case'}"
                    "\t_\t_\n"
                    for i, word in enumerate(words, start=1)
                )
            )
        elif task in ("ner", "pos"):
            tags = ("B-LOC", "O") if task == "ner" else ("NOUN", "VERB")
            tagged = (f"{word}\t{tags[word[0] not in 'bst']}" for word in words)
            rows.append("\n".join(tagged) + "\n")
        else:
            middle = f"{' '.join(reversed(words))}\t" if task == "pairs" else ""
            rows.append(f"{line}\t{middle}{label}")
    return "\n".join(rows) + "\n"


def write_toy_run(folder: Path, task: str, *, family: str = "xlm-roberta") -> Path:
    """A base, texts and labels of a target (lug) and two sources (en, sw); returns the config."""
    save_toy_base(folder / "base", family)
    suffix = {"ner": ".conll", "pos": ".conll", "parsing": ".conllu", "qa": ".json"}.get(
        task, ".tsv"
    )
    config = RUN.format(task=task, suffix=suffix)
    for language in ("lug", "en", "sw"):
        lines = toy_lines(language, 150)
        (folder / f"{language}.txt").write_text("\n".join(lines) + "\n")
        for part, few in (("train", lines[:30]), ("dev", lines[30:36]), ("test", lines[36:50])):
            (folder / f"{language}.{part}{suffix}").write_text(toy_labels(task, few))
        if language != "lug":
            pairs = zip(toy_lines("lug", 4), lines, strict=False)
            (folder / f"lug-{language}.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in pairs))
            config += SOURCE.format(language=language, suffix=suffix)
    path = folder / "run.toml"
    path.write_text(config)
    return path
