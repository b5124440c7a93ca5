"""Several sources as one model: how much each counts, and one student of what they say."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from unibridge.artifacts import Outcome, fingerprint, read_manifest
from unibridge.ensemble.distil import DistilSettings
from unibridge.ensemble.merge import MergeSettings
from unibridge.errors import UnibridgeError
from unibridge.processes import processes
from unibridge.stages.inputs import Labels, Text
from unibridge.stages.language import load_language
from unibridge.stages.predict import plain_notes
from unibridge.stages.workplace import Workplace, stage_input
from unibridge.transfer.adapted import AdaptedLanguage
from unibridge.transfer.trained import TrainedTask
from unibridge.weighting import WEIGHTINGS
from unibridge.weighting.base import WeightSettings, inputs_of

if TYPE_CHECKING:
    from unibridge.ensemble.model import MultiSourceModel
    from unibridge.ensemble.student import Student


def model_of(
    at: Workplace,
    language: Path | None,
    tasks: Mapping[str, Path],
    weights: Mapping[str, float],
    *,
    max_tokens: int,
    sentence_temperature: float | None = None,
) -> Any:
    """The `MultiSourceModel` that stages make together."""
    from unibridge.ensemble.model import MultiSourceModel

    return MultiSourceModel.assemble(
        at.base,
        load_language(language),
        {source: TrainedTask.load(path) for source, path in tasks.items()},
        weights,
        max_tokens=max_tokens,
        sentence_temperature=sentence_temperature,
    )


def weigh_stage(
    at: Workplace,
    target: Path,
    sources: Mapping[str, Path],
    parallel: Mapping[str, Sequence[tuple[str, str]]],
    settings: WeightSettings,
    *,
    state: Literal["encoder", "inverse"],
    tasks: Mapping[str, Path] | None = None,
    text: Text | None = None,
    labelled: Labels | None = None,
    seed: int = 0,
) -> Path:
    """§2.4: how much each source counts for the target.

    tasks, text, labelled: source -> its trained task, plain target text, labelled target examples;
    what the weighting does not read is ignored. seed: of the draw of labelled examples.
    """
    import math

    from unibridge.artifacts import write_json
    from unibridge.tasks import task_of
    from unibridge.text.corpus import nested_draw, spread
    from unibridge.weighting.typology import language_distances
    from unibridge.weighting.weigh import weigh_sources

    trained = [read_manifest(path, "train-task") for path in (tasks or {}).values()]
    pairs = not all(task_of(m["settings"]["task"]).reads_plain_text for m in trained)
    plain = bool(text and trained) and not pairs
    settings = settings.settled(len(sources), plain_text=plain)
    needed = inputs_of(WEIGHTINGS.resolve(settings.method))
    for name, given in (("unlabelled", text and tasks), ("labelled", labelled and tasks)):
        if name in needed and not given:
            raise UnibridgeError(
                f"the weighting {settings.method!r} reads {name} target text and every source's "
                "trained task",
                where="weights.method",
                do="give both, or choose another weighting",
            )
    distances: dict[str, float] = {}
    if "distances" in needed:
        distances = language_distances(
            str(read_manifest(target, "adapt")["facts"]["language"]),
            list(sources),
            kind=settings.typology,
            table=settings.distances,
        )

    def build(folder: Path) -> Outcome:
        def predictions(examples: Sequence[Any]) -> Any:
            alike = dict.fromkeys(tasks or {}, 1.0)
            return model_of(at, target, tasks or {}, alike, max_tokens=longest).predict_sources(
                examples, warn=told.append
            )

        told: list[str] = []
        longest = max((m["settings"]["max_tokens"] for m in trained), default=128)
        unlabelled = few = None
        if "unlabelled" in needed and text is not None:
            unlabelled = predictions(spread(text.lines, settings.unlabelled_sentences))
        if "labelled" in needed and labelled is not None:
            few = predictions(
                nested_draw(labelled.file.examples, settings.labelled_sentences, seed=seed)
            )
        found = weigh_sources(
            at.base,
            AdaptedLanguage.load(target),
            {s: AdaptedLanguage.load(path) for s, path in sources.items()},
            parallel,
            settings,
            state=state,
            unlabelled=unlabelled,
            labelled=few,
            distances=distances,
        )
        write_json(folder / "weights.json", found.weights)
        facts = {
            "weighting": settings.method,
            "weights": found.weights,
            "distances": found.distances,
            "entropy": found.entropy,
            "uniform_entropy": math.log(len(sources)),
            "temperature": found.temperature,
            "sentence_temperature": found.sentence_temperature,
            "target_labels": len(few.entropies[0]) if few is not None else 0,
        }
        return Outcome(facts, [*found.warnings, *plain_notes(told)])

    inputs = stage_input("target", target)
    if "parallel" in needed:
        inputs["parallel"] = fingerprint({**parallel})
    if "distances" in needed:
        inputs["distances"] = fingerprint(distances)
    if "unlabelled" in needed and text is not None:
        inputs |= text.inputs
    if "labelled" in needed and labelled is not None:
        inputs |= {**labelled.inputs, "draw": str(seed)}
    if {"unlabelled", "labelled"} & {*needed}:
        for source, path in (tasks or {}).items():
            inputs |= stage_input(f"{source}:task", path, "train-task")
    for source, path in sources.items():
        inputs |= stage_input(source, path)
    return at.run(
        "weigh",
        settings.method.replace(":", "-"),
        build,
        # the table's distances are an input, so where it lies decides nothing
        settings={**settings.model_dump(exclude={"distances"}), "state": state},
        inputs=inputs,
    )


def student_stage(
    at: Workplace,
    name: str,
    model: Callable[[], "MultiSourceModel"],
    text: Text,
    settings: MergeSettings | DistilSettings,
    *,
    made_of: Mapping[str, Any],
    seed: int,
) -> Path:
    """The sources as one, averaged or distilled as the settings are. Holds pack/.

    made_of: what decides the model: settings, and stages by name -> fingerprint.
    """
    from unibridge.ensemble.distil import distil
    from unibridge.ensemble.merge import fit_merge

    merging = isinstance(settings, MergeSettings)
    stage = "merge" if merging else "distil"
    teach: Callable[..., Student] = fit_merge if merging else distil

    def build(folder: Path) -> Outcome:
        found = teach(
            model(),
            text.lines,
            settings,
            seed=seed,
            checkpoint=folder / "checkpoint.pt",
            progress=at.steps(f"{stage}-{name}"),
        )
        if processes().main:
            found.model.save_pretrained(folder / "pack")
        return Outcome(found.facts, found.warnings)

    return at.run(
        stage,
        name,
        build,
        settings={**settings.model_dump(), "seed": seed, "model": made_of},
        inputs=text.inputs,
        together=True,
    )
