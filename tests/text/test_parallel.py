import pytest

from unibridge.errors import UnibridgeError
from unibridge.text.lexicon import read_lexicon
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


NAMES = [
    ("Luganda", "English"),
    ("luganda", "english"),
    ("Ganda", "Français"),
    ("Kiswahili", "Kiingereza"),
    ("አማርኛ", "እንግሊዝኛ"),
    ("中文", "English"),
    ("English (source)", "Luganda sentence"),
    ("Haitian Creole", "Spanish"),
]


@pytest.mark.parametrize("names", NAMES)
def test_two_languages_names_are_a_header_in_every_form_of_pairs(tmp_path, names):
    sides = [("omuntu", "person"), ("ennyumba", "house"), ("okulya", "eat")]
    for path, row in ((tmp_path / "p.tsv", "{}\t{}\n"), (tmp_path / "d.tsv", "{}\t{}\n")):
        path.write_text("".join(row.format(*pair) for pair in [names, *sides]))
    for place, side in enumerate(("am.txt", "en.txt")):
        (tmp_path / side).write_text("".join(f"{pair[place]}\n" for pair in [names, *sides]))
    for found in (
        read_parallel(tmp_path / "p.tsv"),
        read_parallel(tmp_path / "am.txt", tmp_path / "en.txt"),
    ):
        assert list(zip(found.target_lines, found.source_lines, strict=True)) == sides
        assert f"taken for the columns' names: {', '.join(names)}" in found.warnings[0]
    lexicon = read_lexicon(tmp_path / "d.tsv")
    assert list(lexicon.entries) == sides and "columns' names" in lexicon.warnings[0]


@pytest.mark.parametrize(
    "first",
    [
        # one language in two: an entry like any other
        ("Lungereza", "English"),
        ("Deutsch", "German"),
        # words that are not both names of languages
        ("Ewe", "Sheep"),
        ("English", "Tea"),
        ("man", "homme"),
        ("Kampala", "Nairobi"),
    ],
)
def test_a_first_entry_that_only_resembles_names_of_languages_stays(tmp_path, first):
    (tmp_path / "d.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in [first, ("a", "b")]))
    for found in (read_lexicon(tmp_path / "d.tsv"), read_parallel(tmp_path / "d.tsv")):
        assert len(getattr(found, "entries", ()) or found.target_lines) == 2 and not found.warnings


def test_words_that_are_codes_of_languages_too_stay_and_a_lexicon_says_so(tmp_path):
    (tmp_path / "d.tsv").write_text("no\tnon\na\tb\n")
    lexicon, lines = read_lexicon(tmp_path / "d.tsv"), read_parallel(tmp_path / "d.tsv")
    assert len(lexicon.entries) == len(lines.target_lines) == 2
    assert "codes of languages: no, non" in lexicon.warnings[0] and not lines.warnings
