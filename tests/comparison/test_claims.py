"""Each claim on a study where it is true, one where it is false, and one that cannot say."""

import pytest

from toy_study import Toy, write_study
from unibridge.comparison import claims
from unibridge.comparison.claims import FAILS, HOLDS, OPEN, Evidence, judge
from unibridge.comparison.rows import read_study
from unibridge.comparison.scores import transfer_matrices
from unibridge.comparison.settings import ComparisonSettings

SETTINGS = ComparisonSettings(samples=200)
SOURCES, TARGETS = (
    ("ar", "en", "wo", "yo"),
    ("am", "lug", "mos", "ti", "gaa", "bm", "ee", "de", "fr", "tr"),
)
UNSEEN = {"wo", "yo", "lug", "mos", "ti", "gaa", "bm", "ee"}
SEEN = {code: code not in UNSEEN for code in (*SOURCES, *TARGETS)}


def verdict(folder, claim, truth, *, seeds=3, sources=SOURCES, targets=TARGETS, lost=()):
    toy = Toy(truth, noise=0.3, examples=300)
    # only one claim is about how long tuning takes
    steps = (10, 1000) if claim is claims.few_steps_suffice else (10,)
    cells = toy.cells(sources, targets, steps=steps, seeds=seeds)
    rows = [row for row in cells if (row["transfer"], row["target"]) not in lost]
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
    for number, claim in enumerate(claims.CLAIMS):
        found = verdict(tmp_path / str(number), claim, CASES[claim][0], seeds=1)
        assert found.verdict == OPEN
        assert "2 seeds" in found.because or "with a test" in found.because


def test_one_transfer_language_settles_nothing(tmp_path):
    for number, claim in enumerate(claims.CLAIMS):
        found = verdict(tmp_path / str(number), claim, EVERYTHING, sources=SOURCES[2:3])
        assert found.verdict == OPEN, found.because


def test_equal_shares_of_few_pairs_settle_nothing(tmp_path):
    def one_loss_each(task, source, target, steps):
        return -9.0 if (source, target) in (("ar", "lug"), ("en", "mos")) else 0.0

    # both targets lose by one of four transfer languages, a quarter, and a fifth may
    few = {"targets": ("lug", "mos", "de")}
    found = verdict(tmp_path / "a", claims.unseen_gain_from_any, one_loss_each, **few)
    assert found.verdict == OPEN and "25% surely lose" in found.because
    # eight pairs that all gain do not exclude that a third does not
    found = verdict(tmp_path / "b", claims.unseen_gain_from_any, EVERYTHING, **few)
    assert (
        found.verdict == OPEN and "100% surely gain (of such pairs at least 63%)" in found.because
    )


def test_who_helps_all_that_were_scored_does_not_help_what_is_missing(tmp_path):
    lost = [(source, "de") for source in SOURCES if source != "en"]
    found = verdict(
        *(tmp_path / "a", claims.no_universal_donor),
        lambda task, s, t, steps: 7.0 if s == "ar" else 0.0,
        lost=lost,
    )
    assert found.verdict == OPEN, found.because


def test_a_study_without_the_languages_says_so(tmp_path):
    toy = Toy(EVERYTHING, examples=50)
    rows = toy.cells(SOURCES, TARGETS)
    (matrix,) = transfer_matrices(read_study(write_study(tmp_path / "s", rows)), SETTINGS)
    found = judge(Evidence(matrix, {10: matrix}, {}), SETTINGS)
    assert [one.verdict for one in found][1:] == [OPEN] * 3
    assert "No unseen target" in found[1].because and "no two step counts" in found[3].because
