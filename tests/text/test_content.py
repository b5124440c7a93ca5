"""What a file holds is told from its lines, and said where the name promised something else."""

import json
import random

import pytest

from unibridge.errors import UnibridgeError
from unibridge.text.corpus import read_text
from unibridge.text.labels import LabelledText, TaggedSentence, read_labels, write_predictions
from unibridge.text.parallel import read_parallel
from unibridge.text.stream import label_file

LINES = ("Omukulembeze wa Uganda .", "Yes, no; maybe", 'He said "so" twice')


def write(folder, content, name):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / name


def csv_of(rows, separator=","):
    return "".join(
        separator.join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows
    )


RECORDS = [{"id": n, "text": line, "tags": ["x"]} for n, line in enumerate(LINES)]
CORPORA = {
    "json lines in .txt": ("a.txt", "".join(json.dumps(one) + "\n" for one in RECORDS)),
    "json lines in .json": ("a.json", "".join(json.dumps(one) + "\n" for one in RECORDS)),
    "another key": ("a.jsonl", "".join(json.dumps({"content": s}) + "\n" for s in LINES)),
    "an array": ("a.json", json.dumps(RECORDS)),
    "a pretty array": ("a.json", json.dumps(RECORDS, indent=2, ensure_ascii=False)),
    "an array in .jsonl": ("a.jsonl", json.dumps(RECORDS, indent=1)),
    "an array of strings": ("a.json", json.dumps(list(LINES))),
    "an array in an object": ("a.json", json.dumps({"version": 1, "data": RECORDS}, indent=1)),
    "csv": ("a.csv", csv_of([("id", "text"), *(("7", s) for s in LINES)])),
    "csv in .txt": ("a.txt", csv_of([("text", "label"), *((s, "x") for s in LINES)])),
    "csv with another name": ("a.csv", csv_of([("tweet", "class"), *((s, "x") for s in LINES)])),
    "csv with semicolons": ("a.csv", csv_of([("text", "n"), *((s, "1") for s in LINES)], ";")),
    "csv of one column": ("a.csv", csv_of([("text",), *((s,) for s in LINES)])),
    "csv without a header": ("a.csv", csv_of([(s,) for s in LINES])),
    "tsv": ("a.tsv", "label\tsentence\n" + "".join(f"x\t{s}\n" for s in LINES)),
    "wikiextractor": (
        "wiki_00",
        '<doc id="1" url="http://x" title="A b">\n' + "\n\n".join(LINES) + "\n</doc>\n",
    ),
    "tags alone on lines": ("a.txt", "<text>\n<s>\n" + "\n</s>\n<s>\n".join(LINES) + "\n</s>\n"),
    "numbered": ("a.txt", "".join(f"{n}\t{line}\n" for n, line in enumerate(LINES, 1))),
}


@pytest.mark.parametrize("kind", CORPORA)
def test_a_corpus_is_read_as_what_it_is_and_that_is_said(tmp_path, kind):
    name, content = CORPORA[kind]
    corpus = read_text(write(tmp_path, content, name))
    assert corpus.lines == LINES
    if kind != "csv without a header":
        assert len(corpus.warnings) == 1 and name in corpus.warnings[0]


REFUSED = {
    "xml": '<?xml version="1.0"?>\n<tmx>\n<seg>a</seg>\n',
    "html": "<!DOCTYPE html>\n<html>\n",
    "mediawiki": '<mediawiki xmlns="http://x">\n<page>\n',
    "inline": "<s>one two</s>\n<s>three</s>\n",
    "conllu": "".join(f"{n}\ta" + "\t_" * 8 + "\n" for n in range(1, 5)),
    "conll": "Ann B-PER\nran O\nto O\nOslo B-LOC\n",
    "conll with tabs": "Ann\tB-PER\nran\tO\n",
    "conll in four columns": "-DOCSTART- -X- O O\n\nEU NNP B-NP B-ORG\nis VBZ B-VP O\n. . O O\n",
    "conll below a comment": "# id = 1\nParis B-LOC\nis O\nnice O\n",
    "conll of plain types": "Paris LOC\nis O\nnice O\n",
    "conll of plain types, tabs": "Paris\tLOC\nis\tO\nnice\tO\n",
    "a table": "one text\tsport\nanother\tnews\nthird\tsport\n",
    "other json": '{"a": 1}\n{"a": 2}\n',
    "broken json": '[{"text": "a"},\n {"text": "b"\n',
    "numbers": "[1, 2\n",
    "broken json lines": '{"text": "a"}\n{"text": "b"\n',
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_text_is_refused_with_a_remedy(tmp_path, kind):
    with pytest.raises(UnibridgeError) as caught:
        read_text(write(tmp_path, REFUSED[kind], "a.txt"))
    assert "a.txt:" in caught.value.where and caught.value.do and "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [kind for kind in REFUSED if kind.startswith("conll")])
def test_columns_are_no_sentences_to_be_tagged(tmp_path, kind):
    path = write(tmp_path, REFUSED[kind], "a.txt")
    with pytest.raises(UnibridgeError, match=r"a\.txt:1: this is .*, not what"):
        read_labels(path, labelled=False, expect="entities")


def test_sentences_of_as_many_words_are_no_columns(tmp_path):
    lines = ("I am O", "you are O", "we go now", "A B C")
    assert tuple(read_text(write(tmp_path, "\n".join(lines), "a.txt")).lines) == lines


@pytest.mark.parametrize(
    "lines",
    [
        ["[Applause] hello", "and [more]"],
        ["{curly} words", "more"],
        ["<3 you", "a < b > c"],
        ["text", "words, of, it"],
        ["Yes, no", "one, two", "three, four"],
        ["a b", "c d", "e O"],
        ["tab\there", "and none"],
        ["1 one", "2 two"],
        ["[1] one", "[2] two"],
        ["From: the old house", "To: the new one"],
        ["<b>bold</b> move", "then", "nothing", "more", "of", "it"],
    ],
)
def test_text_that_only_looks_odd_is_text(tmp_path, lines):
    corpus = read_text(write(tmp_path, "\n".join(lines), "a.txt"))
    assert list(corpus.lines) == lines and not corpus.warnings


def test_a_document_of_short_lines_is_text(tmp_path):
    content = '<doc id="1">\nPlan X\nTyp O\nVitamin X\n</doc>\n'
    assert list(read_text(write(tmp_path, content, "a.txt")).lines) == [
        "Plan X",
        "Typ O",
        "Vitamin X",
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
@pytest.mark.parametrize(
    "text", ["some plain text\nof two lines\n", "ሰላም ለዓለም\nሁለተኛ መስመር\nአዎ እሺ\n"]
)
def test_other_encodings_are_named(tmp_path, text, encoding):
    with pytest.raises(UnibridgeError, match=r"a\.txt:1: .*iconv -f UTF-(16|32)"):
        read_text(write(tmp_path, text.encode(encoding), "a.txt"))


def test_old_line_ends_are_named(tmp_path):
    with pytest.raises(UnibridgeError, match="carriage return alone"):
        read_text(write(tmp_path, b"one\rtwo\rthree", "a.txt"))


# --- label files of another format than their name's -----------------------------------------


@pytest.mark.parametrize(
    ("name", "expect", "content"),
    [
        ("a.jsonl", "text", "text,label\na,x\n"),
        ("a.tsv", "text", "<?xml version='1.0'?>\n<a>\n"),
        ("a.txt", "text", "text,label\na,x\n"),
        ("a.txt", "words", "Ann\tB-PER\nran\tO\n"),
    ],
)
def test_a_label_file_of_another_format_is_refused(tmp_path, name, expect, content):
    path = write(tmp_path, content, name)
    for labelled in (True, False):
        if labelled and name == "a.txt":
            continue
        with pytest.raises(UnibridgeError) as caught:
            read_labels(path, expect=expect, labelled=labelled)
        assert name in caught.value.where and caught.value.do
    with pytest.raises(UnibridgeError):
        label_file(path, tmp_path / "out", lambda part, _: ["x"] * len(part), expect=expect)


# --- headers ----------------------------------------------------------------------------------

HEADERS = [
    ("tweet", "label"),
    ("Tweet", "Sentiment"),
    ("TEXT", "LABEL"),
    ("review_text", "stars"),
    ("content", "class"),
    ("texte", "étiquette"),
    ("texto", "clase"),
    ("текст", "класс"),
    ("文本", "标签"),
    ("テキスト", "ラベル"),
    ("النص", "التصنيف"),
    ("pāṭha", "varga"),
    ("Maandishi ya ujumbe", "hisia"),
]
BODY = [
    (f"this is text number {n}, longer than names", "good" if n % 2 else "bad") for n in range(9)
]


@pytest.mark.parametrize("suffix", ["tsv", "csv"])
@pytest.mark.parametrize("header", HEADERS)
def test_headers_are_known_by_what_they_are(tmp_path, header, suffix):
    separator = "\t" if suffix == "tsv" else ","
    body = [(text.replace(",", ""), label) for text, label in BODY]
    content = "".join(separator.join(row) + "\n" for row in [header, *body])
    path = write(tmp_path, content, f"a.{suffix}")
    labels = read_labels(path, expect="text")
    assert labels.examples == [LabelledText(text, None, label) for text, label in body]
    usual = {name.lower() for name in header} == {"text", "label"}
    assert bool(labels.warnings) == (not usual)
    if not usual:
        assert f"a.{suffix}:1: taken for the columns' names" in labels.warnings[0]
    write_predictions(labels, [label for _, label in body], tmp_path / "out")
    assert (tmp_path / "out").read_text() == content


def test_headers_may_come_in_any_order_and_number(tmp_path):
    rows = ["sentiment\tid\ttweet", "good\t1\ta b", "bad\t2\tc d"]
    labels = read_labels(write(tmp_path, "\n".join(rows), "a.tsv"), expect="text")
    assert [(e.text, e.label) for e in labels.examples] == [("a b", "good"), ("c d", "bad")]
    rows = ["question1\tquestion2\tis_duplicate label", "a\tb\t1", "c\td\t0"]
    labels = read_labels(write(tmp_path, "\n".join(rows), "b.tsv"), expect="pair")
    assert [(e.text, e.second, e.label) for e in labels.examples] == [
        ("a", "b", "1"),
        ("c", "d", "0"),
    ]
    rows = ["comment,y", "a b,1", "c d,0"]
    assert len(read_labels(write(tmp_path, "\n".join(rows), "c.csv")).examples) == 2


@pytest.mark.parametrize(
    "first", [("short one", "good"), ("news", "bad"), ("A sentence.", "rare!")]
)
def test_a_first_example_is_no_header(tmp_path, first):
    content = "".join("\t".join(row) + "\n" for row in [first, *BODY])
    labels = read_labels(write(tmp_path, content, "a.tsv"), expect="text")
    assert len(labels.examples) == 10 and not labels.warnings


@pytest.mark.parametrize("header", ["word\ttag", "Token\tNER", "TOKEN\tUPOS", "слово\tтег"])
def test_a_header_of_columns_is_no_word(tmp_path, header):
    path = write(tmp_path, f"{header}\na\tO\n\nb\tO\n", "a.conll")
    labels = read_labels(path, expect="entities")
    assert [e.words for e in labels.examples] == [("a",), ("b",)]
    assert "columns' names" in labels.warnings[0]
    label_file(
        path,
        tmp_path / "o",
        lambda part, _: [["B-X"]] * len(part),
        expect="entities",
        block_lines=1,
    )
    assert (tmp_path / "o").read_text() == f"{header}\na\tB-X\n\nb\tB-X\n"


# --- language tags ----------------------------------------------------------------------------

TAGS = ["be-x-old", "am", "zh-Hant-TW", "zh_Hant", "sr-Latn", "simple", "roa-tara", "yue", "en-US"]


@pytest.mark.parametrize("tag", [*TAGS, "cbk-zam", "zh-min-nan", "es-419", "mn-Mong-CN"])
def test_language_tags_before_words_are_left_out_and_said(tmp_path, tag):
    content = f"{tag}:Менск\tB-LOC\n{tag}::\tO\n\n{tag}:\tO\n{tag}:x\tO\n"
    labels = read_labels(write(tmp_path, content, "a.conll"), expect="entities")
    assert labels.examples == [
        TaggedSentence(("Менск", ":"), ("B-LOC", "O")),
        TaggedSentence(("", "x"), ("O", "O")),
    ]
    assert f"'{tag}:'" in labels.warnings[0] and "1 words are nothing else" in labels.warnings[0]
    write_predictions(labels, [["O", "O"], ["O", "B-X"]], tmp_path / "out")
    wanted = content.replace("B-LOC", "O").replace("x\tO", "x\tB-X")
    assert (tmp_path / "out").read_text() == wanted


@pytest.mark.parametrize(
    "words", [["am:a", "en:b"], ["am:a", "b"], ["a:", "a:"], ["12:30", "12:45"]]
)
def test_what_not_all_words_share_stays(tmp_path, words):
    content = "".join(f"{word}\tO\n" for word in words)
    labels = read_labels(write(tmp_path, content, "a.conll"))
    assert labels.examples[0].words == tuple(words)


@pytest.mark.parametrize(
    "words",
    [["http://x.org"], ["http:a", "http:b"], ["note:x", "note:y"] * 20, ["am:x"], ["en|"] * 2],
)
def test_what_is_no_language_or_the_whole_word_stays_in_every_form(tmp_path, words):
    record = json.dumps({"words": words, "tags": ["O"] * len(words)}) + "\n"
    rows = [f"{n}\t{word}\t_\tX" + "\t_" * 6 + "\n" for n, word in enumerate(words, 1)]
    forms = {
        "a.conll": "".join(f"{word}\tX\n" for word in words),
        "a.jsonl": record,
        "a.conllu": "".join(rows),
    }
    for name, content in forms.items():
        found = read_labels(write(tmp_path, content, name), expect="words")
        assert found.examples[0].words == tuple(words), name
        assert not any("taken for the language" in one for one in found.warnings)
        assert (len(words) > 20) == any("is no known language" in one for one in found.warnings)


@pytest.mark.parametrize("code", ["be-x-old", "zh-min-nan", "map-bms", "simple", "sh", "eml", "AM"])
def test_wikipedias_and_codes_in_capitals_are_languages(tmp_path, code):
    path = write(tmp_path, f"{code}:x\tO\n{code}:\tO\n{code}:y\tO\n", "a.conll")
    found = read_labels(path)
    assert found.examples[0].words == ("x", "", "y")
    assert "taken for the language and left out; 1 words are nothing else" in found.warnings[0]


def test_words_that_are_nothing_but_another_mark_are_counted(tmp_path):
    found = read_labels(write(tmp_path, "en|x\tO\nen|\tO\n", "a.conll"))
    assert found.examples[0].words == ("x", "")
    assert "left out; 1 words are nothing else" in found.warnings[0]


def test_a_prefix_that_nearly_all_words_share_is_said(tmp_path):
    content = "".join(f"so:w{n}\tO\n" for n in range(40)) + "stray\tO\n"
    labels = read_labels(write(tmp_path, content, "a.conll"))
    assert labels.examples[0].words[0] == "so:w0"
    assert "40 of 41 words begin with 'so:'" in labels.warnings[0]


# --- parallel text ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header", ["lug\ten", "source\ttarget", "src_text\ttgt_text", "zh-Hant\ten"]
)
def test_a_header_of_parallel_text_is_no_pair(tmp_path, header):
    pairs = read_parallel(write(tmp_path, f"{header}\na b\tc d\ne f\tg h\n", "p.tsv"))
    assert pairs.target_lines == ("a b", "e f") and header.split("\t")[0] in pairs.warnings[0]


@pytest.mark.parametrize("content", ["a\tb\nc\td\n", "no\tnon\nyes\toui\n"])
def test_first_pairs_are_no_header(tmp_path, content):
    pairs = read_parallel(write(tmp_path, content, "p.tsv"))
    assert len(pairs.target_lines) == 2 and not pairs.warnings


def test_parallel_json_is_refused(tmp_path):
    content = '{"translation": {"en": "a", "lug": "b"}}\n'
    with pytest.raises(UnibridgeError, match="JSON lines, not lines of text"):
        read_parallel(write(tmp_path, content, "p.tsv"))


def test_random_text_is_never_taken_for_less_than_it_is(tmp_path):
    """Lines of letters, marks and signs: every line is read, or the file is refused by its name."""
    draw = random.Random(2)
    for _ in range(300):
        lines = [
            " ".join(
                "".join(draw.choices("abcé中ሰ<>{}[]\"',;:=/\\#&%-_0 ", k=draw.randint(1, 9)))
                for _ in range(draw.randint(1, 5))
            )
            for _ in range(draw.randint(1, 6))
        ]
        wanted = [line.strip() for line in lines if line.strip()]
        if not wanted:
            continue
        try:
            corpus = read_text(write(tmp_path, "\n".join(lines), "a.txt"))
        except UnibridgeError as error:
            assert "a.txt:" in error.where and error.do
            continue
        assert list(corpus.lines) == wanted or corpus.warnings
