import json
from random import Random

import pytest

from unibridge.errors import UnibridgeError
from unibridge.text import documents, files
from unibridge.text.corpus import read_text
from unibridge.text.documents import records_of
from unibridge.text.files import stream_lines


def drawn(draw, depth=0):
    """A JSON value of any kind."""
    kinds = ["text", "number", "word", "list", "object"][: 3 if depth > 2 else 5]
    kind = draw.choice(kinds)
    if kind == "text":
        return "".join(draw.choices('ab "\\\n\u1230[]{},:\t', k=draw.randint(0, 30)))
    if kind == "number":
        return draw.choice([0, -7, 12345678901234567890, 1.5e-300, 3])
    if kind == "word":
        return draw.choice([True, False, None])
    if kind == "list":
        return [drawn(draw, depth + 1) for _ in range(draw.randint(0, 4))]
    return {str(i): drawn(draw, depth + 1) for i in range(draw.randint(0, 4))}


@pytest.mark.parametrize("indent", [None, 0, 2])
@pytest.mark.parametrize("part", [1, 7, 40])
def test_an_array_comes_record_by_record_as_json_loads_has_it(monkeypatch, indent, part):
    monkeypatch.setattr(documents, "_PART", part)
    draw = Random(part)
    for _ in range(60):
        items = [drawn(draw) for _ in range(draw.randint(0, 6))]
        text = f" \n{json.dumps(items, indent=indent, ensure_ascii=draw.random() < 0.5)}\n\n"
        assert list(records_of(iter(text.split("\n")), "a.json")) == items


@pytest.mark.parametrize("part", [1, 7, 1000])
def test_what_is_no_json_is_refused_as_json_loads_refuses_it(monkeypatch, part):
    monkeypatch.setattr(documents, "_PART", part)
    draw = Random(part)
    refused = 0
    for _ in range(300):
        text = list(json.dumps([drawn(draw) for _ in range(4)], indent=1))
        place = draw.randrange(len(text))
        text[place] = draw.choice(["", "", "]", "}", ",", '"', "x", "\n"])
        broken = "".join(text)
        try:
            expected = json.loads(broken)
        except ValueError:
            refused += 1
            with pytest.raises(UnibridgeError, match="not valid JSON") as caught:
                list(records_of(iter(broken.split("\n")), "a.json"))
            line = int(caught.value.where.rpartition(":")[2])
            assert 1 <= line <= broken.count("\n") + 1
        else:
            found = list(records_of(iter(broken.split("\n")), "a.json"))
            assert found == expected
    assert refused > 100


def test_of_an_array_no_more_than_a_record_is_held(monkeypatch):
    monkeypatch.setattr(documents, "_PART", 1000)
    held = []
    own = documents._Text._more

    def more(text):
        found = own(text)
        held.append(len(text._held))
        return found

    monkeypatch.setattr(documents._Text, "_more", more)
    lines = ["[", *(json.dumps({"text": "x" * 500}) + "," for _ in range(5000)), '"end"]']
    assert sum(1 for _ in records_of(iter(lines), "a.json")) == 5001
    assert max(held) < 3000 < sum(map(len, lines)) / 500


def test_what_would_have_to_be_held_whole_is_refused_with_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LONGEST", 5 << 20)
    (tmp_path / "a.txt").write_text("short\n" + "wo rd " * (1 << 20) + "\nshort\n")
    with pytest.raises(UnibridgeError, match=r"a\.txt:2: a line of more than 5 MB.*a line"):
        read_text(tmp_path / "a.txt")
    records = [{"text": "wo rd " * 1000}] * 1000
    (tmp_path / "b.json").write_text(json.dumps(records, indent=1))
    assert len(read_text(tmp_path / "b.json").lines) == 1000
    (tmp_path / "c.json").write_text(json.dumps({"a": records, "b": records}, indent=1))
    with pytest.raises(UnibridgeError, match=r"c\.json:1: a JSON value of more than 5 MB"):
        read_text(tmp_path / "c.json")


@pytest.mark.parametrize("part", [1, 3, 1 << 20])
def test_lines_are_the_same_however_they_are_read(tmp_path, monkeypatch, part):
    monkeypatch.setattr(files, "_PART_BYTES", part)
    for content in (
        *("a\r\nb\r\n", "a\nb", "\n\na\n", "\ufeffሰላም\r\nx", "a\rb\n", ""),
        *("a\nb\r\nc\n\r\n\nd", "a\r\n\nb\r\n", "\r\n\n"),
    ):
        (tmp_path / "a.txt").write_bytes(content.encode())
        form = files.Form.to_write()
        lines = list(stream_lines(tmp_path / "a.txt", form))
        expected = content.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
        assert lines == (expected if expected[-1] else expected[:-1])
        assert b"".join(form.encode([(lines, lines)])) == content.encode()
