"""What files of many hands have: sentences that nobody parted, roots too many, characters by name,
old line ends. Each is told or refused, in every reader."""

import json
import random

import pytest

from unibridge.errors import UnibridgeError
from unibridge.text.corpus import read_text
from unibridge.text.labels import LabelledText, read_labels, write_predictions
from unibridge.text.lexicon import read_lexicon
from unibridge.text.parallel import read_parallel
from unibridge.text.stream import label_file, look_through


def write(folder, content, name):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / name


def row(number, form, head=0, relation="root", upos="X", misc="_"):
    return f"{number}\t{form}\t_\t{upos}\t_\t_\t{head}\t{relation}\t_\t{misc}\n"


# --- sentences that run together ----------------------------------------------------------------

TWO = [row(1, "a"), row(2, "b", 1, "dep"), row(1, "c"), row(2, "d", 1, "dep")]


@pytest.mark.parametrize("expect", ["words", "trees", None])
def test_words_that_are_counted_anew_begin_a_sentence(tmp_path, expect):
    path = write(tmp_path, "".join(TWO) + "\n" + row(1, "e"), "a.conllu")
    file = read_labels(path, expect=expect)
    assert [one.words for one in file.examples] == [("a", "b"), ("c", "d"), ("e",)]
    (note,) = file.warnings
    assert "begin anew: 1, the first on line 3" in note
    write_predictions(file, [list(one.tags) for one in file.examples], tmp_path / "out")
    assert (tmp_path / "out").read_text() == path.read_text()
    assert look_through(path, expect=expect).notes == [note]


@pytest.mark.parametrize(
    ("numbers", "parts", "said"),
    [
        ([1, 2, 3], [3], ""),
        ([0, 1, 2], [3], ""),
        ([1, 1, 1], [1, 1, 1], "begin anew: 2, the first on line 2"),
        ([1, 2, 4], [3], "does not follow the one before: 1, the first on line 3"),
        ([3, 4, 5], [3], "does not follow the one before: 1, the first on line 1"),
        ([1, 2, 2], [3], "does not follow the one before: 1, the first on line 3"),
    ],
)
def test_numbers_that_do_not_follow_are_counted(tmp_path, numbers, parts, said):
    path = write(tmp_path, "".join(row(n, f"w{i}") for i, n in enumerate(numbers)), "a.conllu")
    found = read_labels(path, expect="words")
    assert [len(one.words) for one in found.examples] == parts
    assert len(found.warnings) == bool(said) and (not said or said in found.warnings[0])


def test_ranges_and_empty_nodes_do_not_begin_a_sentence(tmp_path):
    lines = [row("1-2", "ab"), row(1, "a"), row("1.1", "x"), row(2, "b"), "# note\n", row(3, "c")]
    found = read_labels(write(tmp_path, "".join(lines), "a.conllu"), expect="words")
    assert found.examples[0].words == ("a", "b", "c") and not found.warnings


def test_a_column_that_counts_parts_sentences_too(tmp_path):
    words = ["1\tAnn\tB-PER", "2\tran\tO", "3\t.\tO", "1\tOslo\tB-LOC", "2\twon\tO"]
    path = write(tmp_path, "\n".join([*words, "", "1\tx\tO", ""]), "a.conll")
    found = read_labels(path, expect="entities")
    assert [one.words for one in found.examples] == [("Ann", "ran", "."), ("Oslo", "won"), ("x",)]
    assert "begin anew: 1, the first on line 4" in found.warnings[1]
    write_predictions(found, [["O"] * len(one.words) for one in found.examples], tmp_path / "out")
    assert (tmp_path / "out").read_text() == path.read_text().replace("B-PER", "O").replace(
        "B-LOC", "O"
    )


def test_whatever_blank_lines_are_lost_the_sentences_stay(tmp_path):
    draw = random.Random(8)
    for _ in range(60):
        sizes = [draw.randint(1, 5) for _ in range(draw.randint(1, 6))]
        lines, lost = [], 0
        for size in sizes:
            lines += [row(n, f"w{n}") for n in range(1, size + 1)]
            if draw.random() < 0.5:
                lines.append("\n")
            else:
                lost += 1
        lost -= lines[-1] != "\n"  # the last one parts nothing
        found = read_labels(write(tmp_path, "".join(lines), "a.conllu"), expect="words")
        assert [len(one.words) for one in found.examples] == sizes
        assert (f"begin anew: {lost}," in str(found.warnings)) == bool(lost)


# --- roots ---------------------------------------------------------------------------------------


def test_trees_with_several_roots_are_counted(tmp_path):
    one = row(1, "a") + row(2, "b", 1, "dep") + "\n"
    two = row(1, "a") + row(2, "b", 0, "root") + "\n"
    assert not read_labels(write(tmp_path, one * 3, "a.conllu"), expect="trees").warnings
    path = write(tmp_path, one + two + one + two, "a.conllu")
    (note,) = read_labels(path, expect="trees").warnings
    assert "several roots: 2, the first on line 4" in note
    assert not read_labels(path, expect="words").warnings


# --- characters by name --------------------------------------------------------------------------

READERS = {
    "a.txt": ("{}\nplain\n", lambda path: read_text(path)),
    "b.jsonl": ('{{"text": "{}"}}\n{{"text": "plain"}}\n', lambda path: read_text(path)),
    "c.tsv": ("{}\tx\nplain\ty\n", lambda path: read_labels(path, expect="text")),
    "d.csv": ('"{}",x\nplain,y\n', lambda path: read_labels(path, expect="text")),
    "e.tsv": ("p\t{}\tx\nq\tr\ty\n", lambda path: read_labels(path, expect="pair")),
    "f.jsonl": (
        '{{"text": "{}", "label": "x"}}\n{{"text": "plain", "label": "y"}}\n',
        lambda path: read_labels(path, expect="text"),
    ),
    "g.conll": ("{}\tO\nplain\tO\n\nb\tB-X\n", lambda path: read_labels(path, expect="entities")),
    "h.conllu": (row(1, "{}") + row(2, "plain"), lambda path: read_labels(path, expect="words")),
    "i.txt": ("{}\nplain\n", lambda path: read_labels(path, labelled=False, expect="text")),
    "j.txt": ("{}\nplain\n", lambda path: read_labels(path, labelled=False, expect="words")),
    "k.tsv": ("{}\tone\nplain\ttwo\n", lambda path: read_parallel(path)),
    "l.tsv": ("{}\tone\nplain\ttwo\n", lambda path: read_lexicon(path)),
}
NAMED = "AT&amp;T it&#39;s &lt;b&gt; a&nbsp;b &#x27; &#8217; &hellip; &apos;s".split()  # noqa: SIM905


@pytest.mark.parametrize("text", NAMED)
@pytest.mark.parametrize("name", READERS)
def test_characters_by_name_are_counted_and_kept(tmp_path, name, text):
    form, read = READERS[name]
    found = read(write(tmp_path, form.format(text), name))
    assert text in str(found)
    notes = [note for note in found.warnings if "HTML's names" in note]
    assert len(notes) == 1 and name in notes[0] and ": 1 of " in notes[0]


def test_a_question_with_characters_by_name_is_counted(tmp_path):
    qas = [{"id": "1", "question": "who &amp; what?", "answers": []}]
    document = {"data": [{"paragraphs": [{"context": "a b", "qas": qas}]}]}
    path = write(tmp_path, json.dumps(document), "a.json")
    (note,) = read_labels(path, expect="question").warnings
    assert "'&amp;': 1 of 1" in note


@pytest.mark.parametrize("text", ["AT&T;", "a & b;", "&;", "&#;", "R&D", "&notaname;", "?a=1&b=2;"])
@pytest.mark.parametrize("name", READERS)
def test_an_ampersand_alone_is_one(tmp_path, name, text):
    form, read = READERS[name]
    found = read(write(tmp_path, form.format(text), name))
    assert not [note for note in found.warnings if "HTML's names" in note]


# --- line ends -----------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["", "\n", "\r", "\r\n"])
@pytest.mark.parametrize("name", READERS)
def test_old_line_ends_are_refused_in_every_reader(tmp_path, name, end):
    form, read = READERS[name]
    content = form.format("a") * 3
    path = write(tmp_path, content.strip("\n").replace("\n", "\r") + end, name)
    with pytest.raises(UnibridgeError, match="carriage return alone") as caught:
        read(path)
    assert caught.value.where.endswith(f"{name}:1") and "tr '\\r' '\\n'" in caught.value.do


@pytest.mark.parametrize("name", ["a.txt", "i.txt", "j.txt", "k.tsv"])
def test_a_carriage_return_here_and_there_is_counted(tmp_path, name):
    form, read = READERS[name]
    path = write(tmp_path, form.format("a") * 4 + form.format("b\rc"), name)
    found = read(path)
    (note,) = [note for note in found.warnings if "carriage return" in note]
    assert name in note and ": 1 of " in note


def test_a_carriage_return_in_quotes_is_a_part_of_its_cell(tmp_path):
    path = write(tmp_path, 'text,label\r\n"a\rb",x\r\n"c",y\r\n', "a.csv")
    found = read_labels(path)
    assert found.examples == [LabelledText("a\rb", None, "x"), LabelledText("c", None, "y")]
    assert "carriage return within" in found.warnings[0]


def test_lines_in_any_mixture_of_ends_are_read_or_refused(tmp_path):
    """Every word that was written is read, or the file is refused."""
    draw = random.Random(4)
    for _ in range(150):
        words = [f"w{n}" for n in range(draw.randint(2, 8))]
        weights = [draw.random() for _ in range(3)]
        ends = draw.choices(["\n", "\r\n", "\r"], weights, k=len(words))
        content = "".join(word + end for word, end in zip(words, ends, strict=True))
        path = write(tmp_path, content, "a.txt")
        try:
            found = read_text(path)
        except UnibridgeError as error:
            assert "carriage return alone" in str(error) and "\r" in content
            continue
        assert "\n".join(found.lines).replace("\r", "\n").split() == words
        inside = any("\r" in line for line in found.lines)
        assert ("carriage return within" in str(found.warnings)) == inside
        count = label_file(path, tmp_path / "out", lambda part, _: ["x"] * len(part), expect="text")
        assert count == len(found.lines)
