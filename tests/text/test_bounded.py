"""What is held of a file does not grow with the file: text is thinned, label files go by blocks."""

import csv
import gzip
import json
import tracemalloc

import pytest

from hub import hub_folder
from unibridge.errors import UnibridgeError
from unibridge.stages.inputs import Text
from unibridge.text import documents, files, sentences
from unibridge.text.corpus import read_text
from unibridge.text.examples import TaggedSentence
from unibridge.text.labels import read_labels
from unibridge.text.lexicon import read_lexicon
from unibridge.text.parallel import read_parallel
from unibridge.text.stream import label_file, look_through

KIB = 2**10
# a line of each format, and what stands before the first
LINES = {
    "a.txt": ("", "a line of text with number {n} in it\n"),
    "a.jsonl": ("", '{{"id": {n}, "meta": "not text, not text, not text", "text": "text {n}"}}\n'),
    "a.csv": ("text,label\n", '"a text, number {n}",x\n'),
    "a.json": ("[\n", '{{"text": "text number {n}"}},\n'),
    "a.conll": ("", "word{n}\tO\n\n"),
    "a.conllu": ("", "1\tword{n}" + "\t_" * 8 + "\n\n"),
}


def write(folder, name, count, *, packed=False):
    before, line = LINES[name]
    content = before + "".join(line.format(n=n) for n in range(count))
    if name == "a.json":
        content = content[:-2] + "\n]\n"
    path = folder / (name + ".gz" * packed)
    path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    return path


# what is traced takes seconds
LATER = [pytest.param(name, marks=pytest.mark.slow) for name in ("a.csv", "a.json")]
ROWS = [pytest.param(name, marks=pytest.mark.slow) for name in ("a.jsonl", "a.csv", "a.conllu")]


def peak_of(act):
    """The most bytes of Python's own that were held while something was done."""
    act()  # what is imported and cached counts once
    tracemalloc.start()
    act()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def labelled(path):
    def predict(part, _):
        return [["O"] * len(one.words) if isinstance(one, TaggedSentence) else "x" for one in part]

    expect = "entities" if path.name.startswith(("a.conll", "a.conllu")) else "text"
    label_file(path, path.with_name("out"), predict, expect=expect, block_lines=200)


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", *LATER])
def test_text_of_four_times_the_size_takes_no_more_memory(tmp_path, monkeypatch, name):
    monkeypatch.setattr(files, "_PART_BYTES", 4 * KIB)
    monkeypatch.setattr(documents, "_PART", 4 * KIB)

    def peak(count):
        path = write(tmp_path, name, count)
        return peak_of(lambda: read_text(path, most=16 * KIB))

    assert peak(6_000) < 1.2 * peak(1_500)


@pytest.mark.parametrize("name", ["a.txt", "a.conll", *ROWS])
def test_a_label_file_of_four_times_the_size_takes_no_more_memory(tmp_path, monkeypatch, name):
    monkeypatch.setattr(files, "_PART_BYTES", 4 * KIB)

    def peak(count):
        path = write(tmp_path, name, count)
        return peak_of(lambda: labelled(path))

    assert peak(4_000) < 1.2 * peak(1_000)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.csv"])
def test_what_is_held_is_near_the_limit_and_evenly_spread(tmp_path, name, packed):
    """However little of the file's bytes is text, or however well it was compressed."""
    path = write(tmp_path, name, 9000, packed=packed)
    whole = read_text(path, most=None)
    most = sum(len(line.encode()) + 1 for line in whole.lines) // 7
    corpus = read_text(path, most=most)
    assert 0.8 * most <= sum(len(line.encode()) + 1 for line in corpus.lines) <= most
    places = [whole.lines.index(line) for line in corpus.lines]
    assert places == sorted(places) and places[0] == 0
    thirds = [sum(3000 * k <= p < 3000 * (k + 1) for p in places) for k in range(3)]
    assert max(thirds) - min(thirds) < 10
    assert f"{len(places):,} of 9,000 lines, evenly spread" in corpus.warnings[-1]
    assert corpus.read == 9000 and read_text(path, most=most).lines == corpus.lines


def test_a_few_long_lines_are_held_as_far_as_they_fit(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("".join(f"{n} {'word ' * 200}\n" for n in range(64)))
    corpus = read_text(path, most=4 * KIB)
    assert 1 <= len(corpus.lines) <= 4 and corpus.lines[0].startswith("0 ")
    # one line is held whatever its length
    assert len(read_text(path, most=1).lines) == 1


def test_a_hub_data_set_is_thinned_as_a_file_is(tmp_path, monkeypatch):
    rows = [{"text": f"line number {n}", "other": "x" * 50} for n in range(500)]
    hub_folder(tmp_path, monkeypatch, {"train": rows})
    corpus = read_text("hub:org/name", most=KIB)
    assert 0.7 * KIB < sum(map(len, corpus.lines)) + len(corpus.lines) <= KIB
    assert "of 500 lines, evenly spread" in corpus.warnings[0]


def test_another_part_of_a_text_is_another_input(tmp_path):
    path = write(tmp_path, "a.txt", 500)
    inputs = [Text.of(read_text(path, most=most), [path]).inputs for most in (None, KIB, 2 * KIB)]
    assert inputs[0].items() < inputs[1].items() and inputs[1] != inputs[2]


def test_progress_is_of_the_files_bytes_whatever_of_them_is_text(tmp_path):
    path, told = write(tmp_path, "a.jsonl", 20_000), []
    read_text(path, progress=lambda done, total: told.append((done, total)))
    size = path.stat().st_size
    assert {total for _, total in told} == {size} and told == sorted(told)
    assert told[0][0] < 0.8 * size and 0.8 * size < told[-1][0] <= size


def test_a_file_without_blank_lines_is_refused_where_it_grows_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr(sentences, "LONGEST_SENTENCE", 50)
    path = tmp_path / "a.conll"
    path.write_text("w\tO\n" * 40 + "\n" + "w\tO\n" * 60)
    with pytest.raises(UnibridgeError, match="a sentence of more than 50 lines") as caught:
        look_through(path, expect="entities")
    assert caught.value.where.endswith("a.conll:92") and "blank line" in caught.value.do


def test_a_quote_that_never_closes_is_named_by_the_line_where_it_opens(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,x\n" + '"b,x\n' + "c d e f,x\n" * 200)
    before = csv.field_size_limit(500)
    try:
        for read in (lambda: read_text(path), lambda: look_through(path, expect="text")):
            with pytest.raises(UnibridgeError, match="field larger than") as caught:
                read()
            assert caught.value.where.endswith("a.csv:3") and "close the quotes" in caught.value.do
    finally:
        csv.field_size_limit(before)
    with pytest.raises(UnibridgeError, match=r"a\.csv:3: not CSV"):
        read_text(path)


def test_a_json_document_too_long_to_be_held_is_refused_before_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LONGEST", 200)
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"data": [{"paragraphs": []}] * 50}, indent=1))
    with pytest.raises(UnibridgeError, match="a JSON document of more than"):
        look_through(path, expect="question")


def test_notes_of_many_parts_are_one_line_a_kind(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("".join(f"text {n}\tnan\n" for n in range(90)))
    (note,) = look_through(path, expect="text", block_lines=10).notes
    assert "'nan'" in note and "the first on line 1 (in the first of 9 parts)" in note
    assert read_labels(path).warnings[0] == note.replace("10,", "90,").partition(" (in the")[0]


@pytest.mark.parametrize("read", [read_parallel, read_lexicon])
def test_of_more_pairs_than_fit_some_are_held_evenly_spread_and_counted(
    tmp_path, monkeypatch, read
):
    monkeypatch.setattr(files, "_PART_BYTES", 4 * KIB)

    def pairs(count):
        path = tmp_path / f"{count}.tsv"
        path.write_text("".join(f"omuntu{n}\tperson{n}\n" for n in range(count)))
        return path

    def rows(found):
        if read is read_lexicon:
            return found.entries
        return tuple(zip(found.target_lines, found.source_lines, strict=True))

    found = read(pairs(4000), most=20 * KIB)
    (note,) = found.warnings
    held = rows(found)
    assert f"{len(held):,} of 4,000" in note and "evenly spread" in note
    numbers = [int(target[6:]) for target, _ in held]
    assert all(source == f"person{n}" for n, (_, source) in zip(numbers, held, strict=True))
    assert 0.7 * 20 * KIB < sum(len(a) + len(b) + 2 for a, b in held) <= 20 * KIB
    assert abs(sum(number < 2000 for number in numbers) - len(held) / 2) < 0.02 * len(held) + 2
    assert numbers == sorted(numbers) and numbers[0] == 0
    # what is there before and what is odd is told of all of it
    assert rows(read(pairs(4000))) == rows(read(pairs(4000), most=None))
    paths = pairs(2_500), pairs(10_000)
    peaks = [peak_of(lambda path=path: read(path, most=16 * KIB)) for path in paths]
    assert peaks[1] < 1.3 * peaks[0]


def test_two_files_of_any_length_are_read_side_by_side(tmp_path):
    for name, count in (("a.txt", 5000), ("b.txt", 5001)):
        (tmp_path / name).write_text("".join(f"{name} {n}\n" for n in range(count)) + "\n \n")
    with pytest.raises(UnibridgeError, match=r"a\.txt has 5000 lines, .*b\.txt has 5001"):
        read_parallel(tmp_path / "a.txt", tmp_path / "b.txt")
    (tmp_path / "b.txt").write_text("".join(f"b {n}\n" for n in range(5000)))
    found = read_parallel(tmp_path / "a.txt", tmp_path / "b.txt", most=8 * KIB)
    for target, source in zip(found.target_lines, found.source_lines, strict=True):
        assert target.split()[1] == source.split()[1]
    assert f"{len(found.target_lines):,} of 5,000 pairs" in found.warnings[0]
