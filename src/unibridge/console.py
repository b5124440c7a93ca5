"""What a person sees while a run works: one line a stage, on the error stream."""

import sys
import time
from collections.abc import Mapping
from typing import TextIO

from unibridge.processes import processes


def quiet() -> None:
    """Keep the libraries' own progress bars off the terminal; ours says what is going on."""
    from transformers.utils import logging

    logging.disable_progress_bar()


# seconds of a stage before the rest of its time is told
_TOLD_AFTER = 3


class Console:
    """Prints each stage once, and on a terminal its progress in place."""

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self.stream = stream or sys.stderr
        # of several processes one speaks for all
        self.quiet = quiet or not processes().main
        self.live = self.stream.isatty()
        self.started = time.monotonic()
        self.drawn = 0.0
        self.shown: set[str] = set()
        # of the stage that is drawn: its last step, and when and where it was first heard of
        self.stage, self.step, self.begun = "", 0, (self.started, 0)

    def say(self, text: str = "") -> None:
        """Print a line, unless another process speaks for all."""
        if not self.quiet:
            self._clear()
            print(text, file=self.stream, flush=True)

    def on_stage(self, folder: str, done: bool) -> None:
        """Print that a stage begins, or was done already, the first time that it is met."""
        if folder in self.shown:  # methods share stages; each is news only once
            return
        self.shown.add(folder)
        seconds = time.monotonic() - self.started
        self.say(f"[{_clock(seconds)}] {folder}{'  (done already)' if done else ''}")

    def on_progress(self, stage: str, step: int, steps: int, parts: Mapping[str, float]) -> None:
        """Draw a stage's step in place, five times a second at most, with the time that is left.

        steps: 0 where unknown.
        """
        now = time.monotonic()
        if self.stage != stage or step < self.step:
            self.stage, self.begun = stage, (now, step)
        self.step = step
        if self.quiet or not self.live or (now - self.drawn < 0.2 and step != steps):
            return
        self.drawn = now
        figures = "  ".join(f"{name} {value:.4g}" for name, value in parts.items())
        count = f"{step:,}/{steps:,}  " if steps else ""
        began, first = self.begun
        if steps > step > first and now - began > _TOLD_AFTER:
            left = (now - began) / (step - first) * (steps - step)
            figures = f"{figures}  {_clock(left).strip()} left".strip()
        self.stream.write(f"\r\033[K          {count}{figures}")
        self.stream.flush()

    def _clear(self) -> None:
        if self.live:
            self.stream.write("\r\033[K")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:3d}:{rest:02d}"
