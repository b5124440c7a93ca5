import copy
import math
from dataclasses import replace

import pytest
import torch

from toy import LINES, in_turn, their_loss, toy_base
from toy_language import NEW_LINES, adapt, new_vocabulary, settings
from unibridge.adapters import attach
from unibridge.errors import UnibridgeError
from unibridge.models.base import unknown_share
from unibridge.models.families import FAMILIES
from unibridge.models.objectives import objective_of
from unibridge.models.states import encoder_states, frame
from unibridge.text.corpus import split_held_out
from unibridge.training import batches_of
from unibridge.transfer.adapted import AdaptedLanguage, language_model
from unibridge.transfer.language import AdaptationSettings, adapt_language
from unibridge.transfer.mlm import encode_samples
from unibridge.transfer.pooled import mean_pool, pooled_states, state_divergence


def test_divergence_is_the_closed_form():
    student = torch.tensor([[0.25, 0.75], [0.5, 0.5]]).log() + 3.0  # softmax forgets a constant
    teacher = torch.tensor([[0.5, 0.5], [0.5, 0.5]]).log()
    # 0.25 ln(0.25/0.5) + 0.75 ln(0.75/0.5) = -0.173287 + 0.304099; the second row adds nothing
    assert float(state_divergence(student, teacher)) == pytest.approx(0.130812 / 2, abs=1e-6)
    # the other way around: 0.5 ln(0.5/0.25) + 0.5 ln(0.5/0.75) = 0.346574 - 0.202733
    assert float(state_divergence(teacher, student)) == pytest.approx(0.143841 / 2, abs=1e-6)


def test_pooling_leaves_padding_out():
    states = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [99.0, 99.0]], [[1.0, 1.0]] * 3])
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    assert mean_pool(states, mask).tolist() == [[2.0, 4.0], [1.0, 1.0]]


@pytest.mark.parametrize("family", FAMILIES)
def test_text_past_the_length_limit_is_read_in_windows_and_pooled_together(family):
    base = toy_base(family)
    if base.family.longest is not None:
        base.family = replace(base.family, longest=36)
    text = " ".join(LINES * 3)
    ids = base.tokenizer(text, add_special_tokens=False)["input_ids"]
    before, after = frame(base.tokenizer)
    room = base.family.max_positions(base.model.config) - len(before) - len(after)
    assert len(ids) > 2 * room

    rows = []
    for start in range(0, len(ids), room):
        window = ids[start : start + room]
        whole = [*before, *window, *after]
        encoder = base.model.get_submodule(base.family.encoder)
        with torch.no_grad():
            rows.append(encoder(torch.tensor([whole])).last_hidden_state[0])
    expected = torch.cat(rows).mean(0)

    found = pooled_states(base.model, base.family, base.tokenizer, [LINES[0], text], batch_size=2)
    assert torch.allclose(found[1], expected, atol=1e-5)
    assert not torch.allclose(found[0], found[1], atol=1e-3)


@pytest.mark.parametrize(("state", "family"), in_turn(["encoder", "inverse"] * 4))
def test_the_loss_of_a_step_is_equation_9_by_hand(family, state):
    base = toy_base(family, dropout=0.0)
    tokenizer, initial = new_vocabulary(family)
    found = adapt(
        base, new=True, state=state, kl_weight=2.5, training={"steps": 1, "batch_size": 9}
    )
    row = found.facts["curve"][0]

    # the student before its only step: new embeddings, untrained adapters
    untrained = copy.deepcopy(base.model)
    attach.add_adapter(untrained, base.family, "xx", settings().adapter, seed=0)
    start = AdaptedLanguage("xx", settings().adapter, attach.adapter_state(untrained, "xx"))
    start.tokenizer, start.embeddings = tokenizer, initial.matrix
    student = language_model(base, start)
    samples, _ = split_held_out(LINES, 0.01, seed=0)
    store = encode_samples(tokenizer, samples, 36)
    (order,) = batches_of(store.lengths, 9, seed=0, epoch=0)
    ids, mask = store.batch(order, tokenizer.pad_token_id)
    objective = objective_of(base.family)
    batch = objective.corrupt(
        ids, mask, tokenizer, rate=0.15, generator=torch.Generator().manual_seed(0)
    )
    divergence = 0.0
    with torch.no_grad():
        lm = float(their_loss(student, batch))
        mask = batch.mask
        states = encoder_states(student, base.family, batch.ids, mask)
        states = attach.invert(student, states) if state == "inverse" else states
        for i, sample in enumerate(order):
            encoded = base.tokenizer(samples[sample], return_tensors="pt")
            encoder = base.model.get_submodule(base.family.encoder)
            teacher = encoder(encoded["input_ids"]).last_hidden_state[0]
            p = states[i][mask[i].bool()].mean(0).softmax(-1).tolist()
            q = teacher.mean(0).softmax(-1).tolist()
            divergence += sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)) / len(order)
    assert row[objective.name] == pytest.approx(lm, abs=1e-4)
    assert row["kl"] == pytest.approx(divergence, abs=1e-4)
    assert row["train_loss"] == pytest.approx(lm + 2.5 * divergence, abs=1e-4)


EVERY_WAY = [
    (new, *way)
    for new in (False, True)
    for way in ((False, "adapter"), (True, "adapter"), (False, "model"))
]


@pytest.mark.parametrize(
    ("family", "new", "built_head", "trains"),
    [
        # of each family the way that has most of its own; of one of them all
        pytest.param(
            *(family, *way),
            marks=() if family == "bert" or way == (True, True, "adapter") else pytest.mark.slow,
        )
        for family in FAMILIES
        for way in EVERY_WAY
    ],
)
def test_what_is_kept_makes_the_trained_model_again(tmp_path, family, new, built_head, trains):
    """Base and result give the held-out loss of training: nothing else had been trained."""
    base = toy_base(family, built_head=built_head)
    before = copy.deepcopy(base.model.state_dict())
    adapted = adapt(base, new=new, trains=trains, training={"learning_rate": 0.05})
    assert all(torch.equal(before[k], v) for k, v in base.model.state_dict().items())

    adapted.save(tmp_path)
    loaded = AdaptedLanguage.load(tmp_path)
    model = language_model(base, loaded)
    reader = loaded.tokenizer or base.tokenizer
    _, held = split_held_out(LINES, 0.01, seed=0)
    store = encode_samples(reader, held, 36)
    ids, mask = store.batch(range(len(store)), reader.pad_token_id)
    batch = objective_of(base.family).corrupt(
        ids, mask, reader, rate=0.15, generator=torch.Generator().manual_seed(0)
    )
    with torch.no_grad():
        loss = float(their_loss(model, batch))
    assert loss == pytest.approx(adapted.facts["curve"][-1]["valid_loss"], abs=1e-5)
    more = base.family.head != (base.family.projection,)
    assert bool(adapted.head) == (more and (built_head or trains == "model"))
    assert not any(len(reader) in tensor.shape for tensor in adapted.head.values())
    assert (adapted.embeddings is not None) == new


def test_enough_is_held_out_to_state_a_standard_error():
    few, many = (adapt(toy_base("bert"), LINES * times).facts for times in (1, 10))
    assert (few["held_out_samples"], many["held_out_samples"]) == (1, len(LINES))
    assert "valid_error" not in few["curve"][-1]
    row = many["curve"][-1]
    assert 0 < row["valid_error"] < row["valid_loss"]


def test_the_held_out_loss_before_any_training_is_kept():
    slow, fast = (
        adapt(toy_base("bert", dropout=0.0), new=True, training={"learning_rate": rate}).facts
        for rate in (1e-12, 0.05)
    )
    assert slow["loss_before"] == pytest.approx(slow["curve"][-1]["valid_loss"], abs=1e-5)
    assert fast["loss_before"] == slow["loss_before"] != fast["curve"][-1]["valid_loss"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_source_keeps_the_vocabulary_and_trains_without_a_teacher(family):
    base = toy_base(family)
    found = adapt(base)
    assert found.embeddings is found.output_bias is found.tokenizer is None and not found.head
    assert found.facts["kl_weight"] == 0 and found.facts["teacher_unknown_rate"] is None
    assert "kl" not in found.facts["curve"][0]
    untrained = copy.deepcopy(base.model)
    attach.add_adapter(untrained, base.family, "xx", settings().adapter, seed=0)
    start = attach.adapter_state(untrained, "xx")
    assert start.keys() == found.adapter.keys()
    assert all(not torch.equal(start[name], found.adapter[name]) for name in start)
    last = len(attach.layers_of(untrained, base.family)) - 1
    assert not any(name.startswith(f"layer.{last}.") for name in start), "the last layer has none"
    assert any(name.startswith("invertible.") for name in start)


def test_a_target_learns_its_embeddings_under_the_teacher():
    found = adapt(toy_base("xlm-roberta"), new=True)
    _, initial = new_vocabulary("xlm-roberta")
    assert found.embeddings.shape == initial.matrix.shape
    assert not torch.equal(found.embeddings, initial.matrix)
    assert found.facts["kl_weight"] == 1.0 and found.facts["curve"][0]["kl"] > 0
    assert found.facts["teacher_unknown_rate"] == 0 and not found.warnings
    assert found.facts["steps"] == 6 and found.facts["samples"] == len(LINES) - 1


def test_the_teacher_draws_the_student_to_itself():
    base = toy_base("xlm-roberta", dropout=0.0)
    given = {"new": True, "training": {"steps": 40, "learning_rate": 0.02}}
    free, drawn = (adapt(base, kl_weight=beta, **given) for beta in (0.0, 20.0))
    states = pooled_states(base.model, base.family, base.tokenizer, LINES)
    apart = [
        float(
            state_divergence(
                pooled_states(language_model(base, one), base.family, one.tokenizer, LINES), states
            )
        )
        for one in (free, drawn)
    ]
    assert apart[1] < 0.5 * apart[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_teacher_of_a_long_sample_reads_what_the_student_reads(family):
    tokenizer, _ = new_vocabulary(family)
    long = [f"{line} {' '.join(LINES)}" for line in NEW_LINES * 2]
    last = 12 - len(frame(tokenizer)[1]) - 1
    ends = [tokenizer(one, return_offsets_mapping=True)["offset_mapping"][last][1] for one in long]
    short = [one[:end] for one, end in zip(long, ends, strict=True)]
    given = {"new": True, "max_tokens": 12, "training": {"steps": 2}}

    cut = adapt(toy_base(family), long, **given)
    read = adapt(toy_base(family), short, **given)
    assert cut.facts["curve"] == read.facts["curve"]
    assert cut.facts["curve"][0]["kl"] > 0
    assert cut.facts["cut_samples"] == cut.facts["samples"] == 7
    (warning,) = cut.warnings
    assert warning.startswith("7 of 7 samples pass the limit of 12 tokens")
    # a limit that the samples just reach cuts nothing
    assert read.facts["cut_samples"] == 0


def test_a_teacher_that_cannot_read_is_not_asked():
    base = toy_base("xlm-roberta")
    lines = [f"ሰላም {word}" for word in ["river", "town", "boat", "bridge", "people"]]
    unknown = unknown_share(base.tokenizer, lines)
    found = adapt(base, lines, new=True, max_teacher_unknown=unknown / 2)
    assert found.facts["kl_weight"] == 0 and "kl" not in found.facts["curve"][0]
    assert found.facts["teacher_unknown_rate"] == pytest.approx(unknown, abs=0.1)
    assert any("unknown" in w and "max_teacher_unknown" in w for w in found.warnings)
    kept = adapt(base, lines, new=True, max_teacher_unknown=1.0)
    assert kept.facts["kl_weight"] == 1 and not kept.warnings


def test_text_that_the_base_cannot_read_at_all_still_gives_numbers():
    found = adapt(toy_base("bert"), ["ሰላም", "ለዓለም", "ሁሉ", "እንዴት"])
    assert all(math.isfinite(value) for row in found.facts["curve"] for value in row.values())
    assert all(tensor.isfinite().all() for tensor in found.adapter.values())


def test_what_is_saved_is_what_comes_back(tmp_path):
    found = adapt(toy_base("bert", built_head=True), new=True)
    found.save(tmp_path)
    loaded = AdaptedLanguage.load(tmp_path)
    assert (loaded.language, loaded.config) == (found.language, found.config)
    assert torch.equal(loaded.embeddings, found.embeddings)
    assert torch.equal(loaded.output_bias, found.output_bias)
    for one, other in ((loaded.adapter, found.adapter), (loaded.head, found.head)):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert loaded.tokenizer(NEW_LINES[0])["input_ids"] == found.tokenizer(NEW_LINES[0])["input_ids"]


def test_the_same_seed_gives_the_same_bits_and_the_global_generator_is_left_alone():
    torch.manual_seed(3)
    first = adapt(toy_base("bert"), new=True)
    drawn = torch.rand(2)
    torch.manual_seed(3)
    assert torch.equal(torch.rand(2), drawn)
    again = adapt(toy_base("bert"), new=True)
    assert torch.equal(first.embeddings, again.embeddings)
    assert first.facts == again.facts


def test_a_text_of_one_sample_is_refused():
    with pytest.raises(UnibridgeError, match=r"only 1 sample.*sample_words = 0"):
        adapt_language(toy_base("bert"), LINES, AdaptationSettings(sample_words=128), language="xx")


def test_a_folder_without_a_language_is_named(tmp_path):
    with pytest.raises(UnibridgeError, match=f"{tmp_path.name}: holds no adapted language"):
        AdaptedLanguage.load(tmp_path)


def test_a_stored_teacher_gives_the_figures_of_one_at_every_step(tmp_path):
    given = {"new": True, "training": {"steps": 9}}
    stored, computed = (adapt(toy_base("bert"), teacher_store=s, **given) for s in ("on", "off"))
    for one, other in zip(stored.facts["curve"], computed.facts["curve"], strict=True):
        assert one == pytest.approx(other, abs=1e-6) and one["kl"] > 0
    assert torch.allclose(stored.embeddings, computed.embeddings, atol=1e-6)
    assert stored.facts["teacher_store_bytes"] == 4 * 16 * 4
    assert computed.facts["teacher_store_bytes"] == 0


@pytest.mark.parametrize("state", ["encoder", "inverse"])
def test_small_forward_passes_have_the_loss_of_the_whole_batch(state):
    given = {"new": True, "state": state, "training": {"batch_size": 4}}
    whole = adapt(toy_base("bert", dropout=0.0), **given)
    given["training"] = {"batch_size": 4, "micro_batch": 1}
    parts = adapt(toy_base("bert", dropout=0.0), **given)
    for one, other in zip(whole.facts["curve"], parts.facts["curve"], strict=True):
        assert other == pytest.approx(one, abs=1e-4)
    assert parts.facts["tokens_seen"] == whole.facts["tokens_seen"]


def test_a_searched_rate_trains_like_one_that_was_given(tmp_path):
    """The search leaves nothing behind, and an interrupted one ends the same."""
    searching = {"search_rates": (1e-4, 0.03, 0.01), "search_share": 1.0}
    searching |= {"training": {"steps": 9, "learning_rate": None}}
    asked = {"learning_rate_search": "halving", "training": {"steps": 9, "learning_rate": 0.5}}
    found = adapt(toy_base("bert"), **searching)
    search = found.facts["rate_search"]
    # 9 steps in two rounds: one for each of three rates, then two more for each of two
    assert [t["steps"] for t in search["trials"]] == [1, 1, 1, 3, 3] and search["steps"] == 7
    best = min(search["trials"][3:], key=lambda trial: trial["valid_loss"])["rate"]
    assert found.facts["learning_rate"] == search["rate"] == best

    plain = adapt(toy_base("bert"), training={"steps": 9, "learning_rate": best})
    assert found.facts["search_steps"] == 7 and found.facts["search_tokens"] > 0
    assert plain.facts["search_steps"] == plain.facts["search_tokens"] == 0
    assert plain.facts["curve"] == found.facts["curve"] and plain.facts["rate_search"] is None
    again = adapt(toy_base("bert"), **searching | asked)
    assert again.facts["rate_search"] == search
    fixed = adapt(toy_base("bert"), **searching | {"learning_rate_search": "none"})
    assert fixed.facts["learning_rate"] == 5e-4 and fixed.facts["rate_search"] is None
    assert all(torch.equal(plain.adapter[name], found.adapter[name]) for name in plain.adapter)

    calls = []

    def interrupt(step, steps, parts):
        calls.append(step)
        if len(calls) == 6:  # within the second round
            raise KeyboardInterrupt

    def resumable(progress):
        return adapt_language(
            toy_base("bert"),
            LINES,
            settings(**searching),
            language="xx",
            checkpoint=tmp_path / "checkpoint.pt",
            progress=progress,
        )

    with pytest.raises(KeyboardInterrupt):
        resumable(interrupt)
    again = resumable(lambda step, steps, parts: calls.append(step))
    assert again.facts == found.facts
    assert all(torch.equal(again.adapter[name], found.adapter[name]) for name in found.adapter)
    assert len(calls) - 6 < 7 + 9, "finished trials are not trained again"
