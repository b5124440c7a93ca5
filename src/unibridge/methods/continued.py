"""Continued pretraining: the whole base on the target's text, then the task (arXiv 2204.06487).

AfroXLM-R's way: masked-language modelling of all weights on the target's text, mixed with the
sources' so that what the task will be learnt in is still read; then fine-tuning as without it.
"""

from unibridge.methods.base import Method
from unibridge.stages.journey import Journey, Predictor


def run(journey: Journey) -> Predictor:
    """One model for all languages, and one task on top of it."""
    # The whole base, trained further on the target's text and the sources' (adaptation.replay).
    language = journey.adapt(journey.target)

    # The whole of it again, on all sources' labels; the target needs nothing more.
    task = journey.train_task(dict.fromkeys(journey.sources, language), trains="model")
    return journey.assemble(language, {"all": task})


CONTINUED = Method(
    name="continued",
    label="Continued pretraining",
    role="baseline",
    run=run,
    reads=("adaptation", "fine_tuning"),
    settings={"adaptation.trains": "model", "adaptation.replay": 0.5},
)
