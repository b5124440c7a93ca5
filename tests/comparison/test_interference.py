import numpy as np
import pytest

from toy_study import Toy, write_study
from unibridge.comparison.interference import interference
from unibridge.comparison.rows import read_study
from unibridge.comparison.settings import ComparisonSettings

LANGUAGES = ("am", "en", "so")


def fused(toy, languages, target, mode, gain):
    for seed in range(3):
        yield toy.score("fusion", list(languages), 0, seed, "ner", target, gain, mode=mode)


def test_disturbers_and_disturbed_are_found_by_mode(tmp_path):
    toy = Toy(None, noise=0.2, examples=400)
    rows = []
    for target in LANGUAGES:
        rows += fused(toy, [target], target, None, 0)
        for other in set(LANGUAGES) - {target}:
            loss = -8.0 if other == "en" else 0.0
            rows += fused(toy, [other, target], target, "untrained", loss)
            rows += fused(toy, [target, other], target, "trained", 0.0)
        rows += fused(toy, LANGUAGES, target, "untrained", -10.0)
    trained, untrained = interference(
        read_study(write_study(tmp_path / "s", rows)), ComparisonSettings(samples=200)
    )
    assert (trained.mode, untrained.mode) == ("trained", "untrained")
    # two targets: en disturbs both by 8
    assert untrained.aggressiveness["en"].value == pytest.approx(-8, abs=1.5)
    assert abs(untrained.aggressiveness["am"].value) < 1.5
    assert untrained.vulnerability["am"].value == pytest.approx(-4, abs=1.5)
    place = untrained.languages.index("am"), untrained.languages.index("en")
    assert untrained.q[place] < 0.05 and untrained.high[place] < 0
    # I3 = -10, and its two I2 are -8 and 0
    assert untrained.third["am"].value == pytest.approx(-10 + 4, abs=1.5)
    assert not trained.third and (trained.q[trained.q == trained.q] > 0.05).all()


def test_a_study_without_fusion_has_none(tmp_path):
    rows = Toy(lambda *_: 0, examples=20).cells(["en"], ["am"])
    assert interference(read_study(write_study(tmp_path / "s", rows)), ComparisonSettings()) == []


def test_the_examples_of_a_target_are_common_to_all_its_pairs(tmp_path):
    # its own adapter has bad luck: what looks like help of every other language is one draw
    toy = Toy(None, noise=0.01, examples=60)
    rows = []
    for target in LANGUAGES:
        rows += fused(toy, [target], target, None, 0)
        for other in set(LANGUAGES) - {target}:
            rows += fused(toy, [other, target], target, "untrained", 5.0)
    study = read_study(write_study(tmp_path / "s", rows))
    (found,) = interference(study, ComparisonSettings(samples=200))
    # 5 points are 3 of 60 examples, so that the interval is wide, though all pairs agree
    gain = found.vulnerability["am"]
    assert gain.high - gain.low > 4 and np.nanmax(found.spread) < 1


def test_the_mean_of_adapters_is_tested_on_the_examples(tmp_path):
    toy = Toy(None, noise=0.0, examples=400)
    rows = []
    for target in LANGUAGES:
        rows.append(toy.score("fusion", [target], 0, 0, "ner", target, 0))
        for other in set(LANGUAGES) - {target}:
            both = toy.score("fusion", [other, target], 0, 0, "ner", target, -8, mode="uniform")
            rows.append(both)
    study = read_study(write_study(tmp_path / "s", rows))
    (found,) = interference(study, ComparisonSettings(samples=200))
    others = ~np.eye(3, dtype=bool)
    assert (found.q[others] < 0.05).all() and (found.high[others] < 0).all()
    assert np.isnan(found.spread).all()  # nothing is drawn
