"""Input longer than the model, in training, weighing and self-training: read whole, or counted."""

import json

import pytest

from toy import LINES
from toy_run import write_toy_run
from unibridge.artifacts import read_manifest
from unibridge.config import load_config, stage_settings
from unibridge.models.base import load_base
from unibridge.operations import stages
from unibridge.study.run import run
from unibridge.tasks import TASKS
from unibridge.tasks.encoded import IGNORED

WORDS = " ".join(LINES * 25).split()[:700]
LONG = " ".join(LINES * 60)  # some 2,000 words; the toy bases read 38 tokens
STEPS = ["training.steps=2", "training.batch_size=8"]


@pytest.fixture
def seen(monkeypatch):
    """The labels that a task gave to its encodings, by how many each call encoded."""
    counts = []
    for task in TASKS.values():

        def encode(tokenizer, examples, *args, own=task.encode, **rest):
            found = own(tokenizer, examples, *args, **rest)
            counts.append(
                sum(i != IGNORED for one in found for i in one.label_ids)
                if found and isinstance(found[0].label_ids, list)
                else len(found)
            )
            return found

        monkeypatch.setattr(task, "encode", encode)
    return counts


def write_long(folder, task):
    config = write_toy_run(folder, task)
    if task == "ner":
        rows = "".join(f"{word}\tB-LOC\n" if word == "town" else f"{word}\tO\n" for word in WORDS)
        with (folder / "en.train.conll").open("a") as stream:
            stream.write("\n" + rows)
    else:
        with (folder / "en.train.tsv").open("a") as stream:
            stream.write(f"{' '.join(WORDS)}\tearly\n")
    for language in ("lug", "en"):
        with (folder / f"{language}.txt").open("a") as stream:
            stream.write(LONG + "\n")
    return config


@pytest.mark.parametrize("task", ["ner", "classification"])
def test_training_and_weighing_lose_nothing_silently(tmp_path, task, seen):
    write_long(tmp_path, task)
    base, out = load_base(str(tmp_path / "base")), tmp_path / "stages"
    suffix = "conll" if task == "ner" else "tsv"
    adapted = stages.adapt(
        base,
        out,
        [tmp_path / "en.txt"],
        stage_settings("source_adaptation", [*STEPS, "sample_words=0"]),
        language="en",
    )
    trained = stages.train_task(
        base,
        out,
        str(tmp_path / f"en.train.{suffix}"),
        stage_settings("task_training", STEPS),
        task=task,
        language="en",
        language_adapter=adapted,
    )
    told = read_manifest(trained)["warnings"]
    if task == "ner":
        short = sum(bool(line) for line in (tmp_path / "en.train.conll").read_text().split("\n"))
        assert seen[0] == short and short > 700 and not any("longer than" in one for one in told)
    else:
        assert any("1 of 31 texts are longer than" in one for one in told)
    weighed = stages.weigh(
        base,
        out,
        adapted,
        {"en": adapted, "sw": adapted},
        stage_settings("weights", ["method=confidence", "unlabelled_sentences=500"]),
        tasks={"en": trained, "sw": trained},
        text=[tmp_path / "lug.txt"],
    )
    told = read_manifest(weighed)["warnings"]
    assert any("1 of 151 texts are longer than" in one for one in told) == (task != "ner")


@pytest.mark.parametrize("task", ["ner", pytest.param("classification", marks=pytest.mark.slow)])
def test_self_training_loses_nothing_silently(tmp_path, task):
    config = load_config(
        write_long(tmp_path, task),
        [
            'run.methods=["fine-tune-self"]',
            "self_training.keep=1.0",
            "self_training.telling=1.0",
            "self_training.max_lines=500",
        ],
    )
    root = run(config)
    (stage,) = root.glob("train-task-lug-self-trained-1-*")
    manifest = read_manifest(stage)
    facts, told = manifest["facts"], manifest["warnings"]
    assert facts["lines"] == facts["kept"] == 151
    if task == "ner":
        lines = (tmp_path / "lug.txt").read_text().split("\n")
        assert sum(facts["decisions"].values()) == sum(len(line.split()) for line in lines)
    assert any("texts are longer than" in one for one in told) == (task != "ner")
    assert json.loads((root / "results.jsonl").read_text().splitlines()[0])
