"""What is not there becomes no word and no class, in no reader."""

import json
import random

import pytest

from unibridge.errors import UnibridgeError
from unibridge.text.corpus import read_text
from unibridge.text.labels import read_labels
from unibridge.text.stream import label_file

HALF = "\\ud83d"


def write(folder, content, name="a.jsonl"):
    (folder / name).write_text(content, encoding="utf-8", newline="")
    return folder / name


READS = {
    "corpus": ('{{"text": {}}}', lambda path: read_text(path)),
    "text": ('{{"text": {}, "label": "x"}}', lambda path: read_labels(path, expect="text")),
    "second": (
        '{{"premise": "a", "hypothesis": {}, "label": "x"}}',
        lambda path: read_labels(path, expect="pair"),
    ),
    "label": ('{{"text": "a", "label": {}}}', lambda path: read_labels(path, expect="text")),
    "word": ('{{"words": [{}], "tags": ["O"]}}', lambda path: read_labels(path, expect="words")),
    "tag": ('{{"words": ["a"], "tags": [{}]}}', lambda path: read_labels(path, expect="words")),
    "predict": (
        '{{"text": {}}}',
        lambda path: label_file(
            path, path.with_name("out"), lambda part, _: ["x"] * len(part), expect="text"
        ),
    ),
}


@pytest.mark.parametrize("value", ["null", "NaN", "Infinity", "-Infinity", "[1]", "{}", '""'])
@pytest.mark.parametrize("place", READS)
def test_what_is_no_text_or_class_is_an_error_with_its_line(tmp_path, place, value):
    if value == '""' and place in ("corpus", "word"):
        pytest.skip("empty lines of a corpus are dropped, empty words are counted")
    form, read = READS[place]
    path = write(tmp_path, form.format('"fine"') + "\n\n" + form.format(value) + "\n")
    with pytest.raises(UnibridgeError) as caught:
        read(path)
    assert caught.value.where.endswith("a.jsonl:3") and "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["1", "2.5", "true"])
@pytest.mark.parametrize("place", ["corpus", "text", "second", "word", "predict"])
def test_a_number_is_no_text(tmp_path, place, value):
    form, read = READS[place]
    with pytest.raises(UnibridgeError, match=r"a\.jsonl:1"):
        read(write(tmp_path, form.format(value) + "\n"))


def test_a_number_may_be_a_class(tmp_path):
    path = write(tmp_path, '{"text": "a", "label": 1}\n{"text": "b", "label": true}\n')
    assert [e.label for e in read_labels(path).examples] == ["1", "true"]
    (first, _) = read_labels(path, names=["no", "yes", "true"]).examples
    assert first.label == "yes"


@pytest.mark.parametrize("place", ["corpus", "text", "second", "word", "label", "tag"])
def test_half_a_character_becomes_the_replacement_and_is_counted(tmp_path, place):
    form, read = READS[place]
    path = write(tmp_path, form.format('"fine"') + "\n" + form.format(f'"a{HALF}b"') + "\n")
    found = read(path)
    assert "a\ufffdb" in str(found)
    str(found).encode()
    assert any("in 1 records, the first on line 2" in warning for warning in found.warnings)


def test_a_whole_pair_of_surrogates_is_a_character(tmp_path):
    path = write(tmp_path, '{"text": "a\\ud83d\\ude00"}\n')
    assert read_text(path).lines == ("a😀",) and not read_text(path).warnings


def test_half_a_character_is_predicted_on_and_written_back(tmp_path):
    path = write(tmp_path, f'{{"text": "a{HALF}", "{HALF}": 1}}\n')
    told = []
    label_file(
        path, tmp_path / "o", lambda part, _: ["x"] * len(part), expect="text", warn=told.append
    )
    record = json.loads((tmp_path / "o").read_text(encoding="utf-8"))
    assert record == {"text": "a\ufffd", "\ufffd": 1, "label": "x"} and len(told) == 1


@pytest.mark.parametrize("line", ["[" * 100_000, '{"text": ' + "9" * 5000 + "}", "{", "1", '"a"'])
def test_json_that_breaks_the_parser_is_one_line(tmp_path, line):
    with pytest.raises(UnibridgeError) as caught:
        read_labels(write(tmp_path, line + "\n"), expect="text")
    assert caught.value.where.endswith("a.jsonl:1") and len(str(caught.value)) < 400


@pytest.mark.parametrize("label", ["nan", "NaN", "None", "null"])
def test_a_class_that_reads_like_a_missing_value_is_counted(tmp_path, label):
    path = write(tmp_path, f"a\tx\nb\t{label}\nc\t{label}\n", "a.tsv")
    (warning,) = read_labels(path).warnings
    assert label in warning and "2, the first on line 2" in warning


def test_random_json_is_read_or_refused(tmp_path):
    """Any values under any keys: an example of strings, or an error with the line."""
    draw = random.Random(11)

    def value(depth=0):
        kind = draw.randrange(9 if depth < 3 else 7)
        return (
            *(None, draw.random() < 0.5, draw.randint(-9, 9), draw.random() * 1e308),
            *(draw.choice([float("nan"), float("inf")]), "", draw.choice(["a", "\ud800", "\x00 "])),
            [value(depth + 1) for _ in range(draw.randint(0, 3))] if kind == 7 else [],
            {draw.choice(["text", "a"]): value(depth + 1)} if kind == 8 else {},
        )[kind]

    for _ in range(250):
        keys = draw.sample(["text", "label", "words", "tags", "hypothesis"], draw.randint(0, 5))
        path = write(tmp_path, json.dumps({key: value() for key in keys}) + "\n")
        for expect in ("words", "entities", "text", "pair", None):
            for labelled in (True, False):
                try:
                    (example,) = read_labels(path, expect=expect, labelled=labelled).examples
                except UnibridgeError as error:
                    assert "\n" not in str(error) and "a.jsonl" in error.where
                    continue
                parts = getattr(example, "words", ()) or (example.text,)
                assert all(isinstance(part, str) for part in parts)
                "".join(parts).encode()


def test_a_column_of_labels_that_hardly_recur_is_doubted(tmp_path):
    path = write(tmp_path, "".join(f"text {n}\tid{n}\n" for n in range(10_000)), "a.tsv")
    labels = read_labels(path)
    assert len(labels.examples) == 10_000
    assert "10,000 different labels for 10,000 examples" in labels.warnings[0]
