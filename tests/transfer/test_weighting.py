import math

import pytest
import torch

from toy import LINES, toy_base
from unibridge.errors import UnibridgeError
from unibridge.transfer.language import (
    AdaptationSettings,
    adapt_language,
    language_model,
    pooled_states,
)
from unibridge.transfer.weighting import (
    WEIGHTINGS,
    WeightRequest,
    Weights,
    WeightSettings,
    harmony,
    harmony_weights,
)

# two sentences of hidden size 2 for each source; the target's own states are at the origin
#   en: norms 3 and 5 (3-4-5 triangle), mean 4 -> d = 1/4
#   sw: norms 1 and 1,                  mean 1 -> d = 1
ORIGIN = torch.zeros(2, 2)
REQUEST = WeightRequest(
    target={"en": ORIGIN, "sw": ORIGIN},
    source={
        "en": torch.tensor([[3.0, 0.0], [3.0, 4.0]]),
        "sw": torch.tensor([[0.0, 1.0], [1.0, 0.0]]),
    },
)


def test_harmony_is_equations_11_and_12_by_hand():
    found = harmony(REQUEST)
    assert found.distances == pytest.approx({"en": 4.0, "sw": 1.0})
    # e^0.25 = 1.284025, e^1 = 2.718282; 1.284025 / 4.002307 = 0.320821
    assert found.weights == pytest.approx({"en": 0.320821, "sw": 0.679179}, abs=1e-6)
    # -(0.320821 ln 0.320821 + 0.679179 ln 0.679179) = 0.364729 + 0.262754
    assert found.entropy == pytest.approx(0.627483, abs=1e-5)


def test_the_mean_is_over_sentences_not_over_their_squares():
    """1 / mean ‖·‖, where a mean of squares or a norm of means would give other numbers."""
    states = {"a": torch.tensor([[2.0, 0.0], [-2.0, 0.0]]), "b": torch.tensor([[0.0, 6.0]] * 2)}
    found = harmony(WeightRequest(dict.fromkeys("ab", ORIGIN), states))
    assert found.distances == pytest.approx({"a": 2.0, "b": 6.0})


def test_a_temperature_divides_before_the_softmax():
    request = WeightRequest(REQUEST.target, REQUEST.source, temperature=0.25)
    # d / 0.25: 1 and 4; e^1 / (e^1 + e^4) = 1 / (1 + e^3) = 0.047426
    assert harmony(request).weights["en"] == pytest.approx(0.047426, abs=1e-6)


def test_single_takes_the_closest_and_uniform_nobody_more():
    assert WEIGHTINGS["single"](REQUEST).weights == {"en": 0.0, "sw": 1.0}
    assert WEIGHTINGS["single"](REQUEST).entropy == 0
    assert WEIGHTINGS["uniform"](REQUEST).weights == {"en": 0.5, "sw": 0.5}
    assert WEIGHTINGS["uniform"](REQUEST).entropy == pytest.approx(math.log(2))


@pytest.mark.parametrize("scale", [0.0, 1e-6, 1.0, 1e6])
@pytest.mark.parametrize("name", WEIGHTINGS)
def test_every_weighting_gives_shares(name, scale):
    draw = torch.Generator().manual_seed(0)
    source = {s: torch.randn(4, 8, generator=draw) * scale for s in ("en", "ar", "ja")}
    request = WeightRequest({s: torch.zeros(4, 8) for s in source}, source)
    found = WEIGHTINGS[name](request)
    assert isinstance(found, Weights) and set(found.weights) == set(source)
    assert all(math.isfinite(w) and w >= 0 for w in found.weights.values())
    assert sum(found.weights.values()) == pytest.approx(1)
    assert 0 <= found.entropy <= math.log(3) + 1e-9


def test_equal_states_take_everything_and_break_nothing():
    found = harmony(WeightRequest(REQUEST.target, REQUEST.source | {"en": ORIGIN}))
    assert found.weights == {"en": 1.0, "sw": 0.0}


@pytest.fixture(scope="module")
def languages():
    base = toy_base("xlm-roberta")
    settings = AdaptationSettings(
        sample_words=0,
        training={"steps": 8, "learning_rate": 0.05, "batch_size": 2},
    )
    adapted = {
        code: adapt_language(base, LINES, settings, language=code, seed=seed)
        for seed, code in enumerate(("xx", "en", "sw"))
    }
    return base, adapted


@pytest.mark.parametrize("state", ["encoder", "inverse"])
def test_states_come_from_each_language_under_its_own_adapter(languages, state):
    base, adapted = languages
    pairs = {"en": [(LINES[0], LINES[1]), (LINES[2], LINES[3])], "sw": [(LINES[4], LINES[0])] * 12}
    sources = {code: adapted[code] for code in pairs}
    found = harmony_weights(base, adapted["xx"], sources, pairs, state=state)

    distances = {}
    for source, rows in pairs.items():
        norms = []
        for target_text, source_text in rows[:10]:
            target, other = (
                pooled_states(
                    language_model(base, adapted[code]),
                    base.family,
                    base.tokenizer,
                    [text],
                    state=state,
                )[0]
                for code, text in (("xx", target_text), (source, source_text))
            )
            norms.append(float((target - other).square().sum().sqrt()))
        distances[source] = sum(norms) / len(norms)
    assert found.distances == pytest.approx(distances, rel=1e-4)


def test_the_two_states_differ(languages):
    base, adapted = languages
    model = language_model(base, adapted["xx"])
    given = (model, base.family, base.tokenizer, LINES)
    assert not torch.allclose(pooled_states(*given), pooled_states(*given, state="inverse"))


def test_only_the_first_sentences_count(languages):
    base, adapted = languages
    pairs = [(LINES[0], LINES[1]), (LINES[2], LINES[3])]
    given = (base, adapted["xx"], {"en": adapted["en"]})
    one = harmony_weights(*given, {"en": pairs}, WeightSettings(sentences=1))
    assert one.distances == harmony_weights(*given, {"en": pairs[:1]}).distances


def test_a_source_without_sentences_is_named(languages):
    base, adapted = languages
    sources = {"en": adapted["en"], "sw": adapted["sw"]}
    with pytest.raises(UnibridgeError, match=r"no parallel sentences for sw.*uniform"):
        harmony_weights(base, adapted["xx"], sources, {"en": [(LINES[0], LINES[1])]})
