import logging
import sys
from importlib.util import find_spec

import pytest

from unibridge.errors import UnibridgeError
from unibridge.weighting.typology import _loaded_uriel, check_distances, language_distances

TABLE = "am\ten\t0.5\nar\tam\t0.25\n\nso\ten\t1\n"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "distances.tsv"
    path.write_text(TABLE)
    return path


def test_a_table_says_how_far_languages_are_in_either_order(table):
    assert language_distances("am", ["ar", "en"], table=table) == {"ar": 0.25, "en": 0.5}
    assert language_distances("en", ["so"], table=table) == {"so": 1.0}


@pytest.mark.parametrize(
    ("line", "match"),
    [("am\ten\n", ":5: 'am\\\\ten' is no"), ("a\tb\tfar\n", ":5:"), ("a\tb\t-1\n", ":5:")],
)
def test_a_line_that_is_no_distance_is_named(table, line, match):
    table.write_text(TABLE + line)
    with pytest.raises(UnibridgeError, match=match):
        language_distances("am", ["en"], table=table)


def test_a_pair_without_a_distance_is_named(table):
    with pytest.raises(UnibridgeError, match="no distance between am and so, zh"):
        check_distances("am", ["en", "so", "zh"], table)


def test_without_urielplus_the_extra_is_named(monkeypatch):
    _loaded_uriel.cache_clear()  # another test may have loaded it in this process
    for module in ("urielplus", "urielplus.urielplus"):
        monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    for ask in (lambda: check_distances("am", ["en"], None), lambda: language_distances("am", [])):
        with pytest.raises(UnibridgeError, match=r"urielplus.*unibridge\[typology\].*distances"):
            ask()


@pytest.mark.slow
@pytest.mark.skipif(find_spec("urielplus") is None, reason="urielplus is not installed")
def test_uriel_knows_that_arabic_is_a_relative_of_amharic():
    handlers, level = logging.root.handlers[:], logging.root.level
    found = language_distances("am", ["en", "ar", "ja"], kind="genetic")
    assert found["ar"] < min(found["en"], found["ja"])
    assert (logging.root.handlers, logging.root.level) == (handlers, level)
