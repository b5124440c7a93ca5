"""Predictions as folder in, folder out, with their score."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.artifacts import Outcome
from unibridge.errors import UnibridgeError
from unibridge.settings import ELSEWHERE
from unibridge.stages.inputs import Labels
from unibridge.stages.workplace import Workplace

if TYPE_CHECKING:
    from unibridge.tasks.base import Task
    from unibridge.text.labels import LabelFile


def predict_stage(
    at: Workplace,
    name: str,
    test: Labels,
    task: "Task",
    predict: Callable[[], Sequence[Any]],
    *,
    settings: Mapping[str, Any],
    inputs: Mapping[str, str],
    told: Sequence[str] = (),
) -> Path:
    """Predictions for the gold file in its own format, and their score.

    told: filled by `predict` with what was odd, such as how many texts were cut.
    """

    def build(folder: Path) -> Outcome:
        from unibridge.text.labels import write_predictions

        predictions = predict()
        write_predictions(test.file, predictions, folder / f"predictions{_suffix(test.file)}")
        score = task.score(test.file.examples, predictions)
        facts = {
            "metric": score.metric,
            "score": score.value,
            "low": score.low,
            "high": score.high,
            "all": score.all,
            "examples": len(predictions),
        }
        return Outcome(facts, plain_notes(told))

    return at.run("predict", name, build, settings=settings, inputs={**test.inputs, **inputs})


def plain_notes(told: Sequence[str]) -> list[str]:
    """What a model warned of, each once, as a stage keeps warnings."""
    return list(dict.fromkeys(one.removeprefix("warning: ") for one in told))


def _suffix(file: "LabelFile") -> str:
    suffixes = Path(file.path).suffixes
    packed = suffixes[-1:] == [".gz"]
    return (
        ".jsonl" if file.path.startswith(ELSEWHERE) else "".join(suffixes[-2 if packed else -1 :])
    )


def predictions_file(folder: Path) -> Path:
    """The predictions that a `predict_stage` wrote."""
    found = sorted(folder.glob("predictions.*"))
    if not found:
        raise UnibridgeError("holds no predictions", where=folder)
    return found[0]


def read_predictions(folder: Path, test: Labels, task: "Task") -> list[Any]:
    """What a `predict_stage` predicted, in the order of the gold examples."""
    from unibridge.text.labels import read_labels

    layout = test.file.layout
    written = read_labels(
        predictions_file(folder), test.file.reader, layout.columns, expect=layout.expect
    )
    return [task.gold(example) for example in written.examples]
