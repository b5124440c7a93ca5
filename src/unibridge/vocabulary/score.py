"""Average log probability of a text under a tokenizer, from token counts (UniBridge, Eq. 1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from unibridge.vocabulary.train import read_model

if TYPE_CHECKING:
    import numpy as np


def average_log_probability(counts: np.ndarray, samples: float) -> float:
    """ALP in nats per sample: (1 / samples) Σ c ln(c / n), with n = Σ c (UniBridge, Eq. 1).

    counts: how often each token occurs in the tokenised text (vocab,). samples: |D|, the number of
    samples the text makes, any positive number. The probability of a token is its relative
    frequency in this text, so the sum over the text's tokens is a sum over counts.
    """
    import numpy as np

    seen = counts[counts > 0].astype(np.float64)
    return float((seen * np.log(seen / seen.sum())).sum() / samples)


def count_strings(lines: Iterable[str]) -> Counter[str]:
    """How often each string between spaces occurs: what `token_counts` tokenises once each."""
    return Counter(string for line in lines for string in line.split(" ") if string)


def token_counts(model: bytes, strings: Mapping[str, int]) -> np.ndarray:
    """How often each piece of a SentencePiece model occurs in a text (vocab,).

    strings: the text as `count_strings` gives it. Pieces never cross a space, so these counts are
    those of the whole lines.
    """
    import numpy as np
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    encoded = processor.encode(list(strings), num_threads=1)
    lengths = np.fromiter((len(ids) for ids in encoded), dtype=np.int64, count=len(encoded))
    ids = np.fromiter((i for string in encoded for i in string), np.int64, int(lengths.sum()))
    times = np.fromiter(strings.values(), dtype=np.int64, count=len(strings))
    counts = np.zeros(processor.get_piece_size(), dtype=np.int64)
    np.add.at(counts, ids, np.repeat(times, lengths))
    return counts


def unknown_share(model: bytes, strings: Mapping[str, int]) -> float:
    """Share of a text's characters, normalised and without spaces, that are in no piece."""
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    known = {char for piece in read_model(model).pieces for char in piece.piece}
    total = unknown = 0
    for string, times in strings.items():
        text = processor.normalize(string).replace("▁", "")
        total += times * len(text)
        unknown += times * sum(char not in known for char in text)
    return unknown / total if total else 0.0
