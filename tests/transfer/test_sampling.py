"""How the sources are mixed in an epoch: the counts by hand, and every example before any again."""

from collections import Counter

import pytest

from toy import toy_base, toy_examples
from unibridge.tasks import TASKS
from unibridge.transfer.sampling import SAMPLINGS, SamplingSettings, drawn
from unibridge.transfer.task import train_task
from unibridge.transfer.task_settings import TaskSettings

OWNERS = [0] * 90 + [1] * 9 + [2]


def test_none_is_every_example_once():
    assert drawn(OWNERS, SamplingSettings(), seed=1, epoch=2) == list(range(100))


@pytest.mark.parametrize(
    ("settings", "counts"),
    [
        ({"method": "balanced"}, (34, 33, 33)),
        # 90^.5 : 9^.5 : 1 = 9.49 : 3 : 1
        ({"method": "temperature", "exponent": 0.5}, (70, 22, 8)),
        ({"method": "temperature", "exponent": 1.0}, (90, 9, 1)),
        ({"method": "temperature", "exponent": 0.0}, (34, 33, 33)),
    ],
)
def test_epochs_stay_as_long_and_have_the_shares(settings, counts):
    found = [drawn(OWNERS, SamplingSettings(**settings), seed=0, epoch=e) for e in (0, 0, 1)]
    assert found[0] == found[1] != found[2]
    for epoch in found:
        assert Counter(OWNERS[i] for i in epoch) == Counter(dict(enumerate(counts)))
        times = Counter(i for i in epoch if OWNERS[i] == 1)
        assert max(times.values()) - min(times.values()) <= 1 and len(times) == min(9, counts[1])


def test_xlms_shares():
    shares = SAMPLINGS["temperature"]([80, 20], 0.5)
    assert shares == pytest.approx([2 / 3, 1 / 3])


def test_a_small_source_is_read_as_often():
    task, base = TASKS["classification"], toy_base("bert")
    many, few = toy_examples("classification") * 3, toy_examples("classification")[:1]
    examples = {"en": many, "sw": few}
    how = {"training": {"epochs": 2, "batch_size": 4}}
    labels = task.collect_labels(examples.values())
    trained = {
        method: train_task(
            base,
            task,
            examples,
            {},
            labels,
            TaskSettings(**how, sampling={"method": method}),
            name="x",
            train="model",
        )
        for method in ("none", "balanced")
    }
    assert trained["none"].facts["steps"] == 2 * 5 and trained["balanced"].facts["steps"] == 2 * 4
    assert "sampling" not in TaskSettings().model_dump()
    assert "sampling" in TaskSettings(sampling={"method": "balanced"}).model_dump()
