"""Several models of one task averaged into one, as folder in, folder out."""

from collections.abc import Sequence
from pathlib import Path

from unibridge.artifacts import Outcome, read_manifest
from unibridge.processes import processes
from unibridge.stages.language import load_language
from unibridge.stages.workplace import Workplace, stage_input
from unibridge.transfer.averaging import average_tasks
from unibridge.transfer.trained import TrainedTask


def averaging_stage(
    at: Workplace,
    parts: Sequence[tuple[Path | None, Path]],
    shares: Sequence[float],
    *,
    name: str,
) -> Path:
    """A `train-task` stage on the base as it is: the mean of others'.

    parts: (the `adapt` stage beneath, None for the base; the `train-task` stage above it), by whole
    models. shares: of each, summing to 1.
    """

    def build(folder: Path) -> Outcome:
        loaded = [(load_language(below), TrainedTask.load(task)) for below, task in parts]
        averaged = average_tasks(at.base, loaded, shares, name=loaded[0][1].name)
        if processes().main:
            averaged.save(folder)
        return Outcome(averaged.facts, [])

    inputs: dict[str, str] = {}
    for number, (below, task) in enumerate(parts):
        inputs |= stage_input(f"{number}:language", below)
        inputs |= stage_input(f"{number}:task", task, "train-task")
    most = min(read_manifest(task)["settings"]["max_tokens"] for _, task in parts)
    return at.run(
        "train-task",
        f"{name}-averaged",
        build,
        settings={"averaged": list(shares), "max_tokens": most},
        inputs=inputs,
        together=True,
    )
