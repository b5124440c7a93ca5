import pytest

from unibridge.errors import UnibridgeError
from unibridge.text.parallel import read_parallel


def test_two_files_and_one_table_give_the_same_pairs(tmp_path):
    (tmp_path / "am.txt").write_text("ሰላም \nአዲስ\n\n")
    (tmp_path / "en.txt").write_text("hello\nnew\n")
    (tmp_path / "both.tsv").write_text("ሰላም\thello\nአዲስ\t new\n\n")
    pairs = read_parallel(tmp_path / "am.txt", tmp_path / "en.txt")
    assert pairs.target_lines == ("ሰላም", "አዲስ") and pairs.source_lines == ("hello", "new")
    assert read_parallel(tmp_path / "both.tsv") == pairs


def test_unequal_files_are_both_named_with_their_counts(tmp_path):
    (tmp_path / "am.txt").write_text("a\nb\nc\n")
    (tmp_path / "en.txt").write_text("a\nb\n")
    with pytest.raises(UnibridgeError, match=r"am\.txt has 3 lines, .*en\.txt has 2"):
        read_parallel(tmp_path / "am.txt", tmp_path / "en.txt")


@pytest.mark.parametrize(
    ("target", "source", "place"),
    [
        ("a\tb\na b\n", None, "target:2"),
        ("a\tb\n\nc\td\n", None, "target:2"),
        ("a\tb\na\t \n", None, "target:2"),
        ("", None, "target"),
        ("a\n\nc\n", "a\nb\nc\n", "target:2"),
        ("a\nb\nc\n", "a\n \nc\n", "source:2"),
    ],
)
def test_faults_are_named_with_file_and_line(tmp_path, target, source, place):
    (tmp_path / "target").write_text(target)
    (tmp_path / "source").write_text(source or "")
    with pytest.raises(UnibridgeError) as caught:
        read_parallel(tmp_path / "target", None if source is None else tmp_path / "source")
    assert caught.value.where.endswith(place)
