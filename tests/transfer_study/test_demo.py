"""The demo's study is a study.toml like any other, on files that it wrote."""

import pytest

from unibridge.errors import UnibridgeError
from unibridge.transfer_study.cells import units_of
from unibridge.transfer_study.data import read_data
from unibridge.transfer_study.demo import MIX, write_study_demo
from unibridge.transfer_study.plan import load_study


def test_a_study_that_was_edited_is_not_written_over(tmp_path):
    path = write_study_demo(tmp_path, languages=("sw",))
    text, label = path.read_text(), next(tmp_path.glob("data/labels/*"))
    label.write_text("mine\n")
    path.write_text(text + "# mine\n")
    assert write_study_demo(tmp_path, languages=("sw",)) == path
    assert path.read_text().endswith("# mine\n") and label.read_text() == "mine\n"
    path.write_text(text.replace("seeds = [0, 1, 2]", "seeds = [0]"))
    with pytest.raises(UnibridgeError, match=r"no longer as the demo wrote it. Run unibridge"):
        write_study_demo(tmp_path, languages=("sw",))
    assert "seeds = [0]\n" in path.read_text()


@pytest.mark.slow
def test_the_demo_is_checked_and_has_no_target_in_its_mix(tmp_path):
    plan = load_study(write_study_demo(tmp_path, languages=("sw", "so")))
    assert not plan.warnings and not set(plan.transfer) & set(MIX)
    data = read_data(plan)
    assert all(len(part) == 60 for task in data.tasks.values() for part in task.targets.values())
    test = {" ".join(one.words) for one in data.tasks["ner"].targets["so"]}
    assert not test & set(data.texts["so"])
    units = units_of(plan, data, "cldr", "hash")
    # two languages, one shuffled and the mixed text, by three numbers of steps and three seeds
    assert len(units) == 1 + 4 * 3 * 3
