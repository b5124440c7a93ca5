import math

import pytest
import torch

from toy import LINES, toy_base
from unibridge.errors import UnibridgeError
from unibridge.transfer.adapted import language_model
from unibridge.transfer.language import AdaptationSettings, adapt_language
from unibridge.transfer.pooled import pooled_states
from unibridge.weighting import WEIGHTINGS
from unibridge.weighting.base import (
    SourcePredictions,
    WeightRequest,
    Weights,
    WeightSettings,
    inputs_of,
    temperature_for,
)
from unibridge.weighting.distances import harmony
from unibridge.weighting.unlabelled import sentence_weights
from unibridge.weighting.weigh import weigh_sources

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
    request = WeightRequest(REQUEST.target, REQUEST.source, WeightSettings(temperature=0.25))
    # d / 0.25: 1 and 4; e^1 / (e^1 + e^4) = 1 / (1 + e^3) = 0.047426
    assert harmony(request).weights["en"] == pytest.approx(0.047426, abs=1e-6)


def test_single_takes_the_closest_and_uniform_nobody_more():
    assert WEIGHTINGS["single"](REQUEST).weights == {"en": 0.0, "sw": 1.0}
    assert WEIGHTINGS["single"](REQUEST).entropy == 0
    assert WEIGHTINGS["uniform"](REQUEST).weights == {"en": 0.5, "sw": 0.5}
    assert WEIGHTINGS["uniform"](REQUEST).entropy == pytest.approx(math.log(2))


def predictions(probabilities, *, gold=None, examples=None, sources=("en", "sw")):
    """probabilities: (sources, positions, labels), each position an example of its own."""
    found = torch.tensor(probabilities, dtype=torch.float64)
    positions = found.shape[1]
    return SourcePredictions(
        sources,
        found.clamp(min=1e-30).log(),
        torch.special.entr(found).sum(-1),
        torch.tensor(examples or range(positions)),
        torch.tensor(gold or [-100] * positions),
    )


@pytest.mark.parametrize("entropy", [None, 0.4, 1.0])
@pytest.mark.parametrize("scale", [0.0, 1e-6, 1.0, 1e6])
@pytest.mark.parametrize("name", WEIGHTINGS)
def test_every_weighting_gives_shares(name, scale, entropy):
    draw = torch.Generator().manual_seed(0)
    source = {s: torch.randn(4, 8, generator=draw) * scale for s in ("en", "ar", "ja")}
    logits = torch.randn(3, 6, 4, generator=draw, dtype=torch.float64) * scale
    told = predictions(
        logits.softmax(-1).tolist(), gold=[0, 1, -100, 2, 3, 0], sources=("ar", "en", "ja")
    )
    request = WeightRequest(
        {s: torch.zeros(4, 8) for s in source},
        source,
        WeightSettings(method=name, entropy=entropy),
        unlabelled=told,
        labelled=told,
        distances={s: place * scale for place, s in enumerate(source)},
    )
    before = torch.get_rng_state()
    found = WEIGHTINGS[name](request)
    assert torch.equal(torch.get_rng_state(), before)
    assert isinstance(found, Weights) and list(found.weights) == list(source)
    assert all(math.isfinite(w) and w >= 0 for w in found.weights.values())
    assert sum(found.weights.values()) == pytest.approx(1)
    assert 0 <= found.entropy <= math.log(3) + 1e-9


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.999])
def test_the_entropy_asked_for_is_reached(share):
    request = WeightRequest(REQUEST.target, REQUEST.source, WeightSettings(entropy=share))
    found = harmony(request)
    assert found.entropy / math.log(2) == pytest.approx(share, abs=1e-3)
    assert found.weights["sw"] > found.weights["en"] and not found.warnings
    # e^(1/t), e^(0.25/t) by hand at the temperature that it says
    powers = [math.exp(0.25 / found.temperature - 1 / found.temperature), 1.0]
    assert found.weights["en"] == pytest.approx(powers[0] / sum(powers), rel=1e-6)


def test_the_temperature_grows_with_the_entropy_and_ends_at_equal_weights():
    scores = torch.tensor([0.2, 0.21, 0.25, 3.0, 0.1])
    temperatures = [temperature_for(scores, share) for share in (0.1, 0.4, 0.8, 0.99, 1.0)]
    assert temperatures == sorted(temperatures) and temperatures[-1] > 1e300
    whole = WeightRequest(REQUEST.target, REQUEST.source, WeightSettings(entropy=1.0))
    assert harmony(whole).weights == {"en": 0.5, "sw": 0.5}


def test_an_entropy_out_of_reach_is_said():
    tied = {s: torch.ones(2, 2) * size for s, size in (("en", 1), ("sw", 1), ("ar", 9))}
    request = WeightRequest(dict.fromkeys(tied, ORIGIN), tied, WeightSettings(entropy=0.2))
    found = harmony(request)
    assert found.weights == pytest.approx({"en": 0.5, "sw": 0.5, "ar": 0.0}, abs=1e-6)
    # ln 2 / ln 3
    assert "0.631" in found.warnings[0]


def test_fitted_is_em_by_hand():
    """Two sources, three labels: p(gold) 0.9, 0.8, 0.1 under en and 0.2, 0.3, 0.6 under sw."""
    gold = {"en": [0.9, 0.8, 0.1], "sw": [0.2, 0.3, 0.6]}
    told = predictions([[[p, 1 - p] for p in gold[s]] for s in ("en", "sw")], gold=[0, 0, 0])
    for pseudo in (0.0, 1.0, 1e6):
        settings = WeightSettings(method="fitted", pseudo_labels=pseudo)
        request = WeightRequest({}, dict.fromkeys(gold), settings, labelled=told)
        weight = 0.5
        for _ in range(400):
            shares = [
                weight * a / (weight * a + (1 - weight) * b)
                for a, b in zip(gold["en"], gold["sw"], strict=True)
            ]
            weight = (sum(shares) + pseudo) / (3 + 2 * pseudo)
        assert WEIGHTINGS["fitted"](request).weights["en"] == pytest.approx(weight, abs=1e-6)
    # without a prior nothing nearby on the simplex is likelier
    request = WeightRequest({}, dict.fromkeys(gold), WeightSettings(pseudo_labels=0), labelled=told)
    best = WEIGHTINGS["fitted"](request).weights["en"]

    def likelihood(w):
        rows = zip(gold["en"], gold["sw"], strict=True)
        return sum(math.log(w * a + (1 - w) * b) for a, b in rows)

    assert likelihood(best) >= max(likelihood(best - 0.01), likelihood(best + 0.01))
    assert WEIGHTINGS["best_single"](request).weights == {"en": 1.0, "sw": 0.0}  # 0.072, 0.036


def test_fitted_logits_are_the_likeliest_weights_of_what_inference_computes():
    rows = torch.randn(2, 12, 3, generator=torch.Generator().manual_seed(2)).softmax(-1)
    gold = rows[0].argmax(-1).tolist()[:8] + rows[1].argmax(-1).tolist()[8:]
    told = predictions(rows.tolist(), gold=gold)
    settings = WeightSettings(method="fitted_logits", pseudo_labels=0.5)
    request = WeightRequest({}, dict.fromkeys(told.sources), settings, labelled=told)
    found = WEIGHTINGS["fitted_logits"](request).weights["en"]

    def loss(w):
        total = -0.5 * (math.log(w) + math.log(1 - w))
        for place, label in enumerate(gold):
            pooled = [
                float(rows[0, place, k]) ** w * float(rows[1, place, k]) ** (1 - w)
                for k in range(3)
            ]
            total -= math.log(pooled[label] / sum(pooled))
        return total

    best = min((w / 500 for w in range(1, 500)), key=loss)
    assert found == pytest.approx(best, abs=3e-3) and abs(best - 0.5) > 0.05


def test_unlabelled_positions_count_for_nothing():
    rows = [[[0.9, 0.1], [0.5, 0.5]], [[0.3, 0.7], [0.9, 0.1]]]
    both = predictions(rows, gold=[0, -100])
    one = predictions([[row[0]] for row in rows], gold=[0])
    found = [
        WEIGHTINGS["fitted"](WeightRequest({}, dict.fromkeys(both.sources), labelled=told)).weights
        for told in (both, one)
    ]
    assert found[0] == found[1]


def test_confidence_is_the_inverse_of_the_mean_entropy():
    told = predictions([[[0.5, 0.5], [0.9, 0.1]], [[0.5, 0.5], [0.5, 0.5]]])
    # entropies: ln 2 and 0.325083 for en, ln 2 twice for sw
    inverse = [2 / (0.693147 + 0.325083), 1 / 0.693147]
    found = WEIGHTINGS["confidence"](WeightRequest({}, {"en": 0, "sw": 0}, unlabelled=told))
    assert found.weights["en"] == pytest.approx(inverse[0] / sum(inverse), abs=1e-5)


def test_agreement_is_the_odds_of_siding_with_all_the_others():
    sure, torn = [0.9, 0.1], [0.2, 0.8]
    told = predictions(
        [[sure, sure, sure], [sure, sure, torn], [sure, torn, sure]], sources=("a", "b", "c")
    )
    # with one of each added: a agrees with b + c at 1 (mean ties go to the first label) ...
    # b: against a + c: yes, yes (0.9·0.2 > 0.1·0.8), no; c: yes, no, yes; a: all three
    odds = {"a": 4 / 1, "b": 3 / 2, "c": 3 / 2}
    found = WEIGHTINGS["agreement"](WeightRequest({}, dict.fromkeys("abc"), unlabelled=told))
    total = sum(odds.values())
    assert found.weights == pytest.approx({s: o / total for s, o in odds.items()})


def test_unless_told_otherwise_three_sources_agree_and_two_are_measured():
    told = predictions([[[0.9, 0.1]], [[0.9, 0.1]], [[0.4, 0.6]]], sources=("a", "b", "c"))
    asked = WeightRequest({}, dict.fromkeys("abc"), unlabelled=told)
    found = weigh_sources(None, None, dict.fromkeys("abc"), {}, unlabelled=told)
    assert found == WEIGHTINGS["agreement"](asked) and found.weights["c"] < 0.2
    for sources, plain in ((2, True), (3, False)):
        assert WeightSettings().settled(sources, plain_text=plain).method == "harmony"
    assert WeightSettings(method="single").settled(3, plain_text=True).method == "single"


def test_a_sentence_weighs_by_its_own_entropies():
    weights = sentence_weights(torch.tensor([[0.1, 0.4], [0.2, 0.1]]), 1.0)
    assert torch.allclose(weights, torch.tensor([[2 / 3, 1 / 5], [1 / 3, 4 / 5]]))
    squared = sentence_weights(torch.tensor([[0.1], [0.2]]), 0.5)
    assert torch.allclose(squared, torch.tensor([[4 / 5], [1 / 5]]))
    told = predictions([[[0.9, 0.1], [0.6, 0.4]], [[0.6, 0.4], [0.9, 0.1]]])
    request = WeightRequest(
        {}, dict.fromkeys(told.sources), WeightSettings(entropy=0.7), unlabelled=told
    )
    found = WEIGHTINGS["per_sentence"](request)
    own = sentence_weights(told.entropies, found.sentence_temperature)
    mean = float(torch.special.entr(own).sum(0).mean()) / math.log(2)
    assert mean == pytest.approx(0.7, abs=1e-3)
    assert found.weights == pytest.approx({"en": 0.5, "sw": 0.5})


def test_typology_puts_its_distances_into_equations_11_and_12():
    request = WeightRequest({}, {"en": 0, "sw": 0}, distances={"en": 4.0, "sw": 1.0})
    assert WEIGHTINGS["typology"](request).weights == pytest.approx(harmony(REQUEST).weights)


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_what_a_weighting_reads_must_be_given(name):
    given = (None, None, dict.fromkeys(("en", "sw")), {}, WeightSettings(method=name))
    if not inputs_of(WEIGHTINGS[name]):
        assert weigh_sources(*given).weights == {"en": 0.5, "sw": 0.5}
        return
    with pytest.raises(UnibridgeError, match=r"parallel|predictions for \w*labelled|distance"):
        weigh_sources(*given)


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
    found = weigh_sources(base, adapted["xx"], sources, pairs, state=state)

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
    one = weigh_sources(*given, {"en": pairs}, WeightSettings(sentences=1))
    assert one.distances == weigh_sources(*given, {"en": pairs[:1]}).distances


def test_a_source_without_sentences_is_named(languages):
    base, adapted = languages
    sources = {"en": adapted["en"], "sw": adapted["sw"]}
    with pytest.raises(UnibridgeError, match=r"no parallel sentences for sw.*uniform"):
        weigh_sources(base, adapted["xx"], sources, {"en": [(LINES[0], LINES[1])]})
