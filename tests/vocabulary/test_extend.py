"""A base's vocabulary with new pieces: its own text as before, the new language in new pieces."""

import random

import pytest
from transformers import AutoTokenizer

from toy import LINES, toy_tokenizer
from unibridge.errors import UnibridgeError
from unibridge.vocabulary.extend import extend_tokenizer, read_as_base
from unibridge.vocabulary.train import train_sentencepiece

FAMILIES = ["bert", "xlm-roberta", "mbart", "mt5"]
SYLLABLES = ("ሰላ", "ዓለ", "ምን", "ቤተ", "መን", "ግሥ", "ትና")


@pytest.fixture(scope="module")
def text():
    draw = random.Random(0)
    words = ["".join(draw.choices(SYLLABLES, k=draw.randint(1, 3))) for _ in range(60)]
    return [" ".join(draw.choices(words, k=6)) for _ in range(150)]


@pytest.fixture(scope="module", params=FAMILIES)
def both(request, text):
    base = toy_tokenizer(request.param)
    model = train_sentencepiece(read_as_base(base, text), 60, at_most=True)
    return base, extend_tokenizer(base, model, text)


def ids(tokenizer, line):
    return tokenizer(line, add_special_tokens=False)["input_ids"]


def test_the_bases_ids_and_reading_stay(both):
    base, extended = both
    assert base.get_vocab().items() < extended.get_vocab().items()
    assert sorted(extended.get_vocab().values()) == list(range(len(extended)))
    for line in [*LINES, "bots read the waterfall, old & new", "every ፡ town"]:
        assert extended(line).input_ids == base(line).input_ids
        assert extended(line, "a boat").input_ids == base(line, "a boat").input_ids


def test_the_new_language_is_read_in_new_pieces(both, text):
    base, extended = both
    used = set()
    for line in text:
        found = ids(extended, line)
        assert extended.unk_token_id not in found
        assert len(found) < len(line.replace(" ", ""))
        tokens = " ".join(extended.convert_ids_to_tokens(found))
        joined = tokens.replace(" ##", "") if "##" in tokens else tokens
        spelled = joined.replace(" ", "").replace("▁", " ").strip() if "▁" in tokens else joined
        assert spelled == line
        used |= set(found)
    new = {i for i in extended.get_vocab().values() if i >= len(base)}
    tokens = extended.convert_ids_to_tokens(sorted(new - used))
    assert all(len(token.removeprefix("##")) == 1 for token in tokens), "nothing is idle"
    assert len(new) > 20


def test_mixed_text_reads_as_its_parts(both, text):
    base, extended = both
    for own, other in zip(LINES, text, strict=False):
        assert ids(extended, f"{own} {other} {own}") == (
            ids(base, own) + ids(extended, other) + ids(base, own)
        )


def test_where_no_new_piece_is_used_the_base_reads(both):
    """A new language in the base's own letters, which shares words with it."""
    base, _ = both
    draw = random.Random(1)
    letters = sorted({letter for line in LINES for letter in line if letter != " "})
    lines = [" ".join("".join(draw.choices(letters, k=3)) for _ in range(5)) for _ in range(80)]
    lines += [f"{one} {two}" for one, two in zip(lines, LINES * 8, strict=False)]
    extended = extend_tokenizer(base, train_sentencepiece(lines, 60, at_most=True), lines)
    same = 0
    for word in {word for line in [*LINES, *lines] for word in line.split()}:
        found = ids(extended, word)
        if max(found) < len(base):
            assert found == ids(base, word)
            same += 1
    assert same > 10


def test_it_is_saved_as_it_is(both, text, tmp_path):
    _, extended = both
    extended.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    for line in [*text[:5], *LINES]:
        assert again(line).input_ids == extended(line).input_ids
    assert again.mask_token_id == extended.mask_token_id


def test_what_the_base_drops_is_dropped(text):
    base = toy_tokenizer("bert")  # lower case
    lines = ["KIGALI NA KAMPALA", *text]
    model = train_sentencepiece(read_as_base(base, lines), 60, at_most=True)
    extended = extend_tokenizer(base, model, lines)
    assert ids(extended, "KIGALI") == ids(extended, "kigali")
    assert extended.unk_token_id not in ids(extended, "KIGALI")


def test_bpe_pieces_have_no_place_in_a_unigram_base(text):
    model = train_sentencepiece(text, 60, kind="bpe", at_most=True)
    with pytest.raises(UnibridgeError, match="no probabilities"):
        extend_tokenizer(toy_tokenizer("xlm-roberta"), model, text)
    assert len(extend_tokenizer(toy_tokenizer("bert"), model, text)) > len(toy_tokenizer("bert"))
