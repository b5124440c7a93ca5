"""A task of the user's own, by its import path, in translations, in other words and in prompts."""

import pytest

from methods.test_translating import cell_of, with_lexicon
from unibridge.artifacts import read_manifest
from unibridge.config import load_config
from unibridge.errors import ConfigError
from unibridge.stages.predict import read_predictions
from unibridge.stages.translation import read_translated

WAYS = ["translate-train", "translate-test", "code-switched", "prompt-cloze"]
QUICK = ["fine_tuning.training.steps=2", "code_switching.versions=2"]


def config_of(folder, kind, *names):
    given = [f"task.kind=own_task:{kind}", f"run.methods={list(names)}", *QUICK]
    return load_config(with_lexicon(folder, "classification"), given)


@pytest.mark.parametrize("kind", ["Late", pytest.param("Mood", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", WAYS)
def test_it_is_translated_switched_and_asked(tmp_path, name, kind):
    cell, inputs = cell_of(config_of(tmp_path, kind, name), name, tmp_path)
    said = read_predictions(cell.prediction, inputs.test, inputs.task)
    assert len(said) == 14 and set(said) <= set(inputs.labels)
    if name.startswith("translate"):
        folder = next(path for path in cell.stages if path.name.startswith("translate-"))
        given = inputs.test if name == "translate-test" else inputs.train["en"]
        pairs = zip(read_translated(folder).examples, given.file.examples, strict=True)
        shouted = [one.text == own.text.upper() for one, own in pairs]
        assert all(shouted) if kind == "Late" else not all(shouted)
        assert read_manifest(folder)["facts"]["examples"] == len(shouted)


def test_one_that_does_not_say_how_is_refused_before_training_with_a_line_for_each_way(tmp_path):
    with pytest.raises(ConfigError) as error:
        config_of(tmp_path, "Silent", *WAYS, "translate-train-all")
    assert [fault.partition(" ")[0] for fault in error.value.faults] == ["task.kind:"] * 3
    translates, switches, asks = error.value.faults
    assert "'translate-train', 'translate-test', 'translate-train-all' translates" in translates
    assert "does not say how its labels cross a translation" in translates
    assert "'code-switched' puts examples into other words" in switches
    assert "'prompt-cloze' asks for one word a text" in asks
