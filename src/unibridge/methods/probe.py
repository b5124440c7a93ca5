"""A linear probe on the frozen base: what is there before anything is trained."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unibridge.artifacts import Outcome, read_manifest, write_bytes
from unibridge.methods.base import Method
from unibridge.stages.journey import Journey, Predictor


def run(journey: Journey) -> Predictor:
    """A logistic regression on one layer's states, the layer chosen on the sources."""
    from safetensors.torch import load_file, save

    from unibridge.transfer.probe import Probe, probe_predictions, train_probe

    settings, task, base = journey.settings("probe"), journey.inputs.task, journey.at.base
    train = {source: journey.inputs.labels_of(source) for source in journey.sources}
    held = {s: f for s, f in journey.inputs.held_out.items() if s in train}
    journey.learnt_from += sorted(train)

    def build(folder: Path) -> Outcome:
        probe, facts = train_probe(
            base,
            task,
            {s: labels.file.examples for s, labels in train.items()},
            {s: labels.file.examples for s, labels in held.items()},
            journey.inputs.labels,
            settings,
        )
        tensors = {name: value for name, value in vars(probe).items() if name != "layer"}
        write_bytes(folder / "probe.safetensors", save(tensors))
        return Outcome(facts)

    read = {f"{s}:{k}": v for s, labels in train.items() for k, v in labels.inputs.items()}
    read |= {f"{s}:dev:{k}": v for s, labels in held.items() for k, v in labels.inputs.items()}
    asked = {**settings.model_dump(), "task": task.reference, "labels": journey.inputs.labels}
    folder = journey.stage("probe", "all-sources", build, settings=asked, inputs=read)
    layer = read_manifest(folder)["facts"]["layer"]

    def predict(examples: Sequence[Any]) -> list[Any]:
        probe = Probe(layer, **load_file(folder / "probe.safetensors"))
        return probe_predictions(base, task, probe, examples, journey.inputs.labels, settings)

    return Predictor(predict)


PROBE = Method(
    name="probe", label="Linear probe, frozen base", role="baseline", run=run, reads=("probe",)
)
