"""A whole run of a configuration, and the demo's."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unibridge.config import load_config
from unibridge.operations.listening import SILENCE, Listener
from unibridge.processes import processes

if TYPE_CHECKING:
    from unibridge.config import Config


def run(config: "Config", *, command: str = "", listener: Listener = SILENCE) -> Path:
    """Every method under every seed, and the report; returns the run's folder.

    command: what was typed, for the record. Finished stages are taken over.
    """
    from unibridge.study.run import run as run_study

    return run_study(
        config, command=command, on_stage=listener.on_stage, on_progress=listener.on_progress
    )


def prepare_demo(
    language: str = "am",
    folder: Path | None = None,
    *,
    seeds: int = 1,
    from_scratch: bool = False,
    overrides: Sequence[str] = (),
    listener: Listener = SILENCE,
) -> "Config":
    """Write the demo's text, labels and configuration, and read it.

    language: of CLDR. folder: by default runs/demo-LANGUAGE. seeds: how many. from_scratch: train
    the source adapters instead of using those that come with the base. overrides: as for
    `load_config`.
    """
    from unibridge.demo import write_demo

    folder = folder or Path("runs") / f"demo-{language}"
    path = folder / "demo.toml"
    if processes().main:
        write_demo(folder, language, seeds=seeds, from_scratch=from_scratch)
    processes().wait()
    listener.say(
        f"CLDR text, labels and the configuration are in {folder}/ ({path.name} can be edited "
        "and given to `unibridge run`)."
    )
    if not from_scratch:
        listener.say(
            "The source languages' adapters come with the base (--from-scratch trains them)."
        )
    return load_config(path, overrides)
