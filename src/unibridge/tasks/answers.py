"""Exact match and F1 of answers, as the scripts of SQuAD 1.1 and MLQA compute them.

Case, punctuation and articles do not count. `answer_f1` and `exact_match` follow MLQA: the articles
of the passage's language, all of Unicode's punctuation, Chinese by character; a language that MLQA
has not has no articles here, and a passage of unknown language is read as by SQuAD. `squad_f1` and
`squad_exact_match` follow SQuAD in every language: English articles, ASCII punctuation, words
between spaces. https://github.com/facebookresearch/MLQA, https://arxiv.org/abs/1606.05250
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from unibridge.metrics import METRICS, Metric
from unibridge.text.examples import Answer
from unibridge.text.languages import canonical

if TYPE_CHECKING:
    import numpy as np

ARTICLES = {
    "en": r"\b(a|an|the)\b",
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "vi": r"\b(của|là|cái|chiếc|những)\b",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "ar": r"\sال^|ال",
}
"""Language -> what is taken out; others have none."""

BY_CHARACTER = {"zh": "\u4e00-\u9fa5", "ja": "\u3040-\u30ff\u4e00-\u9fa5"}
"""Language -> characters that are words of their own."""

_ASCII_SYMBOLS = frozenset("$+<=>^`|~")


def normalised(text: str, language: str) -> list[str]:
    """The words of an answer that count. language: the passage's code, "" where it is unknown."""
    if not language:
        text = "".join(c for c in text.lower() if c not in string.punctuation)
        return re.sub(ARTICLES["en"], " ", text).split()
    language = canonical(language).partition("_")[0]
    text = "".join(c for c in text.lower() if not _is_punctuation(c))
    if language in ARTICLES:
        text = re.sub(ARTICLES[language], " ", text)
    if alone := BY_CHARACTER.get(language):
        text = re.sub(f"([{alone}])", r" \1 ", text)
    return text.split()


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character).startswith("P") or character in _ASCII_SYMBOLS


def exact_match(gold: str, predicted: str, language: str) -> float:
    """1 where both have the same words, else 0."""
    return float(normalised(gold, language) == normalised(predicted, language))


def word_f1(gold: str, predicted: str, language: str) -> float:
    """Harmonic mean of precision and recall over the words of both, 0 to 1."""
    true, found = normalised(gold, language), normalised(predicted, language)
    same = sum((Counter(true) & Counter(found)).values())
    return 2 * same / (len(true) + len(found)) if same else 0.0


def _counts(
    gold: Sequence[Any], predicted: Sequence[Any], compare: Callable[[str, str, str], float]
) -> "np.ndarray":
    """Per question what its best gold answer gives, and 1; without any, no answer is right."""
    import numpy as np

    rows = []
    for true, found in zip(gold, predicted, strict=True):
        said = found[0].text if found else ""
        scores = [compare(one.text, said, one.language) if found else 0.0 for one in true]
        rows.append((max(scores, default=float(not found)), 1.0))
    return np.array(rows).reshape(-1, 2)


def _share(sums: "np.ndarray") -> "np.ndarray":
    import numpy as np

    return 100 * np.asarray(sums)[..., 0] / np.maximum(np.asarray(sums)[..., 1], 1)


ANSWER_F1 = Metric("answer_f1", partial(_counts, compare=word_f1), _share)
EXACT_MATCH = Metric("exact_match", partial(_counts, compare=exact_match), _share)
SQUAD_F1 = Metric("squad_f1", partial(_counts, compare=lambda g, p, _: word_f1(g, p, "")), _share)
SQUAD_EXACT_MATCH = Metric(
    "squad_exact_match", partial(_counts, compare=lambda g, p, _: exact_match(g, p, "")), _share
)
for metric in (ANSWER_F1, EXACT_MATCH, SQUAD_F1, SQUAD_EXACT_MATCH):
    METRICS.register(metric.name, metric)


def answer_scores(
    gold: Sequence[Sequence[Answer]], predicted: Sequence[Sequence[Answer]]
) -> dict[str, float]:
    """Both scores, 0 to 100."""
    scores: dict[str, float] = {}
    for metric in (ANSWER_F1, EXACT_MATCH):
        given: Sequence[Any] = gold
        said: Sequence[Any] = predicted
        scores[metric.name] = metric(given, said)
    return scores
