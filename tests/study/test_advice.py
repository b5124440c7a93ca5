"""Advice from rows by hand: what is said, and that it rests on the rows that it names."""

import json

import pytest

from unibridge.cli import main
from unibridge.errors import UnibridgeError
from unibridge.study.advice import SHIPPED, Has, advise, read_measured


def write(path, *rows):
    """rows: (task/target, method, score) or a whole row."""
    made = [
        row
        if isinstance(row, dict)
        else {"data": row[0], "method": row[1], "score": row[2], "seed": 0, "base": "x/me5"}
        for row in rows
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in made))
    return path


ROWS = [
    ("ner/lug", "fine-tune", 60.0),
    ("ner/lug", "unibridge", 70.0),
    ("ner/lug", "mad-x", 50.0),
    ("ner/hau", "fine-tune", 70.0),
    ("ner/hau", "unibridge", 74.0),
    ("ner/hau", "translate-train", 82.0),
    ("ner/hau", "floor", 5.0),
    ("ner/hau", "ceiling", 90.0),
    ("topic/amh", "unibridge", 99.0),
]


def test_what_is_ahead_is_tried_first_and_its_rows_are_named(tmp_path):
    rows = read_measured(write(tmp_path / "rows.jsonl", *ROWS))
    found = [str(s) for s in advise(rows, Has("ner", "lug", ("en", "sw"), base="me5"))]
    assert found[0].startswith("8 rows are of this task and base: ner hau, ner lug.")
    assert found[1] == (
        "Try unibridge first: +7.0 points against fine-tuning over 2 targets, +4.0 to +10.0. "
        "[rows 2, 1, 5, 4]"
    )
    assert found[2].startswith("Leave mad-x: -10.0 points") and found[2].endswith("[rows 3, 1]")
    # what the user has not is told by what it is worth, with what is lacking
    assert found[3].startswith("Ceiling has +20.0") and "needs labels of the target" in found[3]
    assert found[4].startswith("Translate-train has +12.0 points") and "translated" in found[4]
    assert len(found) == 5 and "floor" not in " ".join(found)


def test_what_one_has_can_be_tried(tmp_path):
    rows = read_measured(write(tmp_path / "rows.jsonl", *ROWS))
    given = frozenset({"text", "translated"})
    found = [str(s) for s in advise(rows, Has("ner", "som", given=given, base="me5"))]
    assert found[0].endswith("none is of som itself. [rows 1, 2, 3, 4, 5, 6 and 2 more]")
    assert found[1].startswith("Try translate-train first") and "Then unibridge" in found[2]


def test_other_tasks_and_bases_are_said_to_be_such(tmp_path):
    rows = read_measured(write(tmp_path / "rows.jsonl", *ROWS))
    for has, said in (
        (Has("pos", "lug", base="me5"), "this base on other tasks"),
        (Has("ner", "lug", base="xlm-r"), "this task on other bases (me5)"),
        (Has("qa", "lug", base="xlm-r"), "other tasks and other bases (me5)"),
    ):
        assert f"rows are of {said}" in str(advise(rows, has)[0])


def test_cells_are_never_compared_across_bases_or_seeds(tmp_path):
    own = {"data": "ner/lug", "base": "me5", "method": "fine-tune", "score": 60.0, "seed": 0}
    other = own | {"method": "unibridge", "score": 90.0}
    path = write(tmp_path / "rows.jsonl", own, other | {"seed": 1}, other | {"base": "b"})
    assert len(advise(read_measured(path), Has("ner", "lug"))) == 1
    # the newest row of a cell counts, and half a line or an error does not
    path = write(tmp_path / "rows.jsonl", own, other, other | {"score": 61.5}, {"error": "x"})
    path.write_text(path.read_text() + '{"data": "n')
    (_, best) = advise(read_measured(path), Has("ner", "lug", base="me5"))
    assert "+1.5 points against fine-tuning over 1 target." in best.text and best.rows == (3, 1)


def test_one_source_against_all(tmp_path):
    rows = [
        ("ner/lug", "unibridge-stages", 66.0),
        ("ner/lug", "unibridge-english-only", 60.0),
        ("ner/lug", "unibridge-single", 67.0),
    ]
    found = advise(read_measured(write(tmp_path / "r", *rows)), Has("ner", "lug", ("en", "sw")))
    assert str(found[1]).startswith("Several sources add 6.0 points to English alone")
    assert str(found[2]).startswith("Several sources cost 1.0 points to the closest one alone")


def test_a_run_s_own_rows_and_the_command(tmp_path, capsys):
    run = {"target": "lug", "task": "ner", "seed": 0, "base": "me5", "sources": ["en"]}
    rows = [run | {"method": "fine-tune", "score": 60.0}, run | {"method": "x:y", "score": 60.2}]
    path = write(tmp_path / "results.jsonl", *rows)
    assert main(["advise", "--rows", str(path), "--task", "ner", "--language", "lug"]) == 0
    said = capsys.readouterr().out
    assert "Plain fine-tuning: of what you can run, x:y comes next with +0.2" in said
    assert main(["advise", "--rows", "gone", "--task", "ner", "--language", "lug"]) == 2
    assert "no measured rows here" in capsys.readouterr().err
    with pytest.raises(UnibridgeError, match="no row has a score"):
        read_measured(write(tmp_path / "none", {"method": "x"}))


def test_without_rows_it_reads_those_that_come_with_the_package(capsys):
    assert main(["advise", "--task", "ner", "--language", "lug", "--base", "me5"]) == 0
    said = capsys.readouterr().out
    assert "of this task and base" in said and "points against fine-tuning" in said
    for row in read_measured(SHIPPED):
        assert row.base and 0 <= row.score <= 100
