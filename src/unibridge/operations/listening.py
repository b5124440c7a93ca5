"""Who is told what goes on meanwhile."""

from collections.abc import Mapping
from typing import Protocol


class Listener(Protocol):
    """Hears of warnings, stages and steps; the terminal's is `unibridge.console.Console`."""

    def say(self, text: str = "") -> None:
        """A line in plain words."""

    def on_stage(self, folder: str, done: bool) -> None:
        """A stage begins, or was done already. folder: its name in the run's folder."""

    def on_progress(self, stage: str, step: int, steps: int, parts: Mapping[str, float]) -> None:
        """A step of a stage. parts: what is measured, by name. steps: 0 where nobody knows."""


class Silence:
    """Nobody listens."""

    def say(self, text: str = "") -> None:
        """Not heard."""

    def on_stage(self, folder: str, done: bool) -> None:
        """Not heard."""

    def on_progress(self, stage: str, step: int, steps: int, parts: Mapping[str, float]) -> None:
        """Not heard."""


SILENCE = Silence()
