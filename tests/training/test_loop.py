import math
from collections import Counter

import pytest
import torch

from toy import toy_base
from unibridge.errors import UnibridgeError
from unibridge.training import (
    DivergedError,
    TrainingSettings,
    batches_of,
    fit,
    precision,
    prepare,
)

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

    def loss(indices, generator, rows):
        calls["steps"] += rows.start == 0
        if calls["steps"] == break_at:
            raise KeyboardInterrupt
        noise = 0.1 * torch.randn(len(indices), 6, generator=generator)
        error = (net((DATA[indices] + noise)[rows]) - WANTED[indices][rows]).square()
        part = error.sum() / len(indices)
        return part, {"noise": noise[rows].sum() / len(indices)}, 6 * len(error)

    def batches(epoch):
        return batches_of([6] * len(DATA), settings.batch_size, seed=3, epoch=epoch)

    return fit(dict(net.named_parameters()), loss, batches, settings, seed=3, **rest)


def settings(**changed):
    given = {"epochs": 4, "batch_size": 5, "learning_rate": 0.01, "checkpoint_seconds": 0}
    return TrainingSettings(**given | changed)


def held_out_loss(net):
    """A held-out loss that falls for a while and rises then."""
    with torch.no_grad():
        return float((net[0].weight - 0.15).square().mean())


@pytest.mark.parametrize("break_at", [2, 13])
@pytest.mark.parametrize(
    "changed",
    [
        {"schedule": "plateau"},
        {"schedule": "linear"},
        {"micro_batch": 2},
        {"precision": "bfloat16"},
        {"patience": 1, "epochs": 9},
    ],
    ids=str,
)
def test_an_interrupted_run_ends_with_the_numbers_of_an_uninterrupted_one(
    tmp_path, break_at, changed
):
    chosen = settings(warmup=0.2, **changed)
    whole = small_net()
    expected = train(whole, chosen, validate=lambda: held_out_loss(whole))

    broken, checkpoint = small_net(), tmp_path / "checkpoint.pt"
    with pytest.raises(KeyboardInterrupt):
        train(
            broken,
            chosen,
            break_at=break_at,
            validate=lambda: held_out_loss(broken),
            checkpoint=checkpoint,
        )
    resumed = small_net()  # a new process would build the same
    found = train(resumed, chosen, validate=lambda: held_out_loss(resumed), checkpoint=checkpoint)

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
            lambda indices, generator, rows: ((parameter * 0).sum(), {}, 1),
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

        def loss(indices, generator, rows, weight=weight):
            return (100 * weight).sum(), {}, 1

        fit({"w": weight}, loss, lambda _: [[0]], settings(epochs=1, clip=clip), seed=0)
        norms[clip] = float(weight.grad.norm())
    assert norms[0.0] == pytest.approx(400)
    assert norms[0.001] == pytest.approx(0.001, rel=1e-3)


def test_a_loss_that_is_no_number_stops_with_a_remedy():
    weight = torch.nn.Parameter(torch.ones(2, 2))
    with pytest.raises(DivergedError, match=r"nan at step 1.*[Ll]ower learning_rate"):
        fit(
            {"w": weight},
            lambda indices, generator, rows: ((weight * math.nan).sum(), {}, 1),
            lambda epoch: [[0]],
            settings(),
            seed=0,
        )
    assert torch.equal(weight, torch.ones(2, 2))


@pytest.mark.parametrize("cut", [0, 100, 2000])
def test_a_disk_that_fills_within_a_checkpoint_leaves_the_one_before(tmp_path, cut):
    """`cut`: bytes of the checkpoint that still fit; it is gone on from once there is room."""
    resource = pytest.importorskip("resource")
    checkpoint, whole, net = tmp_path / "checkpoint.pt", small_net(), small_net()
    expected = train(whole, settings())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def progress(step, steps, parts):
        if step == 7:
            resource.setrlimit(resource.RLIMIT_FSIZE, (cut, before[1]))

    try:
        with pytest.raises(UnibridgeError, match="no room left on the disk"):
            train(net, settings(), checkpoint=checkpoint, progress=progress)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]
    steps = []
    resumed = small_net()
    found = train(
        resumed, settings(), checkpoint=checkpoint, progress=lambda *now: steps.append(now[0])
    )
    assert steps[0] == 7 and found.curve == expected.curve
    assert all(map(torch.equal, resumed.parameters(), whole.parameters()))


def test_a_broken_checkpoint_is_named(tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    checkpoint.write_bytes(b"not a checkpoint")
    with pytest.raises(UnibridgeError, match=r"checkpoint\.pt: .* cannot be read\. Delete it"):
        train(small_net(), settings(), checkpoint=checkpoint)


def without_dropout():
    net = small_net()
    net[1].p = 0.0
    return net


def test_small_forward_passes_learn_what_the_whole_batch_does():
    whole, parts = without_dropout(), without_dropout()
    one, other = train(whole, settings()), train(parts, settings(micro_batch=2))
    assert other.tokens == one.tokens and other.steps == one.steps
    for row, again in zip(one.curve, other.curve, strict=True):
        assert again == pytest.approx(row, abs=1e-5)
    assert torch.allclose(whole[0].weight, parts[0].weight, atol=1e-5)


def test_training_ends_early_with_the_best_weights():
    losses = [5.0, 4.0, 3.0, 3.5, 3.5, 2.0]
    net, seen = small_net(), []

    def validate():
        seen.append(net[0].weight.detach().clone())
        return losses[len(seen) - 1]

    found = train(net, settings(epochs=6, patience=2), validate=validate)
    assert found.stopped and [row["valid_loss"] for row in found.curve] == losses[:5]
    assert torch.equal(net[0].weight, seen[2]) and not torch.equal(seen[2], seen[4])
    # without patience all is trained, and the last weights stay
    seen.clear()
    whole = train(net, settings(epochs=6), validate=validate)
    assert not whole.stopped and len(whole.curve) == 6 and torch.equal(net[0].weight, seen[5])


@pytest.mark.parametrize("losses", [(3, 2, 1.0, 4, 5, 6, 7), (1.0, 2, 3, 4, 5, 6, 7)])
def test_the_best_weights_are_kept_those_before_the_first_step_among_them(losses, tmp_path):
    net, seen = small_net(), []

    def validate():
        seen.append(net[0].weight.detach().clone())
        return {"valid_loss": losses[len(seen) - 1], "valid_error": 0.5}

    found = train(net, settings(epochs=6), validate=validate, keep_best=True)
    best = losses.index(1.0)
    assert not found.stopped and found.kept_epoch == best and len(seen) == 7
    assert torch.equal(net[0].weight, seen[best])
    assert [row["valid_error"] for row in found.curve] == [0.5] * 6


@pytest.mark.parametrize("break_at", [1, 12])
def test_the_best_weights_outlast_an_interruption(break_at, tmp_path):
    nets, given = [small_net(), small_net()], {"keep_best": True}
    ends = []
    for net in nets:
        given["validate"] = lambda net=net: held_out_loss(net)
        if net is nets[1]:
            given["checkpoint"] = tmp_path / "checkpoint.pt"
            with pytest.raises(KeyboardInterrupt):
                train(net, settings(), break_at=break_at, **given)
        ends.append(train(net, settings(), **given))
    assert torch.equal(nets[0][0].weight, nets[1][0].weight)
    assert ends[0].kept_epoch == ends[1].kept_epoch


def test_a_saved_end_goes_on_with_more_steps_as_if_they_had_been_asked_for(tmp_path):
    whole, parts = small_net(), small_net()
    chosen = {"schedule": "constant", "checkpoint_seconds": 60}
    train(whole, settings(steps=12, **chosen))
    given = {"checkpoint": tmp_path / "checkpoint.pt", "save_end": True}
    train(parts, settings(steps=5, **chosen), **given)
    train(parts, settings(steps=12, **chosen), **given)
    assert torch.equal(whole[0].weight, parts[0].weight)


def test_bfloat16_is_only_used_where_it_is_asked_for_or_at_home():
    """On the processor `auto` is float32, to the last bit."""
    nets = {name: without_dropout() for name in ("float32", "auto", "bfloat16")}
    curves = {n: train(net, settings(precision=n)).curve for n, net in nets.items()}
    assert curves["auto"] == curves["float32"] != curves["bfloat16"]
    assert torch.equal(nets["auto"][0].weight, nets["float32"][0].weight)
    last = [curves[name][-1]["train_loss"] for name in ("float32", "bfloat16")]
    assert last[1] == pytest.approx(last[0], rel=0.05)
    assert nets["bfloat16"][0].weight.dtype == torch.float32, "kept in full precision"


def test_attention_that_is_differentiated_is_in_float32_where_the_rest_is_in_bfloat16():
    """The fused backward pass of processors is ten times as slow in bfloat16."""
    attention = torch.nn.functional.scaled_dot_product_attention
    q, k, v = (torch.randn(2, 2, 9, 8).bfloat16().requires_grad_() for _ in range(3))
    whole = attention(q.float(), k.float(), v.float()).bfloat16()
    chosen, device = settings(precision="bfloat16"), torch.device("cpu")
    with precision(chosen, device):
        assert torch.equal(attention(q, k, value=v), whole)
        product = q @ k.transpose(-1, -2)
        with torch.no_grad():
            untouched = attention(q, k, v)
    assert product.dtype == whole.dtype == untouched.dtype == torch.bfloat16
    assert torch.equal(untouched, attention(q, k, v)), "reading is quicker as it was"


@pytest.mark.parametrize("family", ["bert", "xlm-roberta"])
def test_activations_computed_twice_give_the_same_gradients(family):
    gradients = []
    for twice in (False, True):
        base = toy_base(family)
        model = base.model.train()
        encoder = model.get_submodule(base.family.encoder)
        assert not prepare(model, encoder, settings(activation_checkpointing=twice))
        assert model.is_gradient_checkpointing == twice
        ids = torch.arange(5, 25).view(2, 10)
        with torch.random.fork_rng():
            torch.manual_seed(4)  # of the dropout
            encoder(input_ids=ids, attention_mask=ids.gt(0)).last_hidden_state[0].sum().backward()
        gradients.append([p.grad for p in encoder.parameters()])
    for one, other in zip(*gradients, strict=True):
        assert (one is None and other is None) or torch.equal(one, other)


@pytest.mark.slow
def test_what_a_model_cannot_do_is_a_warning():
    net = small_net()
    found = prepare(net, net, settings(activation_checkpointing=True, compile=True))
    assert len(found) == 2 and "activation checkpointing" in found[0]
    assert found[1].startswith("torch.compile failed, so the model runs as it is (TypeError: ")
    train(net, settings(steps=2))  # and it still runs


@pytest.mark.parametrize(("looks", "steps"), [(5, [5, 10, 15, 20, 23]), (2, [12, 23]), (1, [23])])
def test_a_long_epoch_has_as_many_rows_as_looks(looks, steps):
    seen = []
    found = train(
        small_net(),
        settings(epochs=1, batch_size=1, looks=looks),
        validate=lambda: seen.append(1) or 0.5,
    )
    assert [row["step"] for row in found.curve] == steps and len(seen) == len(steps)
