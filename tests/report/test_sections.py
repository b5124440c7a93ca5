"""What a report says in words: the headline, weights, rates."""

import json
import math
from dataclasses import replace

import pytest

from toy_report import SCORES, make_run, render
from unibridge.report.folder import read_run
from unibridge.report.sections import headline


@pytest.mark.parametrize(
    ("changes", "said", "unsaid"),
    [
        ({}, "UniBridge 41.2 F1 [39.0, 43.4]; the best baseline, Fine-tuning, 12.1", "not win"),
        (
            {"fine-tuning": ("Fine-tuning", 60.0, 2.0, None)},
            "UniBridge does not win: Fine-tuning has 60.0 F1 [58.0, 62.0].",
            "overlap",
        ),
        (
            {"fine-tuning": ("Fine-tuning", 42.0, 2.0, None)},
            "does not win: Fine-tuning has 42.0 F1 [40.0, 44.0]. The order is not settled",
            "the best baseline",
        ),
        ({"mad-x": ("MAD-X", 40.0, 2.0, None)}, "The order is not settled", "not win"),
        (
            {"floor": ("Floor", 38.0, 1.5, None)},
            "Whether UniBridge is above the floor (38.0 F1 [36.5, 39.5]) is not settled.",
            "not win",
        ),
        (
            {"unibridge-no-kl": ("UniBridge, KL off", 43.0, 2.0, "harmony")},
            "Some variants of it score higher: UniBridge, KL off 43.0.",
            "not win",
        ),
    ],
)
def test_the_headline_says_who_is_ahead(tmp_path, changes, said, unsaid):
    sentence = headline(read_run(make_run(tmp_path / "run", {**SCORES, **changes})))
    assert said in sentence and unsaid not in sentence


@pytest.mark.parametrize(
    ("score", "ends", "said"),
    [
        (38.0, (-7.7, -1.1), "UniBridge is clearly above the floor (38.0"),
        (38.0, (-7.7, 0.0), "Whether UniBridge is above the floor (38.0"),
        (64.3, (20.0, 26.0), "UniBridge is clearly below the floor (64.3"),
        (64.3, None, "UniBridge is clearly below the floor (64.3"),
    ],
)
def test_the_floor_is_compared_on_the_same_examples_where_it_can_be(tmp_path, score, ends, said):
    found = read_run(make_run(tmp_path / "run", {**SCORES, "floor": ("Floor", score, 1.5, None)}))
    found.scores[:] = [
        replace(row, difference_ends=ends) if row.role == "floor" else row for row in found.scores
    ]
    assert said in headline(found)
    assert headline(found).count("the floor (") == 1


def test_the_ceiling_is_no_baseline(tmp_path):
    scores = {key: SCORES[key] for key in ("unibridge", "ceiling")}
    assert "no baseline was run" in headline(read_run(make_run(tmp_path / "run", scores)))


def test_even_weights_are_called_a_plain_mean_and_uneven_ones_are_not(tmp_path):
    run = make_run(tmp_path / "run", {}, ["weigh-am"])
    assert "practically a plain mean" in render(run)[1]
    path = run / "weigh-am" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["facts"] |= {"weights": {"en": 0.9, "ru": 0.1}, "entropy": 0.325}
    manifest["facts"] |= {"uniform_entropy": math.log(2)}
    path.write_text(json.dumps(manifest))
    assert "(46.9%): en counts most, with 0.900" in render(run)[1]


def test_a_searched_rate_and_an_early_end_are_told(tmp_path):
    run = make_run(tmp_path / "run", {}, ["adapt-am"])
    before = render(run)[1]
    assert "was chosen" not in before and "ended early" not in before
    path = run / "adapt-am" / "manifest.json"
    manifest = json.loads(path.read_text())
    trials = [{"rate": r, "steps": 9, "valid_loss": v} for r, v in ((2e-4, 5.5), (5e-4, 4.25))]
    manifest["facts"]["rate_search"] = {"rate": 5e-4, "steps": 18, "trials": trials}
    manifest["facts"]["stopped_early"] = True
    manifest["settings"] = {"training": {"patience": 2}}
    losses = [row["valid_loss"] for row in manifest["facts"]["curve"]]
    manifest["facts"]["curve"][-1]["valid_loss"] = 99.0
    path.write_text(json.dumps(manifest))
    said = render(run)[1]
    assert "halving in 18 steps; 0.0005 was chosen" in said and "4.250" in said
    assert f"Held-out loss {min(losses[:-1]):.2f} nats" in said and "Training ended early" in said
