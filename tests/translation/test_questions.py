"""Answers are places in a passage, also in a translated one, and come back to the passage's own."""

import pytest

from unibridge.tasks import TASKS
from unibridge.text.examples import Answer, Question
from unibridge.translation import TRANSLATORS, Between, TranslationSettings
from unibridge.translation.crossings import crossing_of
from unibridge.translation.examples import read, written
from unibridge.translation.questions import sentences_of, words_of

ENTRIES = [
    ("the", "o"),
    ("boat", "barco pequeno"),
    ("waits", "espera"),
    ("in the port", "no porto"),
    ("where", "onde"),
]
PASSAGE = 'A river. The boat waits in the port (1991), she said. "No!"'


def asked(answer, passage=PASSAGE):
    start = passage.index(answer)
    return Question("Where waits the boat?", passage, None, 1, (Answer(answer, start, "en"),), "en")


def between(**settings):
    given = {"translator": "lexicon", "alignment": {"method": "none"}} | settings
    return Between("en", "pt", TranslationSettings(**given), ENTRIES)


def test_words_stand_where_they_stand_and_no_sentence_ends_within_an_answer():
    words = words_of(PASSAGE)
    assert all(PASSAGE[word.start : word.end] == word.text for word in words)
    texts = [" ".join(words[n].text for n in part) for part in sentences_of(words, None)]
    assert texts == ["A river .", "The boat waits in the port ( 1991 ) , she said .", '" No !', '"']
    assert len(sentences_of(words, (1, 5))) == len(texts) - 1
    assert sentences_of(words_of(""), None) == []
    doubtful = sentences_of(words_of("See e.g. this. 5 more ..."), None)
    assert [len(one) for one in doubtful] == [5, 5]


@pytest.mark.parametrize("projection", ["alignment", "markers"])
def test_an_answer_comes_along_with_the_words_it_is_made_of(projection):
    examples = [asked("the port"), asked("1991"), asked("boat")]
    found = crossing_of(TASKS["qa"]).over(examples, between(projection=projection))
    assert found.facts["labels"] == 3 and found.facts["labels_lost"] == 0
    for one, text in zip(found.examples, ("no porto", "1991", "barco pequeno"), strict=True):
        (answer,) = one.answers
        assert one.second[answer.start :].startswith(answer.text)
        assert answer.language == one.language == "pt"
        if projection == "alignment" or text != "no porto":
            assert answer.text == text
    assert found.examples[0].text == "Onde espera o barco pequeno?"
    assert found.examples[0].second.startswith("A river . O barco pequeno espera")
    again = read(written(found))
    assert again.examples == found.examples and again.links == found.links


def test_answers_come_back_to_the_words_that_theirs_are_linked_to():
    given = [asked("the port"), asked("boat"), asked("1991")]
    found = crossing_of(TASKS["qa"]).over(given, between())
    said = [list(one.answers) for one in found.examples]
    back = crossing_of(TASKS["qa"]).back([*said[:2], []], found, given)
    # of what is translated as one each word is linked to all
    assert back[0] == [Answer("in the port", PASSAGE.index("in the port"), "en")]
    assert back[1] == [Answer("boat", PASSAGE.index("boat"), "en")]
    assert back[2] == []


def test_a_lost_answer_is_none_and_passages_may_stay():
    TRANSLATORS.register("loud", lambda texts, between: [text.upper() for text in texts])
    unlinked = between(translator="loud")
    found = crossing_of(TASKS["qa"]).over([asked("1991")], unlinked)
    assert found.examples[0].answers is None and found.facts["labels_lost"] == 1
    assert read(written(found)).examples[0].answers is None
    assert TASKS["qa"].labels_of(found.examples[0]) == ()
    none = Question("Where?", PASSAGE, None, 1, (), "en")
    kept = crossing_of(TASKS["qa"]).over([asked("1991"), none], between(passages=False))
    assert kept.examples[0].second == PASSAGE and kept.examples[0].answers == asked("1991").answers
    assert kept.examples[0].text == "Onde espera o barco pequeno?"
    assert read(written(kept)).examples[1].answers == ()
    said = [[Answer("1991", PASSAGE.index("1991"), "en")], []]
    assert crossing_of(TASKS["qa"]).back(said, kept, [asked("1991"), none]) == said
