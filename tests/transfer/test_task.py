import copy

import pytest
import torch
from pydantic import ValidationError

from toy import LINES, head_shape, toy_base, toy_examples
from unibridge.adapters import attach
from unibridge.adapters.settings import LANGUAGE_ADAPTER, AdapterConfig
from unibridge.ensemble.distil import DistilSettings, distil
from unibridge.ensemble.merge import merge
from unibridge.ensemble.model import MultiSourceModel
from unibridge.errors import UnibridgeError
from unibridge.models.rows import lay_over
from unibridge.models.states import encoder_states
from unibridge.pack.export import export_pack
from unibridge.tasks import TASKS
from unibridge.tasks.heads import build_head
from unibridge.tasks.shapes import HeadSettings
from unibridge.text.labels import LabelledText
from unibridge.transfer import head_start
from unibridge.transfer.language import AdaptationSettings, adapt_language
from unibridge.transfer.rates import whole_model_rate
from unibridge.transfer.task import train_task
from unibridge.transfer.task_settings import TaskSettings
from unibridge.transfer.trained import TrainedTask


def settings(**training):
    training = {"steps": 6, "batch_size": 4, "learning_rate": 0.01} | training
    adapter = AdapterConfig(reduction_factor=2, non_linearity="gelu", invertible="none")
    return TaskSettings(adapter=adapter, training=training)


@pytest.fixture(scope="module")
def languages():
    """The toy base with two adapted languages that keep its vocabulary."""
    base = toy_base("xlm-roberta")
    small = AdaptationSettings(sample_words=0, training={"steps": 5, "learning_rate": 0.02})
    adapted = {
        code: adapt_language(base, LINES, small, language=code, seed=seed)
        for seed, code in enumerate(("en", "sw"))
    }
    return base, adapted


def telling_base(family):
    """Without dropout, and with states that tell words apart, as a trained encoder's do."""
    base = toy_base(family, dropout=0.0)
    with torch.no_grad():
        for parameter in base.model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(10)
    return base


def learn(base, name, sources, *, train="adapter", adapted=None, head=None, **training):
    task = TASKS[name]
    examples = {source: toy_examples(name) for source in sources}
    return train_task(
        base,
        task,
        examples,
        {source: (adapted or {}).get(source) for source in sources},
        task.collect_labels(examples.values()),
        settings(**training).model_copy(update={"head": HeadSettings(**head or {})}),
        name=f"{name}-{'-'.join(sources)}",
        held_out={source: rows[:3] for source, rows in examples.items()},
        train=train,
    )


@pytest.mark.parametrize(
    ("name", "train"),
    [
        *((name, "adapter") for name in TASKS),
        *(
            pytest.param(name, "model", marks=() if name == "ner" else pytest.mark.slow)
            for name in TASKS
        ),
    ],
)
def test_every_task_is_learnt(name, train):
    base = telling_base("bert" if name == "pairs" else "xlm-roberta")
    trained = learn(base, name, ["en"], train=train, steps=50, batch_size=10)
    curve = trained.facts["curve"]
    assert curve[-1]["train_loss"] < 0.3 * curve[0]["train_loss"]
    assert trained.facts["dev_score"] == pytest.approx(100)
    model = MultiSourceModel.assemble(base, None, {"en": trained}, {"en": 1.0})
    examples = toy_examples(name)
    assert TASKS[name].score(examples, model.predict(examples), samples=10).value > 95


@pytest.mark.parametrize("train", ["adapter", "model"])
def test_a_searched_rate_trains_like_one_that_was_given(train):
    """Where there are dev files and no rate is written, the best of short trainings is taken."""

    def learnt(held_out=True, **training):
        return train_task(
            toy_base("bert"),
            TASKS["ner"],
            {"en": toy_examples("ner")},
            {"en": None},
            TASKS["ner"].collect_labels([toy_examples("ner")]),
            settings(**training).model_copy(update={"search_rates": rates}),
            name="ner-en",
            held_out={"en": toy_examples("ner")[:3]} if held_out else None,
            train=train,
        )

    rates = (1e-5, 0.01, 0.003)
    found = learnt(learning_rate=None)
    search = found.facts["rate_search"]
    assert {t["rate"] for t in search["trials"]} == set(rates) and found.facts["search_steps"] > 0
    best = min(search["trials"][3:], key=lambda trial: trial["valid_loss"])["rate"]
    assert best > 1e-5  # by which nothing is learnt in six steps
    given = learnt(learning_rate=best)
    assert found.facts["learning_rate"] == given.facts["learning_rate"] == best
    assert given.facts["rate_search"] is None and given.facts["curve"] == found.facts["curve"]
    assert all(torch.equal(given.head[name], found.head[name]) for name in given.head)

    # without them it is what such a model learns by; this one is 16 dimensions wide
    blind = learnt(held_out=False, learning_rate=None).facts
    assert blind["rate_search"] is None and blind["learning_rate"] == 5e-4


def begun(base, name, start):
    """Trained for one step at no rate to speak of, so that it is what it began with."""
    settings_ = settings(steps=1, learning_rate=1e-12, batch_size=10)
    examples = toy_examples(name)
    return train_task(
        base,
        TASKS[name],
        {"en": examples},
        {"en": None},
        TASKS[name].collect_labels([examples]),
        settings_.model_copy(update={"head_start": start}),
        name=f"{name}-en",
        held_out={"en": examples},
        train="model",
    )


@pytest.mark.parametrize(
    "name",
    [
        # what is decided of a text, of a word, of two places in one
        pytest.param(
            name, marks=() if name in ("classification", "ner", "qa") else pytest.mark.slow
        )
        for name in TASKS
    ],
)
def test_a_fitted_head_knows_the_task_before_training_and_touches_nothing_else(name):
    """LP-FT: after one step at no rate to speak of, it scores as training alone does after many."""
    base = telling_base("bert" if name == "pairs" else "xlm-roberta")
    random, fitted = (begun(base, name, start) for start in ("random", "fitted"))
    facts = fitted.facts["head_start"]
    assert random.facts["head_start"] is None and facts["loss"] < 0.5 * facts["loss_before"]
    assert fitted.facts["curve"][-1]["valid_loss"] < 0.6 * random.facts["curve"][-1]["valid_loss"]
    assert fitted.facts["dev_score"] > random.facts["dev_score"]
    assert all(
        torch.allclose(fitted.encoder[key], value, atol=1e-9)
        for key, value in random.encoder.items()
    )


def test_a_large_head_is_fitted_in_batches_and_alike_twice_over(monkeypatch):
    monkeypatch.setattr(head_start, "LARGE", 0)
    monkeypatch.setattr(head_start, "RATE", 0.05)
    found = [begun(telling_base("xlm-roberta"), "parsing", "fitted") for _ in range(2)]
    facts = [one.facts["head_start"] for one in found]
    assert facts[0] == facts[1] and facts[0]["loss"] < 0.5 * facts[0]["loss_before"]


def test_a_whole_models_rate_falls_with_its_width():
    assert [whole_model_rate(width) for width in (128, 384, 768)] == [5e-4, 2e-4, 5e-5]
    assert whole_model_rate(1024) == pytest.approx(2.8e-5, rel=0.01)


def held_out_loss(base, trained, sources, adapted):
    """Mean loss of the held-out examples under what base, languages and result make together."""
    task, total, count = TASKS[trained.task], 0.0, 0
    for source in sources:
        model = MultiSourceModel.assemble(
            base, adapted.get(source), {source: trained}, {source: 1.0}
        )
        rows = task.encode(base.tokenizer, toy_examples(trained.task)[:3], trained.labels, 38)
        inputs = task.collate(rows, base.tokenizer.pad_token_id)
        with torch.no_grad():
            loss = task.loss(model.outputs(**inputs), task.targets(rows))
        total, count = total + float(loss) * len(rows), count + len(rows)
    return total / count


@pytest.mark.parametrize(
    ("sources", "train", "under"),
    [
        (["en"], "adapter", True),
        (["en", "sw"], "adapter", True),
        (["en", "sw"], "model", False),
        (["en"], "model", True),
    ],
    ids=["one source", "universal", "whole model", "model under an adapter"],
)
@pytest.mark.parametrize("name", ["ner", "classification"])
def test_what_is_kept_makes_the_trained_model_again(
    tmp_path, languages, name, sources, train, under
):
    """The result alone, saved and loaded, gives the held-out loss of training."""
    base, adapted = languages
    adapted = adapted if under else {}
    before = copy.deepcopy(base.model.state_dict())
    trained = learn(base, name, sources, train=train, adapted=adapted, learning_rate=0.03)
    assert all(torch.equal(before[k], v) for k, v in base.model.state_dict().items())
    trained.save(tmp_path)
    loaded = TrainedTask.load(tmp_path)
    assert bool(loaded.adapter) == (train == "adapter") == (not loaded.encoder)
    assert not any("adapter" in key for key in loaded.encoder), "language adapters stay frozen"
    expected = trained.facts["curve"][-1]["valid_loss"]
    assert held_out_loss(base, loaded, sources, adapted) == pytest.approx(expected, abs=1e-5)


def test_an_adapter_and_its_head_train_and_the_whole_encoder_does_when_asked(languages):
    base, adapted = languages
    one = learn(base, "ner", ["en"], adapted=adapted)
    untrained = copy.deepcopy(base.model)
    attach.add_adapter(untrained, base.family, "x", settings().adapter, seed=0)
    start = attach.adapter_state(untrained, "x")
    assert one.adapter.keys() == start.keys()
    assert all(not torch.equal(start[key], one.adapter[key]) for key in start)
    whole = learn(base, "ner", ["en"], train="model")
    encoder = base.model.get_submodule(base.family.encoder).state_dict()
    after = lay_over(encoder, whole.encoder)
    changed = [key for key, value in after.items() if not torch.equal(encoder[key], value)]
    assert any("word_embeddings" in key for key in changed)
    assert any("layer.2" in key for key in changed)


def test_facts_tell_what_was_trained(languages):
    base, adapted = languages
    facts = learn(base, "pos", ["sw", "en"], adapted=adapted).facts
    assert facts["source"] == "en+sw" and facts["task"] == "pos" and facts["trained"] == "adapter"
    assert facts["steps"] == 6 and facts["examples"] == 2 * len(LINES)
    assert set(facts["dev_scores"]) == {"en", "sw"} and 0 <= facts["dev_score"] <= 100


@pytest.mark.parametrize("train", ["adapter", "model"])
def test_pairs_of_bert_are_read_with_their_types(train):
    base, task = telling_base("bert"), TASKS["pairs"]
    examples = toy_examples("pairs")[:3]
    labels = task.collect_labels([examples])
    one_step = settings(steps=1, batch_size=99)
    trained = train_task(
        base, task, {"en": examples}, {}, labels, one_step, name="pairs-en", train=train
    )

    student = copy.deepcopy(base.model)
    if train == "adapter":
        attach.add_adapter(student, base.family, "x", settings().adapter, seed=0)
        attach.activate(student, "x")
    head = build_head(task, head_shape(2), seed=0)
    rows = task.encode(base.tokenizer, examples, labels, 38)
    inputs = task.collate(rows, base.tokenizer.pad_token_id)
    assert inputs["token_type_ids"].any()

    def loss(**types):
        ids, mask = inputs["input_ids"], inputs["attention_mask"]
        with torch.no_grad():
            said = head(encoder_states(student, base.family, ids, mask, **types), mask)
        return float(torch.nn.functional.cross_entropy(said["label"], task.targets(rows)["label"]))

    found = trained.facts["curve"][0]["train_loss"]
    assert found == pytest.approx(loss(token_type_ids=inputs["token_type_ids"]), abs=1e-6)
    assert abs(found - loss()) > 1e-5


def test_a_limit_on_examples_takes_them_from_the_whole_file(languages):
    base, _ = languages
    task, rows = TASKS["classification"], toy_examples("classification")
    # sorted by class, as files often are: the first half would hold one class only
    rows = sorted(rows * 2, key=lambda row: row.label)
    labels = task.collect_labels([rows])
    few = settings(steps=1).model_copy(update={"max_examples": 5})

    def loss(examples, settings):
        return train_task(base, task, {"en": examples}, {}, labels, settings, name="c").facts

    found = loss(rows, few)
    assert found["examples"] == 5 and found["dev_score"] is None
    # the same five, written out
    same = loss(rows[::2], settings(steps=1))
    assert {row.label for row in rows[::2]} == set(labels)
    assert found["curve"] == same["curve"]


def test_a_folder_without_a_task_is_named(tmp_path):
    with pytest.raises(UnibridgeError, match=f"{tmp_path.name}: holds no trained task"):
        TrainedTask.load(tmp_path)


def test_examples_past_the_bases_length_limit_are_cut():
    base, task = toy_base("bert"), TASKS["classification"]
    rows = {"en": [LabelledText(" ".join(LINES * 4), None, label) for label in "ab"]}
    longer = settings(steps=1).model_copy(update={"max_tokens": 500})
    found = train_task(base, task, rows, {}, ["a", "b"], longer, name="classification-en")
    assert found.facts["tokens_seen"] == 2 * 40
    model = MultiSourceModel.assemble(base, None, {"en": found}, {"en": 1.0}, max_tokens=500)
    assert len(model.predict(rows["en"])) == 2


def test_a_task_adapter_with_an_invertible_part_is_refused_before_training():
    with pytest.raises(ValidationError, match='write invertible = "none"'):
        TaskSettings(adapter=LANGUAGE_ADAPTER)


def test_below_the_first_layer_there_is_no_task_adapter():
    base, task = toy_base("xlm-roberta"), TASKS["ner"]
    examples = {"en": toy_examples("ner")}
    upper = settings(steps=2).model_copy(update={"first_layer": 1})
    labels = task.collect_labels(examples.values())
    trained = train_task(base, task, examples, {}, labels, upper, name="ner-en")
    layers = {key.split(".")[1] for key in trained.adapter}
    assert layers == {"1"} and trained.config.leave_out == (0, -1)


@pytest.mark.parametrize("train", ["adapter", "model"])
def test_a_compiler_that_works_brings_no_warning(languages, train, monkeypatch):
    """Its trial step has something to train: the task adapter is active by then."""
    monkeypatch.setattr(torch.nn.Module, "compile", lambda *_, **__: None)
    base, adapted = languages
    given = (TASKS["ner"], {"en": toy_examples("ner")}, {"en": adapted["en"]}, ["O", "B-LOC"])
    found = train_task(base, *given, settings(steps=1, compile=True), name="x", train=train)
    assert found.warnings == []


def test_a_tagger_may_read_a_mix_of_layers_in_every_ending(tmp_path):
    base = telling_base("xlm-roberta")
    tasks = {
        source: learn(base, "ner", [source], steps=6, batch_size=10, head={"layer_mix": True})
        for source in ("en", "sw")
    }
    assert set(tasks["en"].head) == {"mix.weight", "out.weight", "out.bias"}
    assert tasks["en"].head["mix.weight"].any()
    tasks["en"].save(tmp_path / "task")
    tasks["en"] = TrainedTask.load(tmp_path / "task")
    model = MultiSourceModel.assemble(base, None, tasks, {"en": 0.5, "sw": 0.5})
    lines = list(LINES) * 2
    # each source reads its own states: alone it says what it says among the others
    both = model.predict_sources(lines)
    for place, source in enumerate(("en", "sw")):
        alone = MultiSourceModel.assemble(base, None, {source: tasks[source]}, {source: 1.0})
        found = alone.predict_sources(lines).log_probabilities[0]
        assert torch.allclose(both.log_probabilities[place], found, atol=1e-5)
    model.save_pretrained(tmp_path / "pack")
    assert MultiSourceModel.load(tmp_path / "pack").predict(lines) == model.predict(lines)
    assert len(merge(model).predict(lines)) == len(lines)
    settings = DistilSettings(student="encoder", layers=2, training={"steps": 2})
    student = distil(model, lines, settings).model
    student.save_pretrained(tmp_path / "student")
    assert len(student.heads["head_distilled"].mix.weight) == 3
    with pytest.raises(UnibridgeError, match="transformers has no xlm-roberta model that does"):
        export_pack(tmp_path / "student", tmp_path / "plain", "encoder")


@pytest.mark.parametrize("name", ["classification", "pairs", "ner"])
def test_texts_that_are_cut_are_counted_and_taggers_are_not(name):
    base = telling_base("bert" if name == "pairs" else "xlm-roberta")
    task, examples = TASKS[name], toy_examples(name)
    short = settings().model_copy(update={"max_tokens": 9})
    labels = task.collect_labels([examples])
    trained = train_task(base, task, {"en": examples}, {}, labels, short, name="x")
    model = MultiSourceModel.assemble(base, None, {"en": trained}, {"en": 1.0}, max_tokens=9)
    told = []
    model.predict(examples, warn=told.append)
    longer = 0
    if name != "ner":
        longer = sum(len(base.tokenizer(e.text, e.second).input_ids) > 9 for e in examples)
        assert longer > 0
    found = [warning for warning in trained.warnings if "longer than 9 tokens" in warning]
    assert [warning.split(" of ")[0] for warning in found] == ([str(longer)] if longer else [])
    assert [warning.removeprefix("warning: ") for warning in told] == found
    again = []
    model.predict_sources(examples, warn=again.append)
    assert again == told
