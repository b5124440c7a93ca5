"""The authors' way and ours over one grid of a transfer study: trainings and seconds, side by side.

    python benchmarks/study.py [--languages 4] [--steps 1 10 100] [--folder FOLDER]

Four tasks on built-in text and the packaged base. Theirs (github.com/ffaisal93/neg_inf): for each
group of tasks every encoder is tuned anew by a process of its own, which loads the base, writes
what it tuned, and is followed by one that loads it to score. Ours: every encoder is tuned once,
scored for all tasks while it is there, and not kept. Both by the same functions, on one thread;
starting Python and importing libraries is left out of theirs, which favours them.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from unibridge.artifacts import write_bytes
from unibridge.models.base import load_base
from unibridge.stages.workplace import Workplace
from unibridge.text.corpus import read_text
from unibridge.transfer_study.cells import Unit, units_of
from unibridge.transfer_study.data import read_data
from unibridge.transfer_study.demo import SEEN, UNSEEN, write_study_demo
from unibridge.transfer_study.measure import Kit, load_kit, load_study_base
from unibridge.transfer_study.plan import Plan, load_study
from unibridge.transfer_study.run import task_stages
from unibridge.transfer_study.tuning import TuningText, tune

TASKS = ("ner", "first", "last", "many")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--languages", type=int, default=4, help="2 to 8")
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args(arguments)
    folder = options.folder or Path(tempfile.mkdtemp())
    torch.set_num_threads(1)
    plan = prepared(folder, options.languages, options.steps)
    data, base = read_data(plan), load_study_base(plan)
    adapters = task_stages(plan, data, Workplace(folder / "stages", base, "benchmark"))
    kit = load_kit(plan, adapters, {}, base=base, data=data)
    units = [u for u in units_of(plan, data, "cldr", "benchmark") if u.kind == "tuned"]
    for task, target in plan.pairs():
        kit.encoded(task, target)  # test sets are read once by both

    ours, values = timed(lambda: [ours_of(kit, unit) for unit in units])
    theirs, same = timed(lambda: [theirs_of(plan, kit, unit, folder) for unit in units])
    first, second = (sorted(str(one) for rows in found for one in rows) for found in (values, same))
    assert first == second, "other scores"
    print(
        f"{len(units)} encoders on {len(plan.transfer)} languages, {len(TASKS)} tasks, "
        f"{len(list(plan.pairs()))} test sets; the scores are the same"
    )
    print(f"theirs  {len(units) * len(TASKS):4} trainings  {theirs:7.1f} s")
    print(f"ours    {len(units):4} trainings  {ours:7.1f} s   {ours / theirs:.2f} of the time")


def prepared(folder: Path, languages: int, steps: Sequence[int]) -> Plan:
    """The demo's study with two more tasks, made of the same phrases."""
    codes = [code for pair in zip(SEEN, UNSEEN, strict=True) for code in pair][:languages]
    path = write_study_demo(folder, languages=codes)
    for file in (folder / "data" / "first").glob("*.tsv"):
        conll = folder / "data" / "labels" / file.name.replace(".tsv", ".conll")
        phrases = [part.splitlines() for part in conll.read_text().strip().split("\n\n")]
        rows: dict[str, list[str]] = {"last": [], "many": []}
        for phrase in phrases:
            pairs = [line.split("\t") for line in phrase]
            words = " ".join(word for word, _ in pairs)
            begun = [tag[2:] for _, tag in pairs if tag.startswith("B-")] or ["none"]
            rows["last"].append(f"{words}\t{begun[-1]}\n")
            rows["many"].append(f"{words}\t{'one' if len(begun) == 1 else 'several'}\n")
        for name, lines in rows.items():
            write_bytes(folder / "data" / name / file.name, "".join(lines).encode())
    text = path.read_text()
    start, end = text.index("[tasks.first]"), text.index("[tuning]")
    for name in ("last", "many"):
        again = (
            text[start:end].replace("tasks.first", f"tasks.{name}").replace("/first/", f"/{name}/")
        )
        text = text.replace("[tuning]", again + "[tuning]")
    path.write_text(text)
    short = [f"tasks.{task}.training.training.epochs=1" for task in TASKS]
    return load_study(
        path, ["seeds=[0]", f"tuning.steps={list(steps)}", "controls.kinds=[]", *short]
    )


def timed(work: Any) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def ours_of(kit: Kit, unit: Unit) -> list[Any]:
    """One training, all scores."""
    model = tune(kit.base, kit.text(unit), unit.steps, seed=unit.seed)
    encoder = model.get_submodule(kit.base.family.encoder)
    return [_short(line) for line in kit.scores(unit, encoder, list(unit.scores))]


def theirs_of(plan: Plan, kit: Kit, unit: Unit, folder: Path) -> list[Any]:
    """A training for each task, through the disk."""
    found = []
    for task in TASKS:
        base = load_base(plan.settings.base.model, device="cpu")
        lines = list(read_text(plan.settings.text[unit.transfer[0]]).lines)
        text = TuningText(base, lines[: plan.settings.tuning.max_lines], plan.settings.tuning)
        tuned, place = tune(base, text, unit.steps, seed=unit.seed), folder / "tuned"
        tuned.save_pretrained(place)
        base.tokenizer.save_pretrained(place)
        model = load_base(place, device="cpu").model
        encoder = model.get_submodule(base.family.encoder)
        pairs = [pair for pair in unit.scores if pair[0] == task]
        found += [_short(line) for line in kit.scores(unit, encoder, pairs)]
        shutil.rmtree(place)
    return found


def _short(line: Any) -> tuple[Any, ...]:
    return line["transfer"], line["steps"], line["task"], line["target"], line["value"]


if __name__ == "__main__":
    main()
