"""`task.dataset`: a benchmark's name stands for its task, its training labels and its test."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unibridge.errors import UnibridgeError


def filled(given: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A configuration's plain data with what a benchmark gives where the user gives nothing else.

    folder: what `task.data` starts at. An unknown name changes nothing; it is told by the checks.
    """
    content: dict[str, Any] = copy.deepcopy(dict(given))
    task, target = content.get("task"), content.get("target")
    name = task.get("dataset", "none") if isinstance(task, dict) else "none"
    if name == "none":
        return content
    from unibridge.text.benchmarks import BENCHMARKS, part_id

    assert isinstance(task, dict)
    try:
        benchmark = BENCHMARKS.resolve(name)
        learnt, code = benchmark.trained_on
        trained = BENCHMARKS.resolve(learnt)
    except UnibridgeError:
        return content
    data = task.get("data")
    where = str(folder / Path(data).expanduser()) if isinstance(data, str) else None

    task.setdefault("kind", benchmark.task)
    if isinstance(target, dict) and isinstance(target.get("language"), str):
        target.setdefault("test", part_id(name, target["language"], "test", where))
    sources = content.setdefault("sources", [{"language": code}])
    for source in sources if isinstance(sources, list) else ():
        if isinstance(source, dict) and isinstance(source.get("language"), str):
            own = source["language"]
            if "train" not in source:
                source["train"] = part_id(learnt, own, "train", where)
                there = trained.files if where else trained.hub
                if there(own, "dev"):
                    source.setdefault("dev", part_id(learnt, own, "dev", where))
    return content
