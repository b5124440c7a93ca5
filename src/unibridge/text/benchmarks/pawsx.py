"""PAWS-X (Yang et al. 2019, arXiv 1908.11828): paraphrases, accuracy over seven languages."""

from functools import partial

from unibridge.text.benchmarks.layouts import pair, plain_table
from unibridge.text.benchmarks.record import Benchmark, codes, hub_splits

HUB = hub_splits()


def files(code: str, split: str) -> tuple[str, ...]:
    """Of other languages than English the training pairs are translated by machine."""
    names = {"train": "train" if code == "en" else "translated_train"}
    name = names.get(split, f"{split}_2k")
    return (f"x-final/{code}/{name}.tsv", f"{code}/{name}.tsv")


PAWS_X = Benchmark(
    name="pawsx",
    task="pairs",
    paper="arXiv 1908.11828",
    languages=codes("de en es fr ja ko zh"),
    trained_on=("pawsx", "en"),
    hub=lambda code, split: f"hub:google-research-datasets/paws-x:{code}:{HUB[split]}",
    files=files,
    rows=plain_table,
    example=partial(pair, first="sentence1", second="sentence2"),
    metrics=("accuracy",),
)
