"""SQuAD 1.1 (Rajpurkar et al. 2016, arXiv 1606.05250): what the others are trained on."""

from unibridge.text.benchmarks.layouts import question, questions
from unibridge.text.benchmarks.record import Benchmark, codes

HUB = {"train": "train", "dev": "validation", "test": "validation"}

SQUAD = Benchmark(
    name="squad",
    task="qa",
    paper="arXiv 1606.05250",
    languages=codes("en"),
    trained_on=("squad", "en"),
    hub=lambda code, split: f"hub:rajpurkar/squad:plain_text:{HUB[split]}",
    files=lambda code, split: (f"{'train' if split == 'train' else 'dev'}-v1.1.json",),
    rows=questions,
    example=question,
    metrics=("squad_f1", "squad_exact_match"),
    averaged=("squad_f1", "squad_exact_match"),
)
