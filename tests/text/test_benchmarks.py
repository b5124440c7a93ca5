"""Each benchmark's own layout, in tiny files, read as its paper means it; and its average."""

import csv
import json

import datasets
import pytest

from hub import hub_folder
from unibridge.errors import UnibridgeError
from unibridge.evaluation.retrieval import SEARCHES
from unibridge.metrics import METRICS
from unibridge.tasks import TASKS
from unibridge.text.benchmarks import (
    BENCHMARKS,
    RETRIEVALS,
    SUITES,
    is_part,
    part_id,
    part_of,
)
from unibridge.text.benchmarks.parts import TextPart
from unibridge.text.benchmarks.record import Sides
from unibridge.text.examples import Answer
from unibridge.text.labels import read_labels, write_predictions

SQUAD = {
    "data": [
        {
            "paragraphs": [
                {
                    "context": "Der Fluss heißt Spree.",
                    "qas": [
                        {
                            "id": f"{name}-1",
                            "question": "Wie heißt er?",
                            "answers": [{"text": "Spree", "answer_start": 16}],
                        }
                        for name in ("german", "finnish")
                    ],
                }
            ]
        }
    ]
}
XNLI = (
    "language\tgold_label\tsentence1_binary_parse\tsentence2_binary_parse\tsentence1_parse\t"
    "sentence2_parse\tsentence1\tsentence2\tpromptID\n"
    'de\tneutral\t\t\t\t\tEr sagte "ja.\tEr kam.\t1\n'
    "fr\tcontradiction\t\t\t\t\tIl dit oui.\tIl vint.\t1\n"
)
MULTINLI = "premise\thypo\tlabel\nHe said.\tHe came.\tcontradictory\n"
PAWS = "id\tsentence1\tsentence2\tlabel\n1\tEins zwei\tZwei eins\t1\n"
AMERICAS = (
    'language\tpremise\thypothesis\tlabel\naym\tMä\t"Pä ""kimsa"""\tneutral\ngn\ta\tb\tneutral\n'
)
WIKIANN = "de:Die\tO\nde:Spree\tB-LOC\n\nde:Ja\tO\n"
MASAKHA = "Kampala B-LOC\n. O\n\nEe O\n"
TREES = (
    "# text = vom Haus\n1-2\tvom\t_\t_\t_\t_\t_\t_\t_\t_\n1\tvon\t_\tADP\t_\t_\t3\tcase\t_\t_\n"
    "2\tdem\t_\tDET\t_\t_\t3\tdet:x\t_\t_\n3\tHaus\t_\tNOUN\t_\t_\t0\troot\t_\t_\n"
    "3.1\tleer\t_\tX\t_\t_\t_\t_\t_\t_\n\n"
)
SIB = 'index_id\tcategory\ttext\n7\tscience/technology\t"Er sagte ""ja""."\n'
NUSAX = 'id,text,label\n1,"Bagus, sekali",positive\n'
# benchmark, language, split, file, content, first example's text, its second or None, its labels
LAYOUTS = [
    ("xnli", "de", "test", "XNLI-1.0/xnli.test.tsv", XNLI, 'Er sagte "ja.', "Er kam.", "neutral"),
    ("xnli", "de", "dev", "xnli.dev.tsv", XNLI, 'Er sagte "ja.', "Er kam.", "neutral"),
    *[
        ("xnli", "en", "train", name, MULTINLI, "He said.", "He came.", "contradiction")
        for name in ("XNLI-MT-1.0/multinli/multinli.train.en.tsv", "multinli.train.en.tsv")
    ],
    ("pawsx", "de", "test", "x-final/de/test_2k.tsv", PAWS, "Eins zwei", "Zwei eins", "1"),
    ("pawsx", "de", "train", "de/translated_train.tsv", PAWS, "Eins zwei", "Zwei eins", "1"),
    ("pawsx", "en", "train", "x-final/en/train.tsv", PAWS, "Eins zwei", "Zwei eins", "1"),
    ("americasnli", "aym", "test", "anli_final/test.tsv", AMERICAS, "Mä", 'Pä "kimsa"', "neutral"),
    ("americasnli", "grn", "dev", "dev.tsv", AMERICAS, "a", "b", "neutral"),
    ("wikiann", "de", "test", "de/test", WIKIANN, "Die Spree", None, "O B-LOC"),
    ("panx", "deu", "dev", "de/dev", WIKIANN, "Die Spree", None, "O B-LOC"),
    ("masakhaner", "lug", "test", "data/lug/test.txt", MASAKHA, "Kampala .", None, "B-LOC O"),
    ("masakhaner2", "lug", "train", "lug/train.txt", MASAKHA, "Kampala .", None, "B-LOC O"),
    ("masakhapos", "lug", "test", "data/lug/test.txt", "Ye PRON\n\n", "Ye", None, "PRON"),
    (
        "udpos",
        "de",
        "test",
        "de/de_gsd-ud-test.conllu",
        TREES,
        "von dem Haus",
        None,
        "ADP DET NOUN",
    ),
    (
        *("ud", "de_gsd", "test", "UD_German-GSD/de_gsd-ud-test.conllu", TREES, "von dem Haus"),
        *(None, "3|case 3|det:x 0|root"),
    ),
    *[
        ("sib200", "deu_Latn", "test", name, SIB, 'Er sagte "ja".', None, "science/technology")
        for name in ("data/annotated/deu_Latn/test.tsv", "deu_Latn/test.tsv")
    ],
    (
        *("nusax", "ace", "dev", "datasets/sentiment/acehnese/valid.csv", NUSAX, "Bagus, sekali"),
        *(None, "positive"),
    ),
]


def write(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "code", "split", "file", "content", "text", "second", "labels"), LAYOUTS
)
def test_texts_pairs_and_words(tmp_path, name, code, split, file, content, text, second, labels):
    write(tmp_path, file, content)
    task = TASKS[BENCHMARKS[name].task]
    found = read_labels(part_id(name, code, split, tmp_path), expect=task.reads)
    first = found.examples[0]
    said = " ".join(first.words) if hasattr(first, "words") else first.text
    assert (said, getattr(first, "second", None)) == (text, second)
    given = list(first.tags) if hasattr(first, "tags") else [first.label]
    assert given == labels.split()
    predictions = [task.gold(example) for example in found.examples]
    write_predictions(found, predictions, tmp_path / "out.jsonl")
    again = read_labels(tmp_path / "out.jsonl", expect=task.reads)
    assert [task.gold(example) for example in again.examples] == predictions


@pytest.mark.parametrize(
    ("name", "code", "split", "file"),
    [
        ("squad", "en", "train", "train-v1.1.json"),
        ("squad", "en", "test", "dev-v1.1.json"),
        ("xquad", "de", "test", "xquad.de.json"),
        ("mlqa", "de", "test", "MLQA_V1/test/test-context-de-question-de.json"),
        ("mlqa", "deu", "dev", "dev-context-de-question-de.json"),
        ("tydiqa", "fi", "test", "tydiqa-goldp-v1.1-dev/tydiqa-goldp-dev-finnish.json"),
        ("tydiqa", "fi", "train", "tydiqa-goldp-v1.1-train.json"),
    ],
)
def test_questions_have_the_language_of_their_passage(tmp_path, name, code, split, file):
    write(tmp_path, file, json.dumps(SQUAD, indent=1))
    found = read_labels(part_id(name, code, split, tmp_path), expect="question")
    # of a file with several languages only its own
    assert len(found.examples) == (1 if name == "tydiqa" else 2)
    first = found.examples[0]
    language = {"deu": "de"}.get(code, code)
    assert first.answers == (Answer("Spree", 16, language),) and first.language == language
    write_predictions(found, [[]] * len(found.examples), tmp_path / "out.jsonl")
    again = read_labels(tmp_path / "out.jsonl", expect="question")
    assert [example.answers for example in again.examples] == [()] * len(found.examples)


def test_the_hub_is_read_by_the_same_examples(tmp_path, monkeypatch):
    kinds = datasets.ClassLabel(names=["entailment", "neutral", "contradiction"])
    text = datasets.Value("string")
    features = datasets.Features({"premise": text, "hypothesis": text, "label": kinds})
    rows = [{"premise": "p", "hypothesis": "h", "label": 1}]
    hub_folder(tmp_path, monkeypatch, {"validation": rows}, config="sw", features=features)
    (tmp_path / "facebook").mkdir()
    (tmp_path / "org" / "name").rename(tmp_path / "facebook" / "xnli")
    found = read_labels(part_id("xnli", "sw", "dev"), expect="pair")
    assert (found.examples[0].second, found.examples[0].label) == ("h", "neutral")


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_record_is_whole(name):
    one = BENCHMARKS[name]
    assert all(metric in METRICS for metric in one.metrics)
    assert set(one.averaged) <= set(one.metrics) and set(one.left_out) <= set(one.languages)
    learnt, code = one.trained_on
    train = part_of(part_id(learnt, code, "train"))
    assert train.hub_id.startswith("hub:") and TASKS[one.task] and TASKS[train.benchmark.task]
    assert train.benchmark.task == one.task
    for language in one.languages or (code,):
        part = part_of(part_id(name, language, "test"))
        assert part.hub_id.count(":") == 3 and one.files(part.language, "test")


def texts_of(name, code, split, folder=None):
    return TextPart(RETRIEVALS[name], RETRIEVALS[name].own_code(code), split, folder)


@pytest.mark.parametrize("folder", ["data/tatoeba/v1/", ""])
def test_tatoeba_is_two_files_line_by_line(tmp_path, folder):
    part = texts_of("tatoeba", "sw", "test", tmp_path)
    write(tmp_path, f"{folder}tatoeba.swh-eng.swh", "Ndiyo.\nHapana. \n")
    with pytest.raises(UnibridgeError, match=r"tatoeba\.swh-eng\.swh, .*tatoeba\.swh-eng\.eng"):
        part.check()
    write(tmp_path, f"{folder}tatoeba.swh-eng.eng", "Yes.\nNo.\n")
    pairs = frozenset({("0", "0"), ("1", "1")})
    assert part.sides() == Sides({"0": "Ndiyo.", "1": "Hapana."}, {"0": "Yes.", "1": "No."}, pairs)
    before = part.identity
    write(tmp_path, f"{folder}tatoeba.swh-eng.eng", "Yes.\n")
    assert part.identity != before
    with pytest.raises(UnibridgeError, match="2 lines, and 1 of English"):
        part.sides()


def test_tatoeba_on_the_hub_is_the_same(tmp_path, monkeypatch):
    rows = [{"source_sentence": "Ndiyo.\n", "target_sentence": "Yes.\n", "target_lang": "eng"}]
    hub_folder(tmp_path, monkeypatch, {"validation": rows}, config="tatoeba.swh")
    (tmp_path / "google").mkdir()
    (tmp_path / "org" / "name").rename(tmp_path / "google" / "xtreme")
    found = texts_of("tatoeba", "swa", "test").sides()
    assert found == Sides({"0": "Ndiyo."}, {"0": "Yes."}, frozenset({("0", "0")}))


@pytest.mark.parametrize(
    ("split", "stem"),
    [
        ("test", "bucc2018/de-en/de-en.training"),
        ("dev", "de-en/de-en.sample"),
        ("test", "bucc2018/de-en.test"),
        ("dev", "de-en.dev"),
    ],
)
def test_bucc_is_texts_by_id_and_gold_pairs(tmp_path, split, stem):
    part = texts_of("bucc2018", "de", split, tmp_path)
    write(tmp_path, f"{stem}.de", "de-1\tJa.\nde-2\tNein.\tDoch.\n")
    write(tmp_path, f"{stem}.en", "en-7\tYes.\n")
    with pytest.raises(UnibridgeError, match=r"de-en\.gold|de-en\.(test|dev)\.gold"):
        part.check()
    write(tmp_path, f"{stem}.gold", "de-1\ten-7\n")
    texts = {"de-1": "Ja.", "de-2": "Nein.\tDoch."}
    assert part.sides() == Sides(texts, {"en-7": "Yes."}, frozenset({("de-1", "en-7")}))
    for wrong, said in (("de-1 en-7\n", "without a tab"), ("de-1\ten-8\n", "without its texts")):
        write(tmp_path, f"{stem}.gold", wrong)
        with pytest.raises(UnibridgeError, match=said):
            part.sides()


@pytest.mark.parametrize("name", RETRIEVALS)
def test_every_retrieval_is_whole(name):
    one = RETRIEVALS[name]
    assert one.search in SEARCHES and all(metric in METRICS for metric in one.metrics)
    for code in one.languages:
        for split in ("test", "dev") if one.tuned else ("test",):
            assert texts_of(name, code, split).benchmark.files(one.own_code(code), split)
    assert not one.files("de", "train")


def test_the_hub_has_only_the_gold_pairs_of_bucc():
    with pytest.raises(UnibridgeError, match=r"no test part among the hub.*bucc2018=FOLDER"):
        texts_of("bucc2018", "de", "test").check()


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(UnibridgeError, match=r"Put it there as MLQA_V1/test/test-context-de-q"):
        read_labels(part_id("mlqa", "de", "test", tmp_path), expect="question")
    with pytest.raises(UnibridgeError, match="xquad has no train part among the hub"):
        read_labels(part_id("xquad", "de", "train"), expect="question")
    with pytest.raises(UnibridgeError, match="unknown language 'lug'"):
        part_of(part_id("xnli", "lug", "test"))
    with pytest.raises(UnibridgeError, match="Did you mean 'xquad'"):
        part_of(part_id("xqad", "de", "test"))
    with pytest.raises(UnibridgeError, match="Write bench:NAME:LANGUAGE:SPLIT"):
        part_of("bench:xnli:de")
    write(tmp_path, "xnli.test.tsv", XNLI)
    with pytest.raises(UnibridgeError, match="no example of sw"):
        read_labels(part_id("xnli", "sw", "test", tmp_path), expect="pair")
    write(tmp_path, "pawsx/de/test_2k.tsv", XNLI)
    with pytest.raises(UnibridgeError, match=r"not laid out as pawsx is .*there is: language"):
        read_labels(part_id("pawsx", "de", "test", tmp_path / "pawsx"), expect="pair")
    assert not is_part("xnli.tsv")


def test_averages_are_as_each_benchmark_defines_them():
    both = {"squad_f1": 80.0, "squad_exact_match": 60.0}
    other = {"squad_f1": 40.0, "squad_exact_match": 20.0}
    # XTREME: all languages, and both metrics; TyDiQA's own: without English, F1
    assert BENCHMARKS["xquad"].average({"en": both, "de": other})["average"] == 50
    assert BENCHMARKS["xtreme-tydiqa"].average({"en": both, "fi": other})["average"] == 50
    assert BENCHMARKS["tydiqa"].average({"en": both, "fi": other})["average"] == 40
    assert BENCHMARKS["tydiqa"].average({"en": both}) == {}
    assert BENCHMARKS["xnli"].missing(["de", "en"])[:2] == ["ar", "bg"]
    suite = SUITES["xtreme"]
    names = [name for group in suite.groups.values() for name in group]
    means = suite.average({name: float(place) for place, name in enumerate(names)})
    assert means["classification"] == 0.5 and means["all"] == sum(range(9)) / 9
    assert means["retrieval"] == 7.5 and names[7:] == ["bucc2018", "tatoeba"]
    assert len(RETRIEVALS["tatoeba"].languages) == 36 and len(RETRIEVALS["bucc2018"].languages) == 4
    assert set(suite.average({"pawsx": 1.0, "xnli": 3.0})) == {"classification"}


def test_a_quoted_field_may_hold_line_ends(tmp_path):
    path = tmp_path / "acehnese" / "test.csv"
    path.parent.mkdir()
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([["id", "text", "label"], [1, "eins\nzwei", "neutral"]])
    (found,) = read_labels(part_id("nusax", "ace", "test", tmp_path), expect="text").examples
    assert found.text == "eins\nzwei"
