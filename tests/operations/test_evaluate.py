"""Scoring a file of predictions: what is compared is what was predicted."""

import pytest

from unibridge.errors import UnibridgeError
from unibridge.operations.packs import evaluate

GOLD = {
    "a.jsonl": '{"text": "a", "label": "pos"}\n{"text": "b", "label": "neg"}\n',
    "a.csv": "text,label\na,pos\nb,neg\n",
    "b.jsonl": '{"tokens": ["Ann"], "ner_tags": ["B-PER"]}\n',
    "a.json": '[{"text": "a", "label": "pos"}, {"text": "b", "label": "neg"}]\n',
    "s.csv": "sep=|\ntext|label\na|pos\nb|neg\n",
    "p.jsonl": '{"tokens": ["Ann"], "pos": ["NOUN"]}\n',
}
BESIDE = {
    "a.jsonl": '{"text": "a", "label": "pos", "prediction": "neg"}\n'
    '{"text": "b", "label": "neg", "prediction": "pos"}\n',
    "a.csv": "text,label,predicted_label\na,pos,neg\nb,neg,pos\n",
    "b.jsonl": '{"tokens": ["Ann"], "ner_tags": ["B-PER"], "predictions": ["O"]}\n',
    "a.json": '[\n{"text": "a", "label": "pos", "pred": "neg"},\n'
    '{"text": "b", "label": "neg", "pred": "pos"}]\n',
    "s.csv": "sep=|\ntext|label|prediction\na|pos|neg\nb|neg|pos\n",
    "p.jsonl": '{"tokens": ["Ann"], "pos": ["NOUN"], "pred": ["VERB"]}\n',
}


class Heard:
    """A listener that keeps what it hears."""

    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


@pytest.mark.parametrize("name", GOLD)
def test_predictions_beside_the_gold_labels_are_not_passed_over(tmp_path, name):
    gold, predictions = tmp_path / name, tmp_path / f"predicted-{name}"
    gold.write_text(GOLD[name])
    predictions.write_text(BESIDE[name])
    task = {"b.jsonl": "ner", "p.jsonl": "pos"}.get(name, "classification")
    with pytest.raises(UnibridgeError, match=r"beside other labels, which would be scored"):
        evaluate(gold, predictions=predictions, task=task)
    # alone they are what is scored
    if name == "a.csv":
        predictions.write_text("text,prediction\na,neg\nb,pos\n")
        assert evaluate(gold, predictions=predictions, task=task).value == 0.0


def test_a_file_that_is_compared_with_itself_is_said(tmp_path):
    gold = tmp_path / "a.csv"
    gold.write_text(GOLD["a.csv"])
    heard = Heard()
    assert evaluate(gold, predictions=gold, task="classification", listener=heard).value == 100.0
    assert any("compared with itself" in line for line in heard.lines)
