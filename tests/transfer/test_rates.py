import math

import numpy as np
import pytest

from unibridge.transfer.rates import PUBLISHED_RATES, halve, held_out_loss


def searched(losses, budget=80):
    """halve() over rates whose held-out loss after n steps is losses[rate](n); and its calls."""
    calls = []

    def train(rate, steps):
        calls.append((rate, steps))
        return losses[rate](steps)

    return halve(list(losses), train, budget=budget), calls


def test_half_of_the_rates_go_on_and_each_round_costs_the_same():
    ends = dict(zip(PUBLISHED_RATES, (4.0, 2.0, 1.0, 3.0), strict=True))
    found, calls = searched({r: lambda n, end=end: end + 1 / n for r, end in ends.items()})
    # 80 steps in two rounds: 4 rates of 10, then the two best of 20 more
    assert calls == [(5e-5, 10), (2e-4, 10), (5e-4, 10), (1e-3, 10), (5e-4, 30), (2e-4, 30)]
    assert found.rate == 5e-4 and found.steps == 80
    assert [(t.rate, t.steps) for t in found.trials] == calls
    assert found.trials[-2].valid_loss == pytest.approx(1 + 1 / 30)


def test_a_rate_that_is_ahead_later_wins_if_it_survives_the_first_round():
    found, _ = searched({1e-3: lambda n: 1.0, 2e-4: lambda n: 20 / n, 5e-5: lambda n: 9.0})
    assert found.rate == 2e-4


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_a_rate_that_diverges_loses(broken):
    found, _ = searched({1e-3: lambda n: broken, 5e-4: lambda n: 8.0})
    assert found.rate == 5e-4


@pytest.mark.parametrize("budget", [1, 7, 80, 1000])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_the_budget_is_kept_where_it_has_a_step_for_each_trial(count, budget):
    found, calls = searched({1.0 + i: lambda n: 1.0 for i in range(count)}, budget)
    assert found.rate == 1.0 and len(calls) == len(found.trials)
    assert found.steps <= max(budget, len(calls))


def test_the_search_says_which_rates_the_held_out_text_cannot_tell_apart():
    ends = {5e-5: (4.0, 0.1), 2e-4: (2.05, 0.1), 5e-4: (2.0, 0.1), 1e-3: (2.09, 0.1)}
    found, _ = searched(
        {r: lambda n, e=e: {"valid_loss": e[0], "valid_error": e[1]} for r, e in ends.items()}
    )
    assert found.rate == 5e-4 and found.unsettled == [2e-4, 1e-3]
    assert found.trials[0].valid_error == 0.1
    apart, _ = searched({r: lambda n, r=r: {"valid_loss": 1 - r, "valid_error": 0.0} for r in ends})
    assert apart.rate == 1e-3 and apart.unsettled == []


def test_the_standard_error_is_that_of_other_samples():
    draw = np.random.default_rng(0)
    tokens = draw.integers(5, 40, size=(2000, 60))
    # samples differ in how hard they are, so tokens of one are alike
    nats = tokens * draw.gamma(9, 0.6, size=tokens.shape)
    losses = nats.sum(1) / tokens.sum(1)
    told = [held_out_loss(n, t) for n, t in zip(nats, tokens, strict=True)]
    assert told[0]["valid_loss"] == pytest.approx(losses[0])
    errors = np.array([one["valid_error"] for one in told])
    assert errors.mean() == pytest.approx(losses.std(), rel=0.05)
    assert "valid_error" not in held_out_loss(nats[0, :1], tokens[0, :1])
    assert held_out_loss(np.zeros(2), np.zeros(2))["valid_loss"] == 0
