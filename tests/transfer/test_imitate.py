"""What every student has in common, by one that is trained (distilled) and one that is not."""

import pytest
import torch

from toy import LINES, drawn_pack, toy_lines
from unibridge.errors import UnibridgeError
from unibridge.transfer.distil import DistilSettings, distil
from unibridge.transfer.imitate import ImitationSettings, imitate
from unibridge.transfer.merge import merge

TEXT = toy_lines("en", 60)


def telling_pack(name):
    return drawn_pack(name, {"en": 0.4, "sw": 0.6})


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
    found = imitate(teacher, student, {}, TEXT, ImitationSettings(held_out=0.2))
    assert found.before == (found.divergence, found.agreement) and found.divergence > 0
    assert found.facts["steps"] == 0 and found.facts["curve"] == []
    assert all(torch.equal(was[path], tensor) for path, tensor in student.state_dict().items())
    assert imitate(teacher, teacher, {}, TEXT, ImitationSettings()).divergence == 0


def test_too_little_text_is_explained():
    teacher = telling_pack("ner")
    with pytest.raises(UnibridgeError, match="too few to learn from"):
        imitate(teacher, merge(teacher), {}, [LINES[0], " "], ImitationSettings())
