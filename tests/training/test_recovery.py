import random

import pytest
import torch

from unibridge.training import TrainingSettings, fit
from unibridge.training.recovery import STEPS, go_back, new_watch, risen

WANTED = torch.tensor([1.0, -2.0, 3.0])


def first_rise(losses):
    """The step at which a training with these losses would go back, or None."""
    watch = new_watch(len(losses))
    return next((i + 1 for i, loss in enumerate(losses) if risen(watch, loss, {})), None)


def falling(steps, *, noise=0.6, seed=0):
    draw = random.Random(seed)
    return [4.0 + 2.0 * 0.97**i + draw.gauss(0, noise) for i in range(steps)]


@pytest.mark.parametrize("steps", [60, 300, 1000])
def test_a_training_whose_loss_falls_and_then_stays_is_left_alone(steps):
    assert sum(first_rise(falling(steps, seed=seed)) is not None for seed in range(100)) <= 1


@pytest.mark.parametrize("start", range(40, 60))
def test_a_loss_that_rises_and_stays_up_is_seen(start):
    draw = random.Random(start)
    risen_to = [6.0 + draw.gauss(0, 0.6) for _ in range(100 - start)]
    found = first_rise(falling(start, seed=start) + risen_to)
    assert found is not None and start < found <= start + 3 * STEPS


def test_a_single_bad_batch_is_no_rise():
    losses = falling(100)
    losses[57] = 16.0
    assert first_rise(losses) is None


def test_the_weights_that_are_put_back_are_those_within_the_best_window():
    weights = {"w": torch.nn.Parameter(torch.zeros(2))}
    watch = new_watch(100)
    for step, loss in enumerate([*range(40, 0, -1), *[55.0] * 2 * STEPS], start=1):
        with torch.no_grad():
            weights["w"].fill_(step)
        rose = risen(watch, float(loss), weights)
    assert rose
    go_back(watch, weights)
    # after step 30: the losses of steps 31 to 40 are what shows that they are good
    assert weights["w"].tolist() == [30.0, 30.0]


def train(tmp_path, *, stop=None, **changed):
    """120 steps to a known vector; at step 65 the weights are thrown far away."""
    weight = torch.nn.Parameter(torch.zeros(3))
    calls = []

    def loss(indices, generator, rows):
        calls.append(1)
        if generator.initial_seed() == 64:
            with torch.no_grad():
                weight.fill_(50.0)
        if len(calls) == stop:
            raise KeyboardInterrupt
        error = (weight - WANTED + 0.1 * torch.randn(3, generator=generator)).square().mean()
        return error, {}, 1

    settings = TrainingSettings(
        steps=120, batch_size=1, learning_rate=0.1, schedule="constant", checkpoint_seconds=0
    ).model_copy(update=changed)
    result = fit(
        {"w": weight},
        loss,
        lambda epoch: [[0]] * 200,
        settings,
        seed=0,
        checkpoint=tmp_path / "checkpoint.pt",
    )
    return weight.detach(), result


def test_a_training_that_loses_everything_goes_back_once_and_says_so(tmp_path):
    weight, result = train(tmp_path)
    assert (weight - WANTED).abs().max() < 0.2
    assert result.went_back == [80]
    assert "before step 80 of 120" in result.warnings[0]
    assert result.curve[-1]["rate"] == pytest.approx(0.05)


def test_without_recovery_it_goes_on_as_it_is(tmp_path):
    weight, result = train(tmp_path, recovery=False)
    assert (weight - WANTED).abs().max() > 10
    assert result.went_back == [] and result.warnings == []


@pytest.mark.parametrize(
    "stop", [79, *(pytest.param(stop, marks=pytest.mark.slow) for stop in (68, 95))]
)
def test_an_interrupted_training_goes_back_to_the_same_weights(tmp_path, stop):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, stop=stop)
    again, result = train(tmp_path)
    whole, _ = train(tmp_path / "whole")
    assert result.went_back == [80]
    assert torch.equal(again, whole)


def test_a_checkpoint_from_before_there_was_a_watch_is_gone_on_from(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, stop=40)
    file = tmp_path / "checkpoint.pt"
    state = torch.load(file, weights_only=True)
    del state["watch"], state["result"]["went_back"]
    torch.save(state, file)
    weight, result = train(tmp_path)
    assert result.steps == 120 and (weight - WANTED).abs().max() < 0.2
