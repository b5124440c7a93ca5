"""Scores of generated text: chrF and ROUGE-L by their own packages, and the share that is in
another language than asked for (Xue et al. 2021, arXiv 2010.11934, §4.1: "accidental translation").
"""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from unibridge.errors import UnibridgeError
from unibridge.metrics import Metric
from unibridge.text.languages import has_unspaced

if TYPE_CHECKING:
    import numpy as np

    from unibridge.text.identification import LanguageIdentifier

ORDERS, BETA = 6, 2
"""Longest n-grams of characters, and how much more recall counts than precision, in chrF2."""


def generation_packages() -> None:
    """Raise UnibridgeError where the packages that score generated text are missing."""
    try:
        import rouge_score.rouge_scorer  # noqa: F401
        import sacrebleu  # noqa: F401
    except ImportError as error:
        raise UnibridgeError(
            f"scoring generated text needs the package {error.name!r}",
            do='run pip install "unibridge[generation]"',
        ) from error


class Words:
    """What ROUGE's package counts as words: between spaces, or characters where none are written.

    Its own tokeniser keeps nothing but ASCII letters and digits.
    """

    def tokenize(self, text: str) -> list[str]:
        """The words, in lower case."""
        found = []
        for run in text.lower().split():
            found += list(run) if has_unspaced(run) else [run]
        return found


def generation_scores(
    references: Sequence[str],
    outputs: Sequence[str],
    *,
    language: str = "",
    identifier: "LanguageIdentifier | None" = None,
) -> dict[str, float]:
    """chrF of the whole (chrF2, as sacreBLEU gives it), mean ROUGE-L F1, and, with an identifier,
    `wrong_language`: the share of outputs in another one; all 0 to 100.

    Raises UnibridgeError without the packages, or where there are not as many of both.
    """
    generation_packages()
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics import CHRF

    if len(references) != len(outputs) or not references:
        raise UnibridgeError(f"{len(outputs)} outputs for {len(references)} references")
    scorer = RougeScorer(["rougeL"], tokenizer=Words())
    rouge = [
        scorer.score(reference, output)["rougeL"].fmeasure
        for reference, output in zip(references, outputs, strict=True)
    ]
    scores = {
        "chrf": float(CHRF().corpus_score(list(outputs), [list(references)]).score),
        "rouge_l": 100 * sum(rouge) / len(rouge),
    }
    if identifier is not None:
        scores["wrong_language"] = 100 * identifier.share(outputs, language)
    return scores


def chrf_counts(references: Sequence[Any], outputs: Sequence[Any]) -> "np.ndarray":
    """(texts, 3 x orders): n-grams of characters that were said, that were wanted, and in both.

    What chrF (Popović, WMT 2015) is summed from, so that texts can be drawn again for its interval.
    """
    import numpy as np

    rows = []
    for reference, output in zip(references, outputs, strict=True):
        row: list[int] = []
        for size in range(1, ORDERS + 1):
            wanted, said = (_grams(text, size) for text in (reference, output))
            # as sacreBLEU: what is said counts only where there is something wanted
            row += [said.total() if wanted else 0, wanted.total(), (said & wanted).total()]
        rows.append(row)
    return np.array(rows).reshape(-1, 3 * ORDERS)


def _grams(text: str, size: int) -> Counter[str]:
    text = "".join(text.split())
    return Counter(text[place : place + size] for place in range(len(text) - size + 1))


def chrf_of(sums: "np.ndarray") -> "np.ndarray":
    """chrF2 of summed counts, (..., 3 x orders) -> (...), 0 to 100.

    The F of the mean precision and the mean recall over the orders that both sides have.
    """
    import numpy as np

    said, wanted, both = np.moveaxis(
        np.asarray(sums, float).reshape(*sums.shape[:-1], -1, 3), -1, 0
    )
    there = (said > 0) & (wanted > 0)
    orders = np.maximum(there.sum(-1), 1)
    precision = (there * both / np.maximum(said, 1)).sum(-1) / orders
    recall = (there * both / np.maximum(wanted, 1)).sum(-1) / orders
    below = BETA**2 * precision + recall
    return 100 * (1 + BETA**2) * precision * recall / np.where(below > 0, below, 1)


CHRF2 = Metric("chrf", chrf_counts, chrf_of)
