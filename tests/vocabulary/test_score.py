import math
from collections import Counter

import numpy as np
import pytest
import sentencepiece

from unibridge.vocabulary.score import (
    average_log_probability,
    count_strings,
    token_counts,
    unknown_share,
)
from unibridge.vocabulary.train import train_sentencepiece

TEXT = ["the river  runs through", " the old town", "a boat waits at the river", ""] * 2


def test_average_log_probability_by_hand():
    # a a b c in two samples: (2 ln 1/2 + ln 1/4 + ln 1/4) / 2 = -3 ln 2
    assert average_log_probability(np.array([2, 0, 1, 1]), 2) == pytest.approx(-3 * math.log(2))


def test_average_log_probability_is_the_mean_over_samples_of_summed_log_frequencies():
    samples = [["a", "b", "a"], ["c", "a"], ["b", "b", "d", "a"]]
    frequency = Counter(token for sample in samples for token in sample)
    total = sum(frequency.values())
    expected = np.mean([sum(math.log(frequency[t] / total) for t in s) for s in samples])
    counts = np.array(list(frequency.values()))
    assert average_log_probability(counts, len(samples)) == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_counts_from_strings_are_those_of_whole_lines(kind):
    model = train_sentencepiece(TEXT, 24, kind=kind)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    whole = np.bincount([piece for line in TEXT for piece in processor.encode(line)], minlength=24)
    assert token_counts(model, count_strings(TEXT)).tolist() == whole.tolist()


def test_unknown_share_counts_characters_not_tokens():
    model = train_sentencepiece(["ab ba aab"] * 3, 8)
    # q and qq are one unknown token each; three of the eight characters are unknown
    assert unknown_share(model, count_strings(["abq qqa", "bb"])) == pytest.approx(3 / 8)
    assert unknown_share(model, count_strings(["ab"])) == 0
