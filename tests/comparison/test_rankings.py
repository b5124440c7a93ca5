import numpy as np
import pytest

from toy_study import Toy, write_study
from unibridge.comparison.intervals import Estimate
from unibridge.comparison.rankings import (
    Ranked,
    across_tasks,
    consistent_pairs,
    donors,
    ranks,
    recipients,
)
from unibridge.comparison.rows import read_study
from unibridge.comparison.scores import transfer_matrices
from unibridge.comparison.settings import ComparisonSettings

SETTINGS = ComparisonSettings(samples=300)
SOURCES, TARGETS = ("ar", "en", "he"), ("am", "ar", "so", "ti", "tr", "uk")


def matrices_of(folder, truth, **grid):
    toy = Toy(truth, noise=0.4, examples=300)
    study = read_study(write_study(folder, toy.cells(SOURCES, TARGETS, **grid)))
    return transfer_matrices(study, SETTINGS)


def test_planted_donors_and_recipients_come_first_with_intervals(tmp_path):
    def truth(task, source, target, steps):
        own = 40 if source == target else 0  # which must count for neither
        return own + (6 if source == "he" else 0) + (8 if target == "so" else 0)

    (matrix,) = matrices_of(tmp_path / "s", truth)
    giving, taking = donors(matrix, SETTINGS), recipients(matrix, SETTINGS)
    assert giving[0].language == "he" and taking[0].language == "so"
    assert [one.pairs for one in giving if one.language == "ar"] == [5]
    # its true mean is 6 for all, and 8 more for one target of six
    assert giving[0].gain.low < 6 + 8 / 6 < giving[0].gain.high
    assert taking[0].gain.low < 8 + 6 / 3 < taking[0].gain.high
    assert giving[0].q < 0.05 and giving[0].helped == 6


def test_what_the_seeds_share_is_no_finding(tmp_path):
    """A lucky training lifts all targets at once: many targets do not make it sure."""
    toy = Toy(lambda *_: 0.0, noise=0.0, examples=300)
    luck = {0: -3.0, 1: 3.0, 2: 1.5}
    rows = []
    for row in toy.cells(["en"], [f"t{n}" for n in range(40)]):
        if row["kind"] == "tuned":
            row = toy.score("tuned", "en", 10, row["seed"], "pos", row["target"], luck[row["seed"]])
        rows.append(row)
    (matrix,) = transfer_matrices(read_study(write_study(tmp_path / "s", rows)), SETTINGS)
    (found,) = donors(matrix, SETTINGS)
    assert found.gain.low < 0 < found.gain.high and found.gain.p > 0.3


def test_tasks_are_put_together_by_rank_and_never_by_points():
    def ranking(**gains):
        return [Ranked(code, Estimate(value), np.nan, 1, 0, 0) for code, value in gains.items()]

    tasks = {"pos": ranking(en=1.0, am=0.9, ru=0.0), "ner": ranking(en=0.0, am=90.0, ru=-50.0)}
    assert across_tasks(tasks, SETTINGS) == [("am", 0.75, 2), ("en", 0.75, 2), ("ru", 0.0, 2)]
    assert list(ranks(np.array([5.0, 5.0, 9.0]))) == [0.25, 0.25, 1.0]
    by_z = across_tasks(tasks, SETTINGS.model_copy(update={"across_tasks": "z"}))
    assert [code for code, _, _ in by_z] == ["am", "en", "ru"]
    assert across_tasks(tasks, SETTINGS.model_copy(update={"across_tasks": "none"})) == []


def test_consistent_pairs_keep_their_sign_in_k_cells(tmp_path):
    def truth(task, source, target, steps):
        if (source, target) == ("ar", "am"):
            return 9.0
        if (source, target) == ("en", "so"):
            return 9.0 if task == "pos" else -9.0
        return 9.0 if (source, target, task, steps) == ("he", "tr", "pos", 10) else 0.0

    matrices = matrices_of(tmp_path / "s", truth, tasks=("pos", "ner"), steps=(10, 100))
    (pair,) = consistent_pairs(matrices, SETTINGS)
    assert (pair.source, pair.target, pair.sign, pair.settled, pair.cells) == ("ar", "am", 1, 4, 4)
    assert set(pair.gains) == {(t, s) for t in ("pos", "ner") for s in (10, 100)}
    loose = consistent_pairs(matrices, SETTINGS.model_copy(update={"agreeing": 1}))
    assert {(p.source, p.target) for p in loose} == {("ar", "am"), ("he", "tr")}


def test_a_scale_that_is_none_is_named():
    with pytest.raises(Exception, match=r"unknown scale 'points'.*Known: none, rank, z"):
        across_tasks({}, SETTINGS.model_copy(update={"across_tasks": "points"}))
