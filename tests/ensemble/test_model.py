from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import cycle

import pytest
import torch
from transformers import AutoTokenizer

from toy import LINES, head_shape, toy_base, toy_tokenizer
from unibridge.adapters import attach
from unibridge.adapters.settings import TASK_ADAPTER
from unibridge.embeddings.base import InitResult
from unibridge.ensemble.model import MultiSourceModel
from unibridge.errors import UnibridgeError
from unibridge.models.families import FAMILIES
from unibridge.tasks import TASKS
from unibridge.tasks.heads import build_head
from unibridge.text.labels import LabelledText, TaggedSentence
from unibridge.transfer.adapted import AdaptedLanguage, language_model
from unibridge.transfer.language import AdaptationSettings, adapt_language
from unibridge.transfer.trained import TrainedTask
from unibridge.weighting.unlabelled import sentence_weights

LABELS = {"ner": ["O", "B-LOC", "I-LOC"], "pairs": ["no", "yes"]}
NEW_LINES = tuple(" ".join(reversed(line.split())) for line in LINES)
EXAMPLES = {
    "ner": [TaggedSentence(tuple(line.split())) for line in LINES],
    "pairs": [LabelledText(line, second) for line, second in zip(LINES, NEW_LINES, strict=True)],
}


def drawn_task(base, name, source, seed):
    """A task that was never trained: the parts are what counts here, not what they say."""
    task = TASKS[name]
    model = attach.encoder_of(language_model(base, None), base.family)
    attach.add_adapter(model, base.family, "x", TASK_ADAPTER, seed=seed)
    draw = torch.Generator().manual_seed(seed)
    state = attach.adapter_state(model, "x")
    state = {key: torch.randn(value.shape, generator=draw) for key, value in state.items()}
    head = build_head(task, head_shape(len(LABELS[name])), seed=seed).state_dict()
    head = {key: torch.randn(value.shape, generator=draw) for key, value in head.items()}
    return TrainedTask(f"{name}-{source}", name, LABELS[name], head, TASK_ADAPTER, adapter=state)


@pytest.fixture(scope="module", params=[*FAMILIES])
def parts(request):
    """Base, a target language with its own vocabulary, and two tasks of each kind."""
    return made_parts(request.param)


@pytest.fixture
def name_in_turn(parts):
    """A kind of task for each family; test_merge.py has the other kind."""
    kinds = dict(zip(FAMILIES, cycle(reversed(LABELS)), strict=False))
    return kinds[parts[0].family.model_type]


@pytest.fixture(scope="module")
def one_family():
    """The same of one family, for what no family does in a way of its own."""
    return made_parts("xlm-roberta")


@cache
def made_parts(family):
    base = toy_base(family)
    tokenizer = toy_tokenizer(family, (*NEW_LINES, "words of its own alone"))
    matrix = torch.randn(len(tokenizer), 16, generator=torch.Generator().manual_seed(4))
    initial = InitResult(matrix, (), torch.full((len(tokenizer),), -1), {}, [])
    language = adapt_language(
        base,
        NEW_LINES,
        AdaptationSettings(sample_words=0, training={"steps": 3, "learning_rate": 0.05}),
        language="xx",
        tokenizer=tokenizer,
        embeddings=initial,
    )
    tasks = {
        name: {s: drawn_task(base, name, s, seed) for seed, s in enumerate(("en", "sw"))}
        for name in LABELS
    }
    return base, language, tasks


def inputs_of(model, name):
    rows = model.task.encode(model.tokenizer, EXAMPLES[name], LABELS[name], 36)
    return model.inputs_of(rows)


def logits_by_hand(base, language, trained, inputs):
    """One source's logits from the language's model, a task adapter on top, and its head."""
    model = language_model(base, language)
    encoder = attach.encoder_of(model, base.family)
    attach.add_adapter(encoder, base.family, "task", trained.config, seed=0)
    attach.load_adapter_state(encoder, "task", trained.adapter)
    attach.activate(encoder, *([language.language] if language else []), "task")
    head = build_head(TASKS[trained.task], head_shape(len(trained.labels)), seed=0)
    head.load_state_dict(trained.head)
    with torch.no_grad():
        states = model.get_submodule(base.family.encoder)(**inputs).last_hidden_state
        (logits,) = head(states, inputs["attention_mask"]).values()
        return logits


def test_logits_are_the_weighted_sum_of_the_sources(parts, name_in_turn):
    (base, language, tasks), name = parts, name_in_turn
    model = MultiSourceModel.assemble(base, language, tasks[name], {"en": 1.5, "sw": 0.5})
    inputs = inputs_of(model, name)
    one, two = (logits_by_hand(base, language, tasks[name][s], inputs) for s in ("en", "sw"))
    assert not torch.allclose(one, two, atol=0.1)
    with torch.no_grad():
        assert torch.allclose(model(**inputs).logits, 0.75 * one + 0.25 * two, atol=1e-4)
        (found,) = model.source_outputs(**inputs).values()
        assert torch.allclose(found, torch.stack([one, two]), atol=1e-4)


@pytest.mark.parametrize("weights", [{"en": 1.0}, {"en": 0.4, "sw": 0.0}])
def test_a_source_without_weight_is_left_out(one_family, weights):
    base, language, tasks = one_family
    model = MultiSourceModel.assemble(base, language, tasks["ner"], weights)
    assert model.config.sources == ["en"] and model.config.weights == [1.0]
    inputs = inputs_of(model, "ner")
    expected = logits_by_hand(base, language, tasks["ner"]["en"], inputs)
    with torch.no_grad():
        assert torch.allclose(model(**inputs).logits, expected, atol=1e-4)


def test_a_language_code_may_be_the_name_of_a_method(one_family):
    base, language, tasks = one_family
    model = MultiSourceModel.assemble(base, language, {"to": tasks["ner"]["en"]}, {"to": 1.0})
    assert model.config.sources == ["to"]  # Tongan


def test_without_a_language_the_text_is_read_as_the_base_does(parts):
    base, _, tasks = parts
    model = MultiSourceModel.assemble(base, None, tasks["ner"], {"en": 1.0})
    inputs = inputs_of(model, "ner")
    expected = logits_by_hand(base, None, tasks["ner"]["en"], inputs)
    with torch.no_grad():
        assert torch.allclose(model(**inputs).logits, expected, atol=1e-4)
    assert model.tokenizer is base.tokenizer


def test_what_is_saved_comes_back_with_the_same_logits(tmp_path, parts, name_in_turn):
    (base, language, tasks), name = parts, name_in_turn
    model = MultiSourceModel.assemble(base, language, tasks[name], {"en": 0.3, "sw": 0.7})
    model.save_pretrained(tmp_path)
    inputs = inputs_of(model, name)
    with torch.no_grad():
        expected = model(**inputs).logits
        for again in (MultiSourceModel.from_pretrained(tmp_path), MultiSourceModel.load(tmp_path)):
            assert torch.allclose(again.eval()(**inputs).logits, expected, atol=1e-5)
    assert again.predict(EXAMPLES[name]) == model.predict(EXAMPLES[name])
    text = NEW_LINES[0]
    saved = AutoTokenizer.from_pretrained(tmp_path)
    assert saved(text)["input_ids"] == language.tokenizer(text)["input_ids"]
    assert again.config.id2label == dict(enumerate(LABELS[name]))


@pytest.mark.parametrize("name", LABELS)
def test_what_each_source_predicts_is_what_the_model_weighs(one_family, name):
    base, language, tasks = one_family
    model = MultiSourceModel.assemble(base, language, tasks[name], {"en": 0.3, "sw": 0.7})
    found = model.predict_sources(EXAMPLES[name], batch_size=2)
    assert found.sources == ("en", "sw") and found.entropies.shape == (2, len(EXAMPLES[name]))
    weighed = (torch.tensor([0.3, 0.7])[:, None, None] * found.log_probabilities).sum(0)
    best = [LABELS[name][i] for i in weighed.argmax(-1).tolist()]
    predicted = model.predict(EXAMPLES[name])
    assert best == ([t for tags in predicted for t in tags] if name == "ner" else predicted)
    lengths = [len(tags) if name == "ner" else 1 for tags in predicted]
    assert found.examples.tolist() == [i for i, n in enumerate(lengths) for _ in range(n)]
    assert set(found.gold.tolist()) == {-100}  # EXAMPLES carry no labels
    assert model.predict_sources([]).log_probabilities.shape == (2, 0, len(LABELS[name]))


def test_every_sentence_can_have_weights_of_its_own(tmp_path, parts, name_in_turn):
    (base, language, tasks), name = parts, name_in_turn
    given = (tasks[name], {"en": 0.5, "sw": 0.5})
    model = MultiSourceModel.assemble(base, language, *given, sentence_temperature=0.5)
    inputs = inputs_of(model, name)
    found = model.predict_sources(EXAMPLES[name])
    own = sentence_weights(found.entropies, 0.5)
    assert own.shape == (2, len(EXAMPLES[name]))
    assert not torch.allclose(own, torch.tensor(0.5), atol=0.01)
    with torch.no_grad():
        (logits,) = model.source_outputs(**inputs).values()
        expected = sum(
            weights.view(-1, *[1] * (one.dim() - 1)) * one
            for weights, one in zip(own, logits, strict=True)
        )
        assert torch.allclose(model(**inputs).logits, expected, atol=1e-4)
    model.save_pretrained(tmp_path)
    again = MultiSourceModel.load(tmp_path)
    assert again.config.sentence_temperature == 0.5
    assert again.predict(EXAMPLES[name]) == model.predict(EXAMPLES[name])


def test_the_parts_are_copied(parts):
    base, language, tasks = parts
    first = MultiSourceModel.assemble(base, language, tasks["ner"], {"en": 1.0})
    before = base.model.get_input_embeddings().weight.clone()
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.zero_()
    assert torch.equal(base.model.get_input_embeddings().weight, before)
    assert language.embeddings.any() and tasks["ner"]["en"].head["out.weight"].any()


def test_predictions_keep_their_order_and_do_not_depend_on_the_batch(one_family):
    base, language, tasks = one_family
    model = MultiSourceModel.assemble(base, language, tasks["ner"], {"en": 0.5, "sw": 0.5})
    told = []
    # 4 at once are two sentences of two sources
    found = model.predict(EXAMPLES["ner"], batch_size=4, progress=lambda *now: told.append(now))
    assert found == [model.predict([example])[0] for example in EXAMPLES["ner"]]
    assert [len(tags) for tags in found] == [len(example.words) for example in EXAMPLES["ner"]]
    assert told == [(2, 5), (4, 5), (5, 5)]
    assert model.predict([LINES[0], LINES[1].split()]) == found[:2]


def test_no_word_is_lost_to_the_length_limit(parts):
    """Every word is read, predicted and weighed, in whatever window and batch it is."""
    base, language, tasks = parts
    given = (base, language, tasks["ner"], {"en": 0.5, "sw": 0.5})
    model = MultiSourceModel.assemble(*given, max_tokens=8)
    words = " ".join(NEW_LINES).split()
    told = []
    found = model.predict(
        [words, words[:3], words * 2], batch_size=4, progress=lambda *now: told.append(now)
    )
    assert [len(tags) for tags in found] == [len(words), 3, 2 * len(words)]
    assert found == [model.predict([one])[0] for one in (words, words[:3], words * 2)]
    assert told[-1] == (3, 3) and [done for done, _ in told] == sorted(done for done, _ in told)
    windows = task_windows(model, words)
    assert len(windows) > 3
    own = [tag for one in windows for tag in decide(model, one)]
    assert found[0] == own
    weighed = model.predict_sources([words, words[:3]])
    assert torch.bincount(weighed.examples).tolist() == [len(words), 3]
    assert weighed.entropies.shape == (2, 2) and bool((weighed.entropies > 0).all())


def task_windows(model, words):
    return model.task.encode(model.tokenizer, [TaggedSentence(tuple(words))], LABELS["ner"], 8)


def decide(model, window):
    """The tags of a window's own words, read alone."""
    with torch.no_grad():
        (logits,) = model.outputs(**model.inputs_of([window])).values()
    return [LABELS["ner"][int(logits[0, start].argmax())] for start in window.word_starts]


def test_sources_of_different_labels_are_refused(one_family):
    base, language, tasks = one_family
    other = drawn_task(base, "ner", "sw", 1)
    other.labels = ["O", "B-PER", "I-PER"]
    with pytest.raises(UnibridgeError, match="'en' and 'sw' were trained on different labels"):
        MultiSourceModel.assemble(
            base, language, {"en": tasks["ner"]["en"], "sw": other}, {"en": 1, "sw": 1}
        )


def test_no_weight_at_all_is_refused(one_family):
    base, language, tasks = one_family
    with pytest.raises(UnibridgeError, match="no source has a weight above zero"):
        MultiSourceModel.assemble(base, language, tasks["ner"], {"en": 0.0})


def test_a_model_of_parts_alone_says_what_it_lacks(one_family):
    base, language, tasks = one_family
    model = MultiSourceModel.assemble(base, language, tasks["ner"], {"en": 1.0})
    with pytest.raises(UnibridgeError, match="reads token ids"):
        model()
    model.tokenizer = None
    with pytest.raises(UnibridgeError, match=r"no tokenizer.*unibridge\.load"):
        model.predict(["a river"])


def test_an_adapted_language_survives_the_disk_on_its_way(tmp_path, parts):
    base, language, tasks = parts
    language.save(tmp_path)
    given = (tasks["ner"], {"en": 0.6, "sw": 0.4})
    first = MultiSourceModel.assemble(base, language, *given)
    second = MultiSourceModel.assemble(base, AdaptedLanguage.load(tmp_path), *given)
    inputs = inputs_of(first, "ner")
    with torch.no_grad():
        assert torch.allclose(first(**inputs).logits, second(**inputs).logits, atol=1e-5)


def test_reading_changes_nothing_that_threads_could_collide_in(one_family, monkeypatch):
    base, language, tasks = one_family
    model = MultiSourceModel.assemble(base, language, tasks["ner"], {"en": 0.6, "sw": 0.4})
    expected = model.predict(EXAMPLES["ner"])
    monkeypatch.setattr(attach, "activate", None)  # called by nothing any more
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: model.predict(EXAMPLES["ner"]), range(8)))
    assert found == [expected] * 8
