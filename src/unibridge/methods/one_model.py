"""The paper's stages with the sources made into one model at the end: averaged, or distilled.

Where the base keeps its vocabulary, UniBridge is one model in any case.
"""

from unibridge.methods import five_stages
from unibridge.methods.base import Method
from unibridge.stages.journey import Journey, Predictor


def merged(journey: Journey) -> Predictor:
    """The sources' adapters and heads averaged, by shares that are fitted or are the weights."""
    return journey.merge(five_stages.run(journey))


def distilled(journey: Journey) -> Predictor:
    """One student of the ensemble's predictions on the target's text."""
    return journey.distil(five_stages.run(journey))


MERGED = Method(
    name="unibridge-merged",
    label="UniBridge, merged into one",
    role="ablation",
    run=merged,
    reads=(*five_stages.STAGES.reads, "merging"),
    needs=five_stages.STAGES.needs,
)
DISTILLED = Method(
    name="unibridge-distilled",
    label="UniBridge, distilled into one",
    role="ablation",
    run=distilled,
    reads=(*five_stages.STAGES.reads, "distillation"),
    needs=five_stages.STAGES.needs,
)
