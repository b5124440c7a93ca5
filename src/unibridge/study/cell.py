"""One method under one seed: its journey, and its row of the results."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unibridge.artifacts import read_manifest
from unibridge.config import Config
from unibridge.config.identity import base_name, deciding
from unibridge.evaluation.records import Result
from unibridge.methods import Method
from unibridge.stages.ends import Ensemble
from unibridge.stages.inputs import Inputs
from unibridge.stages.journey import Journey
from unibridge.stages.predict import read_predictions
from unibridge.stages.workplace import Workplace


@dataclass(frozen=True)
class Cell:
    """The stages that a method used, and what it ended in.

    ensemble: what a pack is made of; None where there is no model. sources: codes of the languages
    whose labels were learnt. prediction: folder; None without a test set. said: what stands in it,
    in the order of the test examples, read once for all rows that are compared with it.
    """

    method: str
    seed: int
    stages: list[Path]
    ensemble: Ensemble | None
    sources: list[str]
    prediction: Path | None
    said: list[Any]
    note: str


def run_method(config: Config, name: str, inputs: Inputs, at: Workplace, seed: int) -> Cell:
    """A method's journey with the settings of `config`, and its predictions of the test set."""
    method = config.method(name)
    journey = Journey(
        name,
        config,
        inputs,
        at,
        sources=method.sources_of([source.language for source in config.sources]),
        reads=method.reads,
        seed=seed,
        options=method.options.model_validate(method.given) if method.options else None,
    )
    model = method.run(journey)
    prediction = journey.predict(model)
    said = []
    if prediction is not None and inputs.test is not None:
        said = read_predictions(prediction, inputs.test, inputs.task)
    return Cell(
        name,
        seed,
        journey.stages,
        model.ensemble,
        journey.learnt_from,
        prediction,
        said,
        _note(method, config, inputs, journey.stages),
    )


def _note(method: Method, config: Config, inputs: Inputs, stages: Sequence[Path]) -> str:
    """What a reader has to know of a row that its label does not say."""
    notes = []
    unread = inputs.teacher_unknown > config.adaptation.max_teacher_unknown
    if unread and stages and not any(stage.name.startswith("vocabulary-") for stage in stages):
        notes.append(f"reads {inputs.teacher_unknown:.0%} unknown tokens")
    if unread and method.settings.get("adaptation.kl_weight") == 0:
        notes.append("the KL term is off here in any case: the same model as UniBridge")
    for stage in stages:
        if stage.name.startswith("vocabulary-"):
            notes.append(f"{read_manifest(stage)['facts']['chosen']:,} pieces")
        facts = read_manifest(stage)["facts"]
        losses: list[float] = facts.get("source_losses") or []
        if len(losses) == 2:
            notes.append(f"sources' text {losses[0]:.2f} nats before, {losses[1]:.2f} after")
        if facts.get("labels") and stage.name.startswith("translate-"):
            lost = facts["labels_lost"] / facts["labels"]
            notes.append(f"{lost:.1%} of the labels were lost in translation")
            if facts.get("marked"):
                again = facts["markers_lost"] / facts["marked"]
                notes.append(f"{again:.1%} of the marked sentences lost a mark and were aligned")
        for source, after in facts.get("retrieval_after", {}).items():
            sides = (facts["retrieval_before"][source], after)
            (a, b), (c, d) = ((one["from_target"], one["from_source"]) for one in sides)
            notes.append(f"retrieval, {source}: {a:.0%}, {b:.0%} before, {c:.0%}, {d:.0%} after")
        if stage.name.startswith(("merge-", "distil-")):
            agreement = read_manifest(stage)["facts"]["agreement"]
            notes.append(f"agrees with the ensemble on {agreement:.1%} of held-out decisions")
    return "; ".join(notes)


def result_of(cell: Cell, cells: Sequence[Cell], config: Config, inputs: Inputs) -> Result | None:
    """The cell's row of results.jsonl, with its difference to the reference under the same seed."""
    if cell.prediction is None or inputs.test is None:
        return None
    from unibridge.evaluation.counts import packed
    from unibridge.metrics import METRICS, bootstrap_difference

    facts = read_manifest(cell.prediction)["facts"]
    manifests = [read_manifest(stage) for stage in [*cell.stages, cell.prediction]]
    note = cell.note
    main = config.run.reference
    ours = next((c for c in cells if (c.method, c.seed) == (main, cell.seed)), None)
    difference: dict[str, Any] = {}
    metric = METRICS.resolve(inputs.task.metric)
    gold = [inputs.task.gold(example) for example in inputs.test.file.examples]
    if ours is not None and ours is not cell and ours.prediction is not None:
        found = bootstrap_difference(gold, ours.said, cell.said, metric, seed=cell.seed)
        difference = {
            "ahead": -found.value,
            "ahead_low": -found.high,
            "ahead_high": -found.low,
        }
    # a search for the rate is training too
    counted = {"steps": ("steps", "search_steps"), "tokens_seen": ("tokens_seen", "search_tokens")}
    totals = {
        key: sum(m["facts"].get(part) or 0 for m in manifests for part in parts)
        for key, parts in counted.items()
    }
    weighed = [m["facts"]["weighting"] for m in manifests if "weighting" in m["facts"]]
    able = [m["facts"]["source_scores"] for m in manifests if "source_scores" in m["facts"]]
    kept = [able[0]["before"], able[-1]["after"]] if able else []
    remembered = [sum(one.values()) / len(one) for one in kept if one]
    return Result(
        method=cell.method,
        label=config.method(cell.method).label,
        target=config.target.language,
        task=inputs.task.name,
        metric=facts["metric"],
        score=facts["score"],
        low=facts["low"],
        high=facts["high"],
        examples=facts["examples"],
        seed=cell.seed,
        sources=tuple(cell.sources),
        weighting=weighed[0] if weighed else None,
        steps=totals["steps"] or None,
        tokens_seen=totals["tokens_seen"] or None,
        seconds=round(sum(m["seconds"] for m in manifests), 1),
        note=note,
        sources_before=remembered[0] if len(remembered) == 2 else None,
        sources_after=remembered[1] if len(remembered) == 2 else None,
        role=config.method(cell.method).role,
        base=base_name(config),
        settings=deciding(config.for_method(cell.method)),
        counts=packed(metric.count(gold, cell.said)),
        **difference,
    )
