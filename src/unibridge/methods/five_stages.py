"""UniBridge in the paper's five stages (arXiv 2406.09717, §2): a new vocabulary and adapters."""

from unibridge.methods.base import Method
from unibridge.methods.needs import source_adapters
from unibridge.stages.journey import Journey, Predictor


def run(journey: Journey) -> Predictor:
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


STAGES = Method(
    name="unibridge-stages",
    label="UniBridge, new vocabulary and adapters",
    role="ablation",
    run=run,
    reads=(
        *("vocabulary", "embeddings", "adaptation", "source_adaptation", "task_training"),
        "weights",
    ),
    needs=(source_adapters,),
)
