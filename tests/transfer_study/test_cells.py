"""In which order encoders are made."""

from unibridge.transfer_study.cells import units_of
from unibridge.transfer_study.data import read_data


def test_a_study_that_is_broken_off_has_whole_seeds(checked):
    plan = checked(
        interference={"languages": ["sw", "wol"], "modes": ["uniform"]},
    )
    units = units_of(plan, read_data(plan), "toy", "hash")
    kinds = [unit.kind for unit in units]
    # two languages, one of them shuffled, and the mixed text, by two numbers of steps
    each = 4 * 2
    assert kinds[0] == "baseline" and kinds[1 + 3 * each :] == ["fusion"] * 3
    for number, seed in enumerate(plan.settings.seeds):
        part = units[1 + number * each : 1 + (number + 1) * each]
        assert {unit.seed for unit in part} == {seed}
        assert [unit.steps for unit in part] == [1, 2] * 4
