"""Translate-train (Hu et al. 2020, XTREME, arXiv 2003.11080, §4.2): labels in another language.

The sources' labels are translated into the target's language: by your own files, one a source
(`translated`), so that any system may have made them, or by a translator (section `[translation]`).
"""

from dataclasses import replace

from unibridge.artifacts import read_manifest
from unibridge.methods.base import Method
from unibridge.methods.needs import translated_labels
from unibridge.stages.inputs import Labels
from unibridge.stages.journey import Journey, Predictor
from unibridge.stages.translation import translate_stage, translates
from unibridge.stages.translation import translated_labels as labels_of_stage


def translated(journey: Journey) -> dict[str, Labels]:
    """Source -> its labels in the target's language, of those sources that can be translated."""
    settings, inputs = journey.settings("translation"), journey.inputs
    if settings.translator == "ready":
        return {s: f for s, f in inputs.translated.items() if s in journey.sources}
    found = {}
    for source in journey.sources:
        if not translates(settings, inputs, source):
            continue
        labels = inputs.labels_of(source)
        folder = journey.note(
            translate_stage(journey.at, inputs, labels, settings, source=source, into_target=True)
        )
        mark = str(read_manifest(folder)["fingerprint"])
        found[source] = labels_of_stage(folder, labels, mark, inputs.task)
    return found


def run(journey: Journey) -> Predictor:
    """The whole base on the target's language, as if the translations were its own labels."""
    labels = translated(journey)
    task = journey.train_task(dict.fromkeys(labels), labels=labels, trains="model")
    return journey.assemble(None, {"all": task})


def run_all(journey: Journey) -> Predictor:
    """The whole base on the sources' labels and on their translations, all at once."""
    labels = {source: journey.inputs.labels_of(source) for source in journey.sources}
    for source, own in translated(journey).items():
        given = labels[source]
        examples = [*given.file.examples, *own.file.examples]
        labels[source] = Labels(
            replace(given.file, examples=examples),
            {**given.inputs, **{f"translated:{k}": v for k, v in own.inputs.items()}},
        )
    task = journey.train_task(dict.fromkeys(labels), labels=labels, trains="model")
    return journey.assemble(None, {"all": task})


TRANSLATE_TRAIN = Method(
    name="translate-train",
    label="Translate-train",
    role="baseline",
    run=run,
    reads=("translation", "fine_tuning"),
    needs=(translated_labels,),
)
TRANSLATE_TRAIN_ALL = Method(
    name="translate-train-all",
    label="Translate-train, all languages",
    role="baseline",
    run=run_all,
    reads=TRANSLATE_TRAIN.reads,
    needs=TRANSLATE_TRAIN.needs,
)
