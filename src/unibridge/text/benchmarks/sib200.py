"""SIB-200 (Adelani et al. 2024, arXiv 2309.07445): topics of FLORES's sentences, accuracy."""

from functools import partial

from unibridge.text.benchmarks.layouts import quoted_table, text
from unibridge.text.benchmarks.record import Benchmark, hub_splits

HUB = hub_splits()

SIB200 = Benchmark(
    name="sib200",
    task="classification",
    paper="arXiv 2309.07445",
    languages={},
    trained_on=("sib200", "eng_Latn"),
    hub=lambda code, split: f"hub:Davlan/sib200:{code}:{HUB[split]}",
    files=lambda code, split: (f"data/annotated/{code}/{split}.tsv", f"{code}/{split}.tsv"),
    rows=quoted_table,
    example=partial(text, label="category"),
    metrics=("accuracy",),
)
