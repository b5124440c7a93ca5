import pytest
import torch

from toy import toy_base, toy_examples
from unibridge.errors import UnibridgeError
from unibridge.tasks import TASKS
from unibridge.transfer.probe import (
    ProbeSettings,
    decision_states,
    fit_probe,
    probe_predictions,
    train_probe,
)


def test_what_is_linear_in_the_states_is_found():
    states = torch.randn(200, 5, generator=torch.Generator().manual_seed(0)) * 3 + 1
    gold = states[:, [0, 2, 4]].argmax(-1)
    probe = fit_probe(states, gold, 3, layer=1, settings=ProbeSettings(decay=0.0))
    assert (probe.logits(states).argmax(-1) == gold).float().mean() > 0.95
    # states are standardised, so that another scale gives the same classifier
    scaled = fit_probe(states * 100, gold, 3, layer=1, settings=ProbeSettings(decay=0.0))
    assert torch.equal(scaled.logits(states * 100).argmax(-1), probe.logits(states).argmax(-1))


@pytest.mark.parametrize("name", ["ner", "pos", "classification", "pairs"])
def test_a_probe_says_something_of_every_example_and_chooses_a_layer_by_the_held_out(name):
    base, task = toy_base("bert"), TASKS[name]
    examples = toy_examples(name)
    labels = task.collect_labels([examples])
    settings = ProbeSettings(layers=(0, 2), iterations=20)
    probe, facts = train_probe(base, task, {"en": examples}, {"en": examples[:3]}, labels, settings)
    assert set(facts["dev_scores"]) == {"0", "2"} and facts["layer"] == probe.layer
    assert facts["dev_scores"][str(probe.layer)] == max(facts["dev_scores"].values())
    predictions = probe_predictions(base, task, probe, examples, labels, settings)
    assert len(predictions) == len(examples)
    said = {label for p in predictions for label in (p if isinstance(p, list) else [p])}
    assert said <= set(labels)


def test_states_are_those_of_each_word_and_come_in_the_examples_order():
    base, task = toy_base("bert"), TASKS["pos"]
    examples = toy_examples("pos")
    encoded = task.encode(base.tokenizer, examples, ["X"], 38)
    together = decision_states(base, task, encoded, (0, 3), batch_size=2)
    alone = [decision_states(base, task, [one], (3,))[3][0] for one in encoded]
    for one, other, example in zip(together[3], alone, examples, strict=True):
        assert one.shape == (len(example.words), 16)
        torch.testing.assert_close(one.float(), other.float(), atol=2e-3, rtol=0)


def test_a_layer_that_is_not_there_is_refused_before_anything_is_read():
    base, task = toy_base("bert"), TASKS["pos"]
    examples = {"en": toy_examples("pos")}
    with pytest.raises(UnibridgeError, match=r"no layer 9.*0 to 3"):
        train_probe(base, task, examples, {}, ["X"], ProbeSettings(layers=(9,)))
