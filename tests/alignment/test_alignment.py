import pytest
import torch

from toy import toy_base
from unibridge.alignment import ALIGNERS, ToAlign, WordAlignmentSettings, align_words
from unibridge.alignment.carry import (
    UNKNOWN,
    carry_entities,
    carry_tags,
    carry_tree,
    entities,
    lexicon_of,
)
from unibridge.alignment.ibm import drawn_by
from unibridge.alignment.states import mutual_nearest
from unibridge.errors import UnibridgeError

# Knight's classic: EM has to find that "la" is "the"
PAIRS = [
    (["the", "house"], ["la", "maison"]),
    (["the", "flower"], ["la", "fleur"]),
    (["the", "red", "house"], ["la", "maison", "rouge"]),
    (["red"], ["rouge"]),
]


def aligned(method, pairs=PAIRS, **rest):
    return align_words(ToAlign(pairs, WordAlignmentSettings(method=method, **rest)))


def test_em_finds_what_translates_what_also_across_word_order():
    found = aligned("ibm1")
    assert found[0] == ((0, 0), (1, 1))
    assert found[2] == ((0, 0), (1, 2), (2, 1))


@pytest.mark.parametrize("method", ["ibm1", "fast-align"])
def test_nothing_is_linked_to_nothing(method):
    assert aligned(method, [((), ("a",)), (("a",), ())]) == [(), ()]
    assert aligned(method, []) == []


def test_what_never_translates_anything_is_drawn_by_none():
    pairs = [(["a"], ["A", "uh"]), (["b"], ["B", "uh"]), (["c"], ["C", "uh"]), (["d"], ["D"])]
    assert drawn_by(pairs, 5, 0.0)[:3] == [[0, -1]] * 3


def test_a_repeated_word_is_linked_near_the_diagonal_by_fast_align_only():
    pairs = [(["x", "a", "y", "a"], ["X", "A", "Y", "A"]), (["a"], ["A"]), (["x", "y"], ["X", "Y"])]
    assert aligned("fast-align", pairs)[0] == ((0, 0), (1, 1), (2, 2), (3, 3))
    assert (3, 3) not in aligned("ibm1", pairs)[0]


def test_both_directions_or_either():
    pairs = [(["the", "big", "house"], ["la", "maison"]), *PAIRS]
    both, either = (aligned("ibm1", pairs, symmetry=s)[0] for s in ("intersection", "union"))
    assert both == ((0, 0), (2, 1)) and set(both) < set(either)


def test_states_link_each_others_nearest_only():
    first = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    second = torch.tensor([[2.0, 0.0], [0.0, 3.0]])
    # the second unit is nearest to the first word of the other side, which has a nearer one
    assert mutual_nearest((first, [0, 1, 2]), (second, [0, 1])) == ((0, 0), (2, 1))
    assert mutual_nearest((first, [0, 0, 1]), (second, [5, 6])) == ((0, 5), (1, 6))


@pytest.mark.parametrize("units", ["pieces", "words"])
def test_a_sentence_is_aligned_with_itself_word_for_word_by_states(units):
    words = ["the", "boat", "waits", "at", "the", "bridge"]
    settings = WordAlignmentSettings(units=units)
    found = align_words(ToAlign([(words, words), ([], words)], settings, base=toy_base("bert")))
    assert found == [tuple((i, i) for i in range(6)), ()]


def test_states_need_a_base_and_a_layer_that_it_has():
    with pytest.raises(UnibridgeError, match="no base to read"):
        aligned("states")
    with pytest.raises(UnibridgeError, match=r"no layer 9.*from 0 to 3"):
        align_words(ToAlign(PAIRS, WordAlignmentSettings(layer=9), base=toy_base("bert")))


def test_none_links_nothing_and_other_names_are_refused():
    assert aligned("none") == [()] * 4
    with pytest.raises(UnibridgeError, match="fast-align"):
        ALIGNERS.resolve("fast-aling")


def test_tags_go_where_links_lead_and_what_is_lost_is_counted():
    found = carry_tags(["DET", "NOUN", "VERB"], ((0, 1), (1, 2), (1, 1)), 4)
    assert found.tags == (UNKNOWN, "DET", "NOUN", UNKNOWN)
    assert (found.lost, found.all) == (1, 3)


def test_entities_are_carried_as_spans():
    tags = ["B-PER", "I-PER", "O", "B-LOC", "B-ORG"]
    found = carry_entities(tags, ((0, 3), (1, 1), (3, 2), (2, 0)), 5)
    # from the first to the last linked word; what is taken by then is another's no more
    assert found.tags == ("O", "B-PER", "I-PER", "I-PER", "O")
    assert (found.lost, found.all) == (2, 3)
    assert entities(["I-LOC", "I-LOC", "O", "B-LOC", "B-LOC", "I-PER"]) == [
        (0, 2, "LOC"),
        (3, 4, "LOC"),
        (4, 5, "LOC"),
        (5, 6, "PER"),
    ]


def test_a_tree_comes_along_where_words_are_one_to_one_and_else_is_lost():
    tags, turned = ["2|det", "3|nsubj", "0|root"], ((0, 1), (1, 0), (2, 2))
    assert carry_tree(tags, turned, 3).tags == ("3|nsubj", "1|det", "0|root")
    assert carry_tree(tags, turned, 3).lost == 0
    for links, words in ((turned[:2], 3), (turned, 4), ((*turned, (2, 0)), 3), (((0, 0),) * 3, 3)):
        found = carry_tree(tags, links, words)
        assert (found.tags, found.lost, found.all) == ((), 3, 3)


def test_a_lexicon_of_links_has_the_commonest_translation_first():
    found = lexicon_of(PAIRS, aligned("ibm1"))
    assert found == [("the", "la"), ("house", "maison"), ("red", "rouge")]
    assert ("flower", "fleur") in lexicon_of(PAIRS, aligned("ibm1"), least=1)
    assert lexicon_of([(["."], ["."])] * 3, [((0, 0),)] * 3) == []
