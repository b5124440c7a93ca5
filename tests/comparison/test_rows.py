import pytest

from toy_study import Toy, cell, write_study
from unibridge.comparison.rows import read_study
from unibridge.errors import UnibridgeError

TOY = Toy(lambda *_: 0, examples=20)


def test_the_newest_score_of_a_cell_counts_and_a_failure_takes_none_away(tmp_path):
    rows = [
        cell("baseline", [], 0, 0, "am", value=50.0),
        cell("tuned", "en", 10, 0, "am", error="killed"),
        cell("tuned", "en", 10, 0, "am", value=51.0),
        cell("tuned", "en", 10, 0, "am", error="killed again"),
        cell("tuned", "ar", 10, 0, "am", error="no text"),
    ]
    study = read_study(write_study(tmp_path / "s", rows))
    assert [s.value for s in study.scores] == [50.0, 51.0]
    assert [(f.transfer, f.value, f.error) for f in study.failed] == [(("ar",), None, "no text")]


def test_one_language_has_one_code_however_it_is_written(tmp_path):
    rows = [
        cell("baseline", [], 0, 0, "swh", value=50.0),
        cell("tuned", "swa", 10, 0, "sw", value=51.0),
        cell("tuned", ["fre"], 10, 0, "fra", value=51.0),
    ]
    study = read_study(write_study(tmp_path / "s", rows))
    assert {s.target for s in study.scores} == {"swa", "fre"}


def test_a_task_with_two_metrics_is_two(tmp_path):
    rows = [
        cell("baseline", [], 0, 0, "am", value=50.0, task="dep", metric=m) for m in ("las", "uas")
    ]
    study = read_study(write_study(tmp_path / "s", rows, tasks={"dep": {"metric": "uas"}}))
    assert [s.task for s in study.scores] == ["dep las", "dep"] and study.further == {"dep las"}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"kind": "tund"}, r"cells.jsonl:2: .*'tund' is none of baseline, tuned"),
        ({"value": 130.0}, "not between 0 and 100"),
        ({"value": None}, "neither a value nor an error"),
        ({"transfer": []}, "transfer is empty"),
        ({"counts": [[1, 2]], "value": 90.0}, r"value is 90.0, and its counts give 50.00"),
        ({"target": 3}, "target is no text"),
    ],
)
def test_a_line_that_is_no_score_is_named(tmp_path, change, match):
    good = cell("baseline", [], 0, 0, "am", value=50.0)
    bad = {**cell("tuned", "en", 10, 0, "am", value=50.0), **change}
    with pytest.raises(UnibridgeError, match=match):
        read_study(write_study(tmp_path / "s", [good, bad, good]))


def test_a_last_line_that_was_cut_short_costs_itself_only(tmp_path):
    folder = write_study(tmp_path / "s", TOY.cells(["en"], ["am"]))
    whole = (folder / "cells.jsonl").read_text()
    (folder / "cells.jsonl").write_text(whole[:-30])
    study = read_study(folder)
    assert len(study.scores) == 3 and "cut short" in study.warnings[0]


def test_another_folder_is_no_study(tmp_path):
    with pytest.raises(UnibridgeError, match=r"no study.json. Pass the folder"):
        read_study(tmp_path)


def test_two_settings_of_a_cell_are_said(tmp_path):
    rows = [cell("baseline", [], 0, 0, "am", value=50.0, settings=s) for s in "ab"]
    study = read_study(write_study(tmp_path / "s", rows))
    assert len(study.scores) == 1 and "two settings" in study.warnings[0]
