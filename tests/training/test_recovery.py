import random

import pytest
import torch

from unibridge.training import TrainingSettings, fit
from unibridge.training.recovery import WINDOW, go_back, new_watch, risen

WANTED = torch.tensor([1.0, -2.0, 3.0])


def first_rise(losses):
    """The step at which a training with these losses would go back, or None."""
    watch = new_watch()
    return next((i + 1 for i, loss in enumerate(losses) if risen(watch, loss, {})), None)


def falling(steps, *, noise=0.3, seed=0):
    draw = random.Random(seed)
    return [4.0 + 2.0 * 0.97**i + draw.gauss(0, noise) for i in range(steps)]


def test_a_training_whose_loss_falls_and_then_stays_is_left_alone():
    assert not any(first_rise(falling(600, seed=seed)) for seed in range(50))


@pytest.mark.parametrize("start", range(40, 60))
def test_a_loss_that_rises_and_stays_up_is_seen_within_two_windows(start):
    losses = falling(start, seed=start) + [5.6 + x - 4.0 for x in falling(40, seed=1)[20:]]
    found = first_rise(losses)
    assert found is not None and start < found <= start + 2 * WINDOW


def test_a_single_bad_batch_is_no_rise():
    losses = falling(100)
    losses[57] = 12.0
    assert first_rise(losses) is None


def test_the_weights_that_are_put_back_are_those_after_the_best_window():
    weights = {"w": torch.nn.Parameter(torch.zeros(2))}
    watch = new_watch()
    for step, loss in enumerate([*range(30, 0, -1), *[25.0] * WINDOW]):
        with torch.no_grad():
            weights["w"].fill_(step)
        rose = risen(watch, float(loss), weights)
    assert rose
    go_back(watch, weights)
    assert weights["w"].tolist() == [29.0, 29.0]


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


@pytest.mark.parametrize("stop", [68, 79, 95])
def test_an_interrupted_training_goes_back_to_the_same_weights(tmp_path, stop):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, stop=stop)
    again, result = train(tmp_path)
    whole, _ = train(tmp_path / "whole")
    assert result.went_back == [80]
    assert torch.equal(again, whole)
