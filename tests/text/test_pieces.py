import random

import pytest

from unibridge.text.pieces import LONGEST, UNSPACED, short_pieces

THAI = "ภาษาไทยไม่มีช่องว่างระหว่างคำ"


def test_short_lines_stay():
    lines = ["", " a ", "x" * LONGEST]
    assert list(short_pieces(lines)) == lines


@pytest.mark.parametrize(
    "line",
    [
        " ".join(f"word{n}" for n in range(900)),
        "我们今天去北京看长城和故宫。" * 200,
        "我们" * 3000,
        THAI * 90,
        "ក្ក" * 900,
        "x" * 5000 + " y " + "z" * 5000,
        "\u0301" * 3000,
    ],
)
def test_long_lines_are_cut_and_nothing_is_lost(line):
    pieces = list(short_pieces([line]))
    assert "".join("".join(pieces).split()) == "".join(line.split())
    assert max(map(len, pieces)) <= LONGEST and len(pieces) > 1
    assert all(" " in piece or len(piece) <= UNSPACED for piece in pieces[:-1])


def test_words_stay_whole_and_signs_stay_with_their_letters():
    words = [f"word{n}" for n in range(900)]
    assert [w for p in short_pieces([" ".join(words)]) for w in p.split()] == words
    assert not any(piece[0] in "ัิีึืุู็่้๊๋์" for piece in short_pieces([THAI * 90]))
    assert all(p.count("ក") == 2 * p.count("្") for p in short_pieces(["ក្ក" * 900]))


def test_random_lines_are_cut_at_spaces_wherever_there_is_one():
    draw = random.Random(4)
    for _ in range(200):
        line = "".join(draw.choices("ab 中។\u0301\u00a0", k=draw.randint(1, 3000)))
        pieces = list(short_pieces([line]))
        assert "".join("".join(pieces).split()) == "".join(line.split())
        assert all(len(piece) <= LONGEST for piece in pieces)


def test_pieces_may_be_shorter_than_the_lines_that_are_cut():
    line = " ".join(f"word{n}" for n in range(900))
    pieces = list(short_pieces(["y" * LONGEST, line], size=UNSPACED))
    assert pieces[0] == "y" * LONGEST and " ".join(pieces[1:]) == line
    assert max(map(len, pieces[1:])) <= UNSPACED
