"""study: which languages help which."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from unibridge.cli.words import Command, add_set, quiet_console
from unibridge.errors import UnibridgeError

MISSING = 3
"""Exit code of a study that went to its end with cells that have no score."""


def _options(parser: ArgumentParser) -> None:
    parser.add_argument("study", type=Path, nargs="?", help="study.toml")
    parser.add_argument("--demo", action="store_true", help="a study of built-in text, in minutes")
    parser.add_argument("--folder", type=Path, help="of the demo (default: runs/study-demo)")
    parser.add_argument("--executor", help="serial, processes, ray, or package.module:name")
    parser.add_argument("--workers", type=int, help="encoders at a time")
    parser.add_argument("--dry-run", action="store_true", help="check, and say what it costs")
    parser.add_argument(
        "--report", type=Path, metavar="FOLDER", help="only the report of what a folder has so far"
    )
    add_set(parser, "SECTION.FIELD=VALUE", "overrides the file")


def _study(options: Namespace) -> int | None:
    from unibridge.operations.transfer import prepare_study, study

    if options.report is not None:
        _report(options.report, options.set)
        return None
    if (options.study is None) != options.demo:
        raise UnibridgeError(
            "nothing to study, or two things", where="arguments", do="give study.toml or --demo"
        )
    if options.folder is not None and not options.demo:
        raise UnibridgeError("is the demo's", where="--folder", do="set run.folder in study.toml")
    console = quiet_console()
    overrides = list(options.set)
    plan = prepare_study(
        options.study,
        demo_folder=options.folder,
        executor=options.executor,
        workers=options.workers,
        overrides=overrides,
    )
    done = study(plan, dry_run=options.dry_run, listener=console)
    if done.dry:
        return None
    from unibridge.transfer_study.summary import table

    print(table(done.folder))
    console.say(f"the scores are in {done.folder / 'cells.jsonl'}")
    _report(done.folder)
    return MISSING if done.missing else None


def _report(folder: Path, overrides: Sequence[str] = ()) -> None:
    """overrides: "report.field=value", laid over what the study was run with."""
    from unibridge.comparison.rows import read_plan
    from unibridge.comparison.settings import settings_of
    from unibridge.config import override
    from unibridge.operations.comparison import report_study

    console = quiet_console()
    others = [one for one in overrides if not one.startswith("report.")]
    if others:
        raise UnibridgeError(
            f"{others[0]!r} is nothing of a report", where="--set", do="set report.FIELD=VALUE"
        )
    own = settings_of(read_plan(folder))
    settings = override(own, [one.removeprefix("report.") for one in overrides])
    done = report_study(folder, settings=settings, listener=console)
    for name, why in done.left_out.items():
        console.say(f"the report has no predictor {name}: {why}")
    # the title with its sentence, and the findings
    print("\n## ".join((folder / "report.md").read_text(encoding="utf-8").split("\n## ")[:2]))
    print(done.page)


COMMANDS = (
    Command(
        "study",
        "which languages help which: a little training on each, scored on every target",
        _options,
        _study,
    ),
)
