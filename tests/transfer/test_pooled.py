import pytest
import torch

from toy import LINES, toy_base
from toy_language import adapt
from unibridge.transfer.pooled import deviation_of, pooled_states, standardiser, state_divergence

UNLIKE = "a boat waits at the bridge below the town", "children swim in the river every summer"


def states_as_of_a_sentence_encoder(samples, hidden, seed=0):
    """Rows that are nearly alike, as mean-pooled states are: one direction and a little more."""
    draw = torch.Generator().manual_seed(seed)
    common = torch.randn(hidden, generator=draw)
    return common + 0.1 * torch.randn(samples, hidden, generator=draw)


def test_two_sentences_differ_by_their_standardised_states_and_hardly_by_their_plain_ones():
    states = states_as_of_a_sentence_encoder(50, 384)
    standard = standardiser(states)
    one, other = states[:1], states[1:2]
    assert float(state_divergence(one, other)) < 0.02
    assert float(state_divergence(standard(one), standard(other))) > 0.5
    assert float(state_divergence(standard(one), standard(one))) == pytest.approx(0.0, abs=1e-6)


def test_standardised_states_have_no_mean_and_one_deviation():
    states = states_as_of_a_sentence_encoder(50, 8)
    states[:, 3] = 2.5  # says nothing of any sentence
    found = standardiser(states)(states)
    assert torch.allclose(found.mean(0), torch.zeros(8), atol=1e-4)
    rest = [0, 1, 2, 4, 5, 6, 7]
    assert torch.allclose(found.std(0, correction=0)[rest], torch.ones(7), atol=1e-4)
    assert float(deviation_of(states)[3]) > 0 and found[:, 3].abs().max() < 1e-3


def test_the_kl_term_of_a_language_may_be_on_standardised_states():
    base = toy_base("bert", dropout=0.0)
    states = pooled_states(base.model, base.family, base.tokenizer, list(UNLIKE))
    standard = standardiser(pooled_states(base.model, base.family, base.tokenizer, LINES))
    plain, scaled = (
        float(state_divergence(one[:1], one[1:])) for one in (states, standard(states))
    )
    assert scaled > 5 * plain
    rows = [
        adapt(base, new=True, kl_states=kind, training={"steps": 1}).facts["curve"][0]
        for kind in ("plain", "standardised")
    ]
    assert rows[0]["mlm"] == rows[1]["mlm"] and rows[1]["kl"] > 5 * rows[0]["kl"] > 0
