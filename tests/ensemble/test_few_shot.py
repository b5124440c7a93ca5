import copy

import pytest
import torch
from pydantic import ValidationError

from toy import LINES, toy_base
from unibridge.adapters.settings import AdapterConfig
from unibridge.ensemble.few_shot import FewShotSettings, continue_training, few_shot, from_scratch
from unibridge.ensemble.model import MultiSourceModel
from unibridge.errors import UnibridgeError
from unibridge.tasks import TASKS
from unibridge.text.corpus import nested_draw
from unibridge.text.labels import TaggedSentence
from unibridge.transfer.language import AdaptationSettings, adapt_language
from unibridge.transfer.task import train_task
from unibridge.transfer.task_settings import TaskSettings

PLACES = ("town", "river", "bridge")


def tagged(lines):
    rows = [line.split() for line in lines]
    return [
        TaggedSentence(tuple(r), tuple("B-LOC" if w in PLACES else "O" for w in r)) for r in rows
    ]


EXAMPLES = tagged(LINES * 4)


@pytest.fixture(scope="module")
def transferred():
    """A target language with two sources' tasks, hardly trained."""
    base = toy_base("xlm-roberta", dropout=0.0)
    with torch.no_grad():
        for parameter in base.model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(10)  # so that states tell words apart, as a trained encoder's do
    language = adapt_language(
        base,
        LINES,
        AdaptationSettings(sample_words=0, training={"steps": 2}),
        language="xx",
    )
    settings = TaskSettings(
        adapter=AdapterConfig(reduction_factor=2, non_linearity="gelu", invertible="none"),
        training={"steps": 2, "batch_size": 4},
    )
    tasks = {
        source: train_task(
            base,
            TASKS["ner"],
            {source: EXAMPLES[:5]},
            {source: None},
            ["O", "B-LOC", "I-LOC"],
            settings,
            name=f"ner-{source}",
            seed=seed,
        )
        for seed, source in enumerate(("en", "sw"))
    }
    return MultiSourceModel.assemble(base, language, tasks, {"en": 0.7, "sw": 0.3})


def settings(**changed):
    training = {"epochs": 2, "batch_size": 4, "learning_rate": 0.02, "schedule": "constant"}
    return FewShotSettings(**{"sentences": (5, 10), "draws": 2, "training": training} | changed)


def test_smaller_draws_are_the_beginning_of_larger_ones():
    rows = list(range(200))
    ten, fifty = (nested_draw(rows, n, seed=3) for n in (10, 50))
    assert fifty[:10] == ten and len(set(fifty)) == 50
    assert nested_draw(rows, 10, seed=4) != ten
    assert sorted(nested_draw(rows[:5], 10, seed=3)) == rows[:5]


def test_the_curve_has_zero_shot_and_both_starts(transferred):
    before = copy.deepcopy(transferred.state_dict())
    told = []
    found = few_shot(
        transferred, EXAMPLES, EXAMPLES[:5], settings(), progress=lambda *now: told.append(now[:2])
    )
    places = [(point.sentences, point.start) for point in found.points]
    assert places == [(0, "transferred")] + [
        (n, start) for n in (5, 10) for start in ("transferred", "scratch")
    ]
    zero = transferred.task.score(EXAMPLES[:5], transferred.predict(EXAMPLES[:5]))
    assert (found.points[0].score, found.points[0].low) == (zero.value, zero.low)
    for point in found.points:
        assert 0 <= point.low <= point.score <= point.high <= 100
        assert point.score == pytest.approx(sum(point.scores) / len(point.scores))
    assert told == [(i, 8) for i in range(1, 9)]
    for name, tensor in transferred.state_dict().items():
        assert torch.equal(tensor, before[name]), "the model that is given stays as it is"
    # the kept model is the first draw's at the most sentences
    score = transferred.task.score(EXAMPLES[:5], found.model.predict(EXAMPLES[:5]))
    assert score.value == found.points[3].scores[0]


@pytest.fixture(scope="module")
def learnt(transferred):
    model = copy.deepcopy(transferred)
    chosen = settings(training={"epochs": 12, "batch_size": 4, "learning_rate": 0.05})
    continue_training(model, EXAMPLES, chosen, seed=1)
    return model


def test_labels_are_learnt(transferred, learnt):
    score = transferred.task.score(EXAMPLES, learnt.predict(EXAMPLES)).value
    assert score > transferred.task.score(EXAMPLES, transferred.predict(EXAMPLES)).value + 20


def test_the_same_seed_learns_the_same(transferred):
    states = []
    for seed in (1, 1, 2):
        model = copy.deepcopy(transferred)
        continue_training(model, EXAMPLES[:5], settings(), seed=seed)
        states.append(model.state_dict()["heads.head_en.out.weight"])
    assert states[0].equal(states[1]) and not states[0].equal(states[2])


def test_only_task_adapters_and_heads_move(transferred):
    model = copy.deepcopy(transferred)
    continue_training(model, EXAMPLES, settings(), seed=0)
    before = transferred.state_dict()
    moved = {name for name, tensor in model.state_dict().items() if not tensor.equal(before[name])}
    assert moved and all("adapter_ner-" in name or name.startswith("heads.") for name in moved)
    assert {name.split("adapter_ner-")[1][:2] for name in moved if "adapter_" in name} == {
        "en",
        "sw",
    }


def test_what_only_gets_worse_keeps_its_beginning(learnt):
    """Held-out examples that contradict the others: training raises their loss from the start."""
    model = copy.deepcopy(learnt)
    right = copy.deepcopy(model.state_dict())
    wrong = [
        TaggedSentence(e.words, tuple("O" if t != "O" else "B-LOC" for t in e.tags))
        for e in EXAMPLES
    ]
    # every fifth is held out: those stay right, the rest teach the opposite
    mixed = [EXAMPLES[i] if i % 5 == 4 else wrong[i] for i in range(20)]
    assert continue_training(model, mixed, settings(), seed=0) == 0.0
    assert all(tensor.equal(right[name]) for name, tensor in model.state_dict().items())


def test_from_nothing_keeps_the_adapted_encoder_and_nothing_else(transferred):
    fresh, other = (from_scratch(transferred, seed=seed) for seed in (0, 1))
    old, new = transferred.state_dict(), fresh.state_dict()
    below = [name for name in old if "ner-" not in name and not name.startswith("heads.")]
    assert below and all(old[name].equal(new[name]) for name in below)
    assert fresh.config.sources == ["xx"] and transferred.config.sources == ["en", "sw"]
    weights = [m.state_dict()["heads.head_xx.out.weight"] for m in (fresh, other)]
    assert not weights[0].equal(weights[1])


def test_too_few_examples_and_foreign_labels_are_said(transferred):
    with pytest.raises(UnibridgeError, match=r"4 labelled target examples, fewer than 5"):
        few_shot(transferred, EXAMPLES[:4], EXAMPLES, settings())
    odd = [TaggedSentence(("a", "town"), ("O", "B-PER"))] * 2
    short = settings(draws=1, training={"epochs": 1, "batch_size": 4})
    found = few_shot(transferred, EXAMPLES[:6] + odd, EXAMPLES, short)
    assert "no point at 10" in found.warnings[0] and "no labels PER" in found.warnings[1]
    foreign = [TaggedSentence(("town",), ("B-PER",))] * 5
    with pytest.raises(UnibridgeError, match="0 of 5 target examples have a label that the model"):
        few_shot(transferred, foreign, EXAMPLES, settings())


@pytest.mark.parametrize("sentences", [(), (3,), (10, 5), (10, 10)])
def test_sizes_that_make_no_curve_are_refused(sentences):
    with pytest.raises(ValidationError):
        settings(sentences=sentences)
