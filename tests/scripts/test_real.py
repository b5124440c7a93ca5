"""Every real example can be turned to every one of its targets."""

import sys
import tomllib
from pathlib import Path

import pytest

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
def test_a_target_brings_its_own_files(task, target, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    sys.modules.pop("real", None)
    import real

    config = real.configuration(PLAN, PLAN[task], target, tmp_path, ["adaptation.mask_rate=0.2"])
    assert config.target.language == target
    assert config.adaptation.mask_rate == 0.2
    for file in (*config.target.text, config.target.test):
        assert target in str(file)
    # SIB-200's parallel lines hold its test sentences, and nothing else has these languages
    untied = ["sentiment/mad", "sentiment/nij", "topic/lij", "topic/lug"]
    tied = f"{task}/{target}" not in untied
    assert tied == ("unibridge-published" in config.run.methods)
    assert (config.weights.method == "uniform") == (not tied and task == "sentiment")
    for source in config.sources if tied else ():
        assert {target, source.language} <= set(
            "-".join(Path(file).stem for file in source.parallel).split("-")
        )


def test_the_reduced_set_is_a_part_of_the_whole():
    assert {tuple(name.split("/")) for name in PLAN["reduced"]} <= set(RUNS)


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
def test_the_page_has_a_place_for_every_task(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    sys.modules.pop("real", None)
    import real

    page = tmp_path / "real.md"
    real.main(["--only-write", "--page", str(page), "--runs", str(tmp_path / "none")])
    text = page.read_text()
    for task in ("runs", *(name for name, part in PLAN.items() if isinstance(part, dict))):
        assert all(text.count(mark) == 1 for mark in real.marks(task))
