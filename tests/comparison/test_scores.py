import numpy as np
import pytest

from toy_study import Toy, cell, write_study
from unibridge.comparison.intervals import corrected, estimate, mean_estimate
from unibridge.comparison.rows import read_study
from unibridge.comparison.scores import headline_steps, transfer_matrices
from unibridge.comparison.settings import ComparisonSettings

SOURCES, TARGETS = ("ar", "en", "he", "ru"), ("am", "ar", "so", "ti", "tr")


def planted(task, source, target, steps):
    if (source, target) == ("ar", "am"):
        return 9.0
    return -9.0 if (source, target) == ("ru", "so") else 0.0


def matrix_of(folder, toy, **grid):
    study = read_study(write_study(folder, toy.cells(SOURCES, TARGETS, **grid)))
    (matrix,) = transfer_matrices(study)
    return matrix


def test_planted_effects_are_found_and_noise_is_not(tmp_path):
    matrix = matrix_of(tmp_path / "s", Toy(planted, noise=0.6))
    pairs = [(s, t) for s in SOURCES for t in TARGETS]
    helped = [pair for pair, yes in zip(pairs, matrix.helped(0.05).flat, strict=True) if yes]
    harmed = [pair for pair, yes in zip(pairs, matrix.harmed(0.05).flat, strict=True) if yes]
    assert (helped, harmed) == ([("ar", "am")], [("ru", "so")])
    found = matrix.at("ar", "am")
    assert found.low < 9 < found.high and found.value == pytest.approx(9, abs=2)


def test_intervals_hold_the_truth_as_often_as_they_say(tmp_path):
    targets = [f"t{number}" for number in range(60)]
    rows = Toy(lambda *_: 2.0, noise=1.0).cells(["en"], targets)
    study = read_study(write_study(tmp_path / "s", rows))
    (matrix,) = transfer_matrices(study, ComparisonSettings(samples=300))
    assert 0.9 <= np.mean((matrix.low <= 2) & (matrix.high >= 2)) <= 0.99


def test_a_difference_of_few_examples_is_no_surer_than_a_sign_test_says(tmp_path):
    right = [[1, 1]] * 50 + [[0, 1]] * 50
    better = [[1, 1]] * 55 + [[0, 1]] * 45
    rows = [cell("baseline", [], 0, 0, "am", value=50.0, counts=right)]
    rows += [cell("tuned", "en", 10, s, "am", value=55.0, counts=better) for s in range(2)]
    (matrix,) = transfer_matrices(read_study(write_study(tmp_path / "s", rows)))
    assert matrix.p[0, 0] == pytest.approx(2 / 2**5, abs=0.01)


def test_where_source_and_target_are_one_it_is_kept_apart(tmp_path):
    toy = Toy(lambda task, source, target, steps: 30.0 if source == target else 0.0)
    matrix = matrix_of(tmp_path / "s", toy)
    assert matrix.own.sum() == 1
    assert matrix.helped(0.05).sum() == 1  # itself, and it does not loosen the others' correction
    assert np.nanmax(np.abs(matrix.across)) < 5
    others = matrix.p[~matrix.own]
    assert np.allclose(matrix.q[~matrix.own], corrected(others))


def test_one_seed_gives_a_score_without_a_test(tmp_path):
    matrix = matrix_of(tmp_path / "s", Toy(planted), seeds=1)
    assert np.isnan(matrix.p).all() and np.isfinite(matrix.gain).all()
    assert np.isfinite(matrix.low).all()
    assert not matrix.helped(0.05).any()


def test_failed_cells_are_missing_and_never_zero(tmp_path):
    rows = [
        cell("baseline", [], 0, 0, "am", value=50.0),
        *(cell("tuned", "en", 10, seed, "am", value=52.0 + seed) for seed in range(2)),
        cell("tuned", "en", 10, 2, "am", error="killed"),
        cell("tuned", "ru", 10, 0, "am", error="killed"),
        cell("tuned", "ar", 10, 0, "so", value=40.0),  # whose baseline failed
    ]
    (matrix,) = transfer_matrices(read_study(write_study(tmp_path / "s", rows)))
    assert matrix.sources == ("ar", "en")
    assert matrix.gain[1, 0] == 2.5 and np.isnan(matrix.gain[0]).all()


def test_each_model_task_and_step_count_has_its_own_matrix(tmp_path):
    toy = Toy(planted, examples=20)
    rows = list(toy.cells(["en"], ["am"], tasks=("pos", "ner"), steps=(1, 1000), control=True))
    rows += [{**row, "model": "other"} for row in rows]
    matrices = transfer_matrices(read_study(write_study(tmp_path / "s", rows)))
    assert len({(m.model, m.task, m.kind, m.steps) for m in matrices}) == len(matrices) == 16
    assert headline_steps(matrices, ComparisonSettings()) == 1
    assert headline_steps(matrices, ComparisonSettings(headline=1000)) == 1000


def test_relative_scores_stop_at_the_floor(tmp_path):
    toy = Toy(lambda *_: 3.0, base=lambda target: 2 if target == "am" else 50)
    matrix = matrix_of(tmp_path / "s", toy)
    relative = matrix.relative(5.0)
    assert np.isnan(relative[:, 0]).all() and np.isfinite(relative[:, 1:]).all()
    assert relative[0, 2] == pytest.approx(100 * matrix.gain[0, 2] / matrix.baseline[2])


def test_seeds_are_paired_where_the_baseline_has_them(tmp_path):
    """Task adapters that differ by seed cancel out of a seed's difference."""
    rows = [cell("baseline", [], 0, seed, "am", value=40.0 + 10 * seed) for seed in range(3)]
    rows += [cell("tuned", "en", 10, seed, "am", value=41.0 + 10.1 * seed) for seed in range(3)]
    (matrix,) = transfer_matrices(read_study(write_study(tmp_path / "s", rows)))
    assert matrix.gain[0, 0] == pytest.approx(1.1) and matrix.error[0, 0] < 0.1


def test_an_estimate_knows_what_it_cannot_know():
    assert not estimate(3.0, []).known and not estimate(3.0, [(np.nan, np.nan)]).known
    assert estimate(0.0, [(0.0, 2.0)]).p == 1
    assert np.isnan(estimate(3.0, [(0.0, 2.0)]).p)
    wide, narrow = estimate(3.0, [(1.0, 1.0)]), estimate(3.0, [(1.0, 100.0)])
    assert wide.high - wide.low > narrow.high - narrow.low
    assert narrow.exceeds(0.0) == pytest.approx(narrow.p / 2)


def test_a_mean_over_two_samples_counts_the_spread_of_both():
    values = np.array([[1.0, 1.0, 1.0], [5.0, 5.0, 5.0]])
    rows, columns = mean_estimate(values, (0,)), mean_estimate(values, (1,))
    assert columns.error == 0 < rows.error
    assert mean_estimate(values, (0, 1)).error == rows.error
    assert not mean_estimate(values[:1], (0, 1)).known
