"""Contrastive alignment of sentences, then fine-tuning: the loss of LaBSE (arXiv 2007.01852).

As Pan et al. (NAACL 2021, arXiv 2010.12547) align a multilingual encoder before the task.
"""

from unibridge.methods.base import Method
from unibridge.methods.needs import aligned_lines
from unibridge.stages.contrast import contrast_stage
from unibridge.stages.journey import Journey, Predictor


def run(journey: Journey) -> Predictor:
    """The whole base on aligned lines of the target with the sources; then on the task."""
    parallel = {s: p for s, p in journey.inputs.parallel.items() if s in journey.sources}
    language = journey.note(
        contrast_stage(
            journey.at,
            parallel,
            journey.settings("contrast"),
            language=journey.target,
            seed=journey.seed,
        )
    )
    task = journey.train_task(dict.fromkeys(journey.sources, language), trains="model")
    return journey.assemble(language, {"all": task})


SENTENCE_ALIGNED = Method(
    name="sentence-aligned",
    label="Sentences aligned, then fine-tuned",
    role="baseline",
    run=run,
    reads=("contrast", "fine_tuning"),
    needs=(aligned_lines,),
)
