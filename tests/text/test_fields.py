"""Fields are cut at the format's own separator and nowhere else; the odd line is the one named."""

import random
from dataclasses import replace

import pytest

from unibridge.errors import UnibridgeError
from unibridge.text.labels import LabelledText, TaggedSentence, read_labels, write_predictions
from unibridge.text.stream import label_file

ODD_SPACES = "\u00a0\u2009\u202f\u3000\u200b\u2028\u0085\x0b"


def write(folder, content, name):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / name


def conllu(form, number="1", upos="NOUN"):
    return f"{number}\t{form}\t_\t{upos}" + "\t_" * 6 + "\n"


@pytest.mark.parametrize("form", ["26  000", "New York", " ", "a\u00a0b", "a\u2003b", "#x", "1-2"])
def test_a_conllu_form_may_hold_spaces(tmp_path, form):
    path = write(tmp_path, conllu(form), "a.conllu")
    assert read_labels(path).examples == [TaggedSentence((form,), ("NOUN",))]


@pytest.mark.parametrize("number", ["_", "", "x", "1.", "-1", "1-", "1 "])
def test_a_row_of_conllu_without_a_number_is_an_error_and_does_not_vanish(tmp_path, number):
    path = write(tmp_path, conllu("a") + conllu("b", number), "a.conllu")
    with pytest.raises(UnibridgeError, match="is no number") as caught:
        read_labels(path)
    assert caught.value.where.endswith("a.conllu:2")


@pytest.mark.parametrize("space", [" ", "\t", "   "])
@pytest.mark.parametrize("odd", ODD_SPACES)
def test_columns_are_cut_at_tabs_or_spaces_alone(tmp_path, odd, space):
    word = f"10{odd}000"
    content = f"{word}{space}B-DATE\nx{space}O\n"
    labels = read_labels(write(tmp_path, content, "a.conll"), expect="entities")
    assert labels.examples == [TaggedSentence((word, "x"), ("B-DATE", "O"))]
    write_predictions(labels, [["O", "B-X"]], tmp_path / "out")
    assert (tmp_path / "out").read_bytes().decode() == f"{word}{space}O\nx{space}B-X\n"


def test_a_tabbed_cell_may_hold_spaces_and_stand_between_them(tmp_path):
    labels = read_labels(write(tmp_path, "New York \t B-LOC\nis\tO\n", "a.conll"))
    assert labels.examples == [TaggedSentence(("New York", "is"), ("B-LOC", "O"))]


GERMEVAL = """\
#\thttp://de.wikipedia.org/wiki/Aua\t[2009-10-17]
1\tAufgrund\tO\tO
2\tAlbert\tB-PER\tO
3\tLee\tI-PER\tB-LOC

#\tn-tv.de\t[2005]
1\t#\tO\tO
2\tParis\tB-LOC\tO
3\t.\tO\tO
"""


def test_germeval_has_comments_between_tabs_and_counts_its_words(tmp_path):
    labels = read_labels(write(tmp_path, GERMEVAL, "a.tsv"), expect="entities")
    assert labels.examples == [
        TaggedSentence(("Aufgrund", "Albert", "Lee"), ("O", "B-PER", "I-PER")),
        TaggedSentence(("#", "Paris", "."), ("O", "B-LOC", "O")),
    ]
    (note,) = labels.warnings
    assert "words are taken from column 1 and tags from column 2" in note
    gold = [list(example.tags) for example in labels.examples]
    write_predictions(labels, gold, tmp_path / "out.tsv")
    assert (tmp_path / "out.tsv").read_text() == GERMEVAL
    inner = read_labels(tmp_path / "a.tsv", columns={"words": 1, "tags": 3}, expect="entities")
    assert inner.examples[0].tags == ("O", "O", "B-LOC")


@pytest.mark.parametrize(
    "comment",
    [
        "# a note of one's own",
        "# id 7",
        "# sent_id = 3",
        "#text = a b",
        "#\turl\t[date]",
        "# newdoc",
        "# text = a\tb",
    ],
)
def test_comments_are_known_and_hashes_are_words(tmp_path, comment):
    content = f"{comment}\n#\tO\n#tag\tB-X\n\n{comment}\na\tO\n"
    labels = read_labels(write(tmp_path, content, "a.conll"), expect="entities")
    assert [e.words for e in labels.examples] == [("#", "#tag"), ("a",)]
    write_predictions(labels, [["O", "O"], ["O"]], tmp_path / "out")
    assert (tmp_path / "out").read_text() == content.replace("B-X", "O")


@pytest.mark.parametrize("size", [131_072, 150_000, 1_000_000])
def test_a_csv_cell_may_hold_a_document(tmp_path, size):
    path = write(tmp_path, f'text,label\n"{"a b" * (size // 3)}",x\n', "a.csv")
    (example,) = read_labels(path).examples
    assert len(example.text) == size // 3 * 3 and example.label == "x"


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.conll", "a b O\n" + "w O\n" * 9, 1),
        ("a.conll", "w O\n" * 9 + "w O O\n" + "w O\n", 10),
        ("a.conll", "w\tO\n" * 3 + "w O\n" + "w\tO\n", 4),
        ("a.conll", "w O\n" * 3 + "w\tO\n" + "w O\n", 4),
        ("a.conll", "w\n" + "w O\n" * 5, 1),
        ("a.tsv", "a\tx\ty\n" + "b\tx\n" * 5, 1),
        ("a.tsv", "b\tx\n" * 5 + "a\tx\ty\n" + "b\tx\n", 6),
        ("a.csv", "text,label\n" + "b,x\n" * 3 + "b,c,x\n" + "b,x\n", 5),
        ("a.csv", 'b,x\nb,x\n"b,x\nb,x\n', 3),
        ("a.csv", 'b,x\n"b" c,x\nb,x\n', 2),
        ("a.csv", 'b,x\n"b\nc",x\nb,x,x\nb,x\n', 4),
        ("a.conllu", conllu("a") + conllu("b", "2")[:-3] + "\n", 2),
        ("a.jsonl", '{"text": "a", "label": "x"}\n{"text": "a" "label": "x"}\n', 2),
    ],
)
def test_the_line_that_is_odd_is_the_one_that_is_named(tmp_path, name, content, line):
    with pytest.raises(UnibridgeError) as caught:
        read_labels(write(tmp_path, content, name))
    assert caught.value.where.endswith(f"{name}:{line}")


@pytest.mark.parametrize("separator", [";", "\t", "|", ","])
def test_csv_has_the_separator_of_its_rows(tmp_path, separator):
    rows = ["text;label", "a, b;x", '"c;\nd";y']
    content = "\n".join(rows).replace(";", separator) + "\n"
    if separator == ",":
        content = content.replace("a, b", '"a, b"')
    path = write(tmp_path, content, "a.csv")
    labels = read_labels(path)
    assert labels.examples == [
        LabelledText("a, b", None, "x"),
        LabelledText(f"c{separator}\nd", None, "y"),
    ]
    label_file(path, tmp_path / "out.csv", lambda part, _: ["n"] * len(part), block_lines=1)
    assert (tmp_path / "out.csv").read_text() == content.replace(
        f"{separator}x\n", f"{separator}n\n"
    ).replace(f"{separator}y\n", f"{separator}n\n")


FILES = {
    "a.conll": "# id = 1\nam:x  B-PER\nam:y O\n\n\nam:z O",
    "b.conll": "x\t1\tO\n\n# text = q\ny\t2\tB-LOC\n",
    "c.csv": 'label,"text"\n"yes","a ""b"" c"\nno,d\n\n"no" ,"e\nf"\n',
    "d.tsv": " text \tlabel\n\na \tyes\nb\tno\n",
    "e.conllu": conllu("a b") + "\n" + conllu("c"),
    "f.jsonl": '{"text": "a", "label": "x"}\n',
}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "mixed"])
@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("name", FILES)
def test_everything_but_the_labels_comes_back(tmp_path, name, ended, newline, mark):
    content = mark + FILES[name].rstrip("\n").replace("\n", newline) + newline * ended
    for end in ("\n", "\r\n", "\r\n", "\n") * 2:
        content = content.replace("mixed", end, 1)
    content = content.replace("mixed", "\r\n")
    path = write(tmp_path, content, name)
    if name == "c.csv":  # RFC 4180 has nothing between a quote and a comma
        path.write_bytes(content.replace('"no" ,', '"no",').encode())
    labels = read_labels(path)
    plain = read_labels(write(tmp_path, FILES[name].replace('" ,', '",'), f"plain-{name}"))
    assert labels.examples == plain.examples
    gold = [e.label if isinstance(e, LabelledText) else list(e.tags) for e in labels.examples]
    write_predictions(labels, gold, tmp_path / "whole")
    given = iter(gold)
    label_file(
        path,
        tmp_path / "parts",
        lambda part, _: [next(given) for _ in part],
        block_lines=1,
        expect=labels.layout.expect,
    )
    wanted = path.read_bytes()
    if name == "c.csv":  # a label that needs no quotes is written without
        wanted = wanted.replace(b'"yes"', b"yes").replace(b'"no"', b"no")
    assert (tmp_path / "whole").read_bytes() == wanted
    assert (tmp_path / "parts").read_bytes() == wanted


def test_random_words_come_back_from_every_format_as_they_were(tmp_path):
    """Any characters that a format's own separators leave: read, written and read again."""
    draw = random.Random(5)
    alphabet = "aé\u0301中ሰ 0#-_\"',;|:=\\" + ODD_SPACES
    for round_ in range(60):
        words = tuple(
            "w" + "".join(draw.choices(alphabet, k=draw.randint(0, 6))) + "w" for _ in range(3)
        )
        bare = tuple(word.replace(" ", "") for word in words)
        tags = ("B-X", "I-X", "O")
        conll = "".join(f"{w}\t{t}\n" for w, t in zip(words, tags, strict=True))
        spaced = "".join(f"{w} {t}\n" for w, t in zip(bare, tags, strict=True))
        treebank = "".join(conllu(w, str(n)) for n, w in enumerate(words, 1))
        for name, content, wanted in [
            ("a.conll", conll, TaggedSentence(words, tags)),
            ("b.conll", spaced, TaggedSentence(bare, tags)),
            ("c.conllu", treebank, TaggedSentence(words, ("NOUN",) * 3)),
        ]:
            path = write(tmp_path, content, name)
            labels = read_labels(path)
            assert labels.examples == [wanted], (round_, name)
            write_predictions(labels, [list(wanted.tags)], tmp_path / "out")
            assert (tmp_path / "out").read_bytes() == path.read_bytes()
        cells = ['"' + w.replace('"', '""') + '"' for w in words]
        path = write(tmp_path, "text,label\n" + "".join(f"{c},x\n" for c in cells), "d.csv")
        labels = read_labels(path)
        assert [e.text for e in labels.examples] == list(words)
        write_predictions(labels, ["x"] * 3, tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == path.read_bytes()


def test_a_line_number_is_kept_with_every_word(tmp_path):
    labels = read_labels(write(tmp_path, "# id = 1\na O\nb O\n\nc O\n", "a.conll"))
    assert [e.lines for e in labels.examples] == [(2, 3), (5,)]
    assert replace(labels.examples[0], lines=()) == labels.examples[0]


def test_words_that_were_left_out_of_a_treebank_are_counted(tmp_path):
    path = write(tmp_path, conllu("_") + conllu("_", "2") + "\n", "a.conllu")
    (warning,) = read_labels(path).warnings
    assert "all 2 words are '_'" in warning
    path = write(tmp_path, conllu("_") + conllu("a", "2") + conllu("", "3") + "\n", "a.conllu")
    labels = read_labels(path)
    (warning,) = labels.warnings
    assert "empty words, read as unknown: 1 in all, the first on line 3" in warning
    assert labels.examples[0].words == ("_", "a", "")
