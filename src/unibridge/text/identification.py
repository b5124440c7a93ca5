"""Which of a few languages a text is in, by its character n-grams (as langid.py, P12-3005).

Multinomial naive Bayes over n-grams of one to four characters, learnt from plain text that is
given. For telling languages apart whose text is at hand; it knows no others.
"""

import math
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from unibridge.errors import UnibridgeError
from unibridge.text.corpus import spread

LONGEST = 4
"""Characters of an n-gram at most."""
MOST_LINES = 2000
"""Lines of each language that are counted, evenly spread, so that none has more to say."""
SMOOTHING = 0.5


@dataclass(frozen=True)
class LanguageIdentifier:
    """logs: language -> n-gram -> log probability; unseen: language -> that of any other."""

    logs: Mapping[str, Mapping[str, float]]
    unseen: Mapping[str, float]

    def language(self, text: str) -> str | None:
        """The likeliest language; None for a text without a letter."""
        grams = Counter(ngrams(text))
        if not grams:
            return None
        scores = {
            code: sum(n * known.get(gram, self.unseen[code]) for gram, n in grams.items())
            for code, known in self.logs.items()
        }
        return max(scores, key=lambda code: scores[code])

    def share(self, texts: Sequence[str], language: str) -> float:
        """Share of the texts that are not in a language, of those that have a letter; 0 to 1."""
        found = [one for text in texts if (one := self.language(text)) is not None]
        return sum(one != language for one in found) / max(1, len(found))


def identifier(texts: Mapping[str, Sequence[str]]) -> LanguageIdentifier:
    """Learn to tell languages apart, from lines of each.

    Raises UnibridgeError for fewer than two languages.
    """
    if len(texts) < 2:
        raise UnibridgeError(
            f"languages cannot be told apart by text of {len(texts)} alone",
            do="give plain text of two languages at least",
        )
    counts = {
        code: Counter(gram for line in spread(lines, MOST_LINES) for gram in ngrams(line))
        for code, lines in texts.items()
    }
    kinds = len(set().union(*counts.values()))
    logs, unseen = {}, {}
    for code, own in counts.items():
        total = sum(own.values()) + SMOOTHING * kinds
        logs[code] = {gram: math.log((n + SMOOTHING) / total) for gram, n in own.items()}
        unseen[code] = math.log(SMOOTHING / total)
    return LanguageIdentifier(logs, unseen)


def ngrams(text: str) -> Iterator[str]:
    """The n-grams of a text's words, each between spaces; digits and punctuation are left out."""
    letters = "".join(c if unicodedata.category(c)[0] in "LM" else " " for c in text.lower())
    for word in letters.split():
        framed = f" {word} "
        for size in range(1, LONGEST + 1):
            for start in range(len(framed) - size + 1):
                if (gram := framed[start : start + size]) != " ":
                    yield gram
