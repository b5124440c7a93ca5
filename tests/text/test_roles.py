"""Tables and records of texts: what is read is a text, and what is predicted overwrites nothing."""

import json

import pytest

from unibridge.errors import UnibridgeError
from unibridge.text.labels import read_labels, write_predictions
from unibridge.text.values import trimmed


def written(folder, content, name, expect="text", label="X"):
    """What predicting makes of a file, and what is noted of it."""
    path = folder / name
    path.write_text(content)
    found = read_labels(path, labelled=False, expect=expect)
    write_predictions(found, [label] * len(found.examples), folder / f"out-{name}")
    return found, (folder / f"out-{name}").read_text()


def test_numbers_of_rows_are_no_texts(tmp_path):
    """A test set of numbers and texts, with names and without: the texts are read, and left."""
    rows = "1\tI love it\n2\tI hate it\n3\tso so\n"
    for name, head in (("a.csv", "id,tweet\n"), ("b.csv", "id,comment_text\n"), ("c.tsv", "")):
        separator = "," if head else "\t"
        content = head + rows.replace("\t", separator)
        found, out = written(tmp_path, content, name)
        assert [one.text for one in found.examples] == ["I love it", "I hate it", "so so"]
        assert f"1{separator}I love it{separator}X\n" in out
        with pytest.raises(UnibridgeError, match=r"no column for label|nothing but numbers"):
            read_labels(tmp_path / name, expect="text")
        # what was predicted before is overwritten
        again, twice = written(tmp_path, out, f"again-{name}", label="Y")
        assert [one.text for one in again.examples] == ["I love it", "I hate it", "so so"]
        assert f"1{separator}I love it{separator}Y\n" in twice
    assert any("texts are taken from column 1" in one for one in found.warnings)
    # a column of numbers behind the texts is no number of rows
    found, _ = written(tmp_path, "good\t1\nbad\t0\nso\t1\n", "d.tsv")
    assert [one.text for one in found.examples] == ["good", "bad", "so"]


@pytest.mark.parametrize(
    ("name", "content", "kept"),
    [
        ("a.csv", "id,text,topic\n1,a b,sport\n", "1,a b,sport,X"),
        ("a.csv", "text,rating\na b,5\n", "a b,5,X"),
        ("a.jsonl", '{"text": "a b", "stars": 5}\n', '"stars": 5'),
        ("a.jsonl", '{"text": "great", "tags": ["a", "b"]}\n', '"tags": ["a", "b"]'),
    ],
)
def test_what_is_predicted_overwrites_no_label_of_another_name(tmp_path, name, content, kept):
    _, out = written(tmp_path, content, name)
    assert kept in out
    again, twice = written(tmp_path, out, f"two-{name}", label="Y")
    assert kept.replace(",X", ",Y") in twice and "X" not in twice and len(again.examples) == 1


@pytest.mark.parametrize(
    ("task", "own", "key"), [("entities", "pos_tags", "B-PER"), ("words", "ner_tags", "NOUN")]
)
def test_tags_of_another_task_in_json_are_left(tmp_path, task, own, key):
    content = f'{{"tokens": ["a", "b"], "{own}": ["O", "O"]}}\n'
    _, out = written(tmp_path, content, "a.jsonl", expect=task, label=[key, key])
    record = json.loads(out)
    assert record[own] == ["O", "O"] and record["tags"] == [key, key]


@pytest.mark.parametrize("name", ["premise", "sentence", "text"])
def test_a_first_row_whose_label_is_a_name_is_a_row(tmp_path, name):
    path = tmp_path / "a.tsv"
    path.write_text(f"We should ban it\t{name}\nBecause\tclaim\nAnd so\t{name}\n")
    found = read_labels(path, expect="text")
    assert [one.label for one in found.examples] == [name, "claim", name]
    assert found.examples[0].text == "We should ban it"
    path.write_text(f"Nice\t{name}\nBecause\tclaim\nAnd so\t{name}\n")
    assert read_labels(path, expect="text").examples[0].text == "Nice"


@pytest.mark.parametrize("label", ["Pos", "0.9", "-0.5", "5"])
def test_what_is_neither_a_name_nor_its_number_is_refused_with_its_line(tmp_path, label):
    for name, row in (
        ("a.tsv", f"a b\t{label}\n"),
        ("a.jsonl", f'{{"text": "a", "label": "{label}"}}\n'),
    ):
        path = tmp_path / name
        path.write_text(row)
        with pytest.raises(UnibridgeError, match=rf"{name}:1: the (label|tag)"):
            read_labels(path, names=["neg", "pos"], expect="text")


def test_much_space_within_takes_no_longer(tmp_path):
    text = "a" + " " * 300_000 + "b"
    assert trimmed(f"\u200b {text}\ufeff ") == text
    path = tmp_path / "a.tsv"
    path.write_text('"' * 300_000 + "x\tpos\n" + f"{text}\tneg\n")
    assert len(read_labels(path, expect="text").examples) == 2
