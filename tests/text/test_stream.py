import gzip
from itertools import count, islice

import pytest

from unibridge.errors import UnibridgeError
from unibridge.text.examples import Layout, ReadAs, TaggedSentence
from unibridge.text.labels import READERS, read_labels, write_predictions
from unibridge.text.stream import blocks, label_file

BLANKS = "\t_" * 8
# per reader the beginning of a file, and what its n-th example looks like
FORMATS = {
    "conllu": ("", lambda n: f"# sent_id = {n}\n1-2\tab{BLANKS}\n1\ta\t_\tX{BLANKS[4:]}\n"),
    "conll": ("-DOCSTART-\tO\n\n", lambda n: f"am:a{n}\tO\nam:b\tB-X\n"),
    "words": ("", lambda n: f"word{n} text text\n"),
    "tsv": ("id\ttext\tlabel\n", lambda n: f"{n}\ttext\t\n"),
    "csv": ("note,text\n", lambda n: f'"a\nb ""c""",text\n{n},"one, two"\n'),
    "jsonl": ("", lambda n: f'{{"id": {n}, "text": "ሰላም"}}\n'),
    "text": ("", lambda n: f"text {n}\n\n"),
}


def test_every_reader_is_tried_but_that_of_a_format_without_parts():
    assert set(READERS) == {*FORMATS, "squad", "questions", "json"}


def told(example):
    """A prediction that depends on the example alone."""
    if isinstance(example, TaggedSentence):
        return [f"B-{word}" for word in example.words]
    return f"{example.text}?".replace("\n", " ")


def write_file(folder, reader, examples):
    start, nth = FORMATS[reader]
    blank = "\n" if reader in ("conll", "conllu") else ""
    path = folder / f"in.{reader}"
    path.write_text(start + blank.join(nth(n) for n in range(examples)), encoding="utf-8")
    return path


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("reader", FORMATS)
def test_block_by_block_is_as_the_whole_file_at_once(tmp_path, reader, size):
    path = write_file(tmp_path, reader, 23)
    file = read_labels(path, reader, labelled=False)
    write_predictions(file, [told(example) for example in file.examples], tmp_path / "whole")
    seen, steps = [], []

    def predict(examples, inform):
        seen.append(len(examples))
        inform(len(examples), len(examples))
        return [told(example) for example in examples]

    found = label_file(
        path,
        tmp_path / "streamed",
        predict,
        read_as=ReadAs(reader),
        block_lines=size,
        progress=lambda *now: steps.append(now),
    )
    assert (tmp_path / "streamed").read_bytes() == (tmp_path / "whole").read_bytes()
    assert found == sum(seen) == len(file.examples)
    # told of both readings: so many so far, then of all
    first = [done for done, total in steps if not total]
    second = [step for step in steps if step[1]]
    assert (
        first == sorted(first) and first[-1] == found and steps == [(n, 0) for n in first] + second
    )
    assert second[-1] == (found, found) and second == sorted(second)
    assert (len(seen) > 1) == (size < 1000) and max(seen) <= max(size, 2)


@pytest.mark.parametrize("reader", FORMATS)
def test_an_endless_file_is_read_no_further_than_the_blocks_that_were_asked_for(reader):
    start, nth = FORMATS[reader]
    layout = Layout("file", whole={"separator": ","})
    taken = 0

    def endless():
        nonlocal taken
        for n in count():
            for line in ((start if n == 0 else "") + nth(n) + "\n").split("\n")[:-1]:
                taken += 1
                yield line

    given = list(islice(blocks(endless(), READERS[reader], 10, layout), 3))
    assert all(len(block) <= 10 for block in given)
    assert taken <= sum(map(len, given)) + 10


def test_a_fault_on_the_last_line_is_told_before_anything_is_predicted(tmp_path):
    path = tmp_path / "in.tsv"
    path.write_text("a\tx\n" * 50 + "b\n")

    def predict(*_):
        raise AssertionError("predicted")

    with pytest.raises(UnibridgeError, match=r"in\.tsv:51: 1 instead of 2 columns"):
        label_file(path, tmp_path / "out", predict, block_lines=8)
    path.write_text("\n\n")
    with pytest.raises(UnibridgeError, match="no example"):
        label_file(path, tmp_path / "out", predict)


def test_columns_of_a_file_without_a_header_are_counted_once(tmp_path):
    """A later row that looks like a header is a text like any other."""
    path = tmp_path / "in.tsv"
    path.write_text("one\nsentence\ntext\n")
    label_file(path, tmp_path / "out", lambda part, _: ["x"] * len(part), block_lines=1)
    assert (tmp_path / "out").read_text() == "one\tx\nsentence\tx\ntext\tx\n"


def test_an_older_result_stays_when_predicting_breaks_off(tmp_path):
    path = write_file(tmp_path, "tsv", 5)
    (tmp_path / "out.tsv").write_text("older")

    def predict(examples, _):
        if examples[0].text == "text" and len(examples) == 1:
            raise KeyboardInterrupt
        return ["x"] * len(examples)

    with pytest.raises(KeyboardInterrupt):
        label_file(path, tmp_path / "out.tsv", predict, block_lines=2)
    assert (tmp_path / "out.tsv").read_text() == "older"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.tsv", "out.tsv"]


def test_compressed_files_come_back_compressed(tmp_path):
    path = tmp_path / "in.txt.gz"
    path.write_bytes(gzip.compress("ሰላም\nsecond\n".encode()))
    label_file(path, tmp_path / "out.txt.gz", lambda part, _: ["x"] * len(part), expect="text")
    assert gzip.decompress((tmp_path / "out.txt.gz").read_bytes()).decode() == "ሰላም\tx\nsecond\tx\n"
