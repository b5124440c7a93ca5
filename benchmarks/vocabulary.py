"""Seconds per size of the vocabulary scan: training, counting by strings, counting by lines.

    python benchmarks/vocabulary.py [TEXT_FILE]

Without a file: Amharic and Khmer of ../shared/data/mono where that is present, else generated text.
"""

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import sentencepiece

from unibridge.text.languages import count_words
from unibridge.vocabulary.score import (
    average_log_probability,
    count_strings,
    token_counts,
    unknown_share,
)
from unibridge.vocabulary.tokenizer import to_fast_tokenizer
from unibridge.vocabulary.train import VocabularyTooLarge, train_sentencepiece

MONO = Path(__file__).parents[2] / "shared" / "data" / "mono"
SIZES = range(4_000, 12_001, 2_000)
Result = TypeVar("Result")


def generated(lines: int = 6_000) -> list[str]:
    """Lines of words drawn by Zipf's law from 30,000 made of syllables."""
    draw = random.Random(0)
    syllables = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
    words = ["".join(draw.choices(syllables, k=draw.randint(1, 5))) for _ in range(30_000)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    return [" ".join(draw.choices(words, weights, k=14)) for _ in range(lines)]


def texts() -> dict[str, list[str]]:
    files = [Path(sys.argv[1])] if len(sys.argv) > 1 else [MONO / "amh.txt", MONO / "khm.txt"]
    if len(sys.argv) == 1 and not MONO.is_dir():
        return {"generated": generated()}
    return {file.name: file.read_text(encoding="utf-8").splitlines() for file in files}


def timed(work: Callable[..., Result], *given: object, **named: object) -> tuple[Result, float]:
    started = time.perf_counter()
    result = work(*given, **named)
    return result, time.perf_counter() - started


def counts_of_lines(model: bytes, lines: list[str]) -> np.ndarray:
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    ids = [piece for line in processor.encode(lines, num_threads=1) for piece in line]
    return np.bincount(ids, minlength=processor.get_piece_size())


def main() -> None:
    heading = f"{'kind':8}{'size':>7}{'train s':>9}{'strings s':>11}{'lines s':>9}{'unknown s':>11}"
    for name, lines in texts().items():
        words = sum(map(count_words, lines))
        strings, seconds = timed(count_strings, lines)
        print(
            f"\n{name}: {len(lines):,} lines, {words:,.0f} words, {len(strings):,} strings "
            f"counted in {seconds:.2f} s\n{heading}{'convert s':>11}{'ALP nats':>11}"
        )
        for kind in ("unigram", "bpe"):
            for size in SIZES:
                try:
                    model, train = timed(train_sentencepiece, lines, size, kind=kind)
                except VocabularyTooLarge as refusal:
                    print(f"{kind:8}{size:7,}  {refusal.what}")
                    break
                counts, by_strings = timed(token_counts, model, strings)
                whole, by_lines = timed(counts_of_lines, model, lines)
                if not np.array_equal(counts, whole):
                    raise SystemExit("counts by strings and by lines differ")
                _, unknown = timed(unknown_share, model, strings)
                _, convert = timed(to_fast_tokenizer, model)
                alp = average_log_probability(counts, words / 128)
                print(
                    f"{kind:8}{size:7,}{train:9.2f}{by_strings:11.2f}{by_lines:9.2f}"
                    f"{unknown:11.2f}{convert:11.2f}{alp:11.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
