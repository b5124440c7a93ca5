"""A whole run of a configuration, and the demo's."""

from collections.abc import Mapping, Sequence
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


def run_targets(
    configs: Mapping[str, "Config"], *, command: str = "", listener: Listener = SILENCE
) -> Path:
    """A run for each target in the same folder, and a report over all; returns that folder.

    configs: target -> its run, see `load_configs`. Sources are trained once: each run takes the
    finished stages of those before. A target that fails is said and does not stop the others;
    raises UnibridgeError at the end, with all that failed.
    """
    from unibridge.comparison.targets import write_targets_report
    from unibridge.errors import UnibridgeError

    folder = next(iter(configs.values())).run.folder.parent
    done: list[str] = []
    failed: dict[str, str] = {}
    for target, config in configs.items():
        reuse = tuple(dict.fromkeys((*config.run.reuse, *done)))
        section = config.run.model_copy(update={"reuse": reuse})
        listener.say(f"target {target}: results go to {config.run.folder}")
        try:
            own = config.model_copy(update={"run": section})
            done.append(str(run(own, command=command, listener=listener)))
        except UnibridgeError as error:
            failed[target] = str(error)
            listener.say(f"target {target} failed: {error}")
    if done and processes().main:
        write_targets_report(folder)
    if failed:
        said = "; ".join(f"{target}: {error}" for target, error in failed.items())
        raise UnibridgeError(f"{len(failed)} of {len(configs)} targets failed ({said})")
    return folder


def prepare_demo(
    language: str | None = None,
    folder: Path | None = None,
    *,
    base: str | None = None,
    seeds: int = 1,
    from_scratch: bool = False,
    overrides: Sequence[str] = (),
    listener: Listener = SILENCE,
) -> "Config":
    """Write the demo's text, labels and configuration, and read it.

    language: of CLDR; unset: the one that the base's demo suggests. folder: by default
    runs/demo-LANGUAGE. base: me5 or cldr; unset: me5 where it is installed and quick. seeds: how
    many. from_scratch: train the source adapters that come with cldr instead of using them.
    overrides: as for `load_config`.
    """
    from unibridge.demo import RECIPES, suggested_base, write_demo

    if base is None:
        base, other = suggested_base()
        listener.say(f"The base is {base}; {other}.")
    language = language or RECIPES.resolve(base).language
    folder = folder or Path("runs") / f"demo-{language}"
    path = folder / "demo.toml"
    if processes().main:
        write_demo(folder, language, base=base, seeds=seeds, from_scratch=from_scratch)
    processes().wait()
    listener.say(
        f"CLDR text, labels and the configuration are in {folder}/ ({path.name} can be edited "
        "and given to `unibridge run`)."
    )
    if base == "cldr" and not from_scratch:
        listener.say(
            "The source languages' adapters come with the base (--from-scratch trains them)."
        )
    return load_config(path, overrides)
