import pytest

from toy import LINES, toy_base
from toy_run import toy_lines
from unibridge.models.reading import short_lines
from unibridge.study.inspection import inspect_base


@pytest.mark.parametrize("sentences", [8, 50, 400])
def test_the_verdict_does_not_depend_on_the_length_of_lines(sentences):
    lines = toy_lines("lug", 400)
    joined = [" ".join(lines[n : n + sentences]) for n in range(0, len(lines), sentences)]
    short, long = (
        inspect_base(toy_base("xlm-roberta"), lines),
        inspect_base(toy_base("xlm-roberta"), joined),
    )
    assert long.reading.tokens_per_word == pytest.approx(short.reading.tokens_per_word, rel=0.1)
    assert long.verdict.split(":")[0] == short.verdict.split(":")[0]
    assert abs(long.reading.unknown - short.reading.unknown) < 0.05


def test_every_token_of_a_line_is_counted_however_long_it_is():
    line = " ".join(toy_lines("lug", 40))
    base = toy_base("xlm-roberta")
    tokens = len(base.tokenizer(line, add_special_tokens=False, verbose=False)["input_ids"])
    found = inspect_base(base, [line])
    assert found.reading.tokens_per_word == pytest.approx(tokens / len(line.split()), rel=0.1)


def test_it_says_what_auto_does_with_the_vocabulary_and_why():
    lines = toy_lines("lug", 100)
    read = inspect_base(toy_base("xlm-roberta"), lines)
    foreign = inspect_base(toy_base("xlm-roberta"), ["ሰላም ለሁሉም " * 5] * 20)
    for found in (read, foreign):
        kept = 'vocabulary.mode = "auto" keeps this one' in found.verdict
        assert kept == found.reading.well
    assert read.reading.unknown < foreign.reading.unknown


def test_as_much_is_read_of_one_line_as_of_many():
    base = toy_base("xlm-roberta")
    lines = [" ".join(LINES[n % 5].split()[:6]) for n in range(3000)]
    read = [sum(map(len, short_lines(text, 400))) for text in (lines, [" ".join(lines)])]
    assert read[1] < 4 * read[0]
    many, one = (inspect_base(base, text).reading for text in (lines, [" ".join(lines)]))
    assert one.tokens_per_word == pytest.approx(many.tokens_per_word, rel=0.05)
