"""`transformers`' pipeline says of a pack's words what `predict` says."""

import re
import warnings
from random import Random

import pytest
import torch
import transformers

import unibridge  # noqa: F401  registers what is tested here
from toy import LINES, drawn_pack, toy_base
from toy_run import toy_lines
from unibridge.ensemble.pipelines import TextPipeline, WordPipeline
from unibridge.errors import UnibridgeError
from unibridge.metrics import spans

STRATEGIES = ("none", "simple", "first", "average", "max")


def words_of(text):
    """(start, end) of each word between spaces."""
    starts, place = [], 0
    for word in text.split(" "):
        starts.append((place, place + len(word)))
        place += len(word) + 1
    return starts


def sentences():
    """Words of one piece and of several, among them some that no piece begins as a word."""
    draw = Random(0)
    words = [*" ".join([*LINES, *toy_lines("lug", 8)]).split(), "zz", "q9", "ሰላም"]
    return [" ".join(draw.choices(words, k=draw.randint(1, 8))) for _ in range(30)]


@pytest.mark.parametrize("family", ["xlm-roberta", "bert", "gpt2"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_agrees_with_predict(family, strategy):
    model = drawn_pack("ner", {"en": 0.4, "sw": 0.6}, family=family)
    lines = [line for line in sentences() if len(model.tokenizer(line)["input_ids"]) <= 30]
    assert len(lines) > 15
    ner = transformers.pipeline(
        "token-classification",
        model=model,
        tokenizer=model.tokenizer,
        aggregation_strategy=strategy,
    )
    assert isinstance(ner, WordPipeline)
    several = 0
    read = ner(lines, batch_size=8)
    for line, tags, found in zip(lines, model.predict(lines), read, strict=True):
        places = words_of(line)
        several += len(model.tokenizer(line, add_special_tokens=False)["input_ids"]) > len(places)
        assert all(one["word"] == line[one["start"] : one["end"]] for one in found)
        if strategy == "none":
            said = {(one["start"], one["end"]): one["entity"] for one in found}
            assert said == {p: t for p, t in zip(places, tags, strict=True) if t != "O"}
        else:
            expected = {(e, places[a][0], places[b - 1][1]) for e, a, b in spans(tags)}
            said = {(one["entity_group"], one["start"], one["end"]) for one in found}
            assert said == expected
    assert several > 10


def texts(name, count):
    """Texts, or pairs of them, of which every second is longer than the model."""
    draw = Random(1)
    words = " ".join(LINES).split()
    rows = [" ".join(draw.choices(words, k=40 if n % 2 else 3)) for n in range(count)]
    if name == "classification":
        return rows, rows
    pairs = [(row, rows[0]) for row in rows]
    return pairs, [{"text": first, "text_pair": second} for first, second in pairs]


@pytest.mark.parametrize("name", ["classification", "pairs"])
def test_texts_are_cut_as_predict_cuts_them_and_counted_alike(name):
    model = drawn_pack(name, {"en": 0.4, "sw": 0.6}, family="bert")
    model.config.max_tokens = 20
    examples, given = texts(name, 6)
    told = []
    predicted = model.predict(examples, warn=told.append)
    assert len(told) == 1 and "3 of 6 texts are longer than 20 tokens: only their" in told[0]
    classify = transformers.pipeline(
        "text-classification", model=model, tokenizer=model.tokenizer, top_k=1
    )
    assert isinstance(classify, TextPipeline)
    for read in (
        lambda: classify(given),
        lambda: classify(given, batch_size=4),
        lambda: list(classify(one for one in given)),
        lambda: classify(given, truncation=True, padding=True),
    ):
        with pytest.warns(UserWarning) as said:
            assert [one["label"] for (one,) in read()] == predicted
        own = [str(one.message) for one in said if "longer than" in str(one.message)]
        assert own == told
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert classify([given[0]])[0][0]["label"] == predicted[0]
    # a pair for a model of texts, a text for one of pairs
    with pytest.raises(UnibridgeError, match="is not a"):
        classify("one text" if name == "pairs" else {"text": "one", "text_pair": "two"})


def test_other_models_are_read_as_before():
    base = toy_base("bert")
    plain = transformers.AutoModelForTokenClassification.from_config(base.model.config).eval()
    own, theirs = (
        kind(model=plain, tokenizer=base.tokenizer, aggregation_strategy="simple")
        for kind in (WordPipeline, WordPipeline.__mro__[1])
    )
    with torch.no_grad():
        assert [own(line) for line in LINES] == [theirs(line) for line in LINES]


@pytest.mark.parametrize("strategy", ["none", "simple", "first"])
def test_sentences_longer_than_the_model_are_read_to_their_end(strategy):
    model = drawn_pack("ner", {"en": 0.4, "sw": 0.6}, family="xlm-roberta")
    model.tokenizer.model_max_length = 38  # of 40 positions XLM-R leaves two out
    model.config.max_tokens = 20
    medium = " ".join(LINES)[:140].rpartition(" ")[0]
    lines = [" ".join(LINES * 3), LINES[0], medium, " ".join(toy_lines("lug", 9))]
    lengths = [len(model.tokenizer(line)["input_ids"]) for line in lines]
    assert lengths[0] > 80 and lengths[1] < 20 < lengths[2] < 38
    ner = transformers.pipeline(
        "token-classification",
        model=model,
        tokenizer=model.tokenizer,
        aggregation_strategy=strategy,
    )
    predicted = model.predict(lines)
    for found in (ner(lines), ner(lines, batch_size=2)):
        for line, tags, entities in zip(lines, predicted, found, strict=True):
            places = words_of(line)
            if strategy == "none":
                said = {(one["start"], one["end"]): one["entity"] for one in entities}
                assert said == {p: t for p, t in zip(places, tags, strict=True) if t != "O"}
            else:
                said = {(one["entity_group"], one["start"], one["end"]) for one in entities}
                assert said == {(e, places[a][0], places[b - 1][1]) for e, a, b in spans(tags)}
    assert any(tag != "O" for tag in predicted[0][-5:])


ODD = [
    *["\u200b", "\u200d", "\xad", "\u202a", "\ufeff", "\u2060", "²", "▁", ".", "O"],
    "東京都は",
    "สวัสดี",
]
ODD += [
    "👨\u200d👩\u200d👧",
    "a\u0301b",
    "the\u200btown",
    "x" * 90,
    "<s>",
    "[SEP]",
    "<mask>",
    "ﬁsh",
    "\x00",
]
SPACES = [" ", " ", "  ", "\u00a0", "\u3000", "\t", "\n", "\u2009", "\u2028", " \u200b "]


def odd_sentences():
    """Words that few readers cut alike, between spaces of all kinds, some longer than the model."""
    draw = Random(3)
    words = [*" ".join([*LINES, *toy_lines("lug", 8)]).split(), *ODD, *ODD]
    for number in range(24):
        text = draw.choice(["", " ", "\n"])
        for _ in range(draw.randint(1, 40 if number % 5 == 0 else 8)):
            text += draw.choice(words) + draw.choice(SPACES)
        yield text + draw.choice(["", "the"])


@pytest.mark.parametrize("family", ["xlm-roberta", "bert", "gpt2"])
def test_odd_words_and_spaces_are_read_as_predict_reads_them(family):
    model = drawn_pack("ner", {"en": 0.4, "sw": 0.6}, family=family)
    lines = list(odd_sentences())
    predicted = model.predict(lines)

    def wanted(line, tags, strategy):
        places = [match.span() for match in re.finditer(r"\S+", line)]
        if strategy == "none":
            return {(t, *p) for p, t in zip(places, tags, strict=True) if t != "O"}
        return {(e, places[a][0], places[b - 1][1]) for e, a, b in spans(tags)}

    def said(found):
        return {(e.get("entity", e.get("entity_group")), e["start"], e["end"]) for e in found}

    for strategy in STRATEGIES:
        ner = transformers.pipeline(
            "token-classification",
            model=model,
            tokenizer=model.tokenizer,
            aggregation_strategy=strategy,
        )
        words = [line.split() for line in lines]
        plain = [" ".join(own) for own in words]
        readings = [(lines, ner(lines, batch_size=7))]
        # a strategy groups what has been read, in whatever way that was
        if strategy == "none":
            readings += [
                (lines, [ner(line) for line in lines]),
                (lines, list(ner((line for line in lines), batch_size=3))),
                (plain, ner(words, is_split_into_words=True)),
            ]
        for texts, read in readings:
            for line, tags, found in zip(texts, predicted, read, strict=True):
                assert said(found) == wanted(line, tags, strategy), (strategy, line)
                assert all(e["word"] == line[e["start"] : e["end"]] for e in found)
        assert ner(" \n ") == [] and ner(["", lines[0]], batch_size=2)[0] == []
    every = transformers.pipeline(
        "token-classification", model=model, tokenizer=model.tokenizer, ignore_labels=[]
    )
    assert [[e["entity"] for e in found] for found in every(lines)] == predicted
    with pytest.raises(UnibridgeError, match="is no sentence"):
        ner([["a", "b"]])


def test_a_word_that_holds_a_space_stays_one_where_words_are_given():
    model = drawn_pack("ner", {"en": 0.4, "sw": 0.6})
    words = ["10\u00a0000", "the river", "town"]
    ner = transformers.pipeline(
        "token-classification", model=model, tokenizer=model.tokenizer, ignore_labels=[]
    )
    (found,) = ner([words], is_split_into_words=True, delimiter="--")
    assert [one["word"] for one in found] == words
    (tags,) = model.predict([words])
    assert [one["entity"] for one in found] == tags and found[1]["start"] == len(words[0]) + 2
