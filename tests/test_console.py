import io

from unibridge import console as module
from unibridge.console import Console


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_long_stage_says_how_much_time_is_left(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    stream = Terminal()
    console = Console(stream)
    for step in range(1, 11):
        now[0] += 10
        console.on_progress("reading", step, 100, {})
    assert stream.getvalue().endswith("10/100  15:00 left")
    # another stage, or the same one anew, begins its own clock
    now[0] += 1
    console.on_progress("adapt", 1, 100, {"loss": 1.5})
    assert stream.getvalue().endswith("1/100  loss 1.5")
    now[0] += 5
    console.on_progress("adapt", 2, 0, {})
    assert not stream.getvalue().endswith("left")
