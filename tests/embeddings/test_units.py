import numpy as np
import pytest

from unibridge.embeddings.units import units_of_one, units_of_two

KINDS = ("wordpiece", "unigram")


@pytest.mark.parametrize("first", KINDS)
@pytest.mark.parametrize("second", KINDS)
def test_either_reading_of_the_whole_text_is_what_the_tokenizer_says(
    first, second, tokenizers, texts
):
    pair = tokenizers["target", first], tokenizers["source", second]
    lines = [*texts[1][:50], "", "a ሰላም e, i.", "a \u200f \u0007 e"]
    units = units_of_two(*pair, lines)
    for tokenizer, reading in zip(pair, units.readings, strict=True):
        read = [[i for unit in line for i in reading[unit]] for line in units.lines]
        assert read == tokenizer(lines, add_special_tokens=False)["input_ids"]


def test_units_end_where_both_cut_and_nowhere_else(tokenizers, texts):
    target, source = tokenizers["target", "unigram"], tokenizers["source", "wordpiece"]
    word = max((w for line in texts[1] for w in line.split()), key=len)
    units = units_of_two(target, source, [word])

    def ends(tokenizer):
        pieces = [t.strip("#▁") for t in tokenizer.tokenize(word)]
        return set(np.cumsum([len(piece) for piece in pieces if piece]).tolist())

    assert len(units.lines[0]) == len(ends(target) & ends(source))


def test_every_token_is_a_unit_of_one_tokenizer(tokenizers, texts):
    tokenizer = tokenizers["source", "wordpiece"]
    units = units_of_one(tokenizer, texts[1][:20], len(tokenizer))
    ids = tokenizer(texts[1][:20], add_special_tokens=False)["input_ids"]
    assert [line.tolist() for line in units.lines] == ids
    expected = np.bincount([i for line in ids for i in line], minlength=len(tokenizer))
    assert np.array_equal(units.counts(0, len(tokenizer)), expected)
