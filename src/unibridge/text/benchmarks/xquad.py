"""XQuAD (Artetxe et al. 2020, arXiv 1910.11856): SQuAD's rules, the mean over its languages.

SQuAD's script is used as it is: English articles, ASCII punctuation, words between spaces. The
single number is the mean of F1 and exact match, as in XTREME (arXiv 2003.11080). All of it is test.
"""

from unibridge.text.benchmarks.layouts import question, questions
from unibridge.text.benchmarks.record import Benchmark, codes

XQUAD = Benchmark(
    name="xquad",
    task="qa",
    paper="arXiv 1910.11856",
    languages=codes("en es de el ru tr ar vi th zh hi"),
    trained_on=("squad", "en"),
    hub=lambda code, split: f"hub:google/xquad:xquad.{code}:validation" if split == "test" else "",
    files=lambda code, split: (
        (f"xquad.{code}.json", f"xquad/xquad.{code}.json") if split == "test" else ()
    ),
    rows=questions,
    example=question,
    metrics=("squad_f1", "squad_exact_match"),
    averaged=("squad_f1", "squad_exact_match"),
)
