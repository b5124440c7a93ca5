"""Language-adaptive training of the whole base, then the task (as AfroXLM-R, arXiv 2204.06487)."""

from dataclasses import replace

from unibridge.methods.base import Method
from unibridge.stages.journey import Journey, Predictor


def run(journey: Journey) -> Predictor:
    """The whole base on the target's and the sources' text; then the whole of it on the task."""
    # Masked language modelling of everything, with the sources' text among the target's, so that
    # what learns the task from the sources' labels and what reads the target stay one model.
    language = journey.adapt(journey.target, settings=journey.settings("continuing"))

    # Fine-tuning on all sources' labels, above it.
    task = journey.train_task(dict.fromkeys(journey.sources, language), trains="model")
    return journey.assemble(language, {"all": task})


CONTINUED = Method(
    name="continued",
    label="Continued pretraining",
    role="baseline",
    run=run,
    reads=("continuing", "fine_tuning"),
)
CONTINUED_TLM = replace(
    CONTINUED,
    name="continued-tlm",
    label="Continued pretraining, with translations (TLM)",
    settings={"continuing.tlm_share": 0.5},
)
"""XLM's translation language modelling (arXiv 1901.07291, §3.3), alternating with masked text."""
CONTINUED_SMOOTHED = replace(
    CONTINUED,
    name="continued-smoothed",
    label="Continued pretraining, languages smoothed",
    settings={"continuing.alpha": 0.3},
)
"""Target and sources by their shares of the text to the power of 0.3 (XLM-R, arXiv 1911.02116)."""
