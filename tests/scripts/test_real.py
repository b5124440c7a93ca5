"""Every real example can be turned to every one of its targets."""

import importlib
import json
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from unibridge.grid.cells import Cell
from unibridge.grid.store import Store

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
PLAN = tomllib.loads((ROOT / "scripts" / "real.toml").read_text())
RUNS = [
    (task, target)
    for task, part in PLAN.items()
    if isinstance(part, dict)
    for target in part["targets"]
]


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize(("task", "target"), RUNS)
def test_a_target_brings_its_own_files(task, target, tmp_path, real):
    config = real.configuration(PLAN, PLAN[task], target, tmp_path, ["adaptation.mask_rate=0.2"])
    assert config.target.language == target
    assert config.adaptation.mask_rate == 0.2
    for file in (*config.target.text, config.target.test):
        assert target in str(file)
    # SIB-200's parallel lines hold its test sentences, and nothing else has these languages
    untied = ["topic/lug"]
    tied = f"{task}/{target}" not in untied
    assert tied == ("unibridge-published" in config.run.methods)
    assert (config.weights.method == "uniform") == (not tied and len(config.sources) == 2)
    for source in config.sources if tied else ():
        assert {target, source.language} <= set(
            "-".join(Path(file).stem for file in source.parallel).split("-")
        )


def test_the_reduced_set_is_a_part_of_the_whole():
    assert {tuple(name.split("/")) for name in PLAN["reduced"]} <= set(RUNS)


@pytest.fixture
def real(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    sys.modules.pop("real", None)
    return importlib.import_module("real")


MEASURED = {
    **{"label": "UniBridge", "target": "lug", "target_name": "Ganda", "task": "ner", "low": 40.0},
    **{"metric": "span_f1", "score": 41.0, "high": 42.0, "examples": 9, "sources": ["en", "sw"]},
    **{"epochs": 2.0, "unknown": 0.25, "target_lines": 7, "source_examples": {"en": 5, "sw": 4}},
    **{"weights": {"en": 0.75, "sw": 0.25}, "ahead": None, "seconds": 61.0, "steps": 30},
}


def kept(path, cell, **changed):
    Store(path).add(cell, MEASURED | {"method": cell.method} | changed, 60)


def test_the_page_shows_every_row_and_what_is_missing(real, tmp_path):
    rows, page = tmp_path / "real.jsonl", tmp_path / "real.md"
    one = Cell("ner/lug", "unibridge", 0, "minilm", "old")
    kept(rows, one, score=11.0, low=10.0, high=12.0)
    kept(rows, replace(one, settings="new"))
    behind = {"ahead": -9.0, "ahead_low": -10.0, "ahead_high": -8.0, "label": "MAD-X"}
    kept(rows, replace(one, method="mad-x"), score=32.0, low=31.0, high=33.0, **behind)
    kept(rows, replace(one, base="me5"), score=61.0, low=60.0, high=62.0)
    Store(rows).fail(replace(one, data="pos/lij"), "labels.conllu: no such file")
    given = ["--only-write", "--page", str(page), "--rows", str(rows)]
    real.main(given)
    text = page.read_text()
    cells = [[c.strip() for c in x.split("|")[1:-1]] for x in text.splitlines() if "|" in x]
    assert ["", "mad-x", "unibridge"] in cells
    assert ["ner/lug, me5", "", "**61.0**"] in cells
    assert ["ner/lug, minilm", "32.0", "**41.0**"] in cells
    assert ["from UniBridge", "−9.0", ""] in cells
    assert ["UniBridge", "**41.0 [40.0, 42.0]**"] in cells  # the newest settings
    assert ["MAD-X", "32.0", "[31.0, 33.0]", "−9.0 [−10.0, −8.0]"] in cells
    assert ["UniBridge", "**61.0 [60.0, 62.0]**"] in cells and "11.0" not in text
    assert "## Named entities, on `minilm`" in text and "## Named entities, on `me5`" in text
    assert "- pos/lij, unibridge, seed 0, `minilm`: labels.conllu: no such file" in text
    assert "Weights of the sources: en 0.750, sw 0.250." in text
    page.write_text("Ours.\n" + text + "Also ours.\n")
    real.main(given)
    assert page.read_text() == "Ours.\n" + text + "Also ours.\n"


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
def test_chosen_rows_of_several_seeds_run_in_processes_and_go_on(real, tmp_path, capfd):
    rows = tmp_path / "real.jsonl"
    given = ["pos/lij", "--methods", "floor", "--rows", str(rows), "--runs", str(tmp_path / "runs")]
    given += ["--page", str(tmp_path / "real.md"), "--executor", "processes", "--workers", "2"]
    real.main([*given, "--seeds", "0"])
    real.main([*given, "--seeds", "0", "1"])
    found = [json.loads(line) for line in rows.read_text().splitlines()]
    assert [(row["method"], row["seed"], row["base"]) for row in found] == [
        ("floor", 0, "me5"),
        ("floor", 1, "me5"),
    ]
    assert "1 of 2 cells were finished before" in capfd.readouterr().err


def test_an_unknown_name_is_answered_with_those_that_there_are(real, capsys):
    with pytest.raises(SystemExit):
        real.main(["ner/xx"])
    assert "ner/xx: not one of ner/lug" in capsys.readouterr().err


def test_the_first_line_says_how_often_unibridge_is_best_and_where_it_is_behind(real, tmp_path):
    rows, page = tmp_path / "real.jsonl", tmp_path / "real.md"
    for data, fine_tuned, (low, high), probe in (
        ("ner/lug", 31.0, (-11.0, -9.0), 20.0),  # clearly behind UniBridge's 41
        ("pos/wol", 42.0, (-1.0, 3.0), 50.0),  # ahead, but not settled
        ("topic/amh", 45.0, (2.0, 6.0), 20.0),  # clearly ahead
    ):
        main = Cell(data, "unibridge", 0, "me5", "")
        kept(rows, main)
        ends = {"ahead": fine_tuned - 41.0, "ahead_low": low, "ahead_high": high}
        own = {"label": "Fine-tuning", "role": "baseline", "score": fine_tuned}
        kept(rows, replace(main, method="fine-tune"), **own, **ends)
        own = {"label": "Linear probe", "role": "baseline", "score": probe, "low": 0, "high": 60}
        ends = {"ahead": probe - 41.0, "ahead_low": probe - 60, "ahead_high": probe - 41}
        kept(rows, replace(main, method="probe"), **own, **(ends if probe < 41 else {}))
    real.main(["--only-write", "--page", str(page), "--rows", str(rows)])
    text = page.read_text()
    first = next(line for line in text.splitlines() if line.startswith("**On `me5`**"))
    # the probe's 50 in Wolof has no paired interval, and its own holds UniBridge's
    assert "in 2 of 3 data sets (67%)" in first
    assert "Against Fine-tuning: +1.7 points on average over 3." in first
    assert "Above the linear probe in 2 of 3." in first
    assert "Behind in topic/amh: Fine-tuning +4.0" in first and "Behind in pos" not in first
