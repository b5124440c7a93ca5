from dataclasses import replace

import pytest

from toy import toy_base
from unibridge.models.reading import Reading, reading_of


def test_words_that_are_one_token_are_counted_by_what_stands_between_spaces():
    base = toy_base("xlm-roberta")
    single = [piece[1:] for piece in base.tokenizer.get_vocab() if piece[:1] == "▁" and piece[1:]]
    split = "".join(single[:2]) * 3
    assert reading_of(base, [" ".join(single)]).whole == 1
    assert reading_of(base, [" ".join([single[0], split])]).whole == 0.5


@pytest.mark.parametrize("changed", [{"unknown": 0.03}, {"tokens_per_word": 4.1}])
def test_a_vocabulary_is_kept_up_to_both_bounds_and_the_reason_has_the_figures(changed):
    reading = Reading(unknown=0.02, tokens_per_word=4.0, whole=0.1)
    assert reading.well
    other = replace(reading, **changed)
    assert not other.well
    assert f"{other.unknown:.1%} unknown" in other.reason
    assert f"{other.tokens_per_word:.1f} tokens a word" in other.reason
