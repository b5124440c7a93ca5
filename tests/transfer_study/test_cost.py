"""What a study will cost."""

from unibridge.transfer_study.cells import units_of
from unibridge.transfer_study.cost import cost_of
from unibridge.transfer_study.data import read_data


def test_encoders_that_are_kept_take_their_room(checked):
    def room(keep):
        plan = checked(seeds=[0], keep_encoders=keep)
        units = units_of(plan, read_data(plan), "toy", "hash")
        sizes = dict.fromkeys(plan.pairs(), 5)
        return cost_of(plan, units, {u.cell.key: [] for u in units}, sizes, encoder=10**9).bytes

    # two languages, one of them shuffled, and the mixed text, by two numbers of steps
    assert room(True) - room(False) == 8 * 10**9
