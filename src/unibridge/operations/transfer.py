"""A transfer study, and the demo's."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unibridge.operations.listening import SILENCE, Listener

if TYPE_CHECKING:
    from unibridge.transfer_study.plan import Plan
    from unibridge.transfer_study.run import Finished


def prepare_study(
    path: Path | None,
    *,
    demo_folder: Path | None = None,
    executor: str | None = None,
    workers: int | None = None,
    overrides: Sequence[str] = (),
) -> "Plan":
    """Read and check study.toml, or write the demo's first where there is no path.

    executor, workers: laid over the file's. overrides: "section.field=value".
    """
    from unibridge.transfer_study.plan import load_study

    given = [f'run.executor="{executor}"'] if executor else []
    given += [f"run.workers={workers}"] if workers else []
    if path is None:
        from unibridge.transfer_study.demo import write_study_demo

        path = write_study_demo(demo_folder or Path("runs") / "study-demo")
    return load_study(path, [*given, *overrides])


def study(plan: "Plan", *, dry_run: bool = False, listener: Listener = SILENCE) -> "Finished":
    """Run what is missing of a study, and say what it costs before."""
    from unibridge.transfer_study.run import run_study

    return run_study(
        plan,
        dry_run=dry_run,
        tell=listener.say,
        on_stage=listener.on_stage,
        on_progress=listener.on_progress,
    )
