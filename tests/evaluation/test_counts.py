import random

import numpy as np
import pytest

from unibridge.errors import UnibridgeError
from unibridge.evaluation.counts import packed, unpacked
from unibridge.metrics import MACRO_F1, SPAN_F1


@pytest.mark.parametrize("rows", [1, 7, 3000])
def test_counts_come_back_as_they_were(rows):
    counts = np.random.default_rng(rows).poisson(0.3, size=(rows, 5))
    assert (unpacked(packed(counts)) == counts).all()
    assert (unpacked(packed(counts * 0)) == 0).all()
    shares = counts / 4  # of answers, whose words are right in part
    assert unpacked(packed(shares)) == pytest.approx(shares)


def test_a_thousand_sentences_take_little_room_in_a_row():
    draw = random.Random(0)
    gold = [draw.choices(("O", "O", "O", "B-PER", "B-LOC"), k=12) for _ in range(1000)]
    said = [[tag if draw.random() < 0.8 else "O" for tag in tags] for tags in gold]
    assert len(packed(SPAN_F1.count(gold, said))) < 3000
    classes = [draw.choice("abcdefg") for _ in range(1000)]
    assert len(packed(MACRO_F1.count(classes, draw.sample(classes, 1000)))) < 6000


def test_what_is_too_large_is_not_kept(monkeypatch):
    monkeypatch.setattr("unibridge.evaluation.counts._LARGEST", 9)
    assert packed(np.ones((2, 5))) == "" and packed(np.ones((2, 4)))


@pytest.mark.parametrize("text", ["", "x", "AAAA", packed(np.ones((2, 2)))[:-8] + "AAAAAAA="])
def test_what_is_none_is_refused(text):
    with pytest.raises(UnibridgeError, match="no counts of a score"):
        unpacked(text)
