"""A column of 10,000 classes: what each command says of it, and how long it takes."""

import time

import pytest

from toy import save_toy_base
from toy_run import Heard, toy_lines
from unibridge.artifacts import read_manifest
from unibridge.cli import main
from unibridge.config import stage_settings
from unibridge.metrics.scores import span_scores
from unibridge.operations import packs, stages

CLASSES = 10_000


@pytest.fixture
def seconds():
    """Processor time since the test began, whatever else the machine does."""
    start = time.process_time()
    return lambda: time.process_time() - start


def table(path, times=1):
    rows = [f"a text of number {n}\tclass{n % CLASSES}\n" for n in range(times * CLASSES)]
    path.write_text("".join(rows))
    return path


def doubts(said):
    return [one for one in said if "different labels" in one or "different tags" in one]


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2])
def test_texts_are_scored_in_seconds_with_one_line(tmp_path, seconds, times):
    gold, heard = table(tmp_path / "a.tsv", times), Heard()
    score = packs.evaluate(gold, predictions=gold, task="classification", listener=heard)
    assert score.value == 100.0 and seconds() < 40
    (note,) = doubts(heard.said)
    assert f"10,000 different labels for {times * CLASSES:,} examples" in note


def test_a_model_learns_scores_and_labels_in_a_minute_with_one_line_each(tmp_path, seconds):
    base = save_toy_base(tmp_path / "base", "bert")
    text = tmp_path / "en.txt"
    text.write_text("\n".join(toy_lines("en", 40)))
    gold, heard = table(tmp_path / "a.tsv"), Heard()
    few = ["training.steps=1", "training.batch_size=8"]
    adapted = stages.adapt(
        str(base),
        tmp_path / "out",
        [text],
        stage_settings("source_adaptation", ["sample_words=0", *few]),
        language="en",
    )
    task = stages.train_task(
        str(base),
        tmp_path / "out",
        str(gold),
        stage_settings("task_training", ["max_examples=200", *few]),
        task="classification",
        language="en",
        language_adapter=adapted,
        listener=heard,
    )
    assert len(doubts(heard.said)) == 1 and read_manifest(task)["facts"]["steps"] == 1
    pack = stages.assemble_pack(str(base), tmp_path / "pack", adapted, {"en": task})
    small = tmp_path / "small.tsv"
    small.write_text("".join(gold.read_text().splitlines(keepends=True)[:100]))
    assert packs.predict_file(pack, small, tmp_path / "labelled.tsv") == 100
    assert 0 <= packs.evaluate(small, model=pack).value <= 100
    assert seconds() < 120


@pytest.mark.slow
def test_words_with_so_many_tags_are_doubted_and_scored(tmp_path, seconds, capsys):
    path = tmp_path / "a.conll"
    path.write_text("".join(f"w{n}\tT{n % CLASSES}\n" + "\n" * (n % 9 == 0) for n in range(20_000)))
    heard = Heard()
    assert packs.evaluate(path, predictions=path, task="pos", listener=heard).value == 100.0
    (note,) = doubts(heard.said)
    assert "10,000 different tags for 20,000 words" in note
    path.write_text(path.read_text().replace("\tT", "\tB-T"))
    arguments = ["evaluate", "--gold", str(path), "--predictions", str(path), "--task", "ner"]
    assert main(arguments) == 0
    said = capsys.readouterr()
    assert len(said.out.splitlines()) < 70 and "and 9,9" in said.out.splitlines()[-1]
    assert len(doubts(said.err.splitlines())) == 1
    assert seconds() < 60


def test_entities_of_many_types_are_counted_in_one_pass(seconds):
    gold = [[f"B-T{n}", f"I-T{n}", "O"] for n in range(CLASSES)]
    predicted = [row if n % 2 else ["O"] * 3 for n, row in enumerate(gold)]
    found = span_scores(gold, predicted)
    assert found["recall"] == 50.0 and found["precision"] == 100.0
    assert found["span_f1 T1"] == 100.0 and found["span_f1 T2"] == 0.0
    assert len(found) == CLASSES + 3 and seconds() < 20
