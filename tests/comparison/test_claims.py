"""Each claim on a study where it is true, one where it is false, and one that cannot say."""

import pytest

from toy_study import Toy, write_study
from unibridge.comparison import claims
from unibridge.comparison.claims import FAILS, HOLDS, OPEN, Evidence, judge
from unibridge.comparison.rows import read_study
from unibridge.comparison.scores import transfer_matrices
from unibridge.comparison.settings import ComparisonSettings

SETTINGS = ComparisonSettings(samples=200)
SOURCES, TARGETS = ("ar", "en", "wo", "yo"), ("am", "lug", "mos", "ti", "de", "fr", "tr")
UNSEEN = {"wo", "yo", "lug", "mos", "ti"}
SEEN = {code: code not in UNSEEN for code in (*SOURCES, *TARGETS)}


def verdict(folder, claim, truth, *, seeds=3):
    toy = Toy(truth, noise=0.3, examples=300)
    # only one claim is about how long tuning takes
    steps = (10, 1000) if claim is claims.few_steps_suffice else (10,)
    rows = toy.cells(SOURCES, TARGETS, steps=steps, seeds=seeds)
    matrices = transfer_matrices(read_study(write_study(folder, rows)), SETTINGS)
    of_steps = {matrix.steps: matrix for matrix in matrices}
    return claim(Evidence(of_steps[10], of_steps, SEEN), SETTINGS)


def one_harm_each(task, source, target, steps):
    return -9.0 if TARGETS[SOURCES.index(source)] == target else 3.0


NOTHING = lambda *_: 0.0  # noqa: E731
EVERYTHING = lambda *_: 7.0  # noqa: E731
CASES = {
    claims.no_universal_donor: (one_harm_each, EVERYTHING, NOTHING),
    claims.unseen_gain_from_any: (
        lambda task, s, t, steps: 8.0 if t in UNSEEN else 0.0,
        lambda task, s, t, steps: -8.0,
        NOTHING,
    ),
    claims.unseen_helps_unseen: (
        lambda task, s, t, steps: (8.0 if t in UNSEEN else -2.0) if s in UNSEEN else 0.0,
        lambda task, s, t, steps: -8.0 if s in UNSEEN else 0.0,
        lambda task, s, t, steps: 0.3,
    ),
    claims.few_steps_suffice: (
        lambda task, s, t, steps: 8.0,
        lambda task, s, t, steps: 1.0 if steps == 10 else 9.0,
        NOTHING,
    ),
}


@pytest.mark.parametrize("claim", CASES, ids=lambda claim: claim.__name__)
@pytest.mark.parametrize(("number", "expected"), enumerate((HOLDS, FAILS, OPEN)))
def test_a_claim_is_judged_by_what_was_planted(tmp_path, claim, number, expected):
    found = verdict(tmp_path / "s", claim, CASES[claim][number])
    assert found.verdict == expected, found.because


def test_one_seed_settles_nothing(tmp_path):
    assert (
        verdict(tmp_path / "a", claims.no_universal_donor, one_harm_each, seeds=1).verdict == OPEN
    )
    assert verdict(tmp_path / "b", claims.unseen_gain_from_any, EVERYTHING, seeds=1).verdict == OPEN


def test_a_study_without_the_languages_says_so(tmp_path):
    toy = Toy(EVERYTHING, examples=50)
    rows = toy.cells(SOURCES, TARGETS)
    (matrix,) = transfer_matrices(read_study(write_study(tmp_path / "s", rows)), SETTINGS)
    found = judge(Evidence(matrix, {10: matrix}, {}), SETTINGS)
    assert [one.verdict for one in found][1:] == [OPEN] * 3
    assert "No unseen target" in found[1].because and "no two step counts" in found[3].because
