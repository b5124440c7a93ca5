"""What inference costs: one source, five, five with task adapters in the upper half, merged.

    python benchmarks/inference.py [REPEATS] [--hidden 768 --layers 12 --heads 12 --tokens 64]

Random weights, the same sentences and `batch_size` for all, in turns within one process. Then the
memory of predicting 100,000 short lines with a small model, beyond that of the process with the
model loaded.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig

from unibridge.adapters.settings import LANGUAGE_ADAPTER, TASK_ADAPTER
from unibridge.ensemble.merge import merge
from unibridge.ensemble.model import MultiSourceModel
from unibridge.ensemble.pack_config import UniBridgeConfig
from unibridge.memory import peak_memory, reset_peak_memory
from unibridge.transfer.task_settings import TaskSettings

PIECES = 8_000
SOURCES = ["en", "zh", "ru", "ar", "ja"]
GOALS = {"five sources": 4.8, "five, upper half": 3.1}
MEMORY_GOAL = 1e9
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
ONLY = "--only-memory"


def make_model(sources: list[str], first_layer: int, shape: argparse.Namespace) -> MultiSourceModel:
    """An NER pack with drawn weights, and a tokenizer of numbered words."""
    torch.manual_seed(0)
    base = XLMRobertaConfig(
        vocab_size=PIECES,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=4 * shape.hidden,
        max_position_embeddings=514,
        type_vocab_size=1,
    )
    adapter = TaskSettings(adapter=TASK_ADAPTER, first_layer=first_layer).placed_adapter
    config = UniBridgeConfig(
        base=base.to_dict(),
        task="ner",
        labels=["O", "B-LOC", "I-LOC", "B-PER", "I-PER"],
        language="xx",
        language_adapter=LANGUAGE_ADAPTER.model_dump(mode="json"),
        task_adapter=adapter.model_dump(mode="json"),
        sources=sources,
        weights=[1 / len(sources)] * len(sources),
    )
    model = MultiSourceModel(config)
    words = {piece: i for i, piece in enumerate([*SPECIAL, *map(str, range(len(SPECIAL), PIECES))])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = dict(zip(("cls", "pad", "sep", "unk", "mask"), SPECIAL, strict=True))
    model.tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **{f"{role}_token": token for role, token in names.items()}
    )
    return model.eval()


def measure_memory(lines: int) -> None:
    """Print the bytes that predicting a file takes beyond the process with its model."""
    small = argparse.Namespace(hidden=32, layers=2, heads=2)
    model = make_model(SOURCES, 0, small)
    draw = Random(0)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.txt", Path(folder) / "out.txt"
        with source.open("w") as stream:
            for _ in range(lines):
                words = (str(draw.randrange(PIECES)) for _ in range(draw.randint(4, 12)))
                stream.write(" ".join(words) + "\n")
        model.predict(["1 2 3"])
        reset_peak_memory()
        before = peak_memory()
        started = time.perf_counter()
        model.predict_file(source, target, batch_size=64)
        print(peak_memory() - before, before, time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("repeats", nargs="?", type=int, default=5)
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--tokens", type=int, default=64, help="tokens per sentence")
    parser.add_argument("--sentences", type=int, default=32)
    parser.add_argument("--batch", type=int, default=16, help="sentences at once, times sources")
    parser.add_argument("--lines", type=int, default=100_000, help="lines of the file")
    parser.add_argument(ONLY, action="store_true", help=argparse.SUPPRESS)
    shape = parser.parse_args()
    if shape.only_memory:
        measure_memory(shape.lines)
        return
    # measured before anything large is made here: a new process starts from its parent's peak
    command = [sys.executable, __file__, ONLY, "--lines", str(shape.lines)]
    extra, own, took = map(
        float, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    )

    five = make_model(SOURCES, 0, shape)
    ways = {
        "one source": make_model(SOURCES[:1], 0, shape),
        "five sources": five,
        "five, upper half": make_model(SOURCES, shape.layers // 2, shape),
        "merged": merge(five),
    }
    draw = Random(0)
    words = [
        [str(draw.randrange(len(SPECIAL), PIECES)) for _ in range(shape.tokens - 2)]
        for _ in range(shape.sentences)
    ]
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for model in ways.values():
        model.predict(words[: shape.batch], batch_size=shape.batch)
    for _ in range(shape.repeats):
        for way, model in ways.items():
            started = time.perf_counter()
            model.predict(words, batch_size=shape.batch)
            seconds[way].append(time.perf_counter() - started)

    medians = {way: statistics.median(times) for way, times in seconds.items()}
    print(f"{torch.get_num_threads()} threads of {os.cpu_count()}, torch {torch.__version__}")
    print(
        f"hidden {shape.hidden}, {shape.layers} layers, random weights; predict() on "
        f"{shape.sentences} sentences of {shape.tokens} tokens, batch_size {shape.batch}; medians "
        f"of {shape.repeats}"
    )
    print(f"{'':18}{'ms':>9}{'tokens/s':>10}{'x one':>7}")
    for way, median in medians.items():
        ratio = median / medians["one source"]
        goal = f"  (goal {GOALS[way]})" if way in GOALS else ""
        speed = shape.sentences * shape.tokens / median
        print(f"{way:18}{median * 1e3:>9.1f}{speed:>10,.0f}{ratio:>7.2f}{goal}")
    print(
        f"{shape.lines:,} lines predicted from file to file, five sources of a small model: "
        f"{took:.0f} s, {extra / 1e6:,.0f} MB beyond the {own / 1e6:,.0f} MB of the process with "
        f"its model (goal {MEMORY_GOAL / 1e6:,.0f} MB)"
    )


if __name__ == "__main__":
    main()
