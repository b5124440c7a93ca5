import gzip
import json
import random
import sys
import time

import pytest

from hub import hub_folder
from unibridge.errors import UnibridgeError
from unibridge.memory import peak_memory, reset_peak_memory
from unibridge.text import corpus as corpus_module
from unibridge.text.corpus import join_samples, read_text, split_held_out, spread
from unibridge.text.languages import count_words
from unibridge.text.stream import label_file


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_every_form_gives_the_same_lines(tmp_path):
    text = "  one two \r\n\r\nthree\n"
    records = "".join(json.dumps({"text": line}) + "\n" for line in ("one two ", " ", "three"))
    forms = {
        "a.txt": text,
        "b.jsonl": records,
        "c.txt.gz": gzip.compress(text.encode()),
        "d.jsonl.gz": gzip.compress(records.encode()),
        "e.corpus": text,
        "f.txt": b"\xef\xbb\xbf" + text.encode(),
        "g.jsonl": json.dumps({"text": "one two\n\nthree"}),
    }
    for name, content in forms.items():
        assert read_text(write(tmp_path / name, content)).lines == ("one two", "three"), name


def test_folders_are_read_recursively_in_order_and_other_files_are_named(tmp_path):
    write(tmp_path / "b.txt", "b")
    write(tmp_path / "a" / "z.jsonl", '{"text": "az"}')
    write(tmp_path / "a" / "empty.txt", "\n")
    write(tmp_path / "notes.pdf", b"%PDF\0")
    write(tmp_path / ".hidden.txt", "hidden")
    corpus = read_text(tmp_path)
    assert corpus.lines == ("az", "b")
    assert len(corpus.warnings) == 2
    assert any("notes.pdf" in warning for warning in corpus.warnings)
    assert any("empty.txt" in warning for warning in corpus.warnings)
    assert read_text([tmp_path / "b.txt", tmp_path / "a"]).lines == ("b", "az")


def test_text_is_kept_as_it_is(tmp_path):
    decomposed = "e\u0301 \u200b\u2028x ﬁ"
    assert read_text(write(tmp_path / "a.txt", decomposed)).lines == (decomposed,)


@pytest.mark.parametrize(
    ("name", "content", "place", "remedy"),
    [
        ("a.txt", b"", "a.txt", "empty"),
        ("a.txt", b" \n\n", "a.txt", "empty"),
        ("a.txt", b"fine\nal\0so", "a.txt:2", "binary"),
        ("a.txt", b"ab\n" + bytes([1, 2, 3]) * 20, "a.txt:2", "binary"),
        ("a.txt", "fine\ncafé".encode("latin-1"), "a.txt:2", "iconv -f ISO-8859-1 -t UTF-8"),
        ("a.txt", "fine".encode("utf-16"), "a.txt:1", "iconv -f UTF-16 -t UTF-8"),
        ("a.jsonl", b'{"text": "a"}\n{"text": 3}', "a.jsonl:2", '"text"'),
        ("a.jsonl", b'{"text": "a"}\n\n{"text"', "a.jsonl:3", "JSON"),
        ("a.jsonl", b"[1]", "a.jsonl: record 1", "number"),
        ("a.txt.gz", b"not gzip", "a.txt.gz", "gzip"),
        ("a.txt.gz", gzip.compress(b"text" * 99, mtime=0)[:-9], "a.txt.gz", "gzip"),
    ],
)
def test_bad_files_are_named_with_line_and_remedy(tmp_path, name, content, place, remedy):
    with pytest.raises(UnibridgeError) as caught:
        read_text(write(tmp_path / name, content))
    assert caught.value.where.endswith(place)
    assert remedy in str(caught.value)


def test_the_byte_that_is_not_utf8_is_counted_from_the_start(tmp_path):
    with pytest.raises(UnibridgeError, match="byte 5 "):
        read_text(write(tmp_path / "a.txt", b"\xef\xbb\xbfab\xe9 c"))


def test_missing_paths_say_how_to_name_a_hub_data_set(tmp_path):
    with pytest.raises(UnibridgeError, match="hub:org/name"):
        read_text(tmp_path / "absent.txt")
    (tmp_path / "bare").mkdir()
    with pytest.raises(UnibridgeError, match="no text file"):
        read_text(tmp_path / "bare")


def test_hub_ids_name_the_extra_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UnibridgeError, match=r'pip install "unibridge\[data\]"'):
        read_text("hub:org/name")


def test_hub_ids_name_config_split_and_column(tmp_path, monkeypatch):
    hub_folder(tmp_path, monkeypatch, {"train": [{"text": "one\ntwo"}, {"text": None}]})
    hub_folder(tmp_path, monkeypatch, {"test": [{"text": "t", "title": "U"}]}, config="am")
    assert read_text("hub:org/name").lines == ("one", "two")
    assert read_text("hub:org/name:am:test#title").lines == ("U",)
    with pytest.raises(UnibridgeError, match="#COLUMN, one of: text"):
        read_text("hub:org/name#body")
    with pytest.raises(UnibridgeError, match=r"cannot be loaded .*dev"):
        read_text("hub:org/name:am:dev")


def test_held_out_lines_are_a_seeded_part():
    lines = [str(number) for number in range(500)]
    state = random.getstate()
    train, held_out = split_held_out(lines, 0.01, seed=3)
    assert random.getstate() == state
    assert len(held_out) == 5 and sorted(train + held_out, key=int) == lines
    assert train == sorted(train, key=int)
    assert (train, held_out) == split_held_out(lines, 0.01, seed=3)
    assert held_out != split_held_out(lines, 0.01, seed=4)[1]
    assert [len(part) for part in split_held_out(["a", "b"], 0.01, seed=0)] == [1, 1]
    assert split_held_out(lines, 0, seed=0) == (lines, [])
    with pytest.raises(UnibridgeError, match="cannot be divided"):
        split_held_out(["a"], 0.5, seed=0)


def test_samples_hold_whole_lines_up_to_the_given_words():
    assert join_samples(["a b", "c", "d e f"], 3) == ["a b c", "d e f"]
    assert join_samples(["a b", "c d", "e"], 3) == ["a b", "c d e"]
    assert join_samples(["a b", "c"], 0) == ["a b", "c"]


def test_longer_lines_are_cut_and_nothing_is_lost():
    assert join_samples(["a b c d e f g", "h"], 3) == ["a b c", "d e f", "g h"]
    thai = "ภาษาไทยไม่มีช่องว่างระหว่างคำ"
    mixed = [thai, "mixed " + thai + " words", "漢字kanaかな " * 4]
    samples = join_samples(mixed, 2)
    assert "".join("".join(samples).split()) == "".join("".join(mixed).split())
    assert all(count_words(sample) <= 2 + 1e-9 for sample in samples)
    # Thai vowel signs and tones are marks, which cannot begin a piece
    assert not any(sample[0] in "ัิีึืุู็่้๊๋์" for sample in samples)


def test_a_consonant_below_another_stays_there():
    samples = join_samples(["ក្ក" * 8], 1)
    assert all(sample.count("ក") == 2 * sample.count("្") for sample in samples)
    assert len(samples) > 1


def cut_one_by_one(line, words):
    """What `join_samples` makes of one line, each unit counted by itself."""
    pieces, piece, filled = [], "", 0.0
    for unit in corpus_module._units(line):
        length = count_words(unit)
        if piece and filled + length > words + 1e-9:
            pieces.append(piece.strip())
            piece, filled = "", 0.0
        piece, filled = piece + unit, filled + length
    return [*pieces, piece.strip()]


def test_a_long_line_is_cut_as_if_its_words_were_counted_one_by_one(monkeypatch):
    draw = random.Random(1)
    parts = [*"ab東京ก็្។。. ", "b ", "สวั", "ម្ភ", "x" * 70, "\u00a0", "\u3000", "é", "a\u0301"]
    for number in range(400):
        line = "".join(draw.choices(parts, k=draw.randint(1, 400))).strip()
        words = draw.randint(1, 60)
        # also where the words are longer or shorter than they were at first
        monkeypatch.setattr(corpus_module, "_AT_FIRST", 4096 if number % 2 else 20)
        found = join_samples([line], words)
        assert found == cut_one_by_one(line, words)
        assert "".join("".join(found).split()) == "".join(line.split())


@pytest.mark.parametrize(
    ("line", "space"),
    [
        ("omuntu agenda mu kibuga ekinene", " "),
        ("我们今天去北京看长城和故宫。", ""),
        ("ภาษาไทยไม่มีช่องว่าง", ""),
    ],
)
def test_one_line_is_counted_about_as_often_as_many(monkeypatch, line, space):
    counted = []

    def count(text):
        counted.append(len(text))
        return count_words(text)

    monkeypatch.setattr(corpus_module, "count_words", count)
    many = join_samples([line] * 2000, 128)
    lines, counted[:] = sum(counted), []
    one = join_samples([space.join([line] * 2000)], 128)
    assert sum(counted) < 2 * lines and abs(len(one) - len(many)) <= 0.2 * len(many)


@pytest.mark.parametrize(
    "line",
    ["omuntu agenda mu kibuga: été ou hiver.", "我们今天去北京看长城和故宫。", "ภาษาไทยไม่มีช่องว่าง"],
)
def test_text_on_one_line_is_read_and_cut_in_the_time_of_lines(tmp_path, line):
    count = 100_000 // len(line.encode())

    def seconds(name, between):
        path = write(tmp_path / name, between.join([line] * count))
        found = []
        for _ in range(5):
            begun = time.process_time()
            join_samples(read_text(path).lines, 128)
            found.append(time.process_time() - begun)
        return min(found)

    assert seconds("one.txt", " ") < 2.5 * seconds("lines.txt", "\n")


def test_distinct_words_on_one_line_are_cut_in_the_time_of_lines():
    words = [f"w{number:06d}" for number in range(40_000)]
    lines = [" ".join(words[k : k + 8]) for k in range(0, len(words), 8)]

    def seconds(text):
        found = []
        for _ in range(3):
            corpus_module._kept_words.cache_clear()
            begun = time.process_time()
            join_samples(text, 128)
            found.append(time.process_time() - begun)
        return min(found)

    assert seconds([" ".join(lines)]) < 3 * seconds(lines)


def test_long_units_are_counted_without_being_kept():
    corpus_module._kept_words.cache_clear()
    before = "a " * 120
    join_samples([before + f"data:{number:040d}{'x' * 400} b" for number in range(50)], 8)
    assert 0 < corpus_module._kept_words.cache_info().currsize < 5


@pytest.mark.parametrize("count", [1, 7, 100, 150, 199])
def test_a_spread_has_its_size_keeps_order_and_leaves_no_large_gap(count):
    chosen = spread(range(count), 100)
    assert len(chosen) == min(count, 100)
    assert chosen == sorted(set(chosen)) and chosen[0] == 0
    gaps = [b - a for a, b in zip(chosen, [*chosen[1:], count], strict=True)]
    assert max(gaps) - min(gaps) <= 1


def test_of_more_text_than_is_held_lines_are_kept_evenly_spread_and_counted(tmp_path):
    lines = [f"line {number:06d}" for number in range(5000)]
    paths = [write(tmp_path / f"{k}.txt", "\n".join(lines[k::2]) + "\n") for k in range(2)]
    steps = []
    corpus = read_text(paths, most=6000, progress=lambda *step: steps.append(step))
    assert 400 < len(corpus.lines) < 600 and len(set(corpus.lines)) == len(corpus.lines)
    half = sum(line in set(lines[0::2]) for line in corpus.lines)
    assert abs(half - len(corpus.lines) / 2) < 2
    assert "of 5,000 lines, evenly spread" in corpus.warnings[0]
    assert steps and all(done <= total for done, total in steps)
    assert read_text(paths, most=6000).lines == corpus.lines
    assert len(read_text(paths, most=None).lines) == 5000


@pytest.mark.slow
def test_a_large_text_is_read_and_predicted_on_in_little_memory(tmp_path):
    """20 MB; what is held is bounded by the settings, not by the file."""
    path = tmp_path / "a.txt"
    with path.open("w") as file:
        for number in range(20):
            file.write(f"a line of text with number {number} and some more\n" * 20_000)
    before = peak_memory()
    reset_peak_memory()
    start = peak_memory()
    corpus = read_text(path, most=2**20)
    count = label_file(
        path, tmp_path / "out", lambda part, _: ["x"] * len(part), expect="text", block_lines=1000
    )
    assert count == 400_000 and len(corpus.lines) < 25_000
    if start and start <= before:
        assert peak_memory() - start < 40 * 2**20
