"""A configuration as a grid gives the rows that a run gives, with less lost when it breaks off."""

from dataclasses import replace

import pytest

from toy_run import write_toy_run
from unibridge.config import load_config
from unibridge.config.identity import deciding
from unibridge.evaluation.records import read_results, result_of_row
from unibridge.grid.run import run_grid
from unibridge.operations.cells import Measure, cells_of
from unibridge.study.run import run

METHODS = "run.methods=['floor','mad-x','unibridge']"


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return load_config(
        write_toy_run(tmp_path_factory.mktemp("toy"), "ner"), [METHODS, "run.seeds=[0,1]"]
    )


@pytest.mark.slow
def test_the_rows_of_a_grid_are_those_of_a_run(config, tmp_path):
    rows = tmp_path / "rows.jsonl"
    cells = cells_of({"ner/lug": config})
    assert [(c.method, c.seed) for c in cells[:3]] == [
        ("unibridge", 0),
        ("floor", 0),
        ("mad-x", 0),
    ]
    work = Measure({"ner/lug": config}, tmp_path / "stages", rows)
    found = [result_of_row(row) for row in run_grid(cells, work, rows, tell=lambda text: None)]
    assert {result.base for result in found} == {"base"}
    section = config.run.model_copy(update={"folder": tmp_path / "run"})
    root = run(config.model_copy(update={"run": section}))

    def comparable(results):
        plain = [replace(r, seconds=None, base="", settings="") for r in results]
        return sorted(plain, key=lambda result: (result.seed, result.method))

    assert comparable(found) == comparable(read_results(root / "results.jsonl").results)
    assert [r.ahead is None for r in found if r.method == "floor"] == [False, False]


def test_a_cells_settings_are_what_decides_its_numbers(config):
    def changed(*overrides):
        return deciding(load_config(config.run.folder.parent / "run.toml", overrides))

    plain = changed()
    assert plain == changed("run.seeds=[3]", METHODS, "run.title=x", "run.folder=elsewhere")
    assert plain == changed("adaptation.mask_rate=0.15", "base.device=cpu")  # as by default
    others = {
        changed(one)
        for one in ("adaptation.mask_rate=0.2", "base.dropout=0.3", "target.test=sw.test.conll")
    }
    assert len(others | {plain}) == 4
    cells = cells_of({"ner/lug": config})
    assert len({cell.key for cell in cells}) == len(cells)
