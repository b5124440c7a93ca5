"""Tasks as a user's own code would have them: nothing of them is registered."""

from dataclasses import replace

from unibridge.tasks.classification import TextClassification
from unibridge.translation.crossings import Crossing, TranslatedExamples


class Mood(TextClassification):
    """Classes of texts under another name."""

    name = "mood"
    metric = "accuracy"


class Late(Mood):
    """The same, with a crossing, words and a question of its own."""

    crossing = "own_task:Shouted"
    cloze_pattern = "{mask} : {text}"

    def in_other_words(self, example, change):
        first, *rest = example.text.split()
        return replace(example, text=" ".join([first, *change(rest, single=True)]))


class Shouted(Crossing):
    """Translations of every text are the text in capitals."""

    def over(self, examples, between, *, ready=None, base=None):
        said = [replace(one, text=one.text.upper()) for one in examples]
        return TranslatedExamples(said, [()] * len(said), {"examples": len(said)})

    def back(self, predictions, found, examples):
        return list(predictions)


class Silent(Mood):
    """The same again, which says nothing of other languages, other words and blanks."""

    crossing = cloze_pattern = ""
    switches_words = False
