"""Translations found by states: by hand, by brute force, and on real tiny bases."""

import pytest
import torch

from toy import LINES, drawn_pack, toy_base
from unibridge.errors import UnibridgeError
from unibridge.evaluation.retrieval import (
    SEARCHES,
    Cut,
    RetrievalSettings,
    TextReader,
    best_threshold,
    candidates,
    margins,
)
from unibridge.metrics import METRICS
from unibridge.models.families import FAMILIES
from unibridge.models.states import TEXT_STATES, encoder_states
from unibridge.text.benchmarks.record import Sides

# directions in the plane, in degrees
PLANE = {"ja": 0, "nein": 90, "gern": 20, "yes": 5, "no": 80, "gladly": 30}


def states(texts):
    angles = torch.tensor([float(PLANE[text]) for text in texts]).deg2rad()
    return (
        torch.stack([angles.cos(), angles.sin()], dim=1) * torch.arange(1, len(texts) + 1)[:, None]
    )


def sides(texts, english, *pairs):
    return Sides(dict(texts), dict(english), frozenset(pairs))


def test_of_each_english_text_the_nearest_is_said():
    test = sides(
        [("0", "ja"), ("1", "gern"), ("2", "nein")],
        [("0", "yes"), ("1", "yes"), ("2", "no")],
        *[(name, name) for name in "012"],
    )
    found = SEARCHES["nearest"](test, None, states)
    # the second "yes" is nearer to "ja" than to its own "gern"
    assert (list(found.gold), list(found.said)) == (["0", "1", "2"], ["0", "0", "2"])
    assert METRICS["accuracy"](found.gold, found.said) == pytest.approx(200 / 3)


def brute_force(first, second, neighbours):
    """The ratio margin and the greedy choice, number by number."""
    cosines = torch.nn.functional.cosine_similarity(first[:, None], second[None], dim=-1).tolist()
    turned = [list(column) for column in zip(*cosines, strict=True)]

    def near(rows):
        return [sorted(range(len(r)), key=lambda j: -r[j])[:neighbours] for r in rows]

    def mean(row, places):
        return sum(row[j] for j in places) / len(places)

    onto, back = near(cosines), near(turned)
    there = [mean(*one) for one in zip(cosines, onto, strict=True)]
    from_ = [mean(*one) for one in zip(turned, back, strict=True)]

    def margin(i, j):
        return cosines[i][j] / ((there[i] + from_[j]) / 2)

    offered = [max((margin(i, j), i, j) for j in places) for i, places in enumerate(onto)]
    offered += [max((margin(i, j), i, j) for i in places) for j, places in enumerate(back)]
    found, taken = [], (set(), set())
    for score, i, j in sorted(offered, reverse=True):
        if i not in taken[0] and j not in taken[1] and score > 0:
            found.append((score, i, j))
            taken[0].add(i)
            taken[1].add(j)
    return found


@pytest.mark.parametrize(("rows", "others"), [(40, 60), (3, 2), (1, 1)])
def test_margins_are_the_formula_pair_by_pair(rows, others):
    draw = torch.Generator().manual_seed(rows)
    first = torch.randn(rows, 6, generator=draw) + 1
    second = torch.randn(others, 6, generator=draw) + 1
    found, wanted = margins(first, second), brute_force(first, second, 4)
    assert [pair[1:] for pair in found] == [pair[1:] for pair in wanted]
    assert [one[0] for one in found] == pytest.approx([one[0] for one in wanted], rel=1e-5)
    assert len(found) >= min(rows, others) / 2


def test_the_threshold_is_that_of_the_best_f1():
    scored = {("a", "x"): 2.0, ("b", "y"): 1.5, ("c", "z"): 1.1, ("d", "w"): 1.0}
    # the first three: 2 of 3 right, 2 of 2 found, F1 0.8; the first alone 2/3; all 2/3
    gold = frozenset({("a", "x"), ("c", "z")})
    assert best_threshold(scored, gold) == pytest.approx(1.05)
    # the last is the best: above it there is nothing to be half way to
    assert best_threshold(scored, gold | {("d", "w")}) == 1.0
    assert best_threshold(scored, frozenset({("q", "q")})) == 0.0
    assert best_threshold({}, gold) == 0.0


def test_a_text_that_is_there_twice_is_searched_and_does_not_count():
    found = candidates(
        sides(
            [("de-1", "ja"), ("de-2", "nein"), ("de-3", "ja")], [("en-1", "yes"), ("en-2", "no")]
        ),
        states,
    )
    assert list(found) == [("de-2", "en-2")]


def test_pairs_are_mined_above_what_is_chosen_on_dev():
    texts = [("de-1", "ja"), ("de-2", "nein"), ("de-3", "gern")]
    english = [("en-1", "yes"), ("en-2", "no"), ("en-3", "gladly")]
    right = [("de-1", "en-1"), ("de-2", "en-2"), ("de-3", "en-3")]
    scored = candidates(sides(texts, english), states)
    assert set(scored) == set(right)
    best = next(iter(scored))
    # what dev has gold for is the best alone, so of the test the best alone is taken
    found = SEARCHES["mined"](sides(texts, english, *right), sides(texts, english, best), states)
    assert found.facts["threshold"] == pytest.approx(sum(list(scored.values())[:2]) / 2)
    assert found.facts["pairs"] == 1 and sorted(map(len, found.said)) == [0, 0, 1]
    named = {n: METRICS[n](found.gold, found.said) for n in METRICS if n.startswith("pair_")}
    assert named == pytest.approx({"pair_f1": 50, "pair_precision": 100, "pair_recall": 100 / 3})
    with pytest.raises(UnibridgeError, match="no dev part"):
        SEARCHES["mined"](sides(texts, english, *right), None, states)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_a_bases_last_states_are_those_that_it_is_read_by(family, pooling):
    base = toy_base(family)
    reader = TextReader.of_base(base, RetrievalSettings(layer="last", pooling=pooling))
    found = reader.states(LINES)
    for line, state in zip(LINES, found, strict=True):
        given = base.tokenizer(line, return_tensors="pt")
        with torch.inference_mode():
            last = encoder_states(
                base.model, base.family, given["input_ids"], given["attention_mask"]
            )
        wanted = TEXT_STATES[pooling](last, given["attention_mask"])[0]
        assert torch.allclose(state, wanted, atol=1e-5)


def test_layers_are_the_published_ones_or_what_is_asked_for():
    published = RetrievalSettings()
    assert [published.layer_of(layers) for layers in (3, 6, 12, 24)] == [2, 4, 8, 14]
    assert RetrievalSettings(layer="last").layer_of(12) == 12
    base = toy_base("bert")
    middle, second = (
        TextReader.of_base(base, RetrievalSettings(layer=layer)).states(LINES)
        for layer in ("published", 2)
    )
    assert torch.equal(middle, second)
    lowest = TextReader.of_base(base, RetrievalSettings(layer=0)).states(LINES)
    assert float((lowest - middle).abs().max()) > 0.001
    with pytest.raises(UnibridgeError, match=r"no layer 4.*number from 0 to 3"):
        TextReader.of_base(base, RetrievalSettings(layer=4))


@pytest.mark.parametrize("pooling", ["mean", "last"])
def test_a_pack_is_read_as_the_mean_of_its_sources_by_weight(pooling):
    settings = RetrievalSettings(layer="last", pooling=pooling)
    both = drawn_pack("ner", {"en": 0.25, "sw": 0.75})
    reader = TextReader.of_pack(both, settings)
    found = reader.states(LINES)
    given = both.tokenizer(list(LINES), padding=True, return_tensors="pt")
    mask = given["attention_mask"]
    with torch.inference_mode():
        last = both.encoder(input_ids=given["input_ids"], attention_mask=mask).last_hidden_state
    first, second = (TEXT_STATES[pooling](one, mask) for one in last.chunk(2))
    assert float((first - second).abs().max()) > 0.01
    assert torch.allclose(found, 0.25 * first + 0.75 * second, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_texts_that_are_longer_than_is_read_are_counted(family):
    base = toy_base(family)
    # one that just fits is not longer
    limit = max(len(base.tokenizer(line)["input_ids"]) for line in LINES)
    cuts, told = Cut(limit), []
    reader = TextReader.of_base(base, RetrievalSettings(max_tokens=limit))
    reader.states(LINES, cuts=cuts)
    cuts.tell(told.append)
    assert not told
    reader.states([*LINES, " ".join(LINES)], cuts=cuts)
    cuts.tell(told.append)
    counted = f"1 of {2 * len(LINES) + 1} texts are longer than {limit} tokens"
    assert told[0].startswith(f"warning: {counted}: only their beginning was read")
