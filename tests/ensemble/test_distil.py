import pytest
import torch
from pydantic import ValidationError

from toy import LINES, drawn_pack
from toy_run import toy_lines
from unibridge.ensemble.distil import DISTILLED, DistilSettings, distil
from unibridge.errors import UnibridgeError
from unibridge.models.families import FAMILIES

TEXT = toy_lines("en", 60)


def settings(**changed):
    training = {"steps": 30, "batch_size": 16, "learning_rate": 0.01, "schedule": "constant"}
    given = {"training": training, "encoder_rate": 0.003, "held_out": 0.2}
    return DistilSettings(**given | changed)


def logits(model, lines=LINES):
    inputs = model.tokenizer(list(lines), return_tensors="pt", padding=True)
    with torch.no_grad():
        return model(**inputs).logits


def telling_pack(name, **rest):
    return drawn_pack(name, {"en": 0.4, "sw": 0.6}, **rest)


@pytest.mark.parametrize(("student", "name"), [("adapter", "ner"), ("encoder", "classification")])
def test_the_student_comes_to_say_what_the_sources_say(name, student):
    teacher = telling_pack(name)
    before = logits(teacher)
    found = distil(teacher, TEXT, settings(student=student, start="fresh"))
    assert found.divergence < 0.5 * found.before[0]
    assert found.agreement >= max(found.before[1], 0.6)
    assert found.model.config.sources == [DISTILLED] and not found.model.training
    assert torch.equal(logits(teacher), before), "the teacher is left alone"


@pytest.mark.parametrize("student", ["adapter", "encoder"])
def test_only_what_the_student_is_made_of_moves(student):
    teacher = telling_pack("ner")
    few = {"steps": 2, "learning_rate": 0.01}
    found = distil(teacher, TEXT, settings(student=student, training=few))
    was, now = teacher.state_dict(), found.model.state_dict()
    shared = [name for name in now if name in was]
    moved = {name for name in shared if not torch.equal(now[name], was[name])}
    adapters = [name for name in now if ".adapters." in name]
    if student == "adapter":
        assert not moved and any("adapter_ner-distilled." in name for name in adapters)
    else:
        assert not adapters and len(moved) > len(shared) // 2


@pytest.mark.parametrize("family", FAMILIES)
def test_layers_of_an_encoder_are_spread_over_the_teachers(family):
    teacher = telling_pack("ner", family=family)
    still = {"steps": 1, "learning_rate": 1e-12}
    short = {"student": "encoder", "layers": 2, "encoder_rate": 1e-12, "training": still}
    found = distil(teacher, TEXT, settings(**short)).model
    path = FAMILIES[family].layers
    layers, own = (model.encoder.get_submodule(path) for model in (found, teacher))
    assert len(layers) == 2
    for mine, theirs in zip(layers, (own[0], own[1]), strict=True):
        for name, value in mine.named_parameters():
            torch.testing.assert_close(value, theirs.get_parameter(name))
    assert logits(found).isfinite().all()


def test_what_cannot_be_distilled_is_explained():
    teacher = telling_pack("ner")
    with pytest.raises(UnibridgeError, match="has 3 layers, not 4"):
        distil(teacher, TEXT, settings(student="encoder", layers=4))
    with pytest.raises(ValidationError, match='student = "encoder"'):
        settings(layers=2)
    plain = distil(teacher, TEXT, settings(student="encoder", training={"steps": 1})).model
    with pytest.raises(UnibridgeError, match="no task adapter to train"):
        distil(plain, TEXT, settings())
