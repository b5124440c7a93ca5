"""Test sets are read together and scored apart."""

from dataclasses import replace

import pytest

from unibridge.artifacts import fingerprint
from unibridge.errors import ConfigError
from unibridge.metrics import ACCURACY
from unibridge.stages.workplace import Workplace
from unibridge.transfer_study.data import read_data
from unibridge.transfer_study.measure import load_kit, load_study_base
from unibridge.transfer_study.run import task_stages
from unibridge.transfer_study.scoring import TOKENS, _by_length, check_metrics, score_task


@pytest.fixture
def scored(checked, tmp_path):
    """(encoded test sets of the task ner) -> its scores by the plain base."""
    plan = checked(tasks__ner__targets={"sw": "sw.conll", "wol": "en.conll"})
    data, base = read_data(plan), load_study_base(plan)
    adapters = task_stages(plan, data, Workplace(tmp_path / "stages", base, "toy"), print)
    kit = load_kit(plan, adapters, {}, base=base, data=data)
    encoder = base.model.get_submodule(base.family.encoder)

    def score(change=lambda encoded: encoded, **how):
        encoded = {target: kit.encoded("ner", target) for target in ("sw", "wo")}
        task, trained = data.tasks["ner"], kit.adapters["ner", ""]
        return score_task(base, encoder, trained, task, change(encoded), [ACCURACY], **how)

    return score


def test_together_as_alone(scored):
    both = scored()
    for target in ("sw", "wo"):
        assert scored(lambda rows, only=target: {only: rows[only]}) == {target: both[target]}
    assert both["sw"][0].counts != both["wo"][0].counts


def test_a_target_that_cannot_be_read_costs_no_other(scored):
    def broken(encoded):
        odd = replace(encoded["wo"][2], input_ids=[10**6, *encoded["wo"][2].input_ids[1:]])
        return {**encoded, "wo": [*encoded["wo"][:2], odd, *encoded["wo"][3:]]}

    whole, found = scored(), scored(broken)
    assert found["sw"] == whole["sw"] and isinstance(found["wo"], IndexError)


def test_batches_hold_everything_once_and_little_padding():
    class Row:
        def __init__(self, length):
            self.input_ids = [0] * length

    rows = {"a": [Row(5), Row(500), Row(9)], "b": [Row(TOKENS + 1)] + [Row(7)] * 400}
    batches = list(_by_length(rows))
    assert sorted(p for batch in batches for p in batch) == sorted(
        (target, i) for target, part in rows.items() for i in range(len(part))
    )
    for batch in batches:
        longest = max(len(rows[target][i].input_ids) for target, i in batch)
        assert longest * len(batch) <= TOKENS or len(batch) == 1


def test_another_precision_is_another_score(checked):
    from unibridge.transfer_study.cells import decides

    plan = checked()
    data = read_data(plan).tasks["ner"]
    prints = {
        precision: fingerprint(
            decides(
                plan.settings.tasks["ner"],
                data,
                replace(
                    plan, settings=plan.settings.model_copy(update={"scoring_precision": precision})
                ),
                "ner",
                "sw",
            )
        )
        for precision in ("float32", "bfloat16")
    }
    assert prints["float32"] != prints["bfloat16"]


def test_bfloat16_is_what_is_computed(scored, monkeypatch):
    import torch

    import unibridge.transfer_study.scoring as scoring

    seen, outputs = [], scoring.outputs

    def told(*arguments):
        seen.append(torch.is_autocast_enabled("cpu"))
        return outputs(*arguments)

    monkeypatch.setattr(scoring, "outputs", told)
    scored(), scored(precision="bfloat16")
    assert set(seen) == {False, True}


def test_a_metric_that_cannot_score_the_task_is_refused(checked):
    plan = checked(
        tasks__ner__metrics=["accuracy", "answer_f1"],
        tasks__boats__metrics=["counted_work:OUT_OF_RANGE"],
    )
    with pytest.raises(ConfigError) as found:
        check_metrics(plan, read_data(plan).tasks)
    first, second = found.value.faults
    assert "tasks.ner.metrics: 'answer_f1' cannot score the right answers of 'sw' (" in first
    assert "fits the task 'ner'" in first
    assert "tasks.boats.metrics: 'odd'" in second and "right answers get 400, not 0" in second
