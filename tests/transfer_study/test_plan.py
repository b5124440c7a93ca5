"""study.toml is checked whole before anything is read or trained."""

from pathlib import Path

import pytest

from unibridge.errors import ConfigError, UnibridgeError
from unibridge.transfer_study.plan import check_study, load_study


def faults(checked, **changes):
    with pytest.raises(ConfigError) as found:
        checked(**changes)
    return found.value.faults


def test_a_language_has_one_code_and_keeps_what_was_written(checked, tmp_path):
    plan = checked()
    assert plan.transfer == ["sw", "wo"] and plan.written["wo"] == ["wol"]
    assert list(plan.pairs()) == [("ner", "sw"), ("ner", "wo"), ("boats", "sw")]
    assert plan.names("wo") == ["Wolof", "wol"]
    assert plan.settings.text["wo"] == str(tmp_path / "wol.txt")
    assert not plan.warnings


def test_every_fault_is_said_at_once(checked, tmp_path):
    found = faults(
        checked,
        text={"jap": "sw.txt", "jpn": "sw.txt", "ibo": "gone.txt"},
        tasks__ner__kind="nerr",
        controls__shuffled=["deu"],
        run__executor="slurm",
        seeds=[0, 0],
    )
    assert any("'jap' and 'jpn' name one language, 'ja'" in fault for fault in found)
    assert any("there is no text of 'ibo'" in fault for fault in found)
    assert any("unknown task 'nerr'" in fault.lower() for fault in found)
    assert any("controls.shuffled: there is no text of 'de'" in fault for fault in found)
    assert any("unknown executor 'slurm'" in fault for fault in found)
    assert any(fault.startswith("seeds: the same one is there twice") for fault in found)


def test_a_macro_language_is_said(checked, tmp_path):
    (tmp_path / "wo.tsv").touch()
    found = faults(checked, text={"kmr": "sw.txt", "ku": "sw.txt"}, controls__shuffled=[])
    assert len(found) == 1 and "name one language, 'ku' (kmr is a member of ku)" in found[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ({"kmr": "sw.txt"}, "'kmr' is read as 'ku', the macro-language"),
        ({"quy": "sw.txt", "qu": "sw.txt"}, "'quy' is a member of the macro-language 'qu'"),
    ],
)
def test_what_may_be_meant_otherwise_is_a_warning(checked, text, said):
    plan = checked(text=text, controls__shuffled=[])
    assert any(said in line for line in plan.warnings)


def test_a_target_in_its_own_mix_is_refused_left_out_or_kept(checked):
    own = {"en": "en.conll", "sw": "sw.conll"}
    (fault,) = faults(checked, tasks__ner__mix=own)
    assert "sw in its own mix" in fault and "leave_target_out = true" in fault
    plan = checked(tasks__ner__mix=own, leave_target_out=True)
    assert (plan.left_out("ner", "sw"), plan.left_out("ner", "wo")) == ("sw", "")
    plan = checked(leave_target_out=False, keep_target_in_mix=True)
    assert plan.left_out("ner", "sw") == "" and "sw in the mix" in plan.warnings[0]


def test_fused_adapters_need_what_they_are_compared_with(checked):
    fused = {"languages": ["sw", "wol"], "sizes": [2]}
    (fault,) = faults(checked, interference=fused)
    assert fault.startswith("interference.sizes: ") and fault.endswith("add 1")
    assert checked(interference={**fused, "sizes": [1, 2]}).fusions()[-1] == ("sw", "wo")


def test_a_script_or_region_that_says_nothing_makes_no_other_language(checked):
    (fault,) = faults(checked, tasks__ner__targets={"eng_Latn": "sw.conll"})
    assert "en in its own mix" in fault
    plan = checked(tasks__ner__targets={"en_Cyrl": "sw.conll"})
    assert plan.warnings == [
        "'en' and 'en_Cyrl' differ in script or variant alone and are taken for languages of their "
        "own: what one gives the other counts as transfer"
    ]


def test_too_few_seeds_for_a_test_are_a_warning(checked):
    assert "no test" in checked(seeds=[0]).warnings[0]
    assert not checked(seeds=[0, 1]).warnings  # which the report tests


def test_how_a_report_judges_is_a_table_of_its_own(checked):
    assert checked(report__alpha=0.01).settings.report.alpha == 0.01
    assert "unknown scale 'points'" in faults(checked, report__across_tasks="points")[0].lower()


def test_settings_of_the_executor_are_checked(checked):
    assert (
        "run.options: the executor 'serial' has none"
        in faults(checked, run__options={"cpus": 1})[0]
    )
    found = faults(checked, run__executor="ray", run__options={"cpu": 1})
    assert "there is no such setting; did you mean 'cpus'?" in found[0]


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        (["counted_work:Work"], "is no unibridge.metrics.Metric"),
        (["accuracy", "unibridge.metrics:ACCURACY"], "two are called 'accuracy'; keep one"),
    ],
)
def test_what_is_no_metric_and_one_twice_are_refused(checked, metrics, said):
    (fault,) = faults(checked, tasks__ner__metrics=metrics)
    assert fault.startswith("tasks.ner.metrics: ") and said in fault


def test_a_file_that_is_no_toml_is_refused(tmp_path):
    (tmp_path / "study.toml").write_text("run = {")
    with pytest.raises(UnibridgeError, match="is not TOML"):
        load_study(tmp_path / "study.toml")


def test_what_is_missing_is_named_by_its_path():
    with pytest.raises(ConfigError) as found:
        check_study({"run": {"folder": "x"}}, folder=Path())
    assert any(fault.startswith("base: is missing") for fault in found.value.faults)
