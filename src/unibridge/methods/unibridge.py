"""UniBridge by default: the paper's stages, or the whole base where it reads the target."""

from unibridge.methods import continued
from unibridge.methods.base import Method
from unibridge.methods.needs import source_adapters
from unibridge.stages.journey import Journey, Predictor


def run(journey: Journey) -> Predictor:
    """The paper's stages where the target needs a vocabulary of its own, else the whole base."""
    if journey.keeps_vocabulary:
        return whole_base(journey)
    return published(journey)


def whole_base(journey: Journey) -> Predictor:
    """Where the base reads the target's text well: all of it learns language, task and target.

    A new vocabulary then costs more than adapters win back, and few steps of all weights are worth
    more than many of adapters (docs/log.md has the measurements).
    """
    # 1.-4. One base that reads target and sources, and learns the task from all sources at once.
    model = continued.run(journey)

    # 5. What it is surest of in the target's own text, learnt beside the sources' labels.
    return journey.self_train(model)


def published(journey: Journey) -> Predictor:
    """The paper's five stages, in its order."""
    target, sources = journey.target, journey.sources

    # 1. A vocabulary for the target, as large as its text can use (§2.1, Algorithm 1).
    vocabulary = journey.vocabulary()

    # 2. First values for its embeddings, from the base's own (§2.2, Eq. 2-8).
    embeddings = journey.embed(vocabulary)

    # 3. A language adapter for the target, with its embeddings, and for every source: masked
    # language modelling, kept close to the base by a KL term (§2.3, Eq. 9).
    language = journey.adapt(target, vocabulary=vocabulary, embeddings=embeddings)
    adapters = {source: journey.adapt(source) for source in sources}

    # 4. A task adapter on each source's labels, above its language adapter (§2.3).
    tasks = {source: journey.train_task({source: adapters[source]}) for source in sources}

    # 5. How much each source counts for the target, and all of them as one (§2.4, Eq. 10-13).
    weights = journey.weigh(language, adapters, tasks)
    return journey.assemble(language, tasks, weights)


UNIBRIDGE = Method(
    name="unibridge",
    label="UniBridge",
    role="method",
    run=run,
    reads=(
        *("vocabulary", "embeddings", "adaptation", "source_adaptation", "task_training"),
        *("weights", "continuing", "fine_tuning", "self_training"),
    ),
    needs=(source_adapters,),
)
