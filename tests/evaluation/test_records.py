import json
from dataclasses import asdict, replace

import pytest

from unibridge.errors import UnibridgeError
from unibridge.evaluation.records import Result, append_result, read_results
from unibridge.evaluation.rows import append_row

ONE = Result(
    method="unibridge",
    label="UniBridge",
    target="am",
    task="ner",
    metric="F1",
    score=41.2,
    low=39.0,
    high=43.4,
    examples=600,
    seed=0,
    sources=("en", "zh"),
    weighting="harmony",
    steps=300,
    tokens_seen=90_000,
    seconds=61.5,
    note="አማርኛ",
)


def test_what_is_appended_is_read_back(tmp_path):
    path = tmp_path / "results.jsonl"
    two = replace(ONE, method="mad-x", weighting=None, steps=None)
    append_result(path, ONE)
    append_result(path, two)
    assert read_results(path).results == [ONE, two]
    assert [json.loads(line)["method"] for line in path.read_text().splitlines()] == [
        "unibridge",
        "mad-x",
    ]


def test_a_later_row_of_the_same_cell_wins_and_keeps_its_place(tmp_path):
    path = tmp_path / "results.jsonl"
    for result in (ONE, replace(ONE, method="mad-x"), replace(ONE, score=42.0)):
        append_result(path, result)
    assert [(r.method, r.score) for r in read_results(path).results] == [
        ("unibridge", 42.0),
        ("mad-x", 41.2),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"method": "x"},
        {"seed": 1},
        {"target": "so"},
        {"task": "pos"},
        {"weighting": "uniform"},
        {"base": "b"},
        {"settings": "s"},
    ],
)
def test_rows_that_differ_in_what_was_measured_are_kept_apart(tmp_path, change):
    path = tmp_path / "results.jsonl"
    append_result(path, ONE)
    append_result(path, replace(ONE, **change))
    assert len(read_results(path).results) == 2


def test_a_last_line_cut_by_a_crash_is_skipped_with_a_warning_and_healed_by_appending(tmp_path):
    path = tmp_path / "results.jsonl"
    append_result(path, ONE)
    whole = path.read_bytes()
    # inside the last character of the note, so that the cut line is not even UTF-8
    path.write_bytes(whole + whole[: whole.rfind("ኛ".encode()) + 1])
    records = read_results(path)
    assert records.results == [ONE]
    assert len(records.warnings) == 1 and "cut short" in records.warnings[0]

    append_result(path, replace(ONE, seed=1))
    records = read_results(path)
    assert [r.seed for r in records.results] == [0, 1] and records.warnings == []


def test_a_whole_last_line_without_its_newline_is_kept(tmp_path):
    path = tmp_path / "results.jsonl"
    append_result(path, ONE)
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    append_result(path, replace(ONE, seed=1))
    assert [r.seed for r in read_results(path).results] == [0, 1]


@pytest.mark.parametrize(
    "broken",
    ["{", "[1]", '{"method": "x"}', '{"colour": 1}', json.dumps({**ONE.__dict__, "score": "high"})],
)
def test_any_other_broken_line_is_named(tmp_path, broken):
    path = tmp_path / "results.jsonl"
    append_result(path, ONE)
    path.write_text(path.read_text() + broken + "\n" + path.read_text())
    with pytest.raises(UnibridgeError, match=r"results\.jsonl:2: not a result"):
        read_results(path)


def test_no_file_means_no_scores_yet(tmp_path):
    assert read_results(tmp_path / "results.jsonl").results == []


def test_rows_of_before_there_were_roles_have_those_of_their_methods(tmp_path):
    path = tmp_path / "results.jsonl"
    for name in ("floor", "mad-x", "unibridge", "unibridge-no-kl"):
        row = asdict(replace(ONE, method=name))
        del row["role"]
        append_row(path, row)
    roles = [found.role for found in read_results(path).results]
    assert roles == ["floor", "baseline", "method", "ablation"]
