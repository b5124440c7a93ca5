"""Run the real examples for their targets, and write docs/results/real.md from what is finished.

    python scripts/real.py [--all] [TASK/TARGET ...] [--set section.field=value ...]
        [--runs FOLDER] [--page docs/results/real.md] [--only-write]

real.toml beside this file says what there is to run; without names its reduced set is run. A run
that is finished or begun is taken up where it stands, and the page shows all that are finished.
"""

import argparse
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from results import main_table, marks, page_parts, write_between

from unibridge.artifacts import write_bytes
from unibridge.config import Config, load_config
from unibridge.console import Console
from unibridge.report.folder import Run, read_run
from unibridge.report.tables import duration
from unibridge.study.run import run

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
INTRODUCTION = """# Real data, on MiniLM

`make real` runs the reduced set, in less than two hours on two cores,
`python scripts/real.py TASK/TARGET` any other and `--all` every one. The settings are those of
the examples, far below the published ones; the tables say what each method was given. *As
published* has the paper's semantic step and harmony weights; in all else it is trained as
*UniBridge* is, which has our defaults. A method's time is that of all stages that it needs, also
of those that another method or target had finished before."""
# as the examples name it
DATA = Path("../../shared/data")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    plan = tomllib.loads((ROOT / "scripts" / "real.toml").read_text(encoding="utf-8"))
    tasks = {name: part for name, part in plan.items() if isinstance(part, Mapping)}
    everything = [f"{task}/{target}" for task, part in tasks.items() for target in part["targets"]]

    parser = argparse.ArgumentParser(description="the real examples for all their targets")
    parser.add_argument("names", nargs="*", metavar="TASK/TARGET", help=", ".join(everything))
    parser.add_argument("--all", action="store_true", help="every task and target")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.FIELD=VALUE")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "real")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "results" / "real.md")
    parser.add_argument("--only-write", action="store_true", help="run nothing")
    options = parser.parse_args(arguments)
    names = options.names or (everything if options.all else plan["reduced"])
    if unknown := set(names) - set(everything):
        parser.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(everything)}")

    # ---- every run is checked before the first begins
    folders = {name: options.runs.absolute() / name for name in everything}
    configs = {}
    for name in names:
        task, target = name.split("/")
        configs[name] = configuration(plan, tasks[task], target, folders[name], options.set)

    if not options.only_write:
        console = Console()
        for name, config in configs.items():
            console.say(name)
            # a source is trained once for its targets
            ready = (*config.run.reuse, *filter(os.path.isdir, map(str, folders.values())))
            section = config.run.model_copy(update={"reuse": ready})
            config = config.model_copy(update={"run": section})
            run(config, on_stage=console.on_stage, on_progress=console.on_progress)

    # ---- one part of the page for each task
    finished = {
        name: read_run(folder) for name, folder in folders.items() if (folder / "run.json").exists()
    }
    if not options.page.exists():
        parts = ["\n\n".join(marks(task)) for task in ("runs", *tasks)]
        write_bytes(options.page, "\n\n".join([INTRODUCTION, *parts, ""]).encode())
    write_between(options.page, "runs", runs_made(finished))
    for task in tasks:
        runs = [run for name, run in finished.items() if name.startswith(f"{task}/")]
        if runs:
            parts = [f"## {tasks[task]['title']}", *page_parts(runs, main_table(runs), "###")]
            write_between(options.page, task, "\n\n".join(parts))


def runs_made(finished: Mapping[str, Run]) -> str:
    """Which runs the page shows, and how long each one's stages took; shared ones count once."""
    counted: set[str] = set()
    said = []
    total = 0.0
    for name, found in finished.items():
        own = sum(m["seconds"] for stage, m in found.stages.items() if stage not in counted)
        counted |= set(found.stages)
        total += own
        said.append(f"{name} ({found.target_name}) {duration(own)}")
    return (
        f"The stages took, those that a run shares with one before it left out: {', '.join(said)}; "
        f"together {duration(total)}."
    )


def configuration(
    plan: Mapping[str, Any],
    part: Mapping[str, Any],
    target: str,
    folder: Path,
    overrides: Sequence[str] = (),
) -> Config:
    """The example of a task, turned to another target. part: the task's table of real.toml."""
    path = EXAMPLES / part["example"]
    example = load_config(path)
    changed = {
        "run.folder": folder.absolute(),
        "run.title": f"{part['title']}: {target}",
        "run.methods": [*plan["methods"], *part.get("more_methods", ())],
        "target.language": target,
        "target.text": [str(DATA / "mono" / f"{target}.txt")],
        "target.test": DATA / part["test"].format(target=target),
    }
    train = DATA / part["train"].format(target=target)
    if (EXAMPLES / train).exists():
        changed["target.train"] = train
    for number, source in enumerate(example.sources):
        files = parallel_files(part.get("parallel", plan["parallel"]), target, source.language)
        changed[f"sources.{number}.parallel"] = files
    if not all(changed[f"sources.{number}.parallel"] for number in range(len(example.sources))):
        changed["run.methods"] = [m for m in changed["run.methods"] if m not in plan["on_parallel"]]
        if len(example.sources) == 2:
            changed["weights.method"] = "uniform"
    turned = [f"{name}={value}" for name, value in changed.items()]
    return load_config(path, [*turned, *plan["settings"], *overrides])


def parallel_files(forms: Sequence[str], target: str, source: str) -> list[str]:
    """The files of the first collection with both languages, as a configuration names them."""
    for form in forms:
        one = dict.fromkeys(
            form.format(language=language, target=target, source=source)
            for language in (target, source)
        )
        files = [DATA / "parallel" / file for file in one]
        if all((EXAMPLES / file).exists() for file in files):
            return [str(file) for file in files]
    return []


if __name__ == "__main__":
    main()
