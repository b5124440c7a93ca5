"""Label files are read by what they hold, under any name, and come back but for their labels."""

import json
import random

import pytest

from unibridge.errors import UnibridgeError
from unibridge.text.examples import Answer
from unibridge.text.labels import LabelledText, TaggedSentence, read_labels, write_predictions
from unibridge.text.stream import label_file, look_through

TEXTS = [{"text": "a b", "label": "x", "n": 1}, {"text": 'c "d"', "label": "y", "n": 2}]
WORDS = [
    {"tokens": ["Ann", "ran"], "ner_tags": ["B-PER", "O"]},
    {"tokens": ["Oslo"], "ner_tags": ["B-LOC"]},
]


def lines(records):
    return "".join(json.dumps(one) + "\n" for one in records)


def row(number, form):
    return f"{number}\t{form}\t_\tX" + "\t_" * 6 + "\n"


def write(folder, content, name):
    (folder / name).write_text(content, encoding="utf-8", newline="")
    return folder / name


# name, what it holds, what is expected, the reader, whether there is something to be said
BY_CONTENT = [
    *[("a.json", json.dumps(TEXTS, indent=indent), "text", "json", False) for indent in (None, 2)],
    ("a.json", "[" + ",\n".join(map(json.dumps, TEXTS)) + "]", "text", "json", False),
    ("a.json", json.dumps({"version": 1, "data": TEXTS}), "text", "json", False),
    ("a.json", json.dumps({"data": TEXTS}, indent=1), "text", "json", False),
    ("a.json", json.dumps(WORDS), "entities", "json", False),
    ("a.json", lines(TEXTS), "text", "jsonl", True),
    ("a.json", lines(TEXTS[:1]), "text", "jsonl", True),
    ("a.json", lines(WORDS), "entities", "jsonl", True),
    ("a.jsonl", json.dumps(TEXTS, indent=1), "text", "json", True),
    *[
        (f"a{end}", lines(TEXTS), "text", "jsonl", True)
        for end in (".txt", ".tsv", ".csv", ".ndjson")
    ],
    *[(f"a{end}", lines(WORDS), "entities", "jsonl", True) for end in ("", ".conll", ".data")],
    ("a.ner", "Ann\tB-PER\nran\tO\n\nOslo\tB-LOC\n", "entities", "conll", True),
    ("train", "Ann B-PER\nran O\n\nOslo B-LOC\n", "entities", "conll", True),
    ("a.ud", row(1, "a") + row(2, "b"), "words", "conllu", True),
    ("a.tab", "text\tlabel\na b\tx\n", "text", "tsv", True),
    ("a.dat", "text,label\na b,x\n", "text", "csv", True),
]


@pytest.mark.parametrize(("name", "content", "expect", "reader", "said"), BY_CONTENT)
def test_a_label_file_is_read_as_what_it_holds(tmp_path, name, content, expect, reader, said):
    path = write(tmp_path, content, name)
    found = read_labels(path, expect=expect)
    assert found.reader == reader
    assert [one for one in found.warnings if "read as such" in one] == found.warnings[: int(said)]
    if "text" in content and expect == "text" and reader.startswith("json"):
        wanted = [LabelledText(one["text"], None, one["label"]) for one in TEXTS]
        assert found.examples == wanted[: len(found.examples)]
    if "tokens" in content:
        assert found.examples[0] == TaggedSentence(("Ann", "ran"), ("B-PER", "O"))
    # whatever it is, it comes back as it was
    gold = [list(one.tags) if expect != "text" else one.label for one in found.examples]
    write_predictions(found, gold, tmp_path / "out")
    assert (tmp_path / "out").read_text(encoding="utf-8") == content
    assert look_through(path, expect=expect).notes == found.warnings
    given = iter(gold)
    label_file(path, tmp_path / "o2", lambda part, _: [next(given) for _ in part], expect=expect)
    assert (tmp_path / "o2").read_text(encoding="utf-8") == content


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        ('[{"text": "a", "label": "x"},\n {"text": "b"}]', ":2", "a text without a label"),
        ('[{"text": "a", "label": "x"},\n {"text": null, "label": "x"}]', ":2", "null"),
        ('[{"text": "a", "label": "x"},\n {"text": NaN, "label": "x"}]', ":2", "NaN"),
        ('[{"text": "a", "label": "x"}\n {"text": "b"}]', ":2", "Expecting ','"),
        ('[{"text": "a", "label": "x"},\n 7]', ":2", "not a JSON object"),
        ('[{"text": "a", "label": "x"},\n]', ":2", "Expecting value"),
        ('[{"text": "a", "label": "x"}]\n[]', ":2", "Extra data"),
        ('[{"text": "a", "label": "x"},\n{"text": "b", "label', ":2", "Unterminated string"),
        ('{"text": {"0": "a"}, "label": {"0": "x"}}\n', ":1", "is an object"),
        ('{\n"text": {"0": "a"},\n"label": {"0": "x"}\n}\n', ":1", "no list of records"),
        ('{"data": [{"paragraphs": []}]}', ":1", "as SQuAD has them"),
        ('{\n"a": [{"b": 1}],\n"c": [{"d": 1}]}', ":1", "2 lists of records"),
        ("[]", "", "no example"),
        ("text of no kind\n", "", "no reader is known for the suffix '.json'"),
    ],
)
def test_json_that_is_no_list_of_records_is_refused_in_one_line(tmp_path, content, place, words):
    path = write(tmp_path, content, "a.json")
    with pytest.raises(UnibridgeError) as caught:
        read_labels(path, expect="text")
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert caught.value.where.endswith(f"a.json{place}")


def test_questions_on_one_line_or_many_are_questions(tmp_path):
    asked = {"context": "a b", "question": "who?"}
    qas = [{"id": "1", "question": "who?", "answers": [{"text": "a", "answer_start": 0}]}]
    squad = {"data": [{"paragraphs": [{"context": "a b", "qas": qas}]}]}
    for indent in (None, 1):
        path = write(tmp_path, json.dumps(squad, indent=indent), "a.json")
        assert read_labels(path, expect="question").reader == "squad"
    rows = lines([{**asked, "answers": {"text": ["a"], "answer_start": [0]}}] * 2)
    found = read_labels(write(tmp_path, rows, "b.json"), expect="question")
    assert found.reader == "questions" and "read as such" in found.warnings[0]


def test_questions_a_line_come_back_as_they_were_but_for_answers(tmp_path):
    row = '{"context":"a b",  "id": 1.10, "question": "\\u00e9?"%s}'
    old, new = (
        ', "answers" : {"text":["a"],"answer_start":[ 0 ]}, "z":[ 1 ]',
        ', "answers" : {"text": ["b"], "answer_start": [2]}, "z":[ 1 ]',
    )
    path = write(tmp_path, f"{row % old}\n\n{row % old}\n", "a.jsonl")
    found = read_labels(path, expect="question")
    write_predictions(found, [[Answer("b", 2)]] * 2, tmp_path / "out")
    assert (tmp_path / "out").read_text() == f"{row % new}\n\n{row % new}\n"


def test_random_records_come_back_byte_for_byte_whatever_their_writing(tmp_path):
    """Numbers, escapes, spaces and the order of keys are none of ours."""
    draw = random.Random(3)
    odd = ["1.10", "1e5", "-0", '"\\u00e9"', '"a\\/b"', "[ 1,2 ]", '{ "text":"q" }', "null", '"}"']
    for _ in range(100):
        parts, labels = [], []
        for number in range(draw.randint(1, 4)):
            members = [
                f'"k{k}"{draw.choice([":", ": ", " : "])}{draw.choice(odd)}' for k in range(3)
            ]
            members.append(f'"text":{draw.choice(["", " "])}"t{number}"')
            labels.append(draw.choice("xy"))
            members.append(f'"label": "{labels[-1]}"')
            draw.shuffle(members)
            parts.append("{" + draw.choice([",", ", ", " ,"]).join(members) + "}")
        array = draw.random() < 0.5
        content = "[" + ",\n".join(parts) + "]\n" if array else "\n\n".join(parts) + "\n"
        path = write(tmp_path, content, "a.json")
        if not array and len(parts) == 1:
            continue
        found = read_labels(path, expect="text")
        assert [one.label for one in found.examples] == labels
        write_predictions(found, labels, tmp_path / "out")
        assert (tmp_path / "out").read_text() == content
        write_predictions(found, ["z"] * len(labels), tmp_path / "out.json")
        assert {one.label for one in read_labels(tmp_path / "out.json").examples} == {"z"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"text":"a"}', '{"text":"a","label":"z"}'),
        ('{"id": 1, "text": "a"}', '{"id": 1, "text": "a", "label": "z"}'),
        ('{ "text" : "a" }', '{ "text" : "a", "label" : "z" }'),
        ('[\n  {\n    "text": "a"\n  }\n]', '[\n  {\n    "text": "a",\n    "label": "z"\n  }\n]'),
    ],
)
def test_a_label_that_was_not_there_is_written_as_its_neighbours_are(tmp_path, before, after):
    found = read_labels(write(tmp_path, before, "a.json"), expect="text", labelled=False)
    write_predictions(found, ["z"], tmp_path / "out")
    assert (tmp_path / "out").read_text() == after


# --- language tags with other marks than a colon, and in other formats --------------------------

SENTENCE = ("Paris", "is", "nice", ".")


def as_conll(words):
    return "a.conll", "".join(f"{word}\tO\n" for word in words)


def as_jsonl(words):
    return "a.jsonl", json.dumps({"words": list(words), "tags": ["O"] * len(words)}) + "\n"


def as_conllu(words):
    return "a.conllu", "".join(row(n, word) for n, word in enumerate(words, 1))


@pytest.mark.parametrize("form", [as_conll, as_jsonl, as_conllu])
@pytest.mark.parametrize(
    "tag", ["en|", "en_", "en/", "[en]", "<en>", "en#", "zh_Hant_", "lug|", "am::", "so:", "en__"]
)
def test_language_tags_of_any_writing_are_left_out_and_said(tmp_path, tag, form):
    if (tag, form) == ("<en>", as_conll):
        return  # refused as markup
    name, content = form([tag + word for word in SENTENCE])
    path = write(tmp_path, content, name)
    found = read_labels(path, expect="words")
    words = [one.removeprefix(":") for one in found.examples[0].words]  # of am::
    assert tuple(words) == SENTENCE
    (note,) = [one for one in found.warnings if "taken for the language and left out" in one]
    assert "all 4 words begin with" in note
    write_predictions(found, [list(found.examples[0].tags)], tmp_path / "out")
    assert (tmp_path / "out").read_text() == content
    assert note in look_through(path, expect="words").notes


@pytest.mark.parametrize("form", [as_conll, as_jsonl, as_conllu])
@pytest.mark.parametrize(
    "words",
    [
        ["in_front", "in_case", "in_order"],
        ["e-mail", "e-book", "e-mail"],
        ["co-op", "co-author"],
        ["en|Paris", "is", "en|nice"],
        ["en_Paris", "fr_est", "en_nice", "en_."],
        ["km/h", "km/s", "km/Tag"],
        ["xq|Paris", "xq|is", "xq|nice"],
        ["#en", "#fr", "#de"],
        ["de_Janeiro", "de_la"],
        ["a|b", "a|c"],
    ],
)
def test_what_is_a_word_stays_one(tmp_path, words, form):
    name, content = form(words)
    assert read_labels(write(tmp_path, content, name), expect="words").examples[0].words == tuple(
        words
    )


def test_a_long_text_with_one_tag_is_known_without_capitals(tmp_path):
    name, content = as_conll(["lug_word"] * 30)
    assert read_labels(write(tmp_path, content, name)).examples[0].words == ("word",) * 30
