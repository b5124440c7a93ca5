"""What a broken file is taken for where it is no error: notes and result of each kind.

The kinds are those that `make harden` counts as understood.
"""

import json

import pytest

from toy import LINES, drawn_pack
from toy_run import toy_labels, toy_lines
from unibridge.ensemble.model import MultiSourceModel
from unibridge.text.belonging import shared_with
from unibridge.text.corpus import read_text
from unibridge.text.labels import read_labels
from unibridge.text.parallel import read_parallel

PAIRS = "ab cd\tone two\nef\tthree\ngh ij\tfour five\n"


def parallel(folder, content):
    (folder / "p.tsv").write_bytes(content.encode())
    found = read_parallel(folder / "p.tsv")
    return list(zip(found.target_lines, found.source_lines, strict=True)), found.warnings


def test_pairs_in_another_order_are_the_same_pairs(tmp_path):
    lines = PAIRS.splitlines(keepends=True)
    found, notes = parallel(tmp_path, "".join(lines[::-1]))
    assert sorted(found) == sorted(parallel(tmp_path, PAIRS)[0]) and not notes


def test_of_a_parallel_file_that_is_cut_off_the_last_pair_is_what_is_left(tmp_path):
    found, notes = parallel(tmp_path, PAIRS[:-3])
    assert found == [("ab cd", "one two"), ("ef", "three"), ("gh ij", "four fi")] and not notes


@pytest.mark.parametrize("piece", ["\\", "../../x", "\u2028", "null", "NaN", '"', "B-"])
def test_what_is_put_into_a_side_stays_there(tmp_path, piece):
    found, notes = parallel(tmp_path, PAIRS.replace("e two", f"e{piece} two"))
    assert found[0] == ("ab cd", f"one{piece} two") and len(found) == 3 and not notes


@pytest.mark.parametrize("piece", ["\\", "../../x", "\u2028", "null", "NaN", '"', "B-", "="])
def test_what_is_put_into_a_line_of_text_stays_there(tmp_path, piece):
    (tmp_path / "a.txt").write_bytes(f"one two\nth{piece}ree\nfour\n".encode())
    found = read_text(tmp_path / "a.txt")
    assert found.lines == ("one two", f"th{piece}ree", "four") and not found.warnings


def test_lines_of_text_in_another_order_are_the_same_lines(tmp_path):
    (tmp_path / "a.txt").write_text("\n".join(LINES[::-1]))
    found = read_text(tmp_path / "a.txt")
    assert sorted(found.lines) == sorted(LINES) and not found.warnings


def test_labels_of_another_language_are_read_and_the_shared_ones_counted(tmp_path):
    """A part of the target's test labels under the name of a source's training labels."""
    content = toy_labels("ner", toy_lines("lug", 9))
    (tmp_path / "test.conll").write_text(content)
    (tmp_path / "train.conll").write_text(content[: len(content) // 2].rpartition("\n\n")[0])
    test, train = (
        read_labels(tmp_path / f"{n}.conll", expect="entities") for n in ("test", "train")
    )
    assert 0 < len(train.examples) < len(test.examples) and not train.warnings
    (note,) = shared_with(test.examples, {"the training labels of en": train.examples})
    assert note.startswith(f"{len(train.examples)} of the 9 test examples are in the training")


def test_labels_whose_lines_are_shuffled_are_other_sentences_of_the_same_words(tmp_path):
    content = "ab\tB-LOC\ncd\tO\n\nef\tO\n\n"
    (tmp_path / "a.conll").write_text("".join(sorted(content.splitlines(keepends=True))))
    found = read_labels(tmp_path / "a.conll", expect="entities")
    assert [one.words for one in found.examples] == [("ab", "cd", "ef")] and not found.warnings


def test_types_without_letters_among_outside_are_entities_and_counted(tmp_path):
    (tmp_path / "a.conll").write_text("w0\tLOC\nw1\tLOC\nw2\tO\nw3\tLOC\n")
    found = read_labels(tmp_path / "a.conll", expect="entities")
    assert found.examples[0].tags == ("B-LOC", "I-LOC", "O", "B-LOC")
    assert "types without B- or I-" in found.warnings[0] and ": 3 written" in found.warnings[0]


def test_a_manifest_says_when_a_pack_was_made_and_decides_nothing(tmp_path):
    pack = drawn_pack("ner", {"en": 1.0})
    pack.save_pretrained(tmp_path / "pack")
    before = MultiSourceModel.load(tmp_path / "pack").predict(LINES)
    (tmp_path / "pack" / "manifest.json").write_text(json.dumps({"finished": "2NaN026"}))
    assert MultiSourceModel.load(tmp_path / "pack").predict(LINES) == before
