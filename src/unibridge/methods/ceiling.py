"""What labels in the target's own language would give: UniBridge's first steps and then these."""

from unibridge.methods.base import Method
from unibridge.methods.needs import target_labels
from unibridge.stages.journey import Journey, Predictor


def run(journey: Journey) -> Predictor:
    """The target's language as UniBridge adapts it; its own labels instead of the sources'."""
    target = journey.target
    if journey.keeps_vocabulary:
        language = journey.adapt(target, settings=journey.settings("continuing"))
        task = journey.train_task({target: language}, trains="model")
        return journey.assemble(language, {target: task})

    vocabulary = journey.vocabulary()
    embeddings = journey.embed(vocabulary)
    language = journey.adapt(target, vocabulary=vocabulary, embeddings=embeddings)
    return journey.assemble(language, {target: journey.train_task({target: language})})


CEILING = Method(
    name="ceiling",
    label="Ceiling: trained on target labels",
    role="ceiling",
    run=run,
    reads=(
        *("vocabulary", "embeddings", "adaptation", "task_training"),
        *("continuing", "fine_tuning"),
    ),
    needs=(target_labels,),
)
