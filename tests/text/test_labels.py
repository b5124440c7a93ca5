import json
from pathlib import Path

import datasets
import pytest

from hub import hub_folder
from unibridge.errors import UnibridgeError
from unibridge.text.labels import (
    READERS,
    LabelledText,
    TaggedSentence,
    read_labels,
    write_predictions,
)

DATA = Path(__file__).parents[2].parent / "shared" / "data"

CONLLU = """\
# sent_id = 1
1-2\tdu\t_\t_\t_\t_\t_\t_\t_\t_
1\tde\tde\tADP\tIN\t_\t3\tcase\t_\tx=y
2\tle\tle\tDET\t_\t_\t3\tdet\t_\t_
2.1\tghost\t_\tVERB\t_\t_\t_\t_\t_\t_
3\tpain\tpain\tNOUN\t_\t_\t0\troot\t_\t_

# sent_id = 2
1\toui\toui\tINTJ\t_\t_\t0\troot\t_\t_
"""
CONLL = "-DOCSTART- O\n\nAnn B-PER\nsaw O\n Mr  Lee  B-PER\n"
# per reader: the file, its examples, other labels, and the file with those labels
FORMATS = {
    "conllu": (
        CONLLU,
        [
            TaggedSentence(("de", "le", "pain"), ("ADP", "DET", "NOUN")),
            TaggedSentence(("oui",), ("INTJ",)),
        ],
        [["X", "X", "VERB"], ["X"]],
        CONLLU.replace("\tADP\t", "\tX\t")
        .replace("\tDET\t", "\tX\t")
        .replace("\tNOUN\t", "\tVERB\t")
        .replace("\tINTJ\t", "\tX\t"),
    ),
    "conll": (
        "-DOCSTART-\tx\tO\n\nAnn\tx\tB-PER\nsaw\ty\tO\n\n# id = 2\nLee\tz\tB-PER\n",
        [TaggedSentence(("Ann", "saw"), ("B-PER", "O")), TaggedSentence(("Lee",), ("B-PER",))],
        [["O", "B-LOC"], ["O"]],
        "-DOCSTART-\tx\tO\n\nAnn\tx\tO\nsaw\ty\tB-LOC\n\n# id = 2\nLee\tz\tO\n",
    ),
    "words": (
        "Ann saw\n\nLee\n",
        [TaggedSentence(("Ann", "saw")), TaggedSentence(("Lee",))],
        [["B-PER", "O"], ["B-PER"]],
        "Ann\tB-PER\nsaw\tO\n\nLee\tB-PER\n\n",
    ),
    "tsv": (
        'a "quoted text\tgood\n two\tbad\n',
        [LabelledText('a "quoted text', None, "good"), LabelledText("two", None, "bad")],
        ["bad", "worse"],
        'a "quoted text\tbad\n two\tworse\n',
    ),
    "csv": (
        'label,note,premise,hypothesis\nyes,n,"a, b","two\nlines"\nno,,c,d\n',
        [LabelledText("a, b", "two\nlines", "yes"), LabelledText("c", "d", "no")],
        ["no", "no"],
        'label,note,premise,hypothesis\nno,n,"a, b","two\nlines"\nno,,c,d\n',
    ),
    "jsonl": (
        '{"id": 7, "text": "ሰላም", "label": "good"}\n{"text": "b", "label": 3}\n',
        [LabelledText("ሰላም", None, "good"), LabelledText("b", None, "3")],
        ["bad", "4"],
        '{"id": 7, "text": "ሰላም", "label": "bad"}\n{"text": "b", "label": "4"}\n',
    ),
    "json": (
        '[\n  {"id": 7.10, "text": "ሰላም",\n   "label": "good"},\n  {"text":"b"  ,"label":3}\n]\n',
        [LabelledText("ሰላም", None, "good"), LabelledText("b", None, "3")],
        ["bad", "4"],
        '[\n  {"id": 7.10, "text": "ሰላም",\n   "label": "bad"},\n  {"text":"b"  ,"label":"4"}\n]\n',
    ),
    "text": (
        "one text\n\ntwo\n",
        [LabelledText("one text"), LabelledText("two")],
        ["a", "b"],
        "one text\ta\ntwo\tb\n",
    ),
}


def save(folder, content, name="file"):
    (folder / name).write_text(content, encoding="utf-8", newline="")
    return folder / name


# those of questions are in tests/tasks/test_qa.py and test_benchmarks.py
@pytest.mark.parametrize("reader", [n for n in READERS if n not in ("squad", "questions")])
def test_every_reader_reads_and_writes_back(tmp_path, reader):
    content, examples, predictions, rewritten = FORMATS[reader]
    labelled = reader not in ("text", "words")
    labels = read_labels(save(tmp_path, content), reader, labelled=labelled)
    assert labels.examples == examples and labels.reader == reader
    target = tmp_path / "out" / "predictions"
    write_predictions(labels, predictions, target)
    assert target.read_text(encoding="utf-8") == rewritten
    assert [file.name for file in target.parent.iterdir()] == ["predictions"]
    if labelled:
        gold = [list(e.tags) if isinstance(e, TaggedSentence) else e.label for e in examples]
        write_predictions(labels, gold, target)
        assert read_labels(target, reader).examples == examples


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_refuses_a_file_without_examples(tmp_path, reader):
    labelled = reader not in ("text", "words")
    with pytest.raises(UnibridgeError, match="no example"):
        read_labels(save(tmp_path, "\n"), reader, labelled=labelled)


@pytest.mark.parametrize(
    ("name", "expect", "labelled", "reader"),
    [
        ("a.conllu", "words", True, "conllu"),
        ("a.conll.gz", None, True, "conll"),
        ("a.tsv", "words", True, "conll"),
        ("a.tsv", "text", True, "tsv"),
        ("a.txt", "words", True, "conll"),
        ("a.txt", "words", False, "words"),
        ("a.txt", "text", False, "text"),
    ],
)
def test_suffix_and_task_choose_the_reader(tmp_path, name, expect, labelled, reader):
    import gzip

    content = FORMATS[reader][0].encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    labels = read_labels(path, expect=expect, labelled=labelled)
    assert labels.reader == reader and labels.examples == FORMATS[reader][1]


def test_readers_that_cannot_serve_the_task_are_refused(tmp_path):
    with pytest.raises(UnibridgeError, match="the task takes words"):
        read_labels(save(tmp_path, "a\tb\n", "a.csv"), expect="words")
    with pytest.raises(UnibridgeError, match="Name the reader"):
        read_labels(save(tmp_path, "a\tb\n", "a.txt"), expect="text")
    with pytest.raises(UnibridgeError, match="conllu"):
        read_labels(save(tmp_path, "a\tb\n", "a.xyz"))
    with pytest.raises(UnibridgeError, match="Did you mean 'conll'"):
        read_labels(save(tmp_path, "a\tb\n"), "conl")


def test_tags_without_their_beginning_are_repaired_and_counted_once(tmp_path):
    tags = ["I-PER", "I-PER", "I-LOC", "O", "I-LOC", "B-LOC", "I-LOC"]
    content = "".join(f"w{i} {tag}\n" for i, tag in enumerate(tags)) + "\nw I-PER\n"
    labels = read_labels(save(tmp_path, content), "conll")
    first, second = labels.examples
    assert first.tags == ("B-PER", "I-PER", "B-LOC", "O", "B-LOC", "B-LOC", "I-LOC")
    assert second.tags == ("B-PER",)
    assert len(labels.warnings) == 1 and "4 in all, the first on line 1" in labels.warnings[0]


def test_tag_sets_that_are_no_entities_stay(tmp_path):
    labels = read_labels(save(tmp_path, "I PRON\nrun VERB\n"), "conll")
    assert labels.examples[0].tags == ("PRON", "VERB")


def test_a_language_prefix_goes_only_where_every_word_has_it(tmp_path):
    labels = read_labels(save(tmp_path, "am:ሰላም\tO\nam::\tO\n"), "conll")
    assert labels.examples[0].words == ("ሰላም", ":")
    write_predictions(labels, [["B-X", "O"]], tmp_path / "out")
    assert (tmp_path / "out").read_text() == "am:ሰላም\tB-X\nam::\tO\n"
    labels = read_labels(save(tmp_path, "am:a\tO\nen:b\tO\n"), "conll")
    assert labels.examples[0].words == ("am:a", "en:b")


def test_columns_can_be_named_or_numbered(tmp_path):
    labels = read_labels(save(tmp_path, "1\tAnn\tB-PER\t-\n"), "conll", {"words": 1, "tags": 2})
    assert labels.examples == [TaggedSentence(("Ann",), ("B-PER",))]
    write_predictions(labels, [["O"]], tmp_path / "out")
    assert (tmp_path / "out").read_text() == "1\tAnn\tO\t-\n"
    table = save(tmp_path, "topic\tid\tbody\nsport\t1\tball\n")
    labels = read_labels(table, "tsv", {"text": "body", "label": "topic"})
    assert labels.examples == [LabelledText("ball", None, "sport")]
    labels = read_labels(
        save(tmp_path, "x\tsport\tball\n", "bare"), "tsv", {"text": 2, "label": 1, "second": 0}
    )
    assert labels.examples == [LabelledText("ball", "x", "sport")]
    with pytest.raises(UnibridgeError, match="Did you mean 'topic'"):
        read_labels(table, "tsv", {"label": "topics"})
    records = save(tmp_path, '{"body": "ball", "topic": "sport"}\n')
    labels = read_labels(records, "jsonl", {"text": "body", "label": "topic"})
    assert labels.examples == [LabelledText("ball", None, "sport")]
    write_predictions(labels, ["x"], tmp_path / "out")
    assert json.loads((tmp_path / "out").read_text()) == {"body": "ball", "topic": "x"}


def test_without_labels_the_label_column_is_added(tmp_path):
    for reader, content, predictions, expected in [
        (
            "conll",
            "Ann\nran\n\nLee\n",
            [["B-PER", "O"], ["O"]],
            "Ann\tB-PER\nran\tO\n\nLee\tO\n",
        ),
        ("tsv", "one\ntwo\n", ["a", "b"], "one\ta\ntwo\tb\n"),
        ("csv", "text\none\n", ["a"], "text,label\none,a\n"),
        ("jsonl", '{"text": "one"}\n', ["a"], '{"text": "one", "label": "a"}\n'),
        ("conllu", "1\tI" + "\t_" * 8 + "\n", [["PRON"]], "1\tI\t_\tPRON" + "\t_" * 6 + "\n"),
    ]:
        labels = read_labels(save(tmp_path, content), reader, labelled=False)
        assert all(not getattr(e, "tags", ()) for e in labels.examples)
        assert all(getattr(e, "label", None) is None for e in labels.examples)
        write_predictions(labels, predictions, tmp_path / "out")
        assert (tmp_path / "out").read_text() == expected, reader


def test_pairs_without_labels_have_two_columns(tmp_path):
    path = save(tmp_path, "a\tb\n")
    labels = read_labels(path, "tsv", labelled=False, expect="pair")
    assert labels.examples == [LabelledText("a", "b")]
    write_predictions(labels, ["yes"], tmp_path / "out")
    assert (tmp_path / "out").read_text() == "a\tb\tyes\n"
    assert read_labels(save(tmp_path, "a\tb\tyes\n"), "tsv").examples == [
        LabelledText("a", "b", "yes")
    ]


def test_columns_without_a_name_are_not_guessed(tmp_path):
    path = save(tmp_path, "7\tball\tsport\n")
    with pytest.raises(UnibridgeError, match="no column for text and label among 3"):
        read_labels(path, "tsv", expect="text")
    labels = read_labels(path, "tsv", {"text": 1, "label": -1}, expect="text")
    assert labels.examples == [LabelledText("ball", None, "sport")]
    path = save(tmp_path, "a\tb\n")
    with pytest.raises(UnibridgeError, match="no column for label among 2"):
        read_labels(path, "tsv", expect="pair")
    path = save(tmp_path, "id\ttext\n7\tball\n")
    assert read_labels(path, "tsv", labelled=False).examples == [LabelledText("ball")]
    with pytest.raises(UnibridgeError, match="no column for label among 2"):
        read_labels(path, "tsv")


def test_json_lines_hold_words_too(tmp_path):
    path = save(tmp_path, '{"tokens": ["Ann"], "ner_tags": ["B-PER"]}\n', "a.jsonl")
    labels = read_labels(path, expect="words")
    assert labels.examples == [TaggedSentence(("Ann",), ("B-PER",))]
    write_predictions(labels, [["O"]], tmp_path / "out")
    assert json.loads((tmp_path / "out").read_text())["ner_tags"] == ["O"]


@pytest.mark.parametrize(
    ("reader", "content", "line", "part"),
    [
        ("conllu", "1\tI\t_\tPRON\n", 1, "4 instead of the 10 columns"),
        ("conllu", "# x\n1\tI" + "\t_" * 8 + "\n", 2, "'I' has no UPOS"),
        ("conllu", "one\tI" + "\t_" * 8 + "\n", 1, "CoNLL-U"),
        ("conll", "a O\n\nb\n", 3, "1 instead of 2 columns"),
        ("conll", "a\nb\n", 1, "'a' has no tag"),
        ("conll", "a\tO\nb\t\n", 2, "'b' has no tag"),
        ("conll", "a\tO\n\tO\n", 2, "without a word"),
        ("conll", "a B-PER\nb PER\n", 2, "'PER' of 'b'"),
        ("tsv", "a\tx\nb\n", 2, "1 instead of 2 columns"),
        ("tsv", "a\tx\nb\t\n", 2, "without a label"),
        ("tsv", "a\tx\n \tx\n", 2, "empty text"),
        ("tsv", "a\nb\n", 1, "no column for label"),
        ("tsv", "a\tb\tc\td\n", 1, "`columns`"),
        ("csv", 'text,label\n"a\nb",x\nc\n', 4, "1 instead of 2 columns"),
        ("csv", 'text,label\n"a,x\n', 2, "CSV"),
        ("jsonl", '{"text": "a", "label": "x"}\n{"text": "a"}\n', 2, "without a label"),
        ("jsonl", '{"label": "x"}\n', 1, "text"),
        ("jsonl", '{"words": ["a"], "tags": []}\n', 1, "0 tags for 1 words"),
    ],
)
def test_faults_are_named_with_file_and_line(tmp_path, reader, content, line, part):
    with pytest.raises(UnibridgeError) as caught:
        read_labels(save(tmp_path, content), reader)
    assert caught.value.where.endswith(f"file:{line}")
    assert part in str(caught.value)


def test_predictions_that_do_not_fit_leave_an_older_file_alone(tmp_path):
    labels = read_labels(save(tmp_path, "a O\nb O\n"), "conll")
    target = save(tmp_path, "older", "out")
    with pytest.raises(UnibridgeError, match="2 predictions for 1 examples"):
        write_predictions(labels, [["O", "O"], ["O"]], target)
    with pytest.raises(UnibridgeError, match="1 tags for the 2 words of sentence 1"):
        write_predictions(labels, [["O"]], target)
    assert target.read_text() == "older"


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    labels = read_labels(save(tmp_path, "a O\n"), "conll")
    with pytest.raises(UnibridgeError, match="cannot be written"):
        write_predictions(labels, [["O"]], tmp_path / "file" / "out")


def test_hub_data_sets_have_their_class_numbers_named(tmp_path, monkeypatch):
    tags = datasets.Sequence(datasets.ClassLabel(names=["O", "B-PER"]))
    features = datasets.Features(
        {"tokens": datasets.Sequence(datasets.Value("string")), "ner_tags": tags}
    )
    rows = [{"tokens": ["Ann", "ran"], "ner_tags": [1, 0]}]
    hub_folder(tmp_path, monkeypatch, {"test": rows}, config="am", features=features)
    labels = read_labels("hub:org/name:am:test", expect="words")
    assert labels.examples == [TaggedSentence(("Ann", "ran"), ("B-PER", "O"))]
    write_predictions(labels, [["O", "O"]], tmp_path / "out.jsonl")
    record = json.loads((tmp_path / "out.jsonl").read_text())
    assert record == {"tokens": ["Ann", "ran"], "ner_tags": ["O", "O"]}


@pytest.mark.slow
@pytest.mark.skipif(not DATA.exists(), reason="the shared data is not here")
@pytest.mark.parametrize(
    ("path", "expect"),
    [
        ("pos/amh/test.conllu", "words"),
        ("ner/lug/test.conll", "entities"),
        ("topic/amh/test.tsv", "text"),
        ("sentiment/jav/test.tsv", "text"),
        ("nli/quy/test.tsv", "pair"),
    ],
)
def test_real_files_come_back_byte_for_byte(tmp_path, path, expect):
    labels = read_labels(DATA / path, expect=expect)
    gold = [list(e.tags) if isinstance(e, TaggedSentence) else e.label for e in labels.examples]
    write_predictions(labels, gold, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == (DATA / path).read_bytes()
    assert not [warning for warning in labels.warnings if "in quotes" not in warning]


def test_a_text_with_a_key_word_beside_it_is_no_list_of_words(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "good film", "label": "pos", "word": "x", "token": "t1"}\n')
    (example,) = read_labels(path).examples
    assert (example.text, example.label) == ("good film", "pos")
