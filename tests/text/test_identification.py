import pytest

from unibridge.errors import UnibridgeError
from unibridge.text.identification import identifier, ngrams

TEXTS = {
    "en": ["the old bridge over the river", "this is what they said", "where are the children"],
    "de": ["die alte Brücke über den Fluss", "das haben sie gesagt", "wo sind die Kinder"],
    "am": ["ሰላም ለዓለም", "እንዴት ነህ"],
}


def test_new_lines_are_told_apart():
    found = identifier(TEXTS)
    said = ["the children said this", "die Kinder haben das gesagt", "ሰላም ነህ", "12 - 3!"]
    assert [found.language(line) for line in said] == ["en", "de", "am", None]
    # what has no letter is in no language
    assert found.share(said, "de") == pytest.approx(2 / 3)
    assert found.share(["12"], "de") == 0


def test_ngrams_by_hand():
    assert list(ngrams("Ab1")) == ["a", "b", " a", "ab", "b ", " ab", "ab ", " ab "]


def test_one_language_is_refused():
    with pytest.raises(UnibridgeError, match="two languages at least"):
        identifier({"en": TEXTS["en"]})
