"""Promises of the CLDR corpus builder, checked on what it says and against babel's own tables."""

import subprocess
import sys
from collections import Counter
from hashlib import sha256
from random import Random

import pytest
from babel import Locale

from unibridge.errors import UnibridgeError
from unibridge.text import cldr
from unibridge.text.cldr_phrases import TAGS, words_of

LOOKED_AT = ("am", "ar", "en", "fr", "ja", "km", "kn", "ku", "nqo", "so", "zh")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2019年3月7日木曜日", "2019 年 3 月 7 日 木 曜 日"),
        ("コートジボワール、東ティモール", "コートジボワール 、 東 ティモール"),
        ("អាមេរិក\u200bខាង\u200bជើង", "អាមេរិក ខាង ជើង"),
        ("ከ3 ቀናት በፊት", "ከ 3 ቀናት በፊት"),
        ("1\u202f250,50\xa0$US", "1 250,50 $ US"),
        ("l’Est (Guinea-Bissau)", "l’Est ( Guinea-Bissau )"),
        ("Congo - Kinshasa", "Congo - Kinshasa"),
        ("\u200f1,250.00 كيلومترًا", "1,250.00 كيلومترًا"),
        ("ಕಿಲೋಮೀಟರ್\u200cಗಳು", "ಕಿಲೋಮೀಟರ್\u200cಗಳು"),
        ("བོད་ཡིག", "བོད་ཡིག"),
    ],
)
def test_words_are_cut_as_documented(text: str, words: str) -> None:
    assert " ".join(words_of(text)) == words


@pytest.mark.slow
def test_every_language_speaks_in_well_formed_tags() -> None:
    languages = cldr.cldr_languages()
    assert len(languages) > 150
    assert set(LOOKED_AT) <= set(languages)
    for language in languages:
        for phrase in cldr.phrases(language, 5, seed=0, split="plain"):
            assert len(phrase.words) == len(phrase.tags) >= 4
            assert all(word and not any(map(str.isspace, word)) for word in phrase.words)
            for before, tag in zip(("O", *phrase.tags), phrase.tags, strict=False):
                assert not tag.startswith("I-") or before[2:] == tag[2:]
            named = [tag[2:] for tag in phrase.tags if tag[0] == "B"]
            most = max(named, key=named.count)
            assert phrase.label == cldr.LABELS[most]


def test_all_kinds_are_named_where_cldr_has_words_for_them() -> None:
    for language in ("am", "en", "km", "nqo", "zh"):
        said = cldr.phrases(language, 400, seed=0, split="train")
        named = Counter(tag[2:] for phrase in said for tag in phrase.tags if tag[0] == "B")
        assert set(named) == set(TAGS.values()) - {"O"}, language
        assert len({phrase.words for phrase in said}) == 400


def test_what_only_the_root_of_cldr_says_is_not_said() -> None:
    # N'Ko has no relative times, no "or" and few units of its own; the root's are English
    words = {
        word for phrase in cldr.phrases("nqo", 500, seed=0, split="plain") for word in phrase.words
    }
    latin = {word for word in words if word.isascii() and word.isalpha()}
    assert not {word for word in latin if not word.isupper()}


def test_the_same_phrases_come_in_another_process() -> None:
    program = (
        "from hashlib import sha256; from unibridge.text import cldr;"
        "print(sha256(repr(cldr.phrases('am', 40, seed=7, split='train')).encode()).hexdigest())"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONHASHSEED": "99", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    here = repr(cldr.phrases("am", 40, seed=7, split="train"))
    assert outcome.stdout.strip() == sha256(here.encode()).hexdigest()


@pytest.mark.parametrize("language", ["am", "ja", "km", "so", "zh"])
def test_no_test_name_is_in_a_train_phrase(language: str) -> None:
    locale = Locale.parse(language)
    held_out = {
        " ".join(words_of(name[:1].title() + name[1:]))
        for kind, table in (("territory", locale.territories), ("language", locale.languages))
        for code, name in table.items()
        if name != code and code not in ("ZZ", "001") and cldr.is_test_concept(kind, code)
    }

    def said(split: cldr.Split) -> str:
        chosen = cldr.phrases(language, 500, seed=3, split=split)
        return "\n".join(f" {' '.join(phrase.words)} " for phrase in chosen)

    train, test = said("train"), said("test")
    assert not [name for name in held_out if len(name) > 1 and f" {name} " in train]
    assert sum(f" {name} " in test for name in held_out) > 40


def test_a_quarter_of_the_names_is_held_out_and_countries_keep_together() -> None:
    locale = Locale.parse("en")
    for kind, table in (("territory", locale.territories), ("language", locale.languages)):
        assert 0.15 < sum(cldr.is_test_concept(kind, code) for code in table) / len(table) < 0.35
    for country, language, currency, city in (
        ("IT", "it", "ITL", "Europe/Rome"),
        ("JP", "ja", "JPY", "Asia/Tokyo"),
        ("GR", "el", "GRD", "Europe/Athens"),
    ):
        kinds = {"territory": country, "language": language, "currency": currency, "city": city}
        assert len({cldr.is_test_concept(kind, code) for kind, code in kinds.items()}) == 1
    assert not cldr.is_test_concept("unit", "duration-day")


def test_parallel_phrases_say_the_same_things() -> None:
    rows = cldr.parallel_phrases(["am", "en", "zh"], 200, seed=1, split="plain")
    for row in rows:
        named = [[tag for tag in phrase.tags if tag[0] == "B"] for phrase in row]
        assert sorted(named[0]) == sorted(named[1]) == sorted(named[2])
        assert len({phrase.label for phrase in row}) == 1
    # one language alone goes through the same plans
    assert {row[1] for row in rows[:50]} <= set(cldr.phrases("en", 400, seed=1, split="plain"))


def test_seven_in_ten_lists_are_of_one_kind() -> None:
    plans = [cldr._plan(Random(number), "plain") for number in range(3000)]
    lists = [segment.items for plan in plans for segment in plan.segments if segment.items[1:]]
    of_one_kind = [items for items in lists if len({TAGS[item.kind] for item in items}) == 1]
    # some of the mixed ones are alike by chance
    assert 0.68 < len(of_one_kind) / len(lists) < 0.80


def test_excluded_sequences_are_in_no_phrase() -> None:
    unwanted = {("France",), ("and",), ("June",)}
    said = cldr.phrases("en", 200, seed=0, split="plain", exclude=unwanted)
    assert not {word for phrase in said for word in phrase.words} & {"France", "and", "June"}


def test_task_data_is_written_whole_and_without_leaks(tmp_path) -> None:
    paths = cldr.write_task_data(
        tmp_path,
        "am",
        ["en", "zh"],
        train_count=80,
        plain_count=300,
        test_count=100,
        parallel_count=10,
        seed=1,
    )
    assert {str(path.relative_to(tmp_path)) for path in paths.values()} == {
        *(f"text/{language}.txt" for language in ("am", "en", "zh")),
        *(
            f"labels/{lang}.{part}.conll"
            for lang in ("am", "en", "zh")
            for part in ("train", "dev")
        ),
        "labels/am.test.conll",
        "parallel/am-en.tsv",
        "parallel/am-zh.tsv",
    }

    def sentences(name: str) -> list[str]:
        blocks = paths[name].read_text(encoding="utf-8").strip().split("\n\n")
        rows = [[line.split("\t") for line in block.split("\n")] for block in blocks]
        assert all(len(row) == 2 for block in rows for row in block)
        return [" ".join(word for word, _ in block) for block in rows]

    test = sentences("am.test")
    counts = {name: len(sentences(name)) for name in ("am.train", "zh.train", "en.dev")}
    assert counts == {"am.train": 80, "zh.train": 80, "en.dev": 10}
    assert len(set(test)) == 100
    text = paths["am.text"].read_text(encoding="utf-8")
    pairs = [line.split("\t") for line in paths["am-en"].read_text(encoding="utf-8").splitlines()]
    assert len(text.splitlines()) == 300
    assert len(pairs) == 10 and all(len(pair) == 2 for pair in pairs)
    everything = "\n".join([text, *sentences("am.train"), *(pair[0] for pair in pairs)])
    padded = "\n".join(f" {line} " for line in everything.split("\n"))
    assert not [phrase for phrase in test if f" {phrase} " in padded]
    assert not set(sentences("en.train")) & set(sentences("en.dev"))


@pytest.mark.parametrize("language", ["xx", "not a code", "dv", "ht"])
def test_languages_that_cldr_hardly_knows_are_refused(language: str) -> None:
    with pytest.raises(UnibridgeError, match="cldr_languages"):
        cldr.phrases(language, 1, seed=0, split="plain")


def test_other_mistakes_are_told(tmp_path) -> None:
    with pytest.raises(UnibridgeError, match="unknown split 'dev'"):
        cldr.phrases("en", 1, seed=0, split="dev")  # type: ignore[arg-type]
    counts = dict.fromkeys(("train_count", "plain_count", "test_count", "parallel_count"), 1)
    with pytest.raises(UnibridgeError, match="one of the sources"):
        cldr.write_task_data(tmp_path, "am", ["am"], seed=0, **counts)
    digits = {(str(number),) for number in range(10000)}
    names = {words for sequences in cldr._test_names("sn").values() for words in sequences}
    with pytest.raises(UnibridgeError, match=r"only .* of 4000 different phrases in sn"):
        cldr.phrases("sn", 4000, seed=0, split="test", exclude=digits | names)
