"""Fine-tuning, then self-training on the target's own text."""

from unibridge.methods import fine_tune
from unibridge.methods.base import Method
from unibridge.stages.journey import Journey, Predictor


def run(journey: Journey) -> Predictor:
    """What fine-tuning ends in labels the target's text, and learns from what it is surest of."""
    return journey.self_train(fine_tune.run(journey))


SELF_TRAINED = Method(
    name="fine-tune-self",
    label="Fine-tuning, self-trained",
    role="baseline",
    run=run,
    reads=(*fine_tune.FINE_TUNE.reads, "self_training"),
)
