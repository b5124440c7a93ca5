"""Translate-test (Conneau et al., XNLI, EMNLP 2018, §4.1): the test is brought to the model.

The whole base learns from the sources' labels; what is to be labelled is translated into the
language of one of them, labelled there, and the labels of words are carried back by alignment.
"""

from collections.abc import Sequence
from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.methods.base import Method
from unibridge.methods.needs import translated_test
from unibridge.stages.inputs import Inputs
from unibridge.stages.journey import Journey, Predictor
from unibridge.stages.translation import read_translated, translate_stage, translates


def run(journey: Journey) -> Predictor:
    """A model of the sources, and the test examples in the language of one of them."""
    from unibridge.translation.crossings import crossing_of

    settings, inputs = journey.settings("translation"), journey.inputs
    able = (source for source in journey.sources if translates(settings, inputs, source))
    pivot = settings.pivot or next(able)

    # 1. What fine-tuning makes of the sources' labels.
    task = journey.train_task(dict.fromkeys(journey.sources), trains="model")
    model = journey.assemble(None, {"all": task})
    if inputs.test is None:
        raise UnibridgeError("translate-test has nothing to translate", do="give target.test")

    # 2. The test examples in a source's language, and its labels of them brought back.
    folder = journey.note(
        translate_stage(journey.at, inputs, inputs.test, settings, source=pivot, into_target=False)
    )
    found, crossing = read_translated(folder), crossing_of(inputs.task)

    def predict(examples: Sequence[Any]) -> list[Any]:
        if len(examples) != len(found.examples):
            raise UnibridgeError("translate-test labels the test file alone", where="target.test")
        return crossing.back(model.predict(found.examples), found, examples)

    return Predictor(predict, {**model.settings, "read_in": pivot})


def checked(inputs: Inputs) -> None:
    """Raises UnibridgeError where ready translations are not those of the test examples."""
    from unibridge.translation.crossings import crossing_of

    test, other = inputs.test, inputs.translated_test
    if test is None or other is None:
        return
    own, theirs = len(test.file.examples), len(other.file.examples)
    if own != theirs:
        raise UnibridgeError(
            f"{theirs} translations of {own} test examples",
            where=other.file.path,
            do="give one translation for each example of target.test, in its order",
        )
    crossing_of(inputs.task).check_ready(test.file.examples, other.file.examples, other.file.path)


TRANSLATE_TEST = Method(
    name="translate-test",
    label="Translate-test",
    role="baseline",
    run=run,
    reads=("translation", "fine_tuning"),
    needs=(translated_test,),
    checks=(checked,),
)
