"""Translate-train (Hu et al. 2020): the sources' labels, translated into the target beforehand.

The translations are the user's own files, one a source (`translated`), so that any system may have
made them; nothing is translated here.
"""

from unibridge.methods.base import Method
from unibridge.methods.needs import translated_labels
from unibridge.stages.journey import Journey, Predictor


def run(journey: Journey) -> Predictor:
    """The whole base on the target's language, as if the translations were its own labels."""
    translated = {s: f for s, f in journey.inputs.translated.items() if s in journey.sources}
    task = journey.train_task(dict.fromkeys(translated), labels=translated, trains="model")
    return journey.assemble(None, {"all": task})


TRANSLATE_TRAIN = Method(
    name="translate-train",
    label="Translate-train",
    role="baseline",
    run=run,
    reads=("fine_tuning",),
    needs=(translated_labels,),
)
