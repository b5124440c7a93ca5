"""How the labels of every task cross a translation, other words and a prompt, or that they do not.

What a task of the user's own says is held by `methods/test_own_tasks.py`, in whole runs.
"""

import json
from types import SimpleNamespace

import pytest

from own_task import Silent
from toy import toy_examples
from unibridge.augmentation.settings import CodeSwitchingSettings
from unibridge.errors import UnibridgeError
from unibridge.methods.needs import translated_labels, translated_test
from unibridge.prompting.settings import PromptSettings
from unibridge.settings import Available
from unibridge.tasks import TASKS
from unibridge.tasks.classification import TextClassification
from unibridge.text.records import example_of, record_of
from unibridge.translation import Between, TranslationSettings
from unibridge.translation.crossings import CROSSINGS, Crossing, crossing_of

NAMES = sorted(TASKS)


def between(**settings):
    return Between("en", "lug", TranslationSettings(**{"translator": "none", **settings}))


def available(task, **settings):
    own = TranslationSettings(**{"translator": "seq2seq", **settings})
    run = SimpleNamespace(translation=own, target=SimpleNamespace(translated=None))
    return Available("lug", True, {"en": frozenset()}, {"en": 0}, task, run)


@pytest.mark.parametrize("name", NAMES)
def test_labels_cross_a_translation_that_changes_nothing_and_come_back(name):
    task, examples = TASKS[name], toy_examples(name)
    crossing = crossing_of(task)
    assert task.crossing in CROSSINGS and not list(crossing.lacks(TranslationSettings()))
    found = crossing.over(examples, between())
    spoken = [task.in_language(one, "lug") for one in examples]
    assert [task.gold(one) for one in found.examples] == [task.gold(one) for one in spoken]
    assert found.facts["examples"] == len(examples) and not found.facts.get("labels_lost")
    predicted = [task.gold(one) for one in examples]
    if list(crossing.lacks_back(TranslationSettings(translator="none"))):
        with pytest.raises(NotImplementedError):
            crossing.back(predicted, found, examples)
    else:
        unlabelled = crossing.over([crossing.unlabelled(one) for one in examples], between())
        assert crossing.back(predicted, unlabelled, examples) == predicted


@pytest.mark.parametrize("name", NAMES)
def test_labels_stay_while_words_change(name):
    task, examples = TASKS[name], toy_examples(name)
    assert task.switches_words
    asked = []

    def change(words, *, single):
        asked.append(single)
        return [word.upper() for word in words]

    for one in examples:
        changed = task.in_other_words(one, change)
        assert changed.text == one.text.upper() and type(changed) is type(one)
        assert task.gold(changed) == task.gold(one)
        assert task.labels_of(changed) == task.labels_of(one)
    # a word of a tagged sentence may not come to hold a space
    assert set(asked) == {task.crossing in ("tags", "entities", "trees")}


@pytest.mark.parametrize("name", NAMES)
def test_a_task_is_asked_in_a_blank_or_refused(name):
    task = TASKS[name]
    faults = [path for path, _ in PromptSettings().lacks(available(task))]
    assert faults == ([] if task.cloze_pattern else ["task.kind"])
    if task.cloze_pattern:
        assert task.cloze_pattern.count("{mask}") == task.cloze_pattern.count("{text}") == 1


@pytest.mark.parametrize("name", NAMES)
def test_examples_are_records_and_come_back(name):
    for one in toy_examples(name):
        assert example_of(json.loads(json.dumps(record_of(one)))) == one


class Nowhere(TextClassification):
    name, crossing = "nowhere", "unibridge.tasks:TASKS"


def test_a_task_that_does_not_say_how_is_refused_in_one_line():
    run = available(Silent())
    for need in (translated_labels, translated_test):
        ((path, said),) = need(run)
        assert path == "task.kind" and "does not say how its labels cross" in said
        assert "\n" not in said and "give its class a crossing" in said.lower()
    ((path, said),) = (
        lack for lack in CodeSwitchingSettings().lacks(run) if lack[0] == "task.kind"
    )
    assert "does not say how" in said and "in_other_words" in said
    assert [path for path, _ in PromptSettings().lacks(run)] == ["task.kind"]
    # ready labels in the target's language need not cross anything
    run = available(Silent(), translator="ready")
    assert [path for path, _ in translated_labels(run)] == ["sources.0.translated"]
    with pytest.raises(UnibridgeError, match="Name a subclass of"):
        crossing_of(Nowhere())


def test_a_crossing_that_says_nothing_of_the_way_back_is_refused():
    class Over(Crossing):
        def over(self, examples, between, *, ready=None, base=None):
            raise AssertionError("not translated in this test")

    ((path, said),) = Over().lacks_back(TranslationSettings())
    assert path == "task.kind" and said.startswith("cannot bring the task's labels back")
