import math
from collections import Counter

import pytest
import torch

from unibridge.errors import UnibridgeError
from unibridge.training import TrainingSettings, batches_of, fit

DATA = torch.randn(23, 6, generator=torch.Generator().manual_seed(1))
WANTED = DATA.sum(-1, keepdim=True)


def small_net():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = torch.nn.Linear(6, 8), torch.nn.Dropout(0.3), torch.nn.Linear(8, 1)
    return torch.nn.Sequential(*layers)


def train(net, settings, *, break_at=None, **rest):
    """Fit `net` with dropout and drawn noise; raises KeyboardInterrupt within step `break_at`."""
    calls = Counter()

    def loss(indices, generator):
        calls["steps"] += 1
        if calls["steps"] == break_at:
            raise KeyboardInterrupt
        noise = torch.randn(len(indices), 6, generator=generator)
        error = (net(DATA[indices] + 0.1 * noise) - WANTED[indices]).square().mean()
        return error, {"noise": float(noise.mean())}, 6 * len(indices)

    def batches(epoch):
        return batches_of([6] * len(DATA), settings.batch_size, seed=3, epoch=epoch)

    return fit(dict(net.named_parameters()), loss, batches, settings, seed=3, **rest)


def settings(**changed):
    given = {"epochs": 4, "batch_size": 5, "learning_rate": 0.01, "checkpoint_seconds": 0}
    return TrainingSettings(**given | changed)


@pytest.mark.parametrize("break_at", [2, 6, 13])
@pytest.mark.parametrize("schedule", ["plateau", "linear"])
def test_an_interrupted_run_ends_with_the_numbers_of_an_uninterrupted_one(
    tmp_path, break_at, schedule
):
    chosen = settings(schedule=schedule, warmup=0.2)
    whole = small_net()
    expected = train(whole, chosen, validate=lambda: 1.0)

    broken = small_net()
    given = {"validate": lambda: 1.0, "checkpoint": tmp_path / "checkpoint.pt"}
    with pytest.raises(KeyboardInterrupt):
        train(broken, chosen, break_at=break_at, **given)
    resumed = small_net()  # a new process would build the same
    found = train(resumed, chosen, **given)

    assert found == expected
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_finished_training_is_not_trained_again(tmp_path):
    net, again = small_net(), small_net()
    first = train(net, settings(), checkpoint=tmp_path / "checkpoint.pt")
    second = train(again, settings(), checkpoint=tmp_path / "checkpoint.pt", break_at=1)
    assert first == second
    assert torch.equal(net[0].weight, again[0].weight)


def test_the_global_generator_is_left_alone():
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    train(small_net(), settings())
    assert torch.equal(torch.rand(3), expected)


def test_training_learns_and_tells_what_it_did():
    steps = []
    found = train(
        small_net(),
        settings(epochs=30),
        validate=lambda: 0.5,
        progress=lambda step, total, parts: steps.append((step, total, dict(parts))),
    )
    assert found.curve[-1]["train_loss"] < 0.5 * found.curve[0]["train_loss"]
    assert found.steps == 30 * math.ceil(23 / 5) and found.tokens == 30 * 23 * 6
    assert [row["epoch"] for row in found.curve] == list(range(1, 31))
    assert {"step", "epoch", "rate", "train_loss", "noise", "valid_loss"} == set(found.curve[0])
    assert [step for step, _, _ in steps] == list(range(1, 151)) and steps[0][1] == 150


def test_steps_override_epochs_and_may_end_within_one():
    found = train(small_net(), settings(steps=7))
    assert found.steps == 7
    assert found.curve[-1]["epoch"] == pytest.approx(1.4)


def test_plateau_lowers_the_rate_after_three_epochs_without_progress():
    # held-out losses: one best, then six epochs without progress
    losses = iter([1.0, 0.5, 0.6, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 0.4])
    found = train(small_net(), settings(epochs=10), validate=lambda: next(losses))
    rates = [round(row["rate"] / 0.01, 6) for row in found.curve]
    assert rates == [1, 1, 1, 1, 1, 0.6, 0.6, 0.6, 0.36, 0.36]


def test_linear_falls_to_nothing_and_warm_up_rises():
    found = train(small_net(), settings(schedule="linear", warmup=0.5, batch_size=23, epochs=8))
    # 8 steps: 4 of warm-up, then (8 - step) / 4
    shares = [row["rate"] / 0.01 for row in found.curve]
    assert shares == pytest.approx([0.25, 0.5, 0.75, 1, 1, 0.75, 0.5, 0.25])


def test_weight_decay_spares_biases_and_norms():
    def shrunk(name, shape):
        parameter = torch.nn.Parameter(torch.ones(shape))
        fit(
            {name: parameter},
            lambda indices, generator: ((parameter * 0).sum(), {}, 1),
            lambda epoch: [[0]],
            settings(epochs=1, weight_decay=0.5, learning_rate=0.1),
            seed=0,
        )
        return float(parameter.detach().flatten()[0])

    assert shrunk("layer.weight", (2, 2)) == pytest.approx(1 - 0.1 * 0.5)
    assert shrunk("layer.bias", (2,)) == 1
    assert shrunk("LayerNorm.weight", (2,)) == 1


def test_clipping_bounds_the_gradient():
    norms = {}
    for clip in (0.0, 0.001):
        weight = torch.nn.Parameter(torch.ones(4, 4))

        def loss(indices, generator, weight=weight):
            return (100 * weight).sum(), {}, 1

        fit({"w": weight}, loss, lambda _: [[0]], settings(epochs=1, clip=clip), seed=0)
        norms[clip] = float(weight.grad.norm())
    assert norms[0.0] == pytest.approx(400)
    assert norms[0.001] == pytest.approx(0.001, rel=1e-3)


def test_a_loss_that_is_no_number_stops_with_a_remedy():
    weight = torch.nn.Parameter(torch.ones(2, 2))
    with pytest.raises(UnibridgeError, match=r"nan at step 1.*[Ll]ower learning_rate"):
        fit(
            {"w": weight},
            lambda indices, generator: ((weight * math.nan).sum(), {}, 1),
            lambda epoch: [[0]],
            settings(),
            seed=0,
        )
    assert torch.equal(weight, torch.ones(2, 2))


def test_a_broken_checkpoint_is_named(tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    checkpoint.write_bytes(b"not a checkpoint")
    with pytest.raises(UnibridgeError, match=r"checkpoint\.pt: .* cannot be read\. Delete it"):
        train(small_net(), settings(), checkpoint=checkpoint)


@pytest.mark.parametrize("groups", [(), [i % 3 for i in range(101)]])
def test_batches_cover_every_index_once_and_never_mix_groups(groups):
    lengths = [1 + (7 * i) % 40 for i in range(101)]
    batches = batches_of(lengths, 4, seed=5, epoch=2, groups=groups)
    assert sorted(i for batch in batches for i in batch) == list(range(101))
    assert all(len(batch) <= 4 for batch in batches)
    if groups:
        assert all(len({groups[i] for i in batch}) == 1 for batch in batches)


def test_batches_are_reproducible_differ_by_epoch_and_save_padding():
    lengths = [1 + (7 * i) % 40 for i in range(400)]
    one, again, other = (batches_of(lengths, 8, seed=5, epoch=e) for e in (0, 0, 1))
    assert one == again != other

    def padded(batches):
        return sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)

    unsorted = [list(range(i, i + 8)) for i in range(0, 400, 8)]
    assert padded(one) < 1.1 * sum(lengths) < 0.8 * padded(unsorted)
