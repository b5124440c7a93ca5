"""Models of one task that began in different places, as one."""

import pytest
import torch

from toy import LINES, toy_base, toy_examples
from unibridge.ensemble.model import MultiSourceModel
from unibridge.models.rows import lay_over
from unibridge.tasks import TASKS
from unibridge.transfer.averaging import average_tasks
from unibridge.transfer.language import AdaptationSettings, adapt_language
from unibridge.transfer.task import train_task
from unibridge.transfer.task_settings import TaskSettings


@pytest.fixture(scope="module")
def learnt():
    """A toy base; the task learnt on it, and on the base trained further, by all weights."""
    base = toy_base("xlm-roberta", dropout=0.0)
    training = {"steps": 4, "learning_rate": 0.01, "batch_size": 4}
    further = AdaptationSettings(trains="model", sample_words=0, kl_weight=0, training=training)
    language = adapt_language(base, LINES, further, language="en", seed=0)
    examples, task = toy_examples("ner"), TASKS["ner"]
    parts = [
        (
            below,
            train_task(
                base,
                task,
                {"en": examples},
                {"en": below},
                task.collect_labels([examples]),
                TaskSettings(training=training, head_start="fitted"),
                name="ner-en",
                train="model",
            ),
        )
        for below in (None, language)
    ]
    return base, parts


def whole(base, language, task):
    """The encoder that a task is read by."""
    start = base.model.get_submodule(base.family.encoder).state_dict()
    return lay_over(lay_over(start, language.encoder if language else {}), task.encoder)


def test_every_weight_is_the_mean_also_of_rows_that_only_one_model_trained(learnt):
    base, parts = learnt
    mean = average_tasks(base, parts, [0.25, 0.75], name="mean")
    first, second = (whole(base, *part) for part in parts)
    assert any(not torch.equal(first[key], second[key]) for key in first)
    found = whole(base, None, mean)
    for key, value in found.items():
        if value.is_floating_point():
            wanted = 0.25 * first[key] + 0.75 * second[key]
            torch.testing.assert_close(value, wanted, atol=1e-6, rtol=1e-5)
    for key, value in mean.head.items():
        wanted = 0.25 * parts[0][1].head[key] + 0.75 * parts[1][1].head[key]
        torch.testing.assert_close(value, wanted)


@pytest.mark.parametrize("only", [0, 1])
def test_a_share_of_one_is_that_model(learnt, tmp_path, only):
    base, parts = learnt
    alone = average_tasks(base, parts, [1.0 - only, float(only)], name="alone")
    alone.save(tmp_path)
    examples = toy_examples("ner")
    kept = MultiSourceModel.assemble(base, None, {"all": type(alone).load(tmp_path)}, {"all": 1.0})
    own = MultiSourceModel.assemble(base, parts[only][0], {"all": parts[only][1]}, {"all": 1.0})
    for one, other in zip(kept.decided(examples), own.decided(examples), strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_what_has_a_vocabulary_an_adapter_or_other_labels_is_refused(learnt):
    base, parts = learnt
    examples, task = toy_examples("ner"), TASKS["ner"]
    labels = task.collect_labels([examples])
    adapter = train_task(
        base,
        task,
        {"en": examples},
        {"en": None},
        labels,
        TaskSettings(training={"steps": 1}),
        name="ner-en",
    )
    with pytest.raises(ValueError, match="only whole models"):
        average_tasks(base, [parts[0], (None, adapter)], [0.5, 0.5], name="no")
    language, other = parts[1]
    other = type(other)(**vars(other) | {"labels": other.labels[::-1]})
    with pytest.raises(ValueError, match="same labels"):
        average_tasks(base, [parts[0], (language, other)], [0.5, 0.5], name="no")
