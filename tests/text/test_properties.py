"""What must hold of any input, drawn by hypothesis; each is the same at every run."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unibridge.errors import UnibridgeError
from unibridge.metrics import spans
from unibridge.text.corpus import read_text
from unibridge.text.labels import read_labels, write_predictions
from unibridge.text.pieces import short_pieces

ALIKE = settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
# whatever a word of a table may hold: no separator of fields or lines
WORD = st.text(
    st.characters(exclude_characters="\t\n\r", exclude_categories=("Cs", "Cc")), min_size=1
).filter(lambda word: word.strip() and word == word.strip(" "))
TYPE = st.sampled_from(["PER", "LOC", "C-x", "B", "O2"])


def written(folder, content, name):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@st.composite
def tagged(draw):
    """Words with tags in IOB2, and their entities."""
    words = draw(st.lists(WORD, min_size=1, max_size=12))
    tags, entities = [], set()
    while len(tags) < len(words):
        size = draw(st.integers(1, len(words) - len(tags)))
        kind = draw(st.none() | TYPE)
        if kind is not None:
            entities.add((kind, len(tags), len(tags) + size))
            tags += [f"B-{kind}", *[f"I-{kind}"] * (size - 1)]
        else:
            tags += ["O"] * size
    return words, tags, entities


@ALIKE
@given(tagged())
def test_tags_mean_their_entities_in_every_scheme(tmp_path, given):
    words, tags, entities = given
    assert spans(tags) == entities

    def ending(place):
        """The same in BIOES."""
        inside = place + 1 < len(tags) and tags[place + 1].startswith("I-")
        letter = {"B": "B" if inside else "S", "I": "I" if inside else "E"}[tags[place][0]]
        return letter + tags[place][1:]

    for scheme in (tags, [t if t == "O" else ending(i) for i, t in enumerate(tags)]):
        rows = [json.dumps({"words": words, "tags": scheme})]
        # a sentence that shows all letters, so that the scheme is told
        rows.append(json.dumps({"words": list("abcde"), "tags": ["O", "B-x", "I-x", "O", "O"]}))
        found = read_labels(written(tmp_path, "\n".join(rows) + "\n", "a.jsonl")).examples[0]
        assert spans(found.tags) == entities and list(found.words) == words


@ALIKE
@given(st.lists(st.tuples(WORD, st.sampled_from("NV")), min_size=1, max_size=9))
def test_a_column_of_words_comes_back_byte_for_byte(tmp_path, rows):
    content = "".join(f"{word}\t{tag}\n" for word, tag in rows) + "\n"
    path = written(tmp_path, content, "a.conll")
    file = read_labels(path)
    if [w for one in file.examples for w in one.words] != [word for word, _ in rows]:
        # only what the format itself has for comments and documents is no word
        assert any(word.startswith(("#", "-DOCSTART-", "\ufeff")) for word, _ in rows)
        return
    target = path.with_name("out.conll")
    write_predictions(file, [list(one.tags) for one in file.examples], target)
    assert target.read_bytes() == path.read_bytes()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@ALIKE
@given(st.lists(st.fixed_dictionaries({"text": JSON, "label": JSON}), min_size=1, max_size=4))
def test_values_of_any_type_are_text_or_an_error_with_its_line(tmp_path, rows):
    path = written(tmp_path, "".join(json.dumps(row) + "\n" for row in rows), "a.jsonl")
    try:
        found = read_labels(path, expect="text").examples
    except UnibridgeError as error:
        assert str(path) in str(error.where) and "\n" not in str(error)
        return
    for row, one in zip(rows, found, strict=True):
        assert isinstance(row["text"], str) and isinstance(one.label, str)
        # a class is what was written, or a number's digits; never a word for "nothing"
        assert one.label == row["label"] or str(row["label"]) == one.label
        assert row["label"] is not None and one.label not in ("None", "nan")
        one.text.encode()


@ALIKE
@given(st.binary(max_size=200) | st.text(max_size=120).map(lambda t: t.encode("utf-8", "replace")))
@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.csv"])
def test_any_bytes_are_lines_of_text_or_one_clear_line(tmp_path, name, content):
    try:
        corpus = read_text(written(tmp_path, content, name))
    except UnibridgeError as error:
        assert "\n" not in str(error).strip()
        return
    assert all(line == line.strip() and line for line in corpus.lines)


@ALIKE
@given(st.lists(st.text(max_size=300), max_size=6))
def test_pieces_of_lines_lose_nothing_but_space(lines):
    pieces = list(short_pieces(lines))
    assert "".join("".join(pieces).split()) == "".join("".join(lines).split())
