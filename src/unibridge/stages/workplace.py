"""Where stages are kept, and who is told of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.artifacts import Outcome, read_manifest, run_stage

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base

Progress = Callable[[str, int, int, Mapping[str, float]], None]


@dataclass(frozen=True)
class Workplace:
    """Where stages are kept and who is told. base_hash: of the base model's files.

    reuse: folders of other runs, whose finished stages are taken over.
    """

    root: Path
    base: "Base"
    base_hash: str
    on_stage: Callable[[str, bool], None] = lambda folder, done: None
    on_progress: Progress = lambda stage, step, steps, parts: None
    reuse: Sequence[Path] = ()

    def run(
        self,
        stage: str,
        name: str,
        build: Callable[[Path], Outcome],
        *,
        settings: Mapping[str, Any],
        inputs: Mapping[str, str],
        together: bool = False,
    ) -> Path:
        """A stage on this base, built once; see `artifacts.run_stage`."""
        return run_stage(
            self.root,
            stage,
            name,
            build,
            settings=settings,
            inputs={"base": self.base_hash, **inputs},
            together=together,
            reuse=self.reuse,
            on_start=self.on_stage,
        )

    def steps(self, stage: str) -> Callable[[int, int, Mapping[str, float]], None]:
        """Who is told of a stage's steps: (step, steps, losses by name)."""
        return lambda step, steps, parts: self.on_progress(stage, step, steps, parts)


def stage_input(role: str, folder: Path | None, stage: str = "adapt") -> dict[str, str]:
    """role -> fingerprint of a finished stage of this kind; nothing where there is none."""
    return {} if folder is None else {role: str(read_manifest(folder, stage)["fingerprint"])}
