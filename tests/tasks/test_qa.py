"""Questions on passages: read, found in windows, scored as SQuAD's and MLQA's scripts, written."""

import json

import pytest
import torch

import unibridge
from toy import LINES, drawn_pack, toy_tokenizer
from toy_run import toy_questions, write_toy_run
from unibridge.config import load_config
from unibridge.ensemble.distil import DistilSettings, distil
from unibridge.ensemble.merge import merge
from unibridge.ensemble.model import MultiSourceModel
from unibridge.errors import UnibridgeError
from unibridge.metrics import METRICS
from unibridge.pack.export import export_pack
from unibridge.study.run import run
from unibridge.tasks import TASKS
from unibridge.tasks.answers import ANSWER_F1, EXACT_MATCH
from unibridge.tasks.encoded import IGNORED
from unibridge.tasks.qa import NO_ANSWER
from unibridge.text.examples import Answer, Question
from unibridge.text.labels import read_labels, write_predictions

TASK = TASKS["qa"]
LABELS = ["start", "end"]


@pytest.mark.parametrize(
    ("language", "gold", "said", "exact", "f1"),
    [
        ("en", "The Denver Broncos", "denver broncos!", 100, 100),
        ("", "a «cat.»", "«cat»", 100, 100),
        ("", "«cat»", "cat", 0, 0),
        ("en", "a “cat”", "cat", 100, 100),
        ("deu", "Die rote Tür", "rote Tür", 100, 100),
        ("en", "in 1066 AD", "1066", 0, 50),
        ("de", "Die rote Tür", "rote Tür", 100, 100),
        ("en", "die rote Tür", "rote Tür", 0, 80),
        ("es", "los Andes", "Andes", 100, 100),
        ("ar", "الكتاب", "كتاب", 100, 100),
        ("zh", "北京大学", "北京", 0, 2 * 2 / 6 * 100),
        ("sw", "the mji", "mji", 0, 2 / 3 * 100),
        ("en", "yes", "", 0, 0),
    ],
)
def test_scores_follow_the_scripts_rules(language, gold, said, exact, f1):
    true = [[Answer("something else", 0, language), Answer(gold, 0, language)]]
    found = [[Answer(said, 0)] if said else []]
    assert EXACT_MATCH(true, found) == pytest.approx(exact)
    assert ANSWER_F1(true, found) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("gold", "said", "exact", "f1"),
    [
        ("The Denver Broncos!", "denver broncos", 100, 100),
        # neither German articles nor quotation marks of others than ASCII count as such
        ("die rote Tür", "rote Tür", 0, 80),
        ("«rot»", "rot", 0, 0),
        ("北京大学", "北京", 0, 0),
    ],
)
def test_squads_own_rules_know_no_language(gold, said, exact, f1):
    true, found = [[Answer(gold, 0, "de")]], [[Answer(said, 0, "de")]]
    assert METRICS["squad_exact_match"](true, found) == pytest.approx(exact)
    assert METRICS["squad_f1"](true, found) == pytest.approx(f1)


def test_no_answer_is_right_where_there_is_none():
    gold = [[], [], [Answer("x", 0)]]
    assert EXACT_MATCH(gold, [[], [Answer("x", 0)], []]) == pytest.approx(100 / 3)


def test_answers_are_written_back_and_nothing_else_changes(tmp_path):
    path = tmp_path / "in.json"
    text = toy_questions(list(LINES))
    document = json.loads(text)
    document["context_language"] = "de"
    for indent in (None, 2):
        path.write_text(json.dumps(document, indent=indent, ensure_ascii=False))
        found = read_labels(path, expect="question")
        first = found.examples[0]
        assert (first.second, first.language) == (LINES[0], "de")
        assert first.answers == (Answer("the", 0, "de"),)
        predictions = [[Answer("town", 5)], *[[]] * (len(LINES) - 1)]
        write_predictions(found, predictions, tmp_path / "out.json")
        written = (tmp_path / "out.json").read_text()
        assert ("\n" in written.strip()) == (indent is not None)
        after = json.loads(written)
        record = after["data"][0]["paragraphs"][0]["qas"][0]
        assert record["answers"] == [{"text": "town", "answer_start": 5}]
        for old, new in zip(
            document["data"][0]["paragraphs"], after["data"][0]["paragraphs"], strict=True
        ):
            assert old["context"] == new["context"]
            for one, other in zip(old["qas"], new["qas"], strict=True):
                changed = {"answers", "is_impossible"}
                assert {k: v for k, v in one.items() if k not in changed} == {
                    k: v for k, v in other.items() if k not in changed
                }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"data"', '"date"', 'no list under "data"'),
        ('"context"', '"text"', r'data\[0\].paragraphs\[0\]: no text under "context"'),
        ('"question"', '"q"', r'qas\[0\]: no text under "question"'),
        ('"the"', '"them"', r"qas\[0\]: the answer 'them' is not in the passage"),
        ("}]}]}", "}]}]", "not valid JSON"),
    ],
)
def test_what_is_not_squads_format_is_refused_with_its_place(tmp_path, old, new, message):
    path = tmp_path / "in.json"
    text = toy_questions(list(LINES))
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(UnibridgeError, match=message):
        read_labels(path, expect="question")


def test_an_answer_beside_its_offset_is_taken_where_it_is_and_counted(tmp_path):
    path = tmp_path / "in.json"
    path.write_text(toy_questions(list(LINES)).replace('"answer_start": 0', '"answer_start": 2', 1))
    found = read_labels(path, expect="question")
    assert found.examples[0].answers[0].start == 0
    (warning,) = found.warnings
    assert warning.endswith(": 1")


@pytest.mark.parametrize("family", ["bert", "xlm-roberta", "gpt2"])
def test_a_long_passage_is_read_in_windows_and_offsets_are_the_passages(family):
    tokenizer = toy_tokenizer(family)
    passage = " ".join(LINES)
    answer = Answer("the old bridge", passage.index("the old bridge"))
    example = Question("a boat", passage, answers=(answer,))
    encoded = TASK.encode(tokenizer, [example], LABELS, 20)
    assert len(encoded) > 2 and all(len(one.input_ids) <= 20 for one in encoded)
    covered = {c for one in encoded for a, b in one.own.offsets for c in range(a, b)}
    assert covered >= {i for i, c in enumerate(passage) if c != " "}
    whole = [one for one in encoded if one.label_ids[0] != IGNORED]
    assert whole
    for one in whole:
        first, last = one.label_ids
        assert passage[one.own.offsets[first][0] : one.own.offsets[last][1]].strip() == answer.text
    outputs = {
        name: torch.stack(
            [
                9.0 * torch.nn.functional.one_hot(wanted.clamp_min(0), 20) * (wanted >= 0)
                for wanted in rows
            ]
        )
        for name, rows in TASK.targets(encoded).items()
    }
    ((found,),) = TASK.decode(TASK.reading(outputs, encoded), encoded, LABELS)
    assert found.text.strip() == answer.text
    assert passage[found.start : found.start + len(found.text)] == found.text


def test_windows_without_the_answer_teach_nothing_or_none():
    tokenizer = toy_tokenizer("bert")
    passage = " ".join(LINES)
    example = Question("a boat", passage, answers=(Answer("river children", len(passage) - 14),))
    plain = TASK.encode(tokenizer, [example], LABELS, 20)
    assert plain[0].label_ids == (IGNORED, IGNORED)
    none = TASK.encode(tokenizer, [example], [*LABELS, NO_ANSWER], 20)
    assert none[0].label_ids == (0, 0)
    # a batch of nothing to learn costs nothing
    outputs = {name: torch.randn(1, len(plain[0].input_ids)) for name in ("start", "end")}
    assert float(TASK.loss(outputs, TASK.targets(plain[:1]))) == 0


def test_none_is_an_answer_only_where_it_was_learnt():
    some, none = Question("a", "b", answers=(Answer("b", 0),)), Question("a", "b", answers=())
    assert TASK.collect_labels([[some]]) == LABELS
    assert TASK.collect_labels([[some, none]]) == [*LABELS, NO_ANSWER]
    with pytest.raises(UnibridgeError, match="allow_label_union"):
        TASK.check_labels_shared({"en": [some], "sw": [some, none]})
    tokenizer = toy_tokenizer("bert")
    for labels, expected in ((LABELS, 1), ([*LABELS, NO_ANSWER], 0)):
        encoded = TASK.encode(tokenizer, [Question("a boat", LINES[0])], labels, 30)
        size = len(encoded[0].input_ids)
        outputs = {name: torch.zeros(1, size) for name in ("start", "end")}
        for one in outputs.values():
            one[0, 0] = 5
        (found,) = TASK.decode(TASK.reading(outputs, encoded), encoded, labels)
        assert len(found) == expected


@pytest.mark.slow
def test_every_ending_answers(tmp_path):
    model = drawn_pack("qa", {"en": 0.3, "sw": 0.7})
    asked = [(line, " ".join(LINES)) for line in LINES]
    found = model.predict(asked)
    assert found == [model.predict([one])[0] for one in asked]
    for (one,), (_, passage) in zip(found, asked, strict=True):
        assert passage[one.start : one.start + len(one.text)] == one.text
    model.save_pretrained(tmp_path / "pack")
    assert MultiSourceModel.load(tmp_path / "pack").predict(asked) == found
    assert len(merge(model).predict(asked)) == len(asked)
    settings = DistilSettings(student="encoder", training={"steps": 20}, encoder_rate=0.01)
    taught = distil(model, list(LINES) * 3, settings)
    assert taught.divergence < taught.before[0]
    taught.model.save_pretrained(tmp_path / "plain")
    out = export_pack(tmp_path / "plain", tmp_path / "encoder", "encoder")
    assert json.loads((out / "config.json").read_text())["architectures"] == [
        "XLMRobertaForQuestionAnswering"
    ]
    assert len(
        unibridge.load(export_pack(tmp_path / "pack", tmp_path / "m", "pack")).predict(asked)
    )


@pytest.mark.slow
def test_a_whole_run_ends_in_answers(tmp_path):
    path = write_toy_run(tmp_path, "qa")
    changes = ['run.methods=["floor", "unibridge", "unibridge-distilled"]']
    changes += [
        "distillation.training.steps=2",
        f"target.predict={json.dumps([str(tmp_path / 'lug.test.json')])}",
    ]
    folder = run(load_config(path, changes))
    rows = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    assert {row["metric"] for row in rows} == {"answer_f1"}
    # the first word of every line
    assert rows[0]["score"] > 50
    assert read_labels(folder / "labelled" / "lug.test.json", expect="question").examples
