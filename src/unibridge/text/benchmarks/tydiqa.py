"""TyDiQA-GoldP (Clark et al. 2020, arXiv 2003.05002): SQuAD's rules.

Its own average leaves English out ("average all non-English languages", its evaluation script);
XTREME's has it, and is `xtreme-tydiqa`.
"""

from dataclasses import replace

from unibridge.text.benchmarks.layouts import question, questions
from unibridge.text.benchmarks.record import Benchmark, Row

NAMES = {
    "en": "english",
    "ar": "arabic",
    "bn": "bengali",
    "fi": "finnish",
    "id": "indonesian",
    "ko": "korean",
    "ru": "russian",
    "sw": "swahili",
    "te": "telugu",
}
CODES = {name: code for code, name in NAMES.items()}
HUB = {"train": "train", "test": "validation"}


def example(row: Row, name: str) -> Row | None:
    """All languages are in one set; a question's id begins with its own."""
    language = str(row["id"]).partition("-")[0]
    return question(row, CODES[name]) if language in (name, CODES[name]) else None


def files(name: str, split: str) -> tuple[str, ...]:
    """The published test labels are dev's: there is nothing else to score on."""
    if split == "train":
        return ("tydiqa-goldp-v1.1-train.json", f"tydiqa-goldp-v1.1-train/tydiqa.{CODES[name]}.*")
    if split == "test":
        return (
            f"tydiqa-goldp-v1.1-dev/tydiqa-goldp-dev-{name}.json",
            f"tydiqa-goldp-v1.1-dev/tydiqa.{CODES[name]}.dev.json",
            f"tydiqa-goldp-dev-{name}.json",
            "tydiqa-goldp-v1.1-dev.json",
        )
    return ()


TYDIQA = Benchmark(
    name="tydiqa",
    task="qa",
    paper="arXiv 2003.05002",
    languages=NAMES,
    trained_on=("tydiqa", "en"),
    hub=lambda name, split: (
        f"hub:google-research-datasets/tydiqa:secondary_task:{HUB[split]}" if split in HUB else ""
    ),
    files=files,
    rows=questions,
    example=example,
    metrics=("squad_f1", "squad_exact_match"),
    averaged=("squad_f1",),
    left_out=("en",),
)
XTREME_TYDIQA = replace(
    TYDIQA,
    name="xtreme-tydiqa",
    paper="arXiv 2003.11080",
    averaged=("squad_f1", "squad_exact_match"),
    left_out=(),
)
