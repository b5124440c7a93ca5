"""What is refused, with its line and what to do; what is taken for something else, with its count.

A row for each error and note of the readers, by a part of its words.
"""

import gzip
import json
import os
import threading

import pytest

from unibridge.errors import UnibridgeError
from unibridge.text.corpus import read_text
from unibridge.text.labels import read_labels
from unibridge.text.lexicon import read_lexicon
from unibridge.text.parallel import read_parallel
from unibridge.text.stream import label_file, look_through


def write(folder, name, content):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / name


def labels(expect, **how):
    return lambda path: read_labels(path, expect=expect, **how)


def row(number, form, upos="X", head="0", relation="root", misc="_"):
    return f"{number}\t{form}\t_\t{upos}\t_\t_\t{head}\t{relation}\t_\t{misc}\n"


def squad(context="a b", question="who?", answers=()):
    qas = [{"id": "1", "question": question, "answers": list(answers)}]
    return json.dumps({"data": [{"paragraphs": [{"context": context, "qas": qas}]}]})


ASKED = {"context": "a b", "question": "who?"}
TEXTS, WORDS, ENTITIES, TREES = map(labels, ("text", "words", "entities", "trees"))
QUESTIONS = labels("question")

# file, content, reader, where (behind the file's name), words of the error
REFUSED = [
    # formats by what they hold
    ("a.txt", "{\\rtf1\\ansi Some text}\n", read_text, ":1", "RTF"),
    ("a.txt", "\\documentclass{article}\n\\begin{document}\n", read_text, ":1", "LaTeX"),
    ("a.txt", "\\usepackage{fontspec}\nText.\n", read_text, ":1", "LaTeX"),
    ("a.txt", "WARC/1.0\r\nWARC-Type: conversion\r\n", read_text, ":1", "a web archive"),
    ("a.txt", "From: a@b.c\nSubject: x\n\nText.\n", read_text, ":1", "this is mail"),
    ("a.txt", "<!-- c -->\n<tmx version='1.4'>\n", read_text, ":1", "XML or HTML"),
    ("a.txt", "<text id='1'>\na\tNN\nb\tVB\n</text>\n", read_text, ":1", "has 2 columns"),
    ("a.txt", "the_DT dog_NN ran_VBD\nall_DT saw_VBD\n", read_text, ":1", "behind an underline"),
    ("a.txt", b"%PDF-1.4\n1 0 obj\n", read_text, ":1", "this is a PDF"),
    ("a.txt", gzip.compress(b"text\n"), read_text, ":1", "this is a gzip file"),
    ("a.tsv", b"PK\x03\x04\x14\x00", TEXTS, ":1", "this is a zip file"),
    ("a.jsonl", b"PAR1\x15\x00", TEXTS, ":1", "this is a Parquet file"),
    ("a.conll", b"a\tO\n" * 99 + b"\x00\tO\n", ENTITIES, ":100", "a NUL character"),
    ("a.txt.gz", b"text\n", read_text, "", "what is not compressed has no .gz"),
    ("a.txt", "WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n", read_text, ":1", "subtitles"),
    ("a.srt", "1\n00:00:01,0 --> 00:00:02,0\nHello\n", read_text, ":1", "subtitles"),
    ("a.po", 'msgid "a"\nmsgstr "b"\n', read_text, ":1", "PO catalogue"),
    ("a.po", '# by me\nmsgctxt "c"\nmsgid "a"\n', read_text, ":1", "PO catalogue"),
    ("a.md", "---\ntitle: A\nlang: lug\n---\nText.\n", read_text, ":1", "YAML"),
    ("a.txt", "The/DT dog/NN ran/VBD\nAll/DT saw/VBD\n", read_text, ":1", "behind a slash"),
    ("a.txt", "<TEI><text>\n", read_text, ":1", "XML or HTML"),
    ("a.txt", "{'text': 'a'}\n{'text': 'b'}\n", read_text, ":1", "Python's dictionaries"),
    ("a.txt", "[{'text': 'a'}]\n", read_text, ":1", "Python's dictionaries"),
    ("a.sql", "-- dump\nINSERT INTO t VALUES ('a');\n", read_text, ":1", "SQL"),
    ("a.bib", "@book{key,\n title = {A}}\n", read_text, ":1", "BibTeX"),
    ("a.vec", "2 3\nab 0.1 -0.2 1.0\ncd 0.5 0.1 0.2\n", read_text, ":1", "word vectors"),
    ("a.txt", "a ||| b ||| 0-0\nc ||| d ||| 0-0\n", read_text, ":1", "has 3 columns"),
    ("a.txt", '"a, b",1\n"c",2\n"d",3\n', read_text, ":1", "has 2 columns"),
    ("a.csv", "a, b\nc, d\n", read_text, ":1", "none is called text"),
    ("a.csv", "text,n\nab,1\nc,d,2\n", read_text, ":3", "3 instead of 2 columns"),
    ("a.csv", 'text,n\nab,1\n"c\nd",2\n"e,3\nf,4\n', read_text, ":5", "not CSV"),
    ("my.data.csv", "text,n\nab,1\nc,d,2\n", read_text, ":3", "3 instead of 2 columns"),
    ("a.jsonl", '{"a": "b"}\n{"a": "c"}\n', read_text, ":1", 'no string under "text"'),
    ("a.txt.gz", b"\x1f\x8b\x08\x00abc", read_text, "", "not a whole gzip file"),
    # JSON
    ("a.jsonl", '{"text": "a", "text": "b"}\n', read_text, ":1", "'text' stands twice"),
    ("a.jsonl", '{"text": "a", "m": {"k": 1, "k": 2}}\n', read_text, ":1", "'k' stands twice"),
    ("a.json", '[{"text": "a", "text": "b"}]\n', read_text, "", "'text' stands twice"),
    ("a.jsonl", '{"text": "a", "label": 1, "label": 2}\n', TEXTS, ":1", "'label' stands twice"),
    ("a.json", squad()[:-1] + ', "data": []}', QUESTIONS, "", "'data' stands twice"),
    ("a.jsonl", '{"text": "a", "n": NaN}\n', read_text, ":1", "NaN is no value of it"),
    ("a.json", '[{"text": "a", "n": Infinity}]', read_text, "", "Infinity is no value of it"),
    ("a.json", squad().replace('"1"', "NaN"), QUESTIONS, "", "NaN is no value of it"),
    ("a.json", "[" * 9000 + '"a"' + "]" * 9000, read_text, ":1", "nested too deeply"),
    ("a.json", '[["a", "b"],\n["c", "d"]]\n', read_text, ": record 1", "a list, not a string"),
    ("a.jsonl", '["a"]\n', TEXTS, ":1", "JSON"),
    ("a.jsonl", '{"text": "a", "label": ["x"]}\n', TEXTS, ":1", "a list, not a class"),
    ("a.jsonl", '{"text": {"a": 1}, "label": "x"}\n', TEXTS, ":1", "an object, not a string"),
    ("a.jsonl", '{"words": "a b", "tags": ["O"]}\n', WORDS, ":1", 'no list of "words"'),
    ("a.jsonl", '{"words": ["a", "b"], "tags": ["O"]}\n', WORDS, ":1", "1 tags for 2 words"),
    ("a.jsonl", '{"words": ["a"], "tags": [null]}\n', WORDS, ":1", "has no tag"),
    ("a.jsonl", '{"label": "x"}\n', TEXTS, ":1", 'no "text" among label'),
    ("a.jsonl", '{"premise": "x"}\n', labels("pair"), ":1", 'no "hypothesis"'),
    # questions
    ("a.json", '{"data": {}}', QUESTIONS, "", 'no list under "data"'),
    ("a.json", '{"data": [{}]}', QUESTIONS, ": data[0]", 'no list under "paragraphs"'),
    ("a.json", squad(question=" "), QUESTIONS, ".qas[0]", 'no text under "question"'),
    (
        *("a.json", squad(answers=[{"text": "z", "answer_start": 0}])),
        *(QUESTIONS, ".qas[0]", "'z' is not in the passage"),
    ),
    ("a.jsonl", json.dumps(ASKED) + "\n", QUESTIONS, ":1", 'no lists "text" and "answer_start"'),
    # tags
    ("a.conll", "a\tB-X\nb\t\u041e\nc\tO\n", ENTITIES, ":2", "looks like O and is U+041E"),
    ("a.conll", "a\tX-Y\nb\t\u039f\n", ENTITIES, ":2", "looks like O and is U+039F"),
    ("a.conll", "a\t\u0412-LOC\nb\tO\n", ENTITIES, ":1", "'\u0412-LOC' of 'a' is no entity type"),
    ("a.conll", "a\tNE=B-PER\nb\tO\n", ENTITIES, ":1", "'NE=B-PER' of 'a' is no entity type"),
    (
        "a.conll",
        "a\tB-B-PER\nb\tI-I-PER\n",
        ENTITIES,
        ":1",
        "'B-B-PER' of 'a' has its letter twice",
    ),
    ("a.conll", "a\tNOUN\nb\tVERB\n", TREES, ":1", "'NOUN' of 'a' is no place in a tree"),
    ("a.jsonl", '{"words": ["a", "b"], "tags": ["2|x", "1|y"]}\n', TREES, ":1", "lead in a circle"),
    ("a.jsonl", '{"tokens": ["a"], "q": ["O"]}\n', ENTITIES, ":1", "there are tokens, q"),
    ("a.conll", "a\tB-X#B-Y\nb\tO\n", ENTITIES, ":1", "'B-X#B-Y' of 'a' is more than one"),
    ("a.conll", "a\tPER\nb\tNone\nc\tO\n", ENTITIES, ":2", "'None' of 'b' is no entity type"),
    ("a.conll", "a\tPER\nb\tOUT\n", ENTITIES, ":2", "'OUT' of 'b' is no entity type"),
    # columns
    ("a.conll", "\tO\nb\tO\n", ENTITIES, ":1", "a tag without a word"),
    ("a.conll", "a\tO\nb\t\n", ENTITIES, ":2", "'b' has no tag"),
    ("a.conll", "a\nb\n", ENTITIES, ":1", "'a' has no tag"),
    ("a.conll", "a\tO\nb O\nc\tO\n", ENTITIES, ":2", "columns between spaces"),
    ("a.conll", "a O\nb\tO\nc O\n", ENTITIES, ":2", "columns between a tab"),
    ("a.conllu", row("2-1", "a"), WORDS, ":1", "'2-1' is no number or range"),
    ("a.conllu", row("\uff11", "a"), WORDS, ":1", "is no number or range"),
    ("a.conllu", row(1, "a", head="\uff11"), TREES, ":1", "is no number"),
    ("a.conll", "a O\n", labels("words", columns={"tags": 5}), ":1", "no column 5 for the tags"),
    ("a.conllu", row(1, "a", misc="Entity=(e1-person"), ENTITIES, ":1", "marks coreference"),
    ("a.conllu", row(1, "a", misc="NE=e1)"), ENTITIES, ":1", "marks coreference"),
    ("a.conllu", row(1, "a"), ENTITIES, ":1", "nothing in the MISC column is one"),
    ("a.conllu", row(1, "a", upos="_"), WORDS, ":1", "'a' has no UPOS tag"),
    ("a.conllu", row(1, "a", relation="_"), TREES, ":1", "'a' has no HEAD and DEPREL"),
    ("a.conllu", row(1, "a", head="x"), TREES, ":1", "the HEAD 'x' is no number"),
    ("a.conllu", row(1, "a", head="7"), TREES, ":1", "has the head 7, in a sentence of 1 words"),
    ("a.conllu", row(1, "a", head="1"), TREES, ":1", "lead in a circle"),
    ("a.conllu", row(1, "a")[:-3] + "\n", WORDS, ":1", "9 instead of the 10 columns"),
    # tables
    ("a.csv", "text,label,label\na,b,x\n", TEXTS, ":1", "'label' stands above two columns"),
    ("a.tsv", "text\ttext\tlabel\na\tb\tx\n", TEXTS, ":1", "'text' stands above two columns"),
    ("a.tsv", "a\tx\n\tx\n", TEXTS, ":2", "an empty text"),
    ("a.tsv", "a\tx\n\u200b\tx\n", TEXTS, ":2", "an empty text"),
    ("a.tsv", "a\tx\nb\t\u200b\n", TEXTS, ":2", "a text without a label"),
    ("a.csv", "a,x\nb,\n", TEXTS, ":2", "a text without a label"),
    ("a.tsv", "a\nb\n", TEXTS, ":1", "no column for label among 1"),
    ("a.tsv", "a\tx\n", labels("text", columns={"label": 9}), ":1", "no column 9 among 2"),
    ("a.tsv", "text\tn\na\tx\n", labels("text", columns={"label": "m"}), ":1", "unknown column"),
    ("a.tsv", "a\tx\n", labels("text", columns={"lable": 1}), "", "unknown column role 'lable'"),
    ("a.tsv", "a\tb\n", labels("question"), "", "gives texts, but the task takes questions"),
    ("a.xyz", "a\tb\n", TEXTS, "", "no reader is known for the suffix '.xyz'"),
    ("a.txt", "a\tb\n", TEXTS, "", "does not say how its labels are written"),
    ("a.txt", "a b\n", labels("text", reader="text"), "", "plain text has no labels"),
    ("a.tsv", "\n\n", TEXTS, "", "the file holds no example"),
    # pairs
    ("p.tsv", "1\tone\n2\ttwo\n3\tthree\n", read_parallel, ":1", "target side is nothing but num"),
    ("p.tsv", "one\t1.5\ntwo\t-2,0\n", read_parallel, ":1", "source side is nothing but numbers"),
    ("p.tsv", "<html>\n<p>a</p>\t<p>b</p>\n", read_parallel, ":1", "not lines of text"),
    ("d.tsv", "1\tomuntu\n2\tabantu\n", read_lexicon, ":1", "a side is nothing but numbers"),
    ("d.tsv", '[{"a": "b"}]\n', read_lexicon, ":1", "not lines of text"),
]


@pytest.mark.parametrize(
    ("name", "content", "read", "where", "words"), REFUSED, ids=[one[-1] for one in REFUSED]
)
def test_it_is_refused_with_its_place_and_in_these_words(
    tmp_path, name, content, read, where, words
):
    path = write(tmp_path, name, content)
    with pytest.raises(UnibridgeError) as caught:
        read(path)
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert str(caught.value.where).endswith(where) and name in str(caught.value.where)


COUNTED = [
    ("a.txt", "[[A]] b\n{{c}}\n==d==\ne\n", read_text, "wiki markup", "in 3 of the first 4"),
    ("a.txt", "a<br>b\nc<br/>d\ne\n", read_text, "tags of HTML", "in 2 of the first 3"),
    ("a.txt", "do@@ g\nru@@ n\n", read_text, "words in pieces", "in 2 of the first 2"),
    ("a.txt", "\u2581a \u2581b\n\u2581c \u2581d\n", read_text, "words in pieces", "in 2 of"),
    ("a.txt", "\\u1230\\u120b\nb\n", read_text, "characters by their numbers", "1 of 2"),
    ("a.tsv", "caf=C3=A9=C3=A9\tx\nb\ty\n", TEXTS, "characters by their numbers", "1 of 2"),
    (
        "a.txt",
        "ሰላም".encode().decode("latin1") + "\nb\n",
        read_text,
        "as another encoding",
        "1 of 2",
    ),
    ("a.txt", "привет".encode().decode("latin1") + "\nb\n", read_text, "as another enc", "1 of 2"),
    ("a.tsv", "a\t#REF!\nb\tx\n", TEXTS, "labels that read like a missing value", "line 1"),
    (
        "a.jsonl",
        '{"tweet": "a", "mood": 1, "sentiment": "x"}\n',
        TEXTS,
        "keys taken",
        "'tweet' (text)",
    ),
    ("a.conll", "a\tO\n" * 1001, ENTITIES, "sentences of more than 1,000 words", "1, the first"),
    (
        *("a.conll", "Wort\tKlasse\n" + "a\tX\nb\tY\n" * 10, WORDS),
        *("no word but the first", "the columns' names"),
    ),
    (
        *("a.conll", "".join(f"{'ab'[n % 2]}\tt{n}\n" for n in range(20)), WORDS),
        *("20 different tags", "of which 2 are different"),
    ),
    ("a.txt", "<doc id='1'>\na b\n</doc>\nc\n", read_text, "nothing but a tag", "left out: 2"),
    ("a.txt", "1\ta b\n2\tc d\n3\te\n", read_text, "begin with a number and a tab", "left out"),
    ("a.jsonl", '{"body": "a"}\n{"body": "b"}\n', read_text, "the text is taken from 'body'", ""),
    ("a.txt", '{"text": "a\\ud83d"}\n{"text": "b"}\n', read_text, "U+FFFD", "in 1 records"),
    ("a.json", '[{"text": "a"},\n{"text": "\\udc00"}]', read_text, "U+FFFD", "first on record 2"),
    ("a.json", '["a\\ud83d", "b"]', read_text, "holds JSON", ""),
    ("a.json", squad(question="a\\ud83d?").replace("\\\\", "\\"), QUESTIONS, "U+FFFD", "in 1"),
    ("a.json", squad("b a", answers=[{"text": "a", "answer_start": 0}]), QUESTIONS, "moved|", ""),
    ("a.tsv", 'a b\tx\n"he said ""no"""\ty\n', TEXTS, "cells in quotes as CSV", "1 rows"),
    ("a.csv", "text;label\na;x\nb;y\n", TEXTS, "CSV with ';' between the cells", ""),
    ("a.tsv", "a\tYes\nb\tyes\nc\tno\n", TEXTS, "differ in case, space or writing", "'Yes', 'yes'"),
    ("a.tsv", "a\t1\nb\t1.0\nc\t2\n", TEXTS, "differ in case, space or writing", "'1', '1.0'"),
    ("a.tsv", "a\tx\na\ty\nb\tx\n", TEXTS, "stand there with several labels", ": 1"),
    ("a.tsv", "a\tN/A\nnan\tx\n", TEXTS, "labels that read like a missing value", "line 1"),
    ("a.conll", "a\tB-X\nb\tO\n", WORDS, "all tags are entities'", "'B-X'"),
    ("a.conll", "a\tO\nb\tO\n", ENTITIES, "all 2 tags are O", ""),
    ("a.conllu", row(1, "_") + row(2, "_"), WORDS, "all 2 words are '_'", ""),
    ("a.conll", "-\tB-X\n-\tO\n-\tO\n", ENTITIES, "all 3 words are '-'", ""),
    ("a.jsonl", '{"words": ["***", "***", "***"], "tags": ["X", "Y", "Y"]}\n', WORDS, "'***'", ""),
    ("a.conll", "a\tO\n\u200b\tO\n", ENTITIES, "empty words, read as unknown: 1", "line 2"),
    ("a.conll", "a\tB-PER\nb\tB-per\nc\tO\n", ENTITIES, "types that differ in case", "'per'"),
    ("a.conll", "a\tB-PER\nb\tI-PER*\nc\tO\n", ENTITIES, "types that differ in case", "'PER*'"),
    ("a.conllu", row(1, "_") + row(2, "b") + row(3, "_"), WORDS, "words that are '_': 2 of 3", ""),
    ("a.jsonl", '{"text": "a\\u0000b"}\n', read_text, "control characters", "such as U+0000"),
    ("a.conll", "a\tO\n\ufeffb\tO\n", WORDS, "byte order marks within", "line 2: 1 of 2"),
    ("a.txt", "\u00c3\u00a9t\u00c3\u00a9\nb\n", read_text, "read as another encoding", "1 of 2"),
    ("a.tsv", "It\u00e2\u20ac\u2122s\tx\nb\ty\n", TEXTS, "read as another encoding", "1 of 2"),
    ("a.jsonl", '{"title": "T", "body": "a"}\n', read_text, "the text is taken from 'body'", ""),
    ("a.tsv", "title\tcontent\tlabel\nT\ta b\tx\n", TEXTS, "content (text), label", ""),
    (
        "d.txt",
        "lug en\nomu person\n",
        read_lexicon,
        "taken for an entry, though both are codes",
        "",
    ),
    ("p.tsv", "a b\tc\nd\td\n", read_parallel, "the same text on both sides: 1 of 2", ""),
]


@pytest.mark.parametrize(
    ("name", "content", "read", "words", "count"), COUNTED, ids=[one[3] for one in COUNTED]
)
def test_it_is_read_and_counted_in_these_words(tmp_path, name, content, read, words, count):
    words = {"moved|": "answers that do not stand where answer_start says"}.get(words, words)
    found = read(write(tmp_path, name, content))
    (note,) = [one for one in found.warnings if words in one]
    assert count in note and name in note and "\n" not in note


@pytest.mark.parametrize(
    "lines",
    [
        ["\u00c3o \u00e2 pa\u00eds", "\u00c2ngela"],
        ['"Yes", she said', '"No", he said'],
        ["a || b", "c || d"],
        ["INSERT a coin", "@home {again}"],
        ["{'a' and 'b'}", "it's 0.5 or 0.6"],
        ["a\u00a0b\u200c", "c\u2028d"],
        ["3 4", "5 6.5"],
        ["Anna: hello", "Bob: hi", "Anna: bye"],
        ["« CAFÉ»", "à\u00a0« la »", "É«É»É¿"],
        ["a_B c", "d"],
        ["C:\\users\\x", "a=b"],
        ["x = [1]", "<3 {{"],
    ],
)
def test_text_that_resembles_these_has_no_note(tmp_path, lines):
    found = read_text(write(tmp_path, "a.txt", "\n".join(lines)))
    assert list(found.lines) == lines and not found.warnings


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize(
    "read",
    [read_text, TEXTS, read_parallel, read_lexicon, lambda path: look_through(path, expect="text")],
)
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, read):
    os.mkfifo(tmp_path / "pipe.tsv")
    found = []

    def act():
        try:
            read(tmp_path / "pipe.tsv")
        except UnibridgeError as error:
            found.append(str(error))

    # whoever opened the pipe would wait for ever
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    thread.join(timeout=60)
    assert len(found) == 1 and "neither a file nor a folder" in found[0]


def test_predicting_refuses_what_reading_labels_refuses(tmp_path):
    """The same rows but for what labels alone can have."""
    for name, content, read, _, words in REFUSED:
        if read not in (TEXTS, WORDS, ENTITIES) or "label" in words or "tag" in words:
            continue
        expect = {TEXTS: "text", WORDS: "words", ENTITIES: "entities"}[read]
        path = write(tmp_path, name, content)
        try:
            label_file(path, tmp_path / "out", lambda part, _: [["O"]] * len(part), expect=expect)
        except UnibridgeError as error:
            assert "\n" not in str(error) and not (tmp_path / "out").exists()
        (tmp_path / "out").unlink(missing_ok=True)
