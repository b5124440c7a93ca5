"""Fine-tuning on code-switched labels (CoSDA-ML, arXiv 2006.06402), and on such text before it.

The sources' words are replaced by the target's, and by those of further languages, where a lexicon,
aligned lines or vectors have them; the labels stay.
"""

from pathlib import Path

from unibridge.methods.base import Method
from unibridge.stages.journey import Journey, Predictor
from unibridge.stages.switching import switched_labels, switched_texts, words_stage


def run(journey: Journey) -> Predictor:
    """The whole base on the sources' labels in mixed words, other ones in every epoch."""
    return _fine_tuned(journey, None, _words(journey))


def run_continued(journey: Journey) -> Predictor:
    """Language modelling of the target's text and the sources' mixed one first."""
    words, settings = _words(journey), journey.settings("code_switching")
    texts = switched_texts(words, journey.inputs.texts, settings, seed=journey.seed)
    language = journey.adapt(journey.target, settings=journey.settings("continuing"), texts=texts)
    return _fine_tuned(journey, language, words)


def _words(journey: Journey) -> dict[str, Path]:
    """Source -> its words in other languages, where there are any."""
    settings, at, inputs = journey.settings("code_switching"), journey.at, journey.inputs
    found = {source: words_stage(at, inputs, settings, source) for source in journey.sources}
    return {source: journey.note(folder) for source, folder in found.items() if folder}


def _fine_tuned(journey: Journey, language: Path | None, words: dict[str, Path]) -> Predictor:
    settings = journey.settings("code_switching")
    given = {source: journey.inputs.labels_of(source) for source in journey.sources}
    task = journey.train_task(
        dict.fromkeys(given, language),
        labels=switched_labels(journey.inputs.task, words, given, settings, seed=journey.seed),
        held_out=True,
        trains="model",
    )
    return journey.assemble(language, {"all": task})


CODE_SWITCHED = Method(
    name="code-switched",
    label="Fine-tuning, code-switched",
    role="baseline",
    run=run,
    reads=("code_switching", "fine_tuning"),
)
CODE_SWITCHED_CONTINUED = Method(
    name="continued-code-switched",
    label="Continued pretraining, code-switched",
    role="baseline",
    run=run_continued,
    reads=("code_switching", "continuing", "fine_tuning"),
)
