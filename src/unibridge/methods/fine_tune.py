"""Zero-shot transfer: the whole base trained on all sources' labels, applied as it is."""

from unibridge.methods.base import Method
from unibridge.stages.journey import Journey, Predictor


def run(journey: Journey) -> Predictor:
    """Every weight of the base, one head."""
    task = journey.train_task(dict.fromkeys(journey.sources), trains="model")
    return journey.assemble(None, {"all": task})


FINE_TUNE = Method(
    name="fine-tune",
    label="Fine-tuning, zero-shot",
    role="baseline",
    run=run,
    reads=("fine_tuning",),
)
