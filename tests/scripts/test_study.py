"""The study's page: what the full grid would cost follows from the cells."""

import sys
from pathlib import Path

import pytest

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
            # two seconds a step, half a second a score
            "seconds": steps * 2 / 3 + 0.5,
        }
        for code in ("a", "b")
        for steps in (1, 10)
        for target in ("x", "y", "z")
    ]
    (row,) = script.full_grid(rows).rows
    hours = (38 * 10 * 1111 * 2 + 1520 * 387 * 0.5) / 3600
    theirs = (4 * 38 * 10 * 1111 * 2 + 1520 * 387 * 0.5) / 3600
    assert row[:6] == ("toy", "2.00", "0.50", "1,520", f"{hours:,.0f}", f"{theirs:,.0f}")


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize("changes", [(), "tiny"])
def test_its_settings_are_accepted(script, changes):
    plan = load_study(ROOT / "scripts" / "study.toml", script.TINY if changes else ())
    assert len(plan.transfer) == (4 if changes else 14)
    assert {plan.kind(task) for task in plan.settings.tasks} == {
        *("pos", "ner", "parsing", "classification")
    }
