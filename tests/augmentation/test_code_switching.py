import random

import pytest
import torch

from toy import LINES
from unibridge.augmentation.code_switching import (
    switch_examples,
    switch_text,
    switch_words,
    tables_of,
)
from unibridge.augmentation.neighbours import nearest_words
from unibridge.augmentation.settings import CodeSwitchingSettings
from unibridge.embeddings.word_vectors import write_word_vectors
from unibridge.tasks import TASKS
from unibridge.text.examples import Answer, LabelledText, Question, TaggedSentence

TABLES = tables_of(
    {
        "lug": [("boat", "lyato"), ("boat", "kyombo"), ("river", "mugga"), ("in", "mu-")],
        "hau": [("boat", "jirgin ruwa"), ("town", "gari"), ("old town", "tsohon gari")],
    }
)
ALL = CodeSwitchingSettings(word_rate=1.0)


def switched(text, settings=ALL, tables=TABLES, seed=0):
    return switch_text(text, tables, settings, random.Random(seed))


def test_a_word_is_drawn_from_its_translations_in_every_language():
    found = {switched("(Boat), in town", seed=seed) for seed in range(60)}
    # a word whose drawn language has no translation of it stays
    assert {one.split()[0] for one in found} == {
        *("(Lyato),", "(Kyombo),", "(Jirgin"),
    }
    assert all(one.split()[-2] == "in" for one in found)
    assert {one.split()[-1] for one in found} == {"town", "gari"}


def test_one_language_for_a_sentence_or_one_for_each_word():
    by_word, by_sentence = (
        {
            switched("river town", CodeSwitchingSettings(word_rate=1.0, mixing=mixing), seed=seed)
            for seed in range(40)
        }
        for mixing in ("words", "sentence")
    )
    assert by_word == {"mugga gari", "mugga town", "river gari", "river town"}
    assert by_sentence == {"mugga town", "river gari"}


@pytest.mark.parametrize(("sentence_rate", "word_rate"), [(1.0, 0.5), (0.5, 1.0), (0.4, 0.6)])
def test_rates_are_shares_of_sentences_and_of_words_that_have_a_translation(
    sentence_rate, word_rate
):
    settings = CodeSwitchingSettings(sentence_rate=sentence_rate, word_rate=word_rate)
    words = ["river", "stone"] * 4
    draw, tables = random.Random(0), TABLES[1:]
    rows = [switch_words(words, tables, settings, draw, single=True) for _ in range(2000)]
    touched = sum(word == "mugga" for row in rows for word in row) / (2000 * 4)
    assert touched == pytest.approx(sentence_rate * word_rate, abs=0.02)
    assert all(row[1::2] == ["stone"] * 4 and len(row) == 8 for row in rows)


def test_no_rate_no_table_and_no_translation_change_nothing():
    for settings in (
        CodeSwitchingSettings(word_rate=0.0),
        CodeSwitchingSettings(sentence_rate=0.0),
    ):
        assert switched(LINES[0], settings) == LINES[0]
    assert switched(LINES[0], tables=[]) == LINES[0]
    assert switched("a stone - !") == "a stone - !"


def test_labels_stay_and_the_draw_is_the_seeds_and_the_versions():
    examples = {
        "ner": TaggedSentence(("the", "boat", "in", "town"), ("O", "O", "O", "B-LOC")),
        "pairs": LabelledText("the boat", "a river", "yes"),
        "classification": LabelledText("the boat", None, "no"),
        "qa": Question("which boat", "the boat", answers=(Answer("boat", 4),)),
    }

    def drawn(version):
        how = {"seed": 0, "version": version}
        return [
            switch_examples(TASKS[task], [one], TABLES, ALL, **how)[0]
            for task, one in examples.items()
        ]

    found, given = drawn(0), list(examples.values())
    assert found == drawn(0)
    many = [drawn(version) for version in range(20)]
    assert any(one != found for one in many)
    for version in many:
        assert version[0].words[0] == "the"
        # words of a sentence stay as many and hold no space; passages of questions stay
        assert version[0].tags == given[0].tags and not any(" " in w for w in version[0].words)
        assert (version[1].label, version[2].label, version[2].second) == ("yes", "no", None)
        assert version[3].second == "the boat" and version[3].answers == given[3].answers
    assert any("jirgin ruwa" in one[2].text for one in many)
    assert any(one[1].second == "a mugga" for one in many)


def test_the_nearest_vectors_are_translations(tmp_path):
    vectors = torch.eye(4)[:3]
    write_word_vectors(tmp_path / "en.vec", ["boat", "river", "town"], vectors)
    write_word_vectors(tmp_path / "lug.vec", ["gari", "lyato", "mugga"], vectors[[2, 0, 1]])
    found = nearest_words(tmp_path / "en.vec", tmp_path / "lug.vec", 1)
    assert found == [("boat", "lyato"), ("river", "mugga"), ("town", "gari")]
    assert len(nearest_words(tmp_path / "en.vec", tmp_path / "lug.vec", 2)) == 6
