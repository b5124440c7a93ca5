"""Words and tags are found in whatever columns they stand, with a note, or the file is refused."""

import random

import pytest

from unibridge.errors import UnibridgeError
from unibridge.text.labels import TaggedSentence, read_labels, write_predictions
from unibridge.text.stream import label_file

WORDS = ("Ann", "saw", "1984", ".", "in", "Oslo")
TAGS = ("B-PER", "O", "O", "O", "O", "B-LOC")
POS = ("PROPN", "VERB", "NUM", "PUNCT", "ADP", "PROPN")


def write(folder, content, name="a.conll"):
    (folder / name).write_text(content)
    return folder / name


def table(*columns, header=(), separator="\t"):
    rows = [*([header] if header else []), *zip(*columns, strict=True)]
    return "".join(separator.join(map(str, row)) + "\n" for row in rows)


SIX = range(6)
FOUND = {
    "a score behind the tags": table(WORDS, TAGS, [0.5] * 6),
    "a remark behind the tags": table(WORDS, TAGS, ["_", "NoSpaceAfter", *"____"]),
    "columns of a shared task": table(
        WORDS,
        TAGS,
        ["_"] * 6,
        ["Q1", *"_____"],
        header=("TOKEN", "NE-COARSE-LIT", "NEL-LIT", "MISC"),
    ),
    "a column left empty": table(WORDS, TAGS, [""] * 6),
    "a column of underlines": table(WORDS, POS, TAGS, ["_"] * 6),
    "rows counted through": table(SIX, WORDS, TAGS),
    "documents counted": table([1, 1, 1, 3, 3, 3], WORDS, TAGS),
    "offsets": table([f"1-{n}" for n in SIX], [f"{n}-{n}" for n in SIX], WORDS, TAGS),
    "names of columns": table(WORDS, TAGS, POS, header=("word", "ner", "pos")),
    "an id before the word": table(SIX, WORDS, TAGS, header=("sentence_id", "token", "tag")),
    "an id of letters": table(["s1"] * 6, WORDS, TAGS, header=("doc", "form", "ner_tags")),
    "a chunk before the entity": table(WORDS, POS, ["B-NP", *"OOOOO"], TAGS),
    "names in another language": table(WORDS, TAGS, header=("слово", "тег")),
}


@pytest.mark.parametrize("separator", ["\t", " "])
@pytest.mark.parametrize("kind", FOUND)
def test_words_and_tags_are_found_and_said(tmp_path, kind, separator):
    content = FOUND[kind].replace("\t", separator)
    if separator == " " and kind == "a column left empty":
        return  # spaces leave no cell empty
    path = write(tmp_path, content)
    found = read_labels(path, expect="entities")
    assert found.examples == [TaggedSentence(WORDS, TAGS)]
    (note,) = [one for one in found.warnings if "column" in one]
    assert "a.conll" in note
    # predicting reads the same words, and writes where the tags stand
    write_predictions(found, [TAGS[::-1]], tmp_path / "out.conll")
    again = read_labels(tmp_path / "out.conll", expect="entities")
    assert again.examples == [TaggedSentence(WORDS, TAGS[::-1])]
    seen = []

    def predict(part, _):
        seen.extend(part)
        return [TAGS[::-1]] * len(part)

    label_file(path, tmp_path / "two.conll", predict, expect="entities")
    assert [one.words for one in seen] == [WORDS]
    assert (tmp_path / "two.conll").read_text() == (tmp_path / "out.conll").read_text()


XPOS = ("NNP", "VBD", "CD", ".", "IN", "NNP")
LEMMAS = ("Ann", "see", "1984", ".", "in", "Oslo")


@pytest.mark.parametrize("separator", ["\t", " "])
@pytest.mark.parametrize(
    ("content", "expect"),
    [
        (table(WORDS, XPOS), "entities"),
        (table(WORDS, POS, XPOS), "entities"),
        (table(WORDS, LEMMAS), "words"),
        (table(WORDS, TAGS), "words"),
    ],
)
def test_what_is_predicted_overwrites_no_other_column(tmp_path, content, expect, separator):
    content = content.replace("\t", separator)
    path = write(tmp_path, content)
    found = read_labels(path, labelled=False, expect=expect)
    assert any("written behind it" in one for one in found.warnings)
    own = TAGS if expect == "entities" else POS
    write_predictions(found, [own], tmp_path / "out.conll")
    rows = [line.split(separator) for line in content.splitlines()]
    assert (tmp_path / "out.conll").read_text() == "".join(
        separator.join([*row, tag]) + "\n" for row, tag in zip(rows, own, strict=True)
    )
    # what was predicted before is overwritten
    again = read_labels(tmp_path / "out.conll", labelled=False, expect=expect)
    write_predictions(again, [own[::-1]], tmp_path / "two.conll")
    assert read_labels(tmp_path / "two.conll", expect=expect).examples[0].tags == own[::-1]
    assert (
        len((tmp_path / "two.conll").read_text().splitlines()[0].split(separator))
        == len(rows[0]) + 1
    )


def test_numbers_of_words_are_not_taken_for_the_words(tmp_path):
    rows = table(range(6), WORDS)
    path = write(tmp_path, rows.replace("3\t", "\n3\t"))
    found = read_labels(path, labelled=False, expect="entities")
    assert [one.words for one in found.examples] == [WORDS[:3], WORDS[3:]]
    write_predictions(found, [TAGS[:3], TAGS[3:]], tmp_path / "out.conll")
    assert (tmp_path / "out.conll").read_text().startswith("0\tAnn\tB-PER\n1\tsaw\tO\n")
    # a file of years is words
    years = read_labels(write(tmp_path, table([1984] * 6, POS)), labelled=False, expect="words")
    assert years.examples[0].words == ("1984",) * 6


def test_universal_parts_of_speech_before_a_treebanks_own(tmp_path):
    found = read_labels(write(tmp_path, table(WORDS, POS, XPOS)), expect="words")
    assert found.examples == [TaggedSentence(WORDS, POS)]
    assert any("taken from column 1" in one for one in found.warnings)
    both = read_labels(write(tmp_path, table(WORDS, POS, POS[::-1])), expect="words")
    assert any("stand in columns 1, 2" in one for one in both.warnings)


NUMBERED = {
    "by number": table([7, 7, 7, 7, 8, 8], WORDS, TAGS),
    "by number, behind": table(WORDS, POS, [1, 1, 1, 1, 2, 2], TAGS),
    "once each": table(["Sentence: 1", "", "", "", "Sentence: 2", ""], WORDS, POS, TAGS),
    "with names": table(
        ["s9", "s9", "s9", "s9", "s10", "s10"], WORDS, TAGS, header=("Sentence #", "Word", "Tag")
    ),
    "with names, once each": table(
        ["Sentence: 1", "", "", "", "Sentence: 2", ""],
        WORDS,
        POS,
        TAGS,
        header=("Sentence #", "Word", "POS", "Tag"),
    ),
}


@pytest.mark.parametrize("kind", NUMBERED)
def test_sentences_that_a_column_numbers_need_no_blank_line(tmp_path, kind):
    path = write(tmp_path, NUMBERED[kind])
    found = read_labels(path, expect="entities")
    parted = [TaggedSentence(WORDS[:4], TAGS[:4]), TaggedSentence(WORDS[4:], TAGS[4:])]
    assert found.examples == parted
    assert any("sentence" in one.lower() for one in found.warnings)
    seen = []

    def predict(part, _):
        seen.append([one.words for one in part])
        return [["O"] * len(one.words) for one in part]

    # a file of any size is cut where they begin
    label_file(path, tmp_path / "out.conll", predict, expect="entities", block_lines=2)
    assert [words for part in seen for words in part] == [WORDS[:4], WORDS[4:]]
    assert len(seen) == 2
    again = read_labels(tmp_path / "out.conll", expect="entities")
    assert [one.words for one in again.examples] == [WORDS[:4], WORDS[4:]]


def test_numbers_within_sentences_that_blank_lines_part_tell_nothing(tmp_path):
    rows = table([1, 1, 1, 2, 2, 2], WORDS, TAGS)
    found = read_labels(write(tmp_path, f"{rows}\n{rows}"), expect="entities")
    assert [one.words for one in found.examples] == [WORDS, WORDS]


def test_names_say_which_tags_a_task_means(tmp_path):
    path = write(tmp_path, table(WORDS, POS, TAGS, header=("word", "pos", "ner")))
    assert read_labels(path, expect="words").examples == [TaggedSentence(WORDS, POS)]
    assert read_labels(path, expect="entities").examples == [TaggedSentence(WORDS, TAGS)]


@pytest.mark.parametrize(
    ("content", "expect"),
    [(table(TAGS, WORDS), "entities"), (table(POS, WORDS), "words"), (table(TAGS, WORDS), "words")],
)
def test_words_and_tags_that_changed_places_are_refused(tmp_path, content, expect):
    path = write(tmp_path, content)
    with pytest.raises(UnibridgeError, match=r"a\.conll:1: the words are tags") as caught:
        read_labels(path, expect=expect)
    assert "words = 1, tags = 0" in caught.value.do
    found = read_labels(path, columns={"words": 1, "tags": 0}, expect=expect)
    assert found.examples[0].words == WORDS


@pytest.mark.parametrize("expect", ["entities", "trees"])
def test_conllu_under_another_name_is_named(tmp_path, expect):
    rows = [f"{n}\ta\t_\tX\t_\t_\t{n - 1}\tx\t_\tNE=O\n" for n in range(1, 5)]
    with pytest.raises(UnibridgeError, match=r"a\.conll:1: these are the ten columns of CoNLL-U"):
        read_labels(write(tmp_path, "".join(rows)), expect=expect)
    assert read_labels(tmp_path / "a.conll", expect="words").examples[0].tags == ("X",) * 4


def test_languages_of_a_joined_file_are_left_out_and_said(tmp_path):
    words = [f"{code}:w{n}" for code in ("am", "be-x-old") for n in range(12)]
    path = write(tmp_path, table(words, ["O"] * 23 + ["B-X"]))
    found = read_labels(path, expect="entities")
    assert found.examples[0].words == tuple(f"w{n}" for n in range(12)) * 2
    assert "'am:', 'be-x-old:'" in found.warnings[0]
    write_predictions(found, [found.examples[0].tags], tmp_path / "out")
    assert (tmp_path / "out").read_text() == path.read_text()


@pytest.mark.parametrize("mark", ["\ufeff", "\u200b", " \ufeff", "\u00a0", "\u2060 "])
def test_a_line_that_looks_empty_parts_sentences(tmp_path, mark):
    path = write(tmp_path, f"a O\n{mark}\nb B-X\n")
    found = read_labels(path, expect="entities")
    assert [one.words for one in found.examples] == [("a",), ("b",)]
    write_predictions(found, [["O"], ["O"]], tmp_path / "out")
    assert (tmp_path / "out").read_text() == f"a O\n{mark}\nb O\n"


def test_files_that_were_joined_keep_their_marks_and_lose_no_sentence(tmp_path):
    part = "\ufeff# sent_id = 1\n1\ta\t_\tX\t_\t_\t0\troot\t_\t_\n\n"
    bare = "\ufeff1\tb\t_\tY\t_\t_\t0\troot\t_\t_\n\n"
    path = write(tmp_path, part + part + bare, "a.conllu")
    found = read_labels(path, expect="words")
    assert [one.words for one in found.examples] == [("a",), ("a",), ("b",)]
    write_predictions(found, [["X"], ["X"], ["Y"]], tmp_path / "out")
    assert (tmp_path / "out").read_text() == path.read_text()
    rows = '{"text": "a", "label": "x"}\n\ufeff{"text": "b", "label": "y"}\n'
    assert len(read_labels(write(tmp_path, rows, "a.jsonl"), expect="text").examples) == 2
    assert len(read_labels(write(tmp_path, "\ufeff-DOCSTART- O\n\na O\n")).examples) == 1


def test_whatever_columns_stand_beside_them_the_words_are_read_or_refused(tmp_path):
    """Random tables: never a word that is no word."""
    draw = random.Random(5)
    beside = {
        "counts": lambda n: n + 1,
        "scores": lambda n: round(draw.random(), 2),
        "blanks": lambda n: draw.choice(["_", "-", ""]),
        "offsets": lambda n: f"{n}-{n + 3}",
    }
    for _ in range(200):
        words = [draw.choice(["Ann", "ran", "é", "ሰላም", "a-b"]) for _ in range(6)]
        tags = ["B-PER", *draw.choices(["O", "B-LOC"], k=5)]
        front = draw.sample(list(beside), draw.randint(0, 2))
        back = draw.sample(["scores", "blanks"], draw.randint(0, 1))
        columns = [[beside[kind](n) for n in SIX] for kind in front]
        columns += [words, tags, *([beside[kind](n) for n in SIX] for kind in back)]
        path = write(tmp_path, table(*columns))
        try:
            found = read_labels(path, expect="entities")
        except UnibridgeError as error:
            assert "a.conll:" in error.where
            continue
        assert found.examples == [TaggedSentence(tuple(words), tuple(tags))], path.read_text()


def tagged(path, **rest):
    return [(one.words, one.tags) for one in read_labels(path, **rest).examples]


def test_lemmas_are_no_tags_and_predictions_go_where_nothing_stands(tmp_path):
    path = write(tmp_path, table(("The", "dogs", "ran"), ("the", "dog", "run"), ["_"] * 3))
    found = read_labels(path, expect="words", labelled=False)
    write_predictions(found, [("DET", "NOUN", "VERB")], tmp_path / "out.conll")
    assert (tmp_path / "out.conll").read_text().splitlines()[1] == "dogs\tdog\tNOUN"


def test_classes_by_number_in_the_last_column_are_tags(tmp_path):
    path = write(tmp_path, table(("The", "dog", "ran"), ("the", "dog", "run"), (2, 0, 1)))
    found = tagged(path, expect="words", names=["NOUN", "VERB", "DET"])
    assert found == [(("The", "dog", "ran"), ("DET", "NOUN", "VERB"))]
    path = write(tmp_path, table(("The", "dog", "Jo"), ("B-NP", "I-NP", "B-NP"), (0, 0, 1)))
    found = tagged(path, expect="entities", names=["O", "B-PER"])
    assert found == [(("The", "dog", "Jo"), ("O", "O", "B-PER"))]


@pytest.mark.parametrize("expect", ["words", "entities", "trees"])
@pytest.mark.parametrize("odd", ["1-2\tdon't", "1.1\t_"])
def test_contractions_and_empty_words_tell_conllu_of_another_name(tmp_path, expect, odd):
    rows = [f"{n}\t{w}\t{w}\tVERB\t_\t_\t0\troot\t_\t_" for n, w in enumerate("abc", start=1)]
    path = write(tmp_path, "\n".join([odd + "\t_" * 8, *rows]) + "\n")
    with pytest.raises(UnibridgeError, match="ten columns of CoNLL-U"):
        read_labels(path, expect=expect)


def test_a_remark_in_cells_is_none_of_the_counted_words(tmp_path):
    words = table((1, 2, 3), "abc", ("O", "O", "B-PER"))
    path = write(tmp_path, f"{words}\n#\td\tO\n{words}")
    assert [words for words, _ in tagged(path, expect="entities")] == [("a", "b", "c")] * 2
    path = write(tmp_path, f"{words}\nx\td\tO\n{words}")
    found = read_labels(path, expect="entities").examples
    assert found[1].words[0] == "x"  # then nothing is counted


def test_years_and_dashes_are_words(tmp_path):
    rows = table(("2019", "-", "2020", "."), ("CD", ":", "CD", "."), ("B-DATE", *"OOO"))
    assert tagged(write(tmp_path, rows), expect="entities")[0][0] == ("2019", "-", "2020", ".")
    rows = table(("12", "03", "2020"), ("CD", "CD", "CD"), ("B-DATE", "I-DATE", "I-DATE"))
    assert tagged(write(tmp_path, rows), expect="entities")[0][0] == ("12", "03", "2020")


@pytest.mark.parametrize("separator", ["\t", " "])
def test_words_that_begin_like_a_comment_are_words(tmp_path, separator):
    rows = table(("Hi", "#id", "#newdoc", "#a=b", "x"), ["O"] * 4 + ["B-PER"], separator=separator)
    found = read_labels(write(tmp_path, rows), expect="entities")
    assert found.examples[0].words == ("Hi", "#id", "#newdoc", "#a=b", "x")
    # comments are none, whatever their number of cells
    marked = rows.replace("x", "# sent_id = 3\n#text = a\nx", 1)
    assert read_labels(write(tmp_path, marked), expect="entities").examples == found.examples


@pytest.mark.parametrize("separator", ["\t", " "])
def test_numbers_behind_a_mark_before_every_sentence_are_no_words(tmp_path, separator):
    parts = [f"# {n}\nDie DET\nMaus NOUN\n".replace(" ", separator) for n in (1, 2)]
    found = read_labels(write(tmp_path, "\n".join(parts)), expect="words")
    assert [one.words for one in found.examples] == [("Die", "Maus")] * 2
    # one among them is a word
    alone = f"{parts[0]}\nDie DET\n\nMaus NOUN\n".replace(" ", separator)
    assert read_labels(write(tmp_path, alone), expect="words").examples[0].words[0] == "#"
