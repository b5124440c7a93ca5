"""UniBridge by default: the paper's stages, or the whole base where it reads the target."""

from unibridge.methods import continued, five_stages
from unibridge.methods.base import Method
from unibridge.stages.journey import Journey, Predictor


def run(journey: Journey) -> Predictor:
    """The paper's stages where the target needs a vocabulary of its own (`vocabulary.mode`).

    Where the base reads the target's text well, a new vocabulary costs more than adapters win
    back, and few steps of all weights are worth more than many of adapters: so there all of the
    base learns language, task and target. docs/log.md has the measurements.
    """
    if not journey.keeps_vocabulary:
        return five_stages.run(journey)

    # 1.-4. One base that reads target and sources, and learns the task from all sources at once.
    model = continued.run(journey)

    # 5. What it is surest of in the target's own text, learnt beside the sources' labels.
    return journey.self_train(model)


UNIBRIDGE = Method(
    name="unibridge",
    label="UniBridge",
    role="method",
    run=run,
    reads=(*five_stages.STAGES.reads, *continued.CONTINUED.reads, "self_training"),
    needs=five_stages.STAGES.needs,
)
