import time

import pytest

from unibridge.errors import UnibridgeError
from unibridge.text.lexicon import read_lexicon


def write(folder, text):
    (folder / "lug-en.tsv").write_text(text)
    return folder / "lug-en.tsv"


def test_tabs_and_muses_spaces_are_both_read_and_a_tab_allows_several_words(tmp_path):
    found = read_lexicon(write(tmp_path, "waggulu wa\tabove\nku about\n\n"))
    assert found.entries == (("waggulu wa", "above"), ("ku", "about")) and not found.warnings


def test_what_is_left_out_is_said_in_one_line_each(tmp_path):
    rows = "lug\ten\nku\tabout\nku\t\n\tabove\n\nku\tabout\nku\ton\n"
    found = read_lexicon(write(tmp_path, rows), languages=("lug", "en"))
    assert found.entries == (("ku", "about"), ("ku", "on"))
    header, empty, repeated = found.warnings
    assert "lug-en.tsv:1: taken for the columns' names: lug, en" in header
    assert "an empty side: 3, the first on line 3" in empty and "before: 1;" in repeated
    # codes are words of some language as well
    assert read_lexicon(write(tmp_path, rows)).entries[0] == ("lug", "en")
    assert read_lexicon(write(tmp_path, "Target\tSource\na\tb\n")).entries == (("a", "b"),)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("a\tb\na\tb\tc\n", "lug-en.tsv:2", "3 instead of 2"),
        ("a\tb\nalone\n", "lug-en.tsv:2", "1 instead of 2"),
        ("a\t\n", "lug-en.tsv", "no pair"),
        ("", "lug-en.tsv", "no pair"),
        ('{"word": "a"}\n{"word": "b"}\n', "lug-en.tsv:1", "JSON"),
    ],
)
def test_what_is_no_lexicon_is_refused_with_its_line(tmp_path, text, place, said):
    with pytest.raises(UnibridgeError, match=said) as caught:
        read_lexicon(write(tmp_path, text))
    assert caught.value.where.endswith(place)


@pytest.mark.slow
def test_half_a_million_lines_are_read_in_seconds_without_a_line_for_each(tmp_path):
    path = write(tmp_path, "".join(f"w{i}\tv{i % 1000}\n" for i in range(500_000)))
    start = time.process_time()
    found = read_lexicon(path)
    assert len(found.entries) == 500_000 and not found.warnings
    assert time.process_time() - start < 20
