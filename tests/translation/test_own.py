"""A translator that is learnt from aligned lines, from nothing or from a given model."""

import pytest

from toy import LINES, save_toy_base
from toy_run import toy_lines, write_toy_run
from unibridge.config import load_config
from unibridge.errors import ConfigError, UnibridgeError
from unibridge.translation import Between, TranslationSettings, translate

SMALL = {"pieces": 200, "hidden": 32, "layers": 1, "heads": 2, "dropout": 0.0}
QUICK = {"steps": 90, "batch_size": 16, "learning_rate": 1e-2, "schedule": "linear"}
WORDS = dict(zip(toy_lines("en", 1)[0].split(), ("ka", "bu", "ti", "lo", "me", "zu"), strict=False))
PAIRS = [(first, WORDS[first]) for first in WORDS] * 8


def between(parallel=PAIRS, **settings):
    own = {**SMALL, "training": QUICK} | settings.pop("own", {})
    given = {"translator": "own", "own": own, "beams": 2, "max_tokens": 8} | settings
    return Between("en", "lug", TranslationSettings(**given), parallel=parallel)


def test_what_stands_in_the_lines_is_learnt_once_and_said():
    given = between()
    texts = [*WORDS, " "]
    said = [one.text for one in translate(texts, given)]
    assert said == [*WORDS.values(), " "]
    kept = given.learnt["own"]
    translate(texts[:1], given)
    assert given.learnt["own"] is kept
    # the other way round is another translator
    turned = between([(b, a) for a, b in PAIRS], own={"training": {"steps": 1, "batch_size": 4}})
    translate(["ka"], turned)
    assert turned.learnt["own"] is not kept


def test_a_given_model_is_fine_tuned(tmp_path):
    save_toy_base(tmp_path / "mt5", "mt5")
    pairs = [(line, "the old river") for line in LINES]
    training = {"steps": 60, "batch_size": 8, "learning_rate": 0.02, "schedule": "linear"}
    own = {"training": training}
    given = between(pairs, model=str(tmp_path / "mt5"), own=own, max_tokens=20)
    assert translate(LINES[:1], given)[0].text == "the old river"
    save_toy_base(tmp_path / "bert", "bert")
    with pytest.raises(UnibridgeError, match="bert has no decoder"):
        translate(["a"], between(pairs, model=str(tmp_path / "bert")))


def test_aligned_lines_are_asked_for_before_anything_is_trained(tmp_path):
    with pytest.raises(UnibridgeError, match="no aligned lines of 'en' and 'lug'"):
        translate(["a"], between(()))
    path = write_toy_run(tmp_path, "ner")
    given = ["run.methods=['translate-train']", "translation.translator=own"]
    with pytest.raises(ConfigError, match=r"translation\.own\.heads: .*must divide hidden"):
        load_config(path, [*given, "translation.own.heads=3"])
    path.write_text(path.read_text().replace("parallel = ", "# parallel = "))
    with pytest.raises(ConfigError, match=r"sources\.0\.parallel: .*learns to translate"):
        load_config(path, given)
