"""The study's page: what the full grid would cost follows from the cells."""

import sys
from pathlib import Path

import pytest

from toy_study import Toy, write_study
from unibridge.transfer_study.plan import load_study

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    monkeypatch.delitem(sys.modules, "study", raising=False)
    import study

    return study


def test_the_cost_of_everything_is_fitted_to_what_was_measured(script):
    rows = [
        {
            **{"model": "toy", "kind": "tuned", "transfer": code, "mode": None, "steps": steps},
            **{"seed": 0, "task": "ner", "target": target, "counts": [[1, 2, 3]]},
            # two seconds a step, half a second a test set of one example
            **{"seconds": steps * 2 / 3 + 0.5, "examples": 1},
        }
        for code in ("a", "b")
        for steps in (1, 10)
        for target in ("x", "y", "z")
    ]
    (row,) = script.full_grid(rows).rows
    scoring = 1520 * 387 * 500 * 0.5
    hours, theirs = ((times * 38 * 10 * 1111 * 2 + scoring) / 3600 for times in (1, 4))
    assert row[:5] == ("toy", "2.00", "500.0", "1,520", f"{hours:,.0f}")
    assert row[5:7] == (f"{hours / 32:,.0f}", f"{theirs:,.0f}")
    (half,) = script.full_grid(rows, share=0.5).rows
    assert half[1:3] == ("1.00", "250.0")


def test_the_page_says_of_every_claim_what_each_base_says(script, tmp_path):
    cells = list(Toy(lambda task, source, target, steps: 20).cells("abc", "abd", steps=(1, 100)))
    fused = [
        {**cells[0], "kind": "fusion", "transfer": transfer, "mode": mode, "seed": seed}
        for transfer, mode in (("a", None), (["a", "b"], "untrained"), ("b", None))
        for seed in (0, 1)
        if mode or not seed
    ]
    plan = {
        "transfer": [{"code": code, "names": [code]} for code in "abc"],
        "tasks": {"pos": {"metric": "accuracy"}},
        **{"steps": [1, 100], "seeds": [0, 1, 2, 3], "seen": ["a", "b"]},
    }
    folder = write_study(tmp_path / "toy", [*cells, *fused], **plan)
    page = script.page([folder])
    assert page.startswith("## toy\n\n") and "Seeds that are whole: 0, 1, 2 of 0, 1, 2, 3." in page
    (before,) = (line for line in page.splitlines() if "| accuracy |" in line)
    value = cells[0]["value"]
    assert before.split("|")[3].strip() == "400" and f" a {value:.1f}" in before
    (claim,) = (line for line in page.splitlines() if line.startswith("| No transfer language"))
    assert claim.split("|")[2].strip() == "**does not hold**"
    assert "pos (accuracy): mean change" in page and "unseen to seen" in page
    (fusion,) = (line for line in page.splitlines() if "| untrained |" in line)
    assert [cell.strip() for cell in fusion.split("|")[1:4]] == ["pos", "untrained", "0.0"]
    assert "## What the full grid would take" in page


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize("changes", [(), "tiny"])
def test_its_settings_are_accepted(script, changes):
    plan = load_study(ROOT / "scripts" / "study.toml", script.TINY if changes else ())
    assert len(plan.transfer) == (4 if changes else 12)
    assert {plan.kind(task) for task in plan.settings.tasks} == {
        *("pos", "ner", "parsing", "classification")
    }
