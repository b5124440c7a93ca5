"""What every student has in common, by one that is trained (distilled) and one that is not."""

import pytest
import torch

from toy import LINES, drawn_pack
from toy_run import toy_lines
from unibridge.adapters.modules import Bottleneck
from unibridge.ensemble.distil import DistilSettings, distil
from unibridge.ensemble.merge import MergeSettings, fit_merge, merge
from unibridge.ensemble.student import StudentSettings, train_student
from unibridge.errors import UnibridgeError

TEXT = toy_lines("en", 60)


def telling_pack(name):
    return drawn_pack(name, {"en": 0.4, "sw": 0.6})


students = pytest.mark.parametrize(
    ("teach", "settings"), [(distil, DistilSettings), (fit_merge, MergeSettings)]
)


def test_the_divergence_told_is_that_of_the_two_models():
    """At the first subword of every held-out word, computed from the models alone."""
    teacher = telling_pack("ner")
    found = distil(teacher, TEXT[:2], DistilSettings(held_out=0.5, training={"steps": 1}))
    task, tokenizer = teacher.task, teacher.tokenizer
    sums = []
    for line in TEXT[:2]:
        (one,) = task.encode(tokenizer, [task.as_example(line)], teacher.config.labels, 38)
        ids = torch.tensor([one.input_ids])
        with torch.no_grad():
            p, q = (m(ids).logits[0, one.word_starts].softmax(-1) for m in (teacher, found.model))
        sums.append((p * (p / q).log()).sum(-1).mean())
    assert any(found.divergence == pytest.approx(float(one), rel=1e-3) for one in sums)


def test_pairs_are_made_of_neighbouring_lines_and_it_is_said():
    found = distil(telling_pack("pairs"), TEXT[:9], DistilSettings(training={"steps": 1}))
    assert found.facts["lines"] == 8
    assert "each line was read with the next one" in found.warnings[0]


@pytest.mark.parametrize("name", ["ner", "classification"])
def test_with_nothing_to_train_the_two_are_only_compared(name):
    teacher = telling_pack(name)
    student = merge(teacher)
    was = {path: tensor.clone() for path, tensor in student.state_dict().items()}
    found = train_student(teacher, student, {}, TEXT, StudentSettings(held_out=0.2))
    assert found.before == (found.divergence, found.agreement) and found.divergence > 0
    assert found.facts["steps"] == 0 and found.facts["curve"] == []
    assert all(torch.equal(was[path], tensor) for path, tensor in student.state_dict().items())
    assert train_student(teacher, teacher, {}, TEXT, StudentSettings()).divergence == 0


def test_too_little_text_is_explained():
    teacher = telling_pack("ner")
    with pytest.raises(UnibridgeError, match="too few to learn from"):
        train_student(teacher, merge(teacher), {}, [LINES[0], " "], StudentSettings())


@students
def test_a_part_of_the_training_leaves_the_rest_as_it_is(teach, settings):
    expected = settings().training.model_dump() | {"epochs": 3}
    assert settings(training={"epochs": 3}).training.model_dump() == expected


@students
def test_an_interrupted_run_ends_as_an_uninterrupted_one(teach, settings, tmp_path):
    training = {"steps": 6, "batch_size": 16, "learning_rate": 0.1, "checkpoint_seconds": 0}
    given = (telling_pack("ner"), TEXT, settings(training=training))
    whole, steps = teach(*given).model, []

    def stop(step, *_):
        if step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        teach(*given, checkpoint=tmp_path / "checkpoint.pt", progress=stop)
    again = teach(
        *given, checkpoint=tmp_path / "checkpoint.pt", progress=lambda step, *_: steps.append(step)
    ).model
    assert len(steps) < 6, "it went on from the checkpoint"
    assert all(
        torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True)
    )


@students
def test_a_students_training_saves_memory_where_it_is_asked_to(teach, settings, monkeypatch):
    """Activations are computed again, and nothing else changes."""
    calls = []
    whole = Bottleneck.forward
    monkeypatch.setattr(Bottleneck, "forward", lambda *given: calls.append(1) or whole(*given))
    found, read = {}, {}
    for asked in (False, True):
        calls.clear()
        training = {"steps": 2, "activation_checkpointing": asked}
        found[asked] = teach(telling_pack("ner"), TEXT, settings(training=training))
        read[asked] = len(calls)
        assert not found[asked].warnings
    assert read[True] > read[False]
    assert found[True].divergence == pytest.approx(found[False].divergence, abs=1e-5)


@students
def test_a_compiler_that_works_brings_no_warning(teach, settings, monkeypatch):
    monkeypatch.setattr(torch.nn.Module, "compile", lambda *_, **__: None)
    asked = settings(training={"steps": 1, "compile": True})
    assert not teach(telling_pack("ner"), TEXT, asked).warnings
