"""AmericasNLI (Ebrahimi et al. 2022, arXiv 2104.08726): accuracy over ten languages of America.

Read zero-shot from XNLI's English training pairs.
"""

from unibridge.text.benchmarks.layouts import pair, quoted_table
from unibridge.text.benchmarks.record import Benchmark, Row, codes, hub_splits

HUB = hub_splits()


def example(row: Row, code: str) -> Row | None:
    """All languages are in one file."""
    if row.get("language", code) != code:
        return None
    return pair(row, code, first="premise", second="hypothesis")


AMERICAS_NLI = Benchmark(
    name="americasnli",
    task="pairs",
    paper="arXiv 2104.08726",
    languages={**codes("aym bzd cni hch nah oto quy shp tar"), "grn": "gn"},
    trained_on=("xnli", "en"),
    hub=lambda code, split: (
        f"hub:nala-cub/americas_nli:{code}:{HUB[split]}" if split != "train" else ""
    ),
    files=lambda code, split: (f"anli_final/{split}.tsv", f"{split}.tsv"),
    rows=quoted_table,
    example=example,
    metrics=("accuracy",),
)
