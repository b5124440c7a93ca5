"""What is said of a pack made small is measured on what was made."""

import importlib
from pathlib import Path

import pytest

import unibridge
from toy import drawn_pack
from toy_run import toy_labels, toy_lines
from unibridge.artifacts import write_json
from unibridge.errors import UnibridgeError
from unibridge.metrics import METRICS
from unibridge.tasks import TASKS
from unibridge.text.labels import read_labels

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def small(monkeypatch):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("small")


def finished_run(folder):
    """A run's folder with a drawn pack, two lines of text and labels that use more pieces."""
    lines = toy_lines("en", 12)
    drawn_pack("ner", {"en": 0.5, "sw": 0.5}).save_pretrained(folder / "pack")
    for name, text in (("xx.txt", lines[:2]), ("en.txt", lines[1:3])):
        (folder / name).write_text("\n".join(text))
    (folder / "test.conll").write_text(toy_labels("ner", lines))
    sides = [{"language": code, "text": [str(folder / f"{code}.txt")]} for code in ("xx", "en")]
    target = {**sides[0], "test": str(folder / "test.conll")}
    about = {"target": "xx", "target_name": "Toy", "task": "ner", "sources": ["en"], "base": "toy"}
    write_json(folder / "run.json", {**about, "settings": {"target": target, "sources": sides[1:]}})
    return folder


@pytest.mark.slow
def test_every_form_is_made_scored_and_timed(small, tmp_path, capsys):
    run = finished_run(tmp_path / "run")
    page = tmp_path / "small.md"
    page.write_text("# Small\n\n" + "\n".join(small.MARKS) + "\n\nAfter.\n")
    given = [str(run), "--out", str(tmp_path / "made"), "--sentences", "3", "--page", str(page)]
    small.main([*given, "--write"])
    said = capsys.readouterr().out
    assert said.strip() in page.read_text() and page.read_text().endswith("After.\n")
    rows = [line.split("|")[1:-1] for line in said.splitlines() if line.startswith("|")][2:]
    names = [row[0].strip() for row in rows]
    assert names == ["the pack", "trimmed", "8 bits", "trimmed, 8 bits"]
    weights = [float(row[2]) for row in rows]
    on_disk = [f for n in ("trimmed", "int8") for f in (tmp_path / "made" / n).glob("m*.[so]*")]
    assert weights[1:3] == [round(file.stat().st_size / 1e6, 1) for file in on_disk]
    # what it says of the pack is what the pack scores
    test = read_labels(run / "test.conll", expect=TASKS["ner"].reads).examples
    pack = unibridge.load(run)
    score = METRICS["span_f1"]([pack.task.gold(one) for one in test], pack.predict(test))
    assert rows[0][7].strip().startswith(f"{score:.1f} ") and not rows[0][8].strip()
    assert "12 test examples, trimmed to 4 lines" in said and "Medians of 3 sentences" in said


def test_forms_differ_as_their_pieces_and_bits_do(small, tmp_path):
    run = finished_run(tmp_path / "run")
    forms = small.make_forms(run, tmp_path / "made", [run / "xx.txt", run / "en.txt"])
    examples = read_labels(run / "test.conll", expect=TASKS["ner"].reads).examples
    small.measure(forms, examples, 2)
    pieces = [len(form.model.tokenizer) for form in forms.values()]
    assert pieces[0] == pieces[2] > pieces[1] == pieces[3]
    first = forms[small.WHOLE]
    assert (first.behind.value, first.behind.low, first.behind.high) == (0, 0, 0)
    for form in forms.values():
        assert len(form.milliseconds) == 2 and len(form.said) == len(examples)
        assert form.behind.value == pytest.approx(form.score.value - first.score.value)
    # the copies that read by ONNX leave the models alone whose words they decode with
    assert "outputs" in vars(forms[small.INT8].model) and "outputs" not in vars(first.model)
    assert small.megabytes(first.folder) > first.weights > 0


def test_a_page_without_marks_is_refused(small, tmp_path):
    (tmp_path / "page.md").write_text("# Small\n")
    with pytest.raises(UnibridgeError, match="not marked"):
        small.write_page(tmp_path / "page.md", "a table")
