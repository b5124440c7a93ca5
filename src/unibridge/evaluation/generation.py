"""Scores of generated text: chrF and ROUGE-L by their own packages, and the share that is in
another language than asked for (Xue et al. 2021, arXiv 2010.11934, §4.1: "accidental translation").
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from unibridge.errors import UnibridgeError
from unibridge.text.languages import has_unspaced

if TYPE_CHECKING:
    from unibridge.text.identification import LanguageIdentifier


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
