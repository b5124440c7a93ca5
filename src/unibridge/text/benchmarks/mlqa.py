"""MLQA (Lewis et al. 2020, arXiv 1910.07475): question and passage in one language (XLT).

Articles and punctuation are those of the passage's language, Chinese is counted by character.
"""

from unibridge.text.benchmarks.layouts import question, questions
from unibridge.text.benchmarks.record import Benchmark, codes

HUB = {"dev": "validation", "test": "test"}


def files(code: str, split: str) -> tuple[str, ...]:
    """Without training questions."""
    if split == "train":
        return ()
    name = f"{split}-context-{code}-question-{code}.json"
    return (f"MLQA_V1/{split}/{name}", f"{split}/{name}", name)


MLQA = Benchmark(
    name="mlqa",
    task="qa",
    paper="arXiv 1910.07475",
    languages=codes("en es de ar hi vi zh"),
    trained_on=("squad", "en"),
    hub=lambda code, split: (
        f"hub:facebook/mlqa:mlqa.{code}.{code}:{HUB[split]}" if split in HUB else ""
    ),
    files=files,
    rows=questions,
    example=question,
    metrics=("answer_f1", "exact_match"),
    averaged=("answer_f1", "exact_match"),
)
