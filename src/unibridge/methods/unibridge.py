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

    target, sources = journey.target, journey.sources

    # 1. The whole base on the target's and the sources' text.
    language = journey.adapt(target, settings=journey.settings("continuing"))

    # 2. The task on all sources' labels, from there and from the base as it is: the one reads the
    # target better, the other is what the base's authors made.
    ours = journey.train_task(dict.fromkeys(sources, language), trains="model")
    theirs = journey.train_task(dict.fromkeys(sources), trains="model")

    # 3. One model of both: the mean of their weights.
    model = journey.assemble(None, {"all": journey.average({None: theirs, language: ours})})

    # 4. What it is surest of in the target's own text, learnt beside the sources' labels.
    return journey.self_train(model)


UNIBRIDGE = Method(
    name="unibridge",
    label="UniBridge",
    role="method",
    run=run,
    reads=(*five_stages.STAGES.reads, *continued.CONTINUED.reads, "averaging", "self_training"),
    needs=five_stages.STAGES.needs,
)
