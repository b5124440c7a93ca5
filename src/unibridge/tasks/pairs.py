"""Classes of sentence pairs, such as entailment."""

from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.tasks.classification import TextClassification
from unibridge.text.examples import Expected, LabelledText


class PairClassification(TextClassification):
    """One class per pair of texts, both read at once; accuracy, as natural-language inference has.

    The tokenizer's own template joins them: [CLS] a [SEP] b [SEP], or <s> a </s> </s> b </s>.
    """

    name = "pairs"
    reads: Expected = "pair"
    parts = 2
    metric = "accuracy"
    cloze_pattern = "{slot} {text} ? {mask} , {second}"  # PET's pattern for entailment

    def as_example(self, value: Any) -> LabelledText:
        """A pair from two strings."""
        if isinstance(value, LabelledText) and value.second:
            return value
        if not isinstance(value, tuple | list) or len(value) != 2:
            raise UnibridgeError(f"{value!r} is not a pair of texts", do="give (first, second)")
        first = super().as_example(value[0])
        return LabelledText(first.text, super().as_example(value[1]).text)
