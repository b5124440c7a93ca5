"""UniBridge with its sources made into one model at the end, by averaging or by distillation."""

from unibridge.methods import unibridge
from unibridge.methods.base import Method
from unibridge.stages.journey import Journey, Predictor


def merged(journey: Journey) -> Predictor:
    """The sources' adapters and heads averaged, by shares that are fitted or are the weights."""
    return journey.merge(unibridge.run(journey))


def distilled(journey: Journey) -> Predictor:
    """One student of what the sources say together of the target's text."""
    return journey.distil(unibridge.run(journey))


MERGED = Method(
    name="unibridge-merged",
    label="UniBridge, merged into one",
    role="ablation",
    run=merged,
    reads=(*unibridge.UNIBRIDGE.reads, "merging"),
    needs=unibridge.UNIBRIDGE.needs,
)
DISTILLED = Method(
    name="unibridge-distilled",
    label="UniBridge, distilled into one",
    role="ablation",
    run=distilled,
    reads=(*unibridge.UNIBRIDGE.reads, "distillation"),
    needs=unibridge.UNIBRIDGE.needs,
)
