"""WikiANN (Pan et al. 2017; Rahimi et al. 2019, arXiv 1902.00193): entity F1.

`panx` is the selection of XTREME (arXiv 2003.11080): 40 languages, all in its average.
"""

from dataclasses import replace

from unibridge.text.benchmarks.layouts import tagged_words
from unibridge.text.benchmarks.record import Benchmark, Row, codes, hub_splits

HUB = hub_splits()


def example(row: Row, code: str) -> Row:
    """Words may have their language before them, as in `de:Haus`."""
    words = [word.removeprefix(f"{code}:") for word in row["tokens"]]
    return {"words": words, "tags": [str(tag) for tag in row["ner_tags"]]}


WIKIANN = Benchmark(
    name="wikiann",
    task="ner",
    paper="arXiv 1902.00193",
    languages={},
    trained_on=("wikiann", "en"),
    hub=lambda code, split: f"hub:unimelb-nlp/wikiann:{code}:{HUB[split]}",
    files=lambda code, split: (f"{code}/{split}", f"{code}/{split}.tsv", f"{split}-{code}.tsv"),
    rows=tagged_words,
    example=example,
    metrics=("span_f1",),
)
PAN_X = replace(
    WIKIANN,
    name="panx",
    paper="arXiv 2003.11080",
    languages=codes(
        "ar he vi id jv ms tl eu ml ta te af nl en de el bn hi mr ur fa fr it pt es bg ru ja ka ko",
        "th sw yo my zh kk tr et fi hu",
    ),
    trained_on=("panx", "en"),
    hub=lambda code, split: f"hub:google/xtreme:PAN-X.{code}:{HUB[split]}",
    files=lambda code, split: (f"{code}/{split}", f"{split}-{code}.tsv", f"{code}-{split}"),
)
