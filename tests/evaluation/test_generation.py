import sys

import numpy as np
import pytest

from unibridge.errors import UnibridgeError
from unibridge.evaluation.generation import Words, chrf_counts, chrf_of, generation_scores
from unibridge.text.identification import identifier


def test_scores_are_the_packages_own_on_words_of_any_script():
    sacrebleu = pytest.importorskip("sacrebleu")
    references, outputs = ["der alte Fluss", "ሰላም ለዓለም ሁሉ"], ["der neue Fluss", "ሰላም ሁሉ"]
    told = identifier({"de": ["der alte Fluss und die Stadt"], "am": ["ሰላም ለዓለም ሁሉ"]})
    found = generation_scores(references, outputs, language="de", identifier=told)
    assert found["chrf"] == pytest.approx(sacrebleu.corpus_chrf(outputs, [references]).score)
    # longest common subsequences: 2 of 3 and 3 words; 2 of 3 and 2
    assert found["rouge_l"] == pytest.approx(100 * (2 / 3 + 2 * (1 * 2 / 3) / (1 + 2 / 3)) / 2)
    assert found["wrong_language"] == 50
    assert "wrong_language" not in generation_scores(references, outputs)


def test_texts_can_be_drawn_again_for_chrf():
    sacrebleu = pytest.importorskip("sacrebleu")
    references = ["der alte Fluss", "a", "ein Boot wartet hier", "ሰላም ለዓለም ሁሉ", "x"]
    outputs = ["der neue Fluss", "", "kein Boot", "ሰላም ሁሉ", "abcdefgh"]
    counts = chrf_counts(references, outputs)
    for part in ([0], [0, 1, 2], [1], [3, 4], [4], [0, 1, 2, 3, 4]):
        wanted, said = ([texts[n] for n in part] for texts in (references, outputs))
        theirs = sacrebleu.corpus_chrf(said, [wanted]).score
        assert float(chrf_of(counts[part].sum(0))) == pytest.approx(theirs), part
    assert chrf_of(np.stack([counts[:2].sum(0), counts.sum(0)])).shape == (2,)


def test_chinese_is_counted_by_character():
    assert Words().tokenize("北京 BIG") == ["北", "京", "big"]
    assert generation_scores(["北京大学"], ["北京"])["rouge_l"] == pytest.approx(200 / 3)


def test_what_is_missing_is_named(monkeypatch):
    with pytest.raises(UnibridgeError, match="1 outputs for 2 references"):
        generation_scores(["a", "b"], ["a"])
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(UnibridgeError, match=r"unibridge\[generation\]"):
        generation_scores(["a"], ["a"])
