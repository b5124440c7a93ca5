"""NusaX (Winata et al. 2023, arXiv 2205.15960): sentiment, macro-F1 over its 12 languages."""

from unibridge.text.benchmarks.layouts import comma_table, text
from unibridge.text.benchmarks.record import Benchmark

HUB = {"train": "train", "dev": "validation", "test": "test"}
FILE = {"train": "train", "dev": "valid", "test": "test"}
NAMES = {
    "ace": "acehnese",
    "ban": "balinese",
    "bjn": "banjarese",
    "bug": "buginese",
    "eng": "english",
    "ind": "indonesian",
    "jav": "javanese",
    "mad": "madurese",
    "min": "minangkabau",
    "nij": "ngaju",
    "sun": "sundanese",
    "bbc": "toba_batak",
}

NUSAX = Benchmark(
    name="nusax",
    task="classification",
    paper="arXiv 2205.15960",
    languages={code: code for code in NAMES},
    trained_on=("nusax", "ind"),
    hub=lambda code, split: f"hub:indonlp/NusaX-senti:{code}:{HUB[split]}",
    files=lambda code, split: (
        f"datasets/sentiment/{NAMES[code]}/{FILE[split]}.csv",
        f"{NAMES[code]}/{FILE[split]}.csv",
    ),
    rows=comma_table,
    example=text,
    metrics=("macro_f1", "accuracy"),
)
