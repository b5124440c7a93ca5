import random

import pytest

from unibridge.text.belonging import of_a_run, shared_with, shared_with_text, unlike
from unibridge.text.examples import LabelledText, TaggedSentence


def language(seed, letters, sentences):
    """Sentences of words that are drawn alike, as one language's are."""
    draw = random.Random(seed)
    words = ["".join(draw.choices(letters, k=draw.randint(2, 7))) for _ in range(120)]
    draw = random.Random(f"{seed} {sentences}")
    return [" ".join(draw.choices(words, k=9)) for _ in range(sentences)]


def tagged(lines):
    return [TaggedSentence(tuple(line.split()), ("O",) * len(line.split())) for line in lines]


LATIN, ETHIOPIC = "abcdefghiklmnoprstu", "ሀለሐመሠረሰቀበተነአከወዘየደገጠፀፈ"


@pytest.mark.parametrize("letters", [LATIN, ETHIOPIC, "абвгдежзиклмнопрст"])
def test_text_and_labels_of_one_language_pass(letters):
    lines, labelled = language(1, letters, 300), language(1, letters, 100)
    assert unlike(lines, tagged(labelled), text="t", labels="l") == []


def test_another_script_is_said_with_its_count():
    examples = [LabelledText(line) for line in language(1, ETHIOPIC, 40)]
    (warning,) = unlike(language(1, LATIN, 50), examples, text="so.txt", labels="test.tsv")
    assert "40 of 40 examples of test.tsv" in warning
    assert "(Ethiopic) than so.txt (Latin)" in warning


def test_a_few_foreign_names_are_no_other_script():
    lines = language(1, ETHIOPIC, 50)
    assert unlike(lines, tagged([f"{line} USA" for line in lines]), text="t", labels="l") == []


def test_another_language_in_the_same_script_is_said():
    (warning,) = unlike(
        language(1, LATIN, 300), tagged(language(2, LATIN, 200)), text="t", labels="l"
    )
    assert "do not look like one language" in warning and "200 examples, 300 lines" in warning


def test_too_little_to_tell_is_not_told():
    few = tagged(language(2, LATIN, 3))
    assert unlike(language(1, LATIN, 300), few, text="t", labels="l") == []
    assert unlike(["1 2 3"], tagged(["..."]), text="t", labels="l") == []


def test_shared_examples_are_counted():
    lines = language(1, LATIN, 40)
    test = tagged([*lines[:7], *language(3, LATIN, 5)])
    train = [LabelledText(line.upper().replace(" ", "  "), None, "x") for line in lines]
    (warning,) = shared_with(test, {"en.train": train, "sw.train": []})
    assert warning.startswith("7 of the 12 test examples are in en.train")
    assert shared_with(test[7:], {"en.train": train}) == []
    (warning,) = shared_with_text(test, lines, text="target.text")
    assert warning.startswith("7 of the 12 test examples are lines of target.text")


def test_pairs_are_shared_as_pairs():
    one, other = LabelledText("a b", "c d", "x"), LabelledText("a b", "e f", "x")
    assert shared_with([one], {"train": [other]}) == []
    assert shared_with([one], {"train": [one]}) != []


def test_a_run_hears_of_all_its_data():
    lines, other = language(1, LATIN, 300), language(1, ETHIOPIC, 300)
    train = {"en": tagged(lines[:50]), "sw": tagged(lines[50:90])}
    warnings = of_a_run(
        "am",
        {"am": other, "en": lines, "sw": lines},
        train,
        {"en": tagged(lines[40:60])},
        tagged([*lines[:3], *other[:20]]),
        tagged(other[10:30]),
    )
    text = "\n".join(warnings)
    assert "3 of the 23 test examples are in the training labels of en" in text
    assert "10 of the 23 test examples are in the training labels of am (target)" in text
    assert "20 of the 23 test examples are lines of the text of am" in text
    assert "10 of the 20 en held-out examples" in text
    assert len(warnings) == 4
