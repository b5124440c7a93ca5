"""A whole study on toys: one encoder for all its scores, kept at once, gone on with, never lost."""

import json
from collections import Counter

import numpy as np
import pytest

import unibridge.transfer_study.measure as measure
from unibridge.cli import main
from unibridge.cli.transfer import MISSING
from unibridge.errors import ConfigError, UnibridgeError
from unibridge.evaluation.rows import read_rows
from unibridge.metrics import METRICS
from unibridge.transfer_study.run import run_study
from unibridge.transfer_study.scores import CELLS, ELSEWHERE
from unibridge.transfer_study.summary import table

FEW = {"seeds": [0], "tuning__steps": [1], "controls__kinds": []}


@pytest.fixture
def tuned(monkeypatch):
    """Counts the trainings."""
    made, tune = [], measure.tune

    def counted(base, text, steps, *, seed, **rest):
        made.append((steps, seed))
        return tune(base, text, steps, seed=seed, **rest)

    monkeypatch.setattr(measure, "tune", counted)
    return made


def run(plan, **how):
    said = []
    done = run_study(plan, tell=said.append, **how)
    return done, said, read_rows(plan.settings.run.folder / CELLS)


def test_one_tuned_encoder_gives_every_score(checked, tuned, tmp_path):
    done, said, rows = run(checked(seeds=[0]))
    # two languages, one shuffled and the mixed text, by two numbers of steps
    assert len(tuned) == 4 * 2 and not done.missing
    assert len(rows) == (1 + len(tuned)) * 3
    assert Counter(row["kind"] for row in rows) == {
        **{"baseline": 3, "tuned": 12, "shuffled": 6, "mixed": 6}
    }
    (first,) = (r for r in rows if r["kind"] == "baseline" and r["task"] == "boats")
    assert (first["transfer"], first["steps"], first["mode"]) == ([], 0, None)
    for row in rows:
        counts = np.array(row["counts"])
        assert float(METRICS[row["metric"]].score(counts.sum(0))) == row["value"]
        assert len(counts) == row["examples"] == 5 and row["error"] is None
        assert row["seconds"] > 0 and row["made"] and row["settings"]
    record = json.loads((tmp_path / "study" / "study.json").read_text())
    assert record["transfer"] == [
        {"code": "sw", "names": ["Swahili"]},
        {"code": "wo", "names": ["Wolof", "wol"]},
    ]
    assert record["tasks"]["ner"]["mix"] == {"en": 5}
    assert {code: sorted(one) for code, one in record["reading"].items()} == {
        code: ["loss", "unknown"] for code in ("sw", "wo")
    }
    assert any("still 9 encoders, 12 steps, 27 scores" in line for line in said)
    assert not (tmp_path / "study" / "encoders").exists()
    assert "boats (macro_f1)" in table(tmp_path / "study")


def test_the_same_call_goes_on_and_other_settings_lose_nothing(checked, tuned, tmp_path):
    _, _, before = run(checked(**FEW))
    tuned.clear()
    _, _, again = run(checked())
    assert again == before and not tuned
    _, _, rows = run(checked(seeds=[0, 3]))
    assert tuned == [(1, 3)] * 2 and rows[: len(before)] == before

    _, said, rows = run(checked(tuning__learning_rate=1e-4))
    assert any("12 finished scores are of other settings" in line for line in said)
    assert len(rows) == 3 + 12
    tuned.clear()
    _, said, rows = run(checked(tuning__learning_rate=5e-5))
    assert not tuned and any("12 scores of these settings" in line for line in said)
    assert len(rows) == 15 and len(read_rows(tmp_path / "study" / ELSEWHERE)) == 12


def test_a_failed_score_is_missing_and_tried_again(checked, tuned, monkeypatch):
    plan = checked(run__retries=0, **FEW)
    scored = measure.score_task

    def broken(base, encoder, trained, data, encoded, metrics, **rest):
        found = scored(base, encoder, trained, data, encoded, metrics, **rest)
        return found | ({"wo": ValueError("no such tensor")} if "wo" in found else {})

    monkeypatch.setattr(measure, "score_task", broken)
    done, _, rows = run(plan)
    assert len(done.missing) == 3 and all(r["target"] == "wo" for r in done.missing)
    lost = [row for row in rows if row["value"] is None]
    assert len(lost) == 3 and lost[0]["error"] == "ValueError: no such tensor"
    monkeypatch.setattr(measure, "score_task", scored)
    done, _, rows = run(plan)
    assert not done.missing and len(rows) == 9 and all(row["value"] is not None for row in rows)


def test_a_metric_by_its_import_path_is_finished_under_its_own_name(checked, tuned, tmp_path):
    plan = checked(tasks__ner__metrics=["counted_work:OWN"], **FEW)
    _, _, rows = run(plan)
    assert {r["metric"] for r in rows if r["task"] == "ner"} == {"share right"}
    tuned.clear()
    _, said, again = run(plan)
    assert again == rows and not tuned and not any("still" in line for line in said)
    record = json.loads((tmp_path / "study" / "study.json").read_text())
    assert record["tasks"]["ner"]["metric"] == "share right"


def test_a_cluster_that_is_not_there_is_met_before_anything_is_trained(checked, tmp_path):
    pytest.importorskip("ray")
    plan = checked(run__executor="ray", run__options={"address": "127.0.0.1:1"}, **FEW)
    with pytest.raises(UnibridgeError, match=r"'127.0.0.1:1' cannot be reached"):
        run(plan)
    assert not (tmp_path / "study" / "stages").exists()


def test_a_task_adapter_that_fails_costs_its_scores_alone(checked, tuned, monkeypatch):
    import unibridge.transfer_study.scoring as scoring

    plan, train = checked(**FEW), scoring.train_task

    def broken(*given, name, **rest):
        if name == "mix-ner":
            raise ValueError("no memory left")
        return train(*given, name=name, **rest)

    monkeypatch.setattr(scoring, "train_task", broken)
    done, said, rows = run(plan)
    assert [r["task"] for r in rows if r["value"] is not None] == ["boats"] * 3
    lost = [r for r in rows if r["value"] is None]
    assert len(lost) == len(done.missing) == 6 and {r["task"] for r in lost} == {"ner"}
    assert "no task adapter of ner: ValueError at " in lost[0]["error"]
    assert len(tuned) == 2  # nothing is tuned again for what cannot be scored
    assert sum("no memory left; what needs it is missing" in line for line in said) == 2
    monkeypatch.setattr(scoring, "train_task", train)
    done, _, rows = run(plan)
    assert not done.missing and len(rows) == 9 and all(r["value"] is not None for r in rows)


@pytest.mark.parametrize(("broken", "code"), [(False, 0), (True, MISSING)])
def test_the_exit_code_says_whether_cells_are_missing(checked, monkeypatch, broken, code):
    import unibridge.operations.transfer as operations

    def score_task(*given, **rest):
        found = scored(*given, **rest)
        return found | ({"wo": ValueError("no such tensor")} if broken and "wo" in found else {})

    scored = measure.score_task
    monkeypatch.setattr(measure, "score_task", score_task)
    plan = checked(run__retries=0, **FEW)
    monkeypatch.setattr(operations, "prepare_study", lambda *given, **how: plan)
    assert main(["study", "study.toml"]) == code


def values(rows):
    return {
        (r["kind"], str(r["transfer"]), r["steps"], r["seed"], r["task"], r["target"]): r["counts"]
        for r in rows
    }


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["processes", "ray"])
def test_two_workers_find_the_same_numbers(checked, executor):
    if executor == "ray":
        pytest.importorskip("ray")
    _, _, serial = run(checked(**FEW))
    _, _, apart = run(checked(run__folder="other", run__executor=executor, run__workers=2))
    assert values(apart) == values(serial) and len(apart) == 9


def test_a_dry_run_says_the_cost_and_writes_nothing(checked, tmp_path):
    done, said, rows = run(checked(), dry_run=True)
    assert done.dry and not rows and not (tmp_path / "study").exists()
    assert "still 25 encoders, 36 steps, 75 scores" in said[0] and "about" in said[0]


def test_all_that_cannot_be_read_is_said_before_anything_is_trained(checked, tmp_path):
    plan = checked()
    (tmp_path / "wol.txt").write_text("\n")
    (tmp_path / "sw.conll").write_text("a\n")
    with pytest.raises(ConfigError) as found:
        run(plan)
    assert [fault.split(":")[0] for fault in found.value.faults] == [
        "text.wo",
        "tasks.ner.targets.sw",
    ]


def test_a_target_of_the_mix_is_scored_by_an_adapter_without_it(checked, tmp_path):
    mix = {"en": "en.conll", "sw": "sw.conll"}
    run(checked(tasks__ner__mix=mix, leave_target_out=True, **FEW))
    stages = [p.name.rsplit("-", 1)[0] for p in (tmp_path / "study" / "stages").glob("mix-*")]
    assert sorted(stages) == ["mix-boats", "mix-ner", "mix-ner-without-sw"]


def test_two_test_sets_of_one_mix_have_one_adapter(checked, tmp_path):
    ner = {"kind": "ner", "mix": {"en": "en.conll"}, "targets": {"sw": "sw.conll"}}
    plan = checked(tasks={"ner": ner, "again": ner}, **FEW)
    _, said, rows = run(plan)
    assert len(list((tmp_path / "study" / "stages").glob("mix-*"))) == 1
    assert any("1 task adapters (ner)" in line for line in said)
    scores = {task: [r["counts"] for r in rows if r["task"] == task] for task in ("ner", "again")}
    assert scores["ner"] == scores["again"] and len(scores["ner"]) == 3
