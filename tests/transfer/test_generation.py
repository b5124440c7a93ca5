"""mT5 and mBART learn to say one thing, and say it by beam search."""

import pytest
import torch

from toy import LINES, toy_base
from unibridge.errors import UnibridgeError
from unibridge.transfer.generation import GenerationSettings, generate, train_generator

QUICK = {"steps": 60, "batch_size": 8, "learning_rate": 0.02, "schedule": "linear"}


@pytest.mark.parametrize("family", ["mt5", pytest.param("mbart", marks=pytest.mark.slow)])
def test_what_is_learnt_is_said(family):
    base = toy_base(family, dropout=0.0)
    before = {name: value.clone() for name, value in base.model.state_dict().items()}
    pairs = {"en": [(line, "the old river") for line in LINES]}
    settings = GenerationSettings(max_tokens=30, max_output=12, beams=2, training=QUICK)
    trained = train_generator(base, pairs, settings)
    said = generate(trained.model, trained.tokenizer, LINES[:2], settings, language="en")
    assert said == ["the old river"] * 2
    assert trained.facts["curve"][-1]["train_loss"] < trained.facts["curve"][0]["train_loss"]
    for name, value in base.model.state_dict().items():
        assert torch.equal(value, before[name]), "the base is left alone"
    greedy = settings.model_copy(update={"beams": 1})
    alone = [generate(trained.model, trained.tokenizer, [x], greedy) for x in LINES[:2]]
    assert [one for (one,) in alone] == said


@pytest.mark.parametrize("family", ["mt5", "mbart"])
def test_the_bases_own_training_goes_on_beside_it(family):
    base = toy_base(family, dropout=0.0)
    settings = GenerationSettings(
        max_tokens=30, preserve=0.5, training={"epochs": 1, "batch_size": 4}
    )
    pairs = {"en": [(line, "the old river") for line in LINES]}
    trained = train_generator(base, pairs, settings, text={"xx": list(LINES) * 4})
    assert trained.facts["preserved"] == trained.facts["examples"] == len(LINES)
    assert trained.facts["steps"] == 4
    with pytest.raises(UnibridgeError, match="no plain text to go on with"):
        train_generator(base, pairs, settings)


def test_parts_of_a_step_add_up_to_it():
    base = toy_base("mt5", dropout=0.0)
    pairs = {"en": [(line, line) for line in LINES]}
    found = []
    for micro in (None, 2):
        training = {"steps": 1, "batch_size": 5, "micro_batch": micro, "learning_rate": 0.01}
        settings = GenerationSettings(max_tokens=30, training=training)
        found.append(train_generator(base, pairs, settings))
    losses = [one.facts["curve"][0]["train_loss"] for one in found]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_a_base_that_says_nothing_is_refused():
    with pytest.raises(UnibridgeError, match="bert has no decoder"):
        train_generator(toy_base("bert"), {"en": [("a", "b")]}, GenerationSettings())
    settings = GenerationSettings(language_tokens={"sw": "sw_KE"})
    with pytest.raises(UnibridgeError, match="the base has no token sw_KE"):
        train_generator(toy_base("mbart"), {"sw": [("a", "b")]}, settings)
