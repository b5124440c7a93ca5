"""XNLI (Conneau et al. 2018, arXiv 1809.05053): accuracy, the mean over its 15 languages."""

from unibridge.text.benchmarks.layouts import pair, plain_table
from unibridge.text.benchmarks.record import Benchmark, Row, codes, hub_splits

HUB = hub_splits()


def example(row: Row, code: str) -> Row | None:
    """All languages are in one file; training files call a contradiction otherwise."""
    if row.get("language", code) != code:
        return None
    columns = (
        {"first": "sentence1", "second": "sentence2", "label": "gold_label"}
        if "gold_label" in row
        else {"first": "premise", "second": "hypo" if "hypo" in row else "hypothesis"}
    )
    found = pair(row, code, **columns)
    return {
        **found,
        "label": {"contradictory": "contradiction"}.get(found["label"], found["label"]),
    }


def files(code: str, split: str) -> tuple[str, ...]:
    """Of its two archives; the second has MultiNLI's training pairs, also translated."""
    if split == "train":
        return (
            f"XNLI-MT-1.0/multinli/multinli.train.{code}.tsv",
            f"multinli/multinli.train.{code}.tsv",
            f"multinli.train.{code}.tsv",
        )
    return (f"XNLI-1.0/xnli.{split}.tsv", f"xnli.{split}.tsv")


XNLI = Benchmark(
    name="xnli",
    task="pairs",
    paper="arXiv 1809.05053",
    languages=codes("ar bg de el en es fr hi ru sw th tr ur vi zh"),
    trained_on=("xnli", "en"),
    hub=lambda code, split: f"hub:facebook/xnli:{code}:{HUB[split]}",
    files=files,
    rows=plain_table,
    example=example,
    metrics=("accuracy",),
)
