"""Every way is asked for on data that has what it needs, and the page says what each is worth."""

import importlib
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.test_real import kept
from unibridge.grid.cells import Cell
from unibridge.methods import METHODS

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
REAL, PLAN = (
    tomllib.loads((ROOT / "scripts" / f"{name}.toml").read_text()) for name in ("real", "catalogue")
)


@pytest.fixture
def catalogue(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    for name in ("real", "catalogue"):
        sys.modules.pop(name, None)
    return importlib.import_module("catalogue")


def test_every_method_is_registered_and_says_what_it_needs():
    methods = [*PLAN["methods"], *PLAN["on_texts"]]
    assert set(methods) <= set(METHODS) and set(methods) == set(PLAN["needs"])
    own = [part["methods"] for part in PLAN["tasks"].values() if "methods" in part]
    assert {name for methods in own for name in methods} <= set(methods)


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize("task", PLAN["tasks"])
def test_no_target_lacks_what_a_method_needs(catalogue, task, tmp_path):
    part = catalogue.laid_over(REAL.get(task, {}), PLAN["tasks"][task], PLAN)
    plan = {**REAL, "methods": PLAN["methods"]}
    plan["settings"] = [*REAL["settings"], *PLAN["settings"]]
    for target in part["targets"]:
        config = catalogue.configured(plan, part, target, tmp_path, [], None, PLAN["dictionary"])
        usual = {*part.get("methods", PLAN["methods"]), *part["more_methods"]}
        left_out = usual - set(config.run.methods)
        # no parallel text of Luganda beside the test's own
        assert left_out <= ({"continued-tlm", "sentence-aligned"} if target == "lug" else set())
        assert config.sources[0].dictionary and config.run.reference == "fine-tune"


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
def test_what_others_are_compared_with_is_always_run(catalogue, tmp_path):
    part = catalogue.laid_over(REAL["sentiment"], PLAN["tasks"]["sentiment"], PLAN)
    plan = {**REAL, "settings": [*REAL["settings"], *PLAN["settings"]]}
    config = catalogue.configured(
        plan, part, "sun", tmp_path, [], ["code-switched"], PLAN["dictionary"]
    )
    assert config.run.methods == ("fine-tune", "code-switched")


def test_the_page_says_who_is_ahead_and_what_it_took(catalogue, tmp_path):
    rows, page = tmp_path / "rows.jsonl", tmp_path / "catalogue.md"
    one = Cell("ner/lug", "fine-tune", 0, "me5", "s")
    kept(rows, one, score=60.0, peak_memory_bytes=2_000_000_000)
    ahead = {"ahead": 3.0, "ahead_low": 1.0, "ahead_high": 5.0}
    behind = {"ahead": -2.0, "ahead_low": -3.0, "ahead_high": -1.0}
    unsure = {"ahead": 0.5, "ahead_low": -1.0, "ahead_high": 2.0}
    kept(rows, replace(one, method="translate-train"), score=63.0, seconds=120.0, **ahead)
    kept(rows, replace(one, method="translate-test"), score=58.0, **behind)
    kept(rows, replace(one, method="code-switched"), score=60.5, **unsure)
    catalogue.main(["--only-write", "--rows", str(rows), "--page", str(page)])
    text = page.read_text()
    first = next(line for line in text.splitlines() if line.startswith("Helps"))
    assert "`translate-train` (+3.0 points; clearly ahead 1, behind 0 of 1 times)" in first
    assert "Hurts: `translate-test`" in first and "tells: `code-switched`" in first
    assert "The longest row took 2 minutes (translate-train, ner/lug)." in first
    table = {
        cells[0]: cells
        for line in text.splitlines()
        if len(cells := [cell.strip() for cell in line.split("|")[1:-1]]) == 5
    }
    assert table["fine-tune"][1:4] == ["60.0", "1.0", "2.0"]
    assert table["translate-train"][1] == "**63.0 (+3.0)**"
    assert table["code-switched"][1] == "60.5 (+0.5)"
    assert table["translate-train"][4].startswith("a lexicon")
