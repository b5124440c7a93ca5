import pytest
import torch

from toy import LINES, TOY_LABELS, drawn_pack
from unibridge.ensemble.probabilities import probabilities
from unibridge.operations.packs import predict

WEIGHTS = {"en": 0.3, "sw": 0.7}


@pytest.mark.parametrize("task", ["ner", "classification"])
@pytest.mark.parametrize("temperature", [None, 0.5])
def test_the_likeliest_classes_are_what_is_predicted(task, temperature):
    model = drawn_pack(task, WEIGHTS)
    model.config.sentence_temperature = temperature
    # longer than the model: words of several windows
    examples = [*LINES, " ".join(LINES * 3)]
    found = probabilities(model, examples, batch_size=3)
    labels = TOY_LABELS[task]
    for shares, example in zip(found, examples, strict=True):
        assert shares.shape == (len(example.split()) if task == "ner" else 1, len(labels))
        torch.testing.assert_close(shares.sum(-1), torch.ones(len(shares)))
    said = predict(model, examples)
    for one, shares in zip(said, found, strict=True):
        tags = one.prediction if task == "ner" else [one.prediction]
        # IOB2 is mended after the choice: I- without a B- before it becomes B-
        chosen = [labels[i].removeprefix("I-").removeprefix("B-") for i in shares.argmax(-1)]
        assert [tag.removeprefix("I-").removeprefix("B-") for tag in tags] == chosen
        assert one.confidence == pytest.approx(shares.max(-1).values.tolist())
