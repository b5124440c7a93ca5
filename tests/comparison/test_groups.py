from toy_study import Toy, write_study
from unibridge.comparison.groups import beside_control, by_kin, two_by_two
from unibridge.comparison.languages import kin_of, published, seen_by
from unibridge.comparison.rows import read_study
from unibridge.comparison.scores import transfer_matrices
from unibridge.comparison.settings import ComparisonSettings
from unibridge.text.languages import canonical

SETTINGS = ComparisonSettings(samples=200)
SOURCES, TARGETS = ("ar", "en", "he", "wo", "yo"), ("am", "de", "lug", "mos", "ti", "wo")


def test_a_planted_gain_of_unseen_by_unseen_is_found(tmp_path):
    unseen = {"wo", "yo", "lug", "mos", "ti"}
    toy = Toy(lambda task, s, t, steps: 5.0 if {s, t} <= unseen else 0.0, noise=0.4)
    study = read_study(write_study(tmp_path / "s", toy.cells(SOURCES, TARGETS)))
    (matrix,) = transfer_matrices(study, SETTINGS)
    seen = seen_by(study, "org/xlm-roberta-base", (*SOURCES, *TARGETS), SETTINGS)
    assert {code for code, yes in seen.of.items() if not yes} == unseen
    table = two_by_two(matrix, seen.of, SETTINGS)
    assert table[False, False].pairs == 7  # wo to itself is none
    assert table[False, False].gain.low < 5 < table[False, False].gain.high
    assert table[False, False].gain.low > 2
    for side in ((True, True), (True, False), (False, True)):
        assert table[side].gain.low < 0.5 and table[side].harmed == 0


def test_relatives_are_told_from_others(tmp_path):
    kin = {code: kin_of(code) for code in (*SOURCES, *TARGETS)}
    toy = Toy(lambda task, s, t, steps: 6.0 if kin[s].family == kin[t].family else 0.0, noise=0.4)
    study = read_study(write_study(tmp_path / "s", toy.cells(SOURCES, TARGETS)))
    (matrix,) = transfer_matrices(study, SETTINGS)
    groups = {group.name: group for group in by_kin(matrix, kin, "family", SETTINGS)}
    assert groups["the same family"].gain.low > 3 > groups["another family"].gain.high
    assert groups["to Afro-Asiatic"].targets == 2
    assert {g.name for g in by_kin(matrix, kin, "script", SETTINGS)} >= {"to Ethi", "to Latn"}


def test_a_control_stands_beside_its_own_languages_seed_by_seed(tmp_path):
    toy = Toy(lambda task, s, t, steps: 3.0 if s == "wo" else 9.0, noise=0.3)
    rows = list(toy.cells(SOURCES, TARGETS))
    for target in TARGETS:
        for seed in range(3):
            rows.append(toy.score("shuffled", "wo", 10, seed, "pos", target, 3))
            rows.append(toy.score("mixed", [], 10, seed, "pos", target, 2))
    study = read_study(write_study(tmp_path / "s", rows))
    tuned, shuffled, mixed = transfer_matrices(study, SETTINGS)
    same = beside_control(tuned, shuffled, SETTINGS)
    # the other languages gain 9, and were not shuffled
    assert same.sources == ("wo",) and abs(same.tuned.value - 3) < 1.5
    assert same.ahead.low < 0 < same.ahead.high and same.ahead.value < 1
    every = beside_control(tuned, mixed, SETTINGS)
    assert every.sources == SOURCES and every.control.low < every.control.value < every.control.high
    assert every.ahead.low < 5.8 < every.ahead.high
    assert abs(every.ahead.value - (every.tuned.value - every.control.value)) < 1e-9


def test_published_lists_are_whole_and_say_where_they_are_from():
    (mbert, source), (xlmr, _) = (
        published("bert-base-multilingual-cased"),
        published("xlm-roberta-base"),
    )
    assert (len(mbert), len(xlmr)) == (104 - 1, 100 + 1) and "google-research/bert" in source
    # mBERT's list has Serbian twice, and Southern Pashto is XLM-R's Pashto
    assert published("me5")[0] == xlmr
    assert published("minilm")[0] == {"en"}
    assert {"sw", "am"} <= published("cldr")[0] | {"am"} and "am" not in published("cldr")[0]
    assert published("my-own") is None
    # the study's 38 transfer languages: ten unseen of each, as its design page counts
    study = (
        "gub est bre eng ben kmr spa bul pms gle nep cym fin hye mya hin tel tam kor ell hun heb"
    )
    study += " zho ara swe jap fre deu rus bam ewe hau ibo kin mos pcm wol yor"
    unseen = [{c for c in study.split() if canonical(c) not in listed} for listed in (mbert, xlmr)]
    assert unseen[0] == {*["gub", "kmr", "bam", "ewe", "hau", "ibo", "kin", "mos", "pcm", "wol"]}
    assert unseen[1] == {*["gub", "pms", "bam", "ewe", "ibo", "kin", "mos", "pcm", "wol", "yor"]}


def test_without_a_list_it_is_measured_or_said_to_be_unknown(tmp_path):
    reading = {"am": {"unknown": 0.4, "loss": 9.0}, "swa": {"unknown": 0.0, "loss": None}}
    folder = write_study(tmp_path / "s", [], reading=reading)
    seen = seen_by(read_study(folder), "own", ["am", "sw", "lug"], SETTINGS)
    assert dict(seen.of) == {"am": False, "sw": True} and "measured" in seen.by
    bare = seen_by(read_study(write_study(tmp_path / "b", [])), "own", ["am"], SETTINGS)
    assert not bare.of and "no published list" in bare.by
    listed = read_study(write_study(tmp_path / "l", [], seen=["swa"]))
    assert dict(seen_by(listed, "own", ["sw", "am"], SETTINGS).of) == {"sw": True, "am": False}


def test_a_variant_is_seen_with_its_language_and_another_script_is_not(tmp_path):
    listed = read_study(write_study(tmp_path / "l", [], seen=["zho", "ca"]))
    codes = {"zh_Hans": True, "zh_Hant": False, "ca_valencia": True, "ca_ES": True}
    assert dict(seen_by(listed, "own", [*codes], SETTINGS).of) == codes


def test_kin_is_known_by_any_code_and_unknown_ones_are_said():
    assert kin_of("amh") == kin_of("am") and kin_of("am").genus == "Semitic"
    assert kin_of("swa").genus == kin_of("lug").genus == "Bantu"
    assert kin_of("zh_Hant").family == "Sino-Tibetan"
    assert kin_of("qqq").family == "unknown"
