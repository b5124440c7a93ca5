import pytest
import torch

from toy import toy_examples
from unibridge.errors import UnibridgeError
from unibridge.tasks import TASKS
from unibridge.transfer.self_training import (
    SelfTrainingSettings,
    choose_lines,
    labelled_lines,
)


def sure_of(*choices, strength):
    """Logits of three classes, as sure of each choice as `strength` says."""
    logits = torch.zeros(len(choices), 3)
    logits[torch.arange(len(choices)), list(choices)] = strength
    return logits


def test_the_surest_lines_are_kept_first():
    lines = [sure_of(0, 1, strength=s) for s in (1.0, 5.0, 3.0, 2.0)]
    assert choose_lines(lines, SelfTrainingSettings(keep=0.5)).places == [1, 2]


def test_lines_with_a_name_have_their_share_although_they_are_less_sure():
    plain = [sure_of(0, 0, strength=9.0) for _ in range(6)]
    named = [sure_of(0, 2, strength=s) for s in (1.0, 2.0, 3.0, 4.0)]
    found = choose_lines(plain + named, SelfTrainingSettings(keep=0.4, telling=0.75))
    assert sorted(place for place in found.places if place >= 6) == [7, 8, 9]
    assert len([place for place in found.places if place < 6]) == 1
    # where there are fewer of them, the others take their places
    found = choose_lines(plain + named[:1], SelfTrainingSettings(keep=4 / 7, telling=0.75))
    assert len(found.places) == 4 and 6 in found.places


def test_texts_keep_the_share_of_each_class():
    texts = [sure_of(0, strength=9.0)] * 6 + [sure_of(1, strength=1.0)] * 2
    found = choose_lines(texts, SelfTrainingSettings(keep=0.5))
    assert len(found.places) == 4 and sum(place >= 6 for place in found.places) == 1
    assert found.facts["decisions"] == {0: 3, 1: 1}


def test_lines_without_a_decision_are_left_out():
    found = choose_lines(
        [torch.zeros(0, 3), sure_of(1, strength=1.0)], SelfTrainingSettings(keep=1)
    )
    assert found.places == [1]
    assert choose_lines([torch.zeros(0, 3)], SelfTrainingSettings()).places == []


@pytest.mark.parametrize("name", TASKS)
def test_predictions_become_labels_or_the_task_says_that_they_cannot(name):
    task = TASKS[name]
    example = toy_examples(name)[0]
    gold = task.gold(example)
    try:
        (found,) = labelled_lines(task, [example], [gold], [0])
    except UnibridgeError as error:
        assert "with_labels" in str(error) and not task.learns_from_predictions
    else:
        assert task.learns_from_predictions
        assert task.gold(found) == gold and found == example
