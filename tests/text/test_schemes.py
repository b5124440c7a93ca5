"""Every scheme gives the same entities, whatever of it occurs, or is refused with its line."""

import json
import random

import pytest

from unibridge.errors import UnibridgeError
from unibridge.metrics import span_f1, spans
from unibridge.operations.listening import Listener
from unibridge.operations.packs import evaluate
from unibridge.text.examples import ReadAs
from unibridge.text.labels import read_labels, write_predictions

TYPES = ("PER", "LOC", "MISC", "WORK_OF_ART", "GPE-2")


def write(folder, content, name="file.conll"):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / name


def column(tags):
    return "".join(f"w{n}\t{tag}\n" for n, tag in enumerate(tags))


def read(folder, tags, expect="entities"):
    return read_labels(write(folder, column(tags)), expect=expect)


# --- writing known entities in each scheme --------------------------------------------------


def _marked(begin, inside, end, single):
    def tags(length, entity, follows):
        if length == 1:
            return [f"{single}-{entity}"]
        return [f"{begin}-{entity}", *[f"{inside}-{entity}"] * (length - 2), f"{end}-{entity}"]

    return tags


def _iob1(length, entity, follows):
    return [f"{'B' if follows else 'I'}-{entity}", *[f"I-{entity}"] * (length - 1)]


def _ioe2(length, entity, follows):
    return [*[f"I-{entity}"] * (length - 1), f"E-{entity}"]


SCHEMES = {
    "IOB2": _marked("B", "I", "I", "B"),
    "IOB1": _iob1,
    "IOE2": _ioe2,
    "IOBES": _marked("B", "I", "E", "S"),
    "BILOU": _marked("B", "I", "L", "U"),
    "BMES": _marked("B", "M", "E", "S"),
    "BMEWO": _marked("B", "M", "E", "W"),
}
WRITTEN = {
    "B-PER": lambda tag: tag,
    "B_PER": lambda tag: tag.replace("-", "_", 1),
    "b-PER": lambda tag: tag[0].lower() + tag[1:],
    "PER-B": lambda tag: f"{tag[2:]}-{tag[0]}" if tag != "O" else tag,
    "PER_B": lambda tag: f"{tag[2:]}_{tag[0]}" if tag != "O" else tag,
}


def random_entities(draw, apart=False):
    """(words, entities as (type, first, end)); apart: no two of a type side by side."""
    place, found = 0, []
    types = draw.sample(TYPES, draw.randint(1, 3))
    while place < draw.randint(1, 14):
        if draw.random() < 0.5:
            place += 1
            continue
        entity, length = draw.choice(types), draw.randint(1, 4)
        if apart and found and found[-1][2] == place and found[-1][0] == entity:
            place += 1
        found.append((entity, place, place + length))
        place += length
    return place + draw.randint(0, 1), found


def as_tags(words, entities, scheme):
    tags = ["O"] * words
    for number, (entity, begin, end) in enumerate(entities):
        before = entities[number - 1] if number else None
        follows = before is not None and before[0] == entity and before[2] == begin
        tags[begin:end] = SCHEMES[scheme](end - begin, entity, follows)
    return tags


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_random_entities_are_the_same_in_every_scheme(tmp_path, scheme, written):
    draw = random.Random(f"{scheme} {written}")
    for _ in range(40):
        words, entities = random_entities(draw)
        if not words:
            continue
        tags = [WRITTEN[written](tag) for tag in as_tags(words, entities, scheme)]
        labels = read(tmp_path, tags)
        (example,) = labels.examples
        assert spans(example.tags) == set(entities), tags
        assert set(example.tags) <= {"O"} | {f"{s}-{e}" for e, _, _ in entities for s in "BI"}
        # whatever was written otherwise is said, and a file without entities
        assert bool(labels.warnings) == (list(example.tags) != tags or not entities)


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_file_of_one_word_entities_is_read_in_every_scheme(tmp_path, scheme, written):
    tags = as_tags(3, [("LOC", 0, 1)], scheme)
    labels = read(tmp_path, [WRITTEN[written](tag) for tag in tags])
    assert labels.examples[0].tags == ("B-LOC", "O", "O")


def test_types_without_letters_are_entities_where_they_touch(tmp_path):
    draw = random.Random(7)
    for _ in range(100):
        words, entities = random_entities(draw, apart=True)
        tags = ["O"] * (words + 1)
        for entity, begin, end in entities:
            tags[begin:end] = [entity if len(entity) > 1 else "MONEY"] * (end - begin)
        if any(tag == "B-2" for tag in tags):
            continue
        wanted = {(e if len(e) > 1 else "MONEY", b, s) for e, b, s in entities}
        assert spans(read(tmp_path, tags).examples[0].tags) >= {
            span for span in wanted if not touches(span, wanted)
        }


def touches(span, others):
    return any(
        o != span and o[0] == span[0] and span[1] <= o[2] and o[1] <= span[2] for o in others
    )


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        # two letters were cut off blindly
        (["MISC", "O", "YEAR"], ["B-MISC", "O", "B-YEAR"]),
        (["LOC", "LOC", "O"], ["B-LOC", "I-LOC", "O"]),
        (["LOC", "_", "PER"], ["B-LOC", "O", "B-PER"]),
        # letters alone
        (["B", "I", "O", "B"], ["B-ENTITY", "I-ENTITY", "O", "B-ENTITY"]),
        (["B-PER\u200b", "\u00a0I-PER", "O"], ["B-PER", "I-PER", "O"]),
        (["b-per", "i-per", "o"], ["B-per", "I-per", "O"]),
        (["I-A", "E-A", "E-A", "I-A"], ["B-A", "I-A", "B-A", "B-A"]),
        # dashes that are no hyphens, and space within
        (["B\u2013PER", "I\u2011PER", "O"], ["B-PER", "I-PER", "O"]),
        (["B- PER", "I- PER", "O"], ["B-PER", "I-PER", "O"]),
        (["B-work of art", "I-work of art", "O"], ["B-work of art", "I-work of art", "O"]),
        (["BRAND", "INSECT", "O"], ["B-BRAND", "B-INSECT", "O"]),
    ],
)
def test_other_ways_of_writing_are_understood_and_said(tmp_path, tags, wanted):
    labels = read(tmp_path, tags)
    assert list(labels.examples[0].tags) == wanted
    cleaned = [tag.strip("\u200b\u00a0") for tag in tags]
    assert bool(labels.warnings) == (cleaned != wanted)


@pytest.mark.parametrize(
    ("tags", "line", "part"),
    [
        (["B-PER", "I-PER", "O", "PER"], 4, "'PER' of 'w3'"),
        (["PER", "LOC", "O", "B-PER"], 4, "'B-PER' of 'w3'"),
        (["B-PER", "O", "PER-B", "B-LOC"], 3, "'PER-B' of 'w2'"),
        (["B-PER", "I-PER", "0"], 3, "'0' of 'w2'"),
        (["BB-PER", "O", "B-PER", "B-PER"], 1, "'BB-PER' of 'w0'"),
        (["B-PER", "O", "B-", "B-PER"], 3, "'B-' of 'w2'"),
        (["PRON", "VERB", "NOUN"], 1, "no word is O"),
        (["-", "-", "_"], 1, "nothing but"),
        (["LOC", "O", "?"], 3, "no entity type"),
        (["O", "X-LOC", "X-LOC"], 2, "'X-LOC' of 'w1' is no entity type"),
        (["LOC", "O", "F_LOC"], 3, "'F_LOC' of 'w2' is no entity type"),
        (["LOC", "O", "B-"], 3, "'B-' of 'w2' is no entity type"),
        (["B(LOC)", "I(LOC)", "O"], 1, "'B(LOC)' of 'w0' is no entity type"),
        (["<LOC>", "O", "</LOC>"], 1, "'<LOC>' of 'w0' is no entity type"),
        (["B@LOC", "I@LOC", "O"], 1, "'B@LOC' of 'w0' is no entity type"),
        (["BLOC", "ILOC", "O"], 1, "'BLOC' of 'w0' is no entity type"),
        (["BEGIN-LOC", "INSIDE-LOC", "O"], 1, "'BEGIN-LOC' of 'w0' is no entity type"),
        (["\uff22-LOC", "O"], 1, "'\uff22-LOC' of 'w0' is no entity type"),
        (["B-LOC", "B-LOC|B-PER", "O"], 2, "'B-LOC|B-PER' of 'w1' is more than one"),
        (["B-LOC,O", "O"], 1, "'B-LOC,O' of 'w0' is more than one"),
        (["B-LOC+I-PER", "O"], 1, "'B-LOC+I-PER' of 'w0' is more than one"),
        (["5", "0", "0"], 1, "numbers, such as 5"),
        (["O", "5", "0"], 2, "'5' of 'w1'"),
        (["5", "5", "B-LOC"], 1, "'5' of 'w0'"),
    ],
)
def test_tags_that_are_not_understood_are_refused_with_their_line(tmp_path, tags, line, part):
    with pytest.raises(UnibridgeError) as caught:
        read(tmp_path, tags)
    assert caught.value.where.endswith(f".conll:{line}") and part in str(caught.value)
    assert "\n" not in str(caught.value) and caught.value.do


def test_what_was_written_otherwise_is_counted(tmp_path):
    (note,) = read(tmp_path, ["O", "U-PER", "B-LOC", "L-LOC", "O"]).warnings
    assert "BILOU, read as IOB2: 2 written otherwise, the first on line 2" in note


@pytest.mark.parametrize(
    ("gold", "predicted", "score"),
    [
        ("John PER\nin O\nOslo LOC\n", "John LOC\nin O\nOslo PER\n", 0.0),
        ("Paris S-LOC\nis O\n\nOslo S-LOC\nis O\n", "Paris B-LOC\nis O\n\nOslo B-LOC\nis O\n", 100),
        ("Paris U-LOC\nis O\n", "Paris LOC\nis O\n", 100.0),
        ("Rz MISC\nis O\n", "Rz B-MISC\nis O\n", 100.0),
    ],
)
def test_files_in_different_schemes_are_scored_alike(tmp_path, gold, predicted, score):
    paths = write(tmp_path, gold, "gold.conll"), write(tmp_path, predicted, "other.conll")
    assert evaluate(paths[0], predictions=paths[1], task="ner").value == score


@pytest.mark.parametrize(
    ("gold", "predicted", "task", "said"),
    [
        ("a B-LOC\nb O\n", "a B-loc\nb O\n", "ner", "loc (not LOC)"),
        ("a NOUN\nb VERB\n", "a noun\nb VERB\n", "pos", "noun (not NOUN)"),
        ("a x\tpos\nb y\tneg\n", "a x\tPos\nb y\tneg\n", "classification", "Pos (not pos)"),
        ("a x\t1\nb y\t0\n", "a x\t1.0\nb y\t0.0\n", "classification", "0.0, 1.0"),
    ],
)
def test_labels_that_only_the_predictions_have_are_said(tmp_path, gold, predicted, task, said):
    suffix = "tsv" if task == "classification" else "conll"
    paths = write(tmp_path, gold, f"gold.{suffix}"), write(tmp_path, predicted, f"p.{suffix}")
    told = []
    evaluate(paths[0], predictions=paths[1], task=task, listener=Told(told))
    (note,) = [one for one in told if "count as errors" in one]
    assert said in note and "gold" in note and f"p.{suffix}" in note
    told.clear()
    evaluate(paths[0], predictions=paths[0], task=task, listener=Told(told))
    assert not [one for one in told if "errors" in one]


class Told(Listener):
    """Keeps what is said."""

    def __init__(self, told):
        self.told = told

    def say(self, text):
        self.told.append(text)


def test_a_score_takes_no_tag_on_trust():
    with pytest.raises(UnibridgeError, match="'PER' is no entity tag"):
        span_f1([["PER"]], [["LOC"]])


# --- numbers ----------------------------------------------------------------------------------


def json_tags(folder, *rows, name="a.jsonl"):
    lines = [
        json.dumps({"tokens": [f"w{n}" for n, _ in enumerate(r)], "ner_tags": r}) for r in rows
    ]
    return write(folder, "\n".join(lines) + "\n", name)


@pytest.mark.parametrize("expect", ["entities", "words", None])
def test_numbers_need_names(tmp_path, expect):
    path = json_tags(tmp_path, [0, 1, 2], [1, 0])
    with pytest.raises(UnibridgeError) as caught:
        read_labels(path, expect=expect)
    assert caught.value.where.endswith("a.jsonl:1") and "task.labels" in caught.value.do
    names = ["O", "B-PER", "I-PER"]
    labels = read_labels(path, names=names, expect=expect)
    assert [e.tags for e in labels.examples] == [("O", "B-PER", "I-PER"), ("B-PER", "O")]
    write_predictions(labels, [["O"] * 3, ["O"] * 2], tmp_path / "out.jsonl")
    again = read_labels(tmp_path / "out.jsonl", names=names, expect=expect)
    assert {tag for e in again.examples for tag in e.tags} == {"O"}
    with pytest.raises(UnibridgeError, match=r"a\.jsonl:1: the tag 2 has no name"):
        read_labels(path, names=names[:2], expect=expect)


def test_numbers_are_never_scored_without_names(tmp_path):
    gold = json_tags(tmp_path, [5, 0, 0, 5], name="gold.jsonl")
    zeros = json_tags(tmp_path, [0, 0, 0, 0], name="zeros.jsonl")
    with pytest.raises(UnibridgeError, match="numbers"):
        evaluate(gold, predictions=zeros, task="ner")
    names = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC")
    assert evaluate(gold, predictions=zeros, task="ner", read_as=ReadAs(names=names)).value == 0


# --- CoNLL-U ------------------------------------------------------------------------------------


def conllu(*rows):
    lines = [
        f"{n}\t{form}\t_\t{upos}\t_\t_\t_\t_\t_\t{misc}"
        for n, (form, upos, misc) in enumerate(rows, 1)
    ]
    return "\n".join(lines) + "\n\n"


MISC = conllu(
    ("Ann", "PROPN", "name=B-PER|SpaceAfter=No"),
    ("saw", "VERB", "_"),
    ("Lee", "PROPN", "x=y|name=S-PER"),
)


def test_entities_stand_in_misc_and_are_written_there(tmp_path):
    labels = read_labels(write(tmp_path, MISC, "a.conllu"), expect="entities")
    assert labels.examples[0].tags == ("B-PER", "O", "B-PER")
    write_predictions(labels, [["O", "B-LOC", "I-LOC"]], tmp_path / "out.conllu")
    assert (tmp_path / "out.conllu").read_text() == conllu(
        ("Ann", "PROPN", "name=O|SpaceAfter=No"),
        ("saw", "VERB", "name=B-LOC"),
        ("Lee", "PROPN", "x=y|name=I-LOC"),
    )
    assert read_labels(tmp_path / "out.conllu", expect="words").examples[0].tags == (
        *("PROPN", "VERB", "PROPN"),
    )


@pytest.mark.parametrize("key", ["name", "NER", "NE", "ner_tag", "Iob"])
def test_keys_of_entities_are_known_or_named(tmp_path, key):
    path = write(tmp_path, MISC.replace("name=", f"{key}="), "a.conllu")
    assert read_labels(path, expect="entities").examples[0].tags == ("B-PER", "O", "B-PER")
    path = write(tmp_path, MISC.replace("name=", "Own="), "a.conllu")
    assert read_labels(path, columns={"tags": "Own"}, expect="entities").examples[0].tags[0] != "O"


@pytest.mark.parametrize("misc", ["_", "SpaceAfter=No", "Entity=(e1-person"])
def test_conllu_without_entities_is_refused(tmp_path, misc):
    path = write(tmp_path, conllu(("Ann", "PROPN", misc)), "a.conllu")
    with pytest.raises(UnibridgeError, match=r"a\.conllu:1"):
        read_labels(path, expect="entities")


def test_unlabelled_conllu_gets_entities_without_losing_its_parts_of_speech(tmp_path):
    path = write(tmp_path, conllu(("Ann", "PROPN", "_")), "a.conllu")
    labels = read_labels(path, labelled=False, expect="entities")
    write_predictions(labels, [["B-PER"]], tmp_path / "out.conllu")
    assert (tmp_path / "out.conllu").read_text() == conllu(("Ann", "PROPN", "name=B-PER"))


# --- words that differ ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gold", "other", "task", "place", "part"),
    [
        ("Paris B-LOC\nis O\nnice O\n", "x B-LOC\ny O\nz O\n", "ner", "o.conll:1", "'Paris'"),
        ("a O\nb O\n\nc O\n", "a O\nb O\n\nd O\n", "ner", "o.conll:4", "g.conll:4"),
        ("a O\nb O\n\nc O\n", "a O\n\nb O\n\nc O\n", "ner", "o.conll:1", "'b'"),
        ("a O\n\nc O\n", "a O\n", "ner", "o.conll", "1 predictions for 2"),
        ("a X\nb Y\n", "a X\nc Y\n", "pos", "o.conll:2", "'b'"),
        ("text one\ta\nb\tc\n", "text one\ta\nd\tc\n", "classification", "o.tsv:2", "g.tsv:2"),
        ("p\th\ta\n", "p\tx\ta\n", "pairs", "o.tsv:1", "'h'"),
    ],
)
def test_predictions_for_other_words_are_refused_at_the_first(
    tmp_path, gold, other, task, place, part
):
    suffix = ".tsv" if "\t" in gold else ".conll"
    gold = write(tmp_path, gold, f"g{suffix}")
    with pytest.raises(UnibridgeError) as caught:
        evaluate(gold, predictions=write(tmp_path, other, f"o{suffix}"), task=task)
    assert caught.value.where.endswith(place) and part in str(caught.value)


def test_random_tags_are_converted_or_refused_with_a_line_of_the_file(tmp_path):
    """Whatever a column holds: IOB2 that scores itself 100, or an error."""
    draw = random.Random(3)
    letters = ["B", "I", "E", "S", "L", "U", "M", "W", "O", "X", "b", "BB", ""]
    for _ in range(500):
        pool = []
        for _ in range(draw.randint(1, 3)):
            letter, sign, entity = draw.choice(letters), draw.choice("-_:"), draw.choice(TYPES)
            pool.append(
                draw.choice([f"{letter}{sign}{entity}", f"{entity}{sign}{letter}", entity, letter])
            )
        tags = [draw.choice([*pool, "O"]) or "O" for _ in range(draw.randint(1, 9))]
        try:
            labels = read(tmp_path, tags)
        except UnibridgeError as error:
            assert 1 <= int(error.where.rpartition(":")[2]) <= len(tags) and error.do
            continue
        own = labels.examples[0].tags
        assert all(tag == "O" or tag[:2] in ("B-", "I-") for tag in own)
        assert (own.count("O") == len(own)) == (set(tags) <= {"O", "_", "-"})
        assert span_f1([own], [own]) == (100 if set(own) != {"O"} else 0)


def test_a_file_without_an_entity_is_said_to_have_none(tmp_path):
    (note,) = read(tmp_path, ["O", "O", "O"]).warnings
    assert "all 3 tags are O" in note
    assert not read(tmp_path, ["O", "O"], expect="words").warnings
