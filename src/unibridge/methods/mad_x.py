"""MAD-X (Pfeiffer et al. 2020): language adapters on the base's vocabulary, one task adapter."""

from unibridge.methods.base import Method
from unibridge.methods.needs import source_adapters
from unibridge.stages.journey import Journey, Predictor


def run(journey: Journey) -> Predictor:
    """Languages, one task adapter over all of them, the target's language beneath it."""
    # A language adapter for the target and for every source.
    language = journey.adapt(journey.target)
    adapters = {source: journey.adapt(source) for source in journey.sources}

    # One task adapter on all sources' labels, each above its own language's; then the target's.
    task = journey.train_task(adapters)
    return journey.assemble(language, {"all": task})


MAD_X = Method(
    name="mad-x",
    label="MAD-X",
    role="baseline",
    run=run,
    reads=("adaptation", "source_adaptation", "task_training"),
    needs=(source_adapters,),
)
