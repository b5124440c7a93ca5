import copy

import pytest
import torch

from toy import LINES, toy_base, toy_tokenizer
from toy_language import adapt, new_vocabulary, settings
from unibridge.errors import UnibridgeError
from unibridge.models.families import FAMILIES
from unibridge.models.states import chosen_layers
from unibridge.text.corpus import split_held_out
from unibridge.transfer.adaptation_settings import AdaptationSettings
from unibridge.transfer.distillation import UNITS, pieces, words
from unibridge.transfer.distillation.base import DistillationSettings
from unibridge.transfer.distillation.matching import matching_of, unit_means, unit_places
from unibridge.transfer.distillation.plan import plan_units
from unibridge.transfer.language import adapt_language
from unibridge.transfer.mlm import encode_samples

ALONE = {"method": "words", "lm_weight": 0.0}


def cut_by_hand(tokenizer, limit, text):
    """(start, end) of each token of a text that has characters."""
    found = tokenizer(text, truncation=True, max_length=limit, return_offsets_mapping=True)
    return [span for span in found["offset_mapping"] if span[1] > span[0]]


def test_words_stand_between_spaces_and_pieces_where_both_tokenizers_cut():
    text = " the  town 川を渡る boat"
    cuts = {3, 8, 11, 12, 13, 16, 20}
    assert [text[a:b] for a, b in words(text, cuts)] == ["the", "town", "川", "を", "渡る", "boat"]
    divided = [text[a:b] for a, b in pieces(text, cuts)]
    assert divided == ["th", "e", "to", "wn", "川", "を", "渡る", "boat"]
    assert words("", cuts) == pieces("  ", cuts) == []


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_of_two_vocabularies_are_aligned_by_characters(family, unit):
    theirs = toy_tokenizer(family)
    ours, _ = new_vocabulary(family)
    plan = plan_units(LINES, LINES, (ours, 36), (theirs, 36), UNITS[unit])
    assert len(plan.counts) == len(LINES) and plan.counts.min() > 3
    for number, text in enumerate(LINES):
        texts = []
        for tokenizer, store in ((ours, plan.ours), (theirs, plan.theirs)):
            encoded = tokenizer(text, return_offsets_mapping=True)
            owners = store.ids[store.offsets[number] : store.offsets[number + 1]]
            assert len(owners) == len(encoded["input_ids"])
            spelt = [""] * plan.counts[number]
            for owner, (start, end) in zip(owners, encoded["offset_mapping"], strict=True):
                # several tokens of one character have its place in common
                if owner >= 0 and not spelt[owner].endswith(text[start:end]):
                    spelt[owner] += text[start:end]
            texts.append(["".join(one.split()) for one in spelt])
        assert texts[0] == texts[1]
        if unit == "words":
            assert set(texts[0]) <= set(text.split()) and plan.divided == 0
    if unit == "words":
        assert plan.counts.sum() + plan.left_out == len(" ".join(LINES).split())


def test_a_word_that_one_side_cuts_off_or_does_not_know_is_left_out():
    theirs = toy_tokenizer("bert")
    ours, _ = new_vocabulary("bert")
    (text,) = ["the river runs ሰላም through the old town"]
    known = plan_units([text], [text], (ours, 36), (theirs, 36), words)
    assert known.left_out >= 1 and known.counts[0] + known.left_out == 8
    shorter = plan_units([text], [text], (ours, 36), (theirs, 6), words)
    last = cut_by_hand(theirs, 6, text)[-1][1]
    expected = sum(1 for a, b in words(text, ()) if b <= last and "ሰ" not in text[a:b])
    assert shorter.counts[0] <= expected < known.counts[0]
    # the part of a word that the teacher was given counts for none of it
    given = plan_units([text], [text[:7]], (ours, 36), (theirs, 36), words)
    assert given.counts[0] == 1


def test_text_without_spaces_is_matched_by_what_both_tokenizers_cut_and_that_is_said():
    lines = ["แม่น้ำไหลผ่าน", "เมืองเก่าแม่น้ำ", "เรือรอที่สะพาน", "เด็กว่ายน้ำ"] * 3
    base = toy_base("xlm-roberta")
    base.tokenizer = toy_tokenizer("xlm-roberta", [*LINES, *lines])
    base.model.resize_token_embeddings(len(base.tokenizer))
    reader = toy_tokenizer("xlm-roberta", lines)
    found = matching_of(base, reader, lines, lines, DistillationSettings(method="words"), limit=36)
    assert found.plan.counts.mean() > 1.5 and found.plan.divided > 0
    assert "without spaces" in found.warnings[0]


def test_means_of_units_are_those_by_hand():
    store = encode_samples(toy_tokenizer("bert"), LINES[:2], 36)
    plan = plan_units(LINES[:2], LINES[:2], *[(toy_tokenizer("bert"), 36)] * 2, words)
    states = torch.randn(2, store.lengths.max(), 4)
    places, units = unit_places(plan, plan.ours, [0, 1])
    found = unit_means([states, 2 * states], places, units)
    assert found.shape == (plan.counts.sum(), 8)
    for number in range(units):
        mean = states[places == number].mean(0)
        assert torch.allclose(found[number], torch.cat([mean, 2 * mean]), atol=1e-6)


@pytest.mark.parametrize(
    ("family", "trains"),
    [
        *((family, "model") for family in FAMILIES),
        *(
            pytest.param(family, "adapter", marks=() if family == "bert" else pytest.mark.slow)
            for family in FAMILIES
        ),
    ],
)
def test_a_student_that_is_the_base_has_nothing_to_learn(family, trains):
    base = toy_base(family, dropout=0.0)
    given = {"trains": trains, "distillation": ALONE, "training": {"learning_rate": 1e-12}}
    facts = adapt(base, **given).facts
    untrained = facts["curve"][0]["words"]
    # adapters begin with random weights
    assert untrained == pytest.approx(0.0, abs=1e-6) if trains == "model" else untrained > 0
    assert facts["loss_before"] == pytest.approx(0.0, abs=1e-6) or trains == "adapter"
    assert facts["curve"][0]["train_loss"] == pytest.approx(untrained)
    assert facts["distilled_units"] > 0 and facts["lm_weight"] == 0
    assert set(facts["curve"][0]) >= {"words", "valid_loss"} and "mlm" not in facts["curve"][0]


@pytest.mark.parametrize("trains", ["model", "adapter"])
@pytest.mark.parametrize("family", ["bert", pytest.param("mt5", marks=pytest.mark.slow)])
def test_a_new_vocabulary_learns_the_states_of_the_old_one(family, trains):
    base = toy_base(family, dropout=0.0)
    training = {"steps": 60, "learning_rate": 0.02, "batch_size": 4}
    found = adapt(base, new=True, trains=trains, distillation=ALONE, training=training)
    first, last = found.facts["curve"][0], found.facts["curve"][-1]
    assert last["words"] < 0.7 * first["words"]
    assert found.facts["curve"][0].keys().isdisjoint({"mlm", "clm", "denoising"})
    _, initial = new_vocabulary(family)
    assert not torch.equal(found.embeddings, initial.matrix)


def test_the_loss_is_the_squared_error_in_the_teachers_variances():
    """By hand, of the base itself with a new vocabulary."""
    base = toy_base("bert", dropout=0.0)
    given = {"distillation": {**ALONE, "layers": (1 / 3, 1.0)}, "kl_weight": 0.0}
    given |= {"trains": "model", "training": {"batch_size": 9, "steps": 1}}
    row = adapt(base, new=True, **given).facts["curve"][0]

    from unibridge.embeddings.install import install_embeddings

    tokenizer, initial = new_vocabulary("bert")
    student = copy.deepcopy(base.model)
    install_embeddings(student, initial, tokenizer)
    samples, _ = split_held_out(LINES, 0.01, seed=0)
    said, wanted = [], []
    for text in samples:
        sides = []
        for model, reads in ((student, tokenizer), (base.model, base.tokenizer)):
            encoded = reads(text, return_tensors="pt", return_offsets_mapping=True)
            offsets = encoded.pop("offset_mapping")[0].tolist()
            with torch.no_grad():
                states = model.bert(**encoded, output_hidden_states=True).hidden_states
            sides.append((encoded["input_ids"][0], offsets, states, reads.unk_token_id))
        for start, end in words(text, ()):
            means = []
            for ids, offsets, states, unknown in sides:
                own = [n for n, (a, b) in enumerate(offsets) if a >= start and b <= end and b > a]
                if not own or (ids[own] == unknown).any():
                    break
                means.append(torch.cat([states[level][0][own].mean(0) for level in (1, 3)]))
            if len(means) == 2:
                said.append(means[0])
                wanted.append(means[1])
    said, wanted = torch.stack(said), torch.stack(wanted)
    deviation = wanted.std(0, correction=0)
    assert len(said) > 8
    by_hand = ((said - wanted) / deviation).square().mean()
    assert row["words"] == pytest.approx(float(by_hand), rel=1e-4)
    # one who always says the mean
    mean = wanted.mean(0)
    assert float(((mean - wanted) / deviation).square().mean()) == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize(
    "family",
    [
        "xlm-roberta",
        "gpt2",
        *(pytest.param(one, marks=pytest.mark.slow) for one in ("mbart", "mt5")),
    ],
)
def test_beside_the_language_model_both_are_weighed(family):
    base = toy_base(family, dropout=0.0)
    given = {"distillation": {"method": "words", "weight": 0.5, "lm_weight": 2.0}}
    found = adapt(base, new=True, kl_weight=3.0, **given)
    row = found.facts["curve"][0]
    (own,) = {"mlm", "clm", "denoising"} & row.keys()
    total = 2.0 * row[own] + 3.0 * row["kl"] + 0.5 * row["words"]
    assert row["train_loss"] == pytest.approx(total, rel=1e-4)
    plain = adapt(base, new=True, kl_weight=3.0).facts["curve"][0]
    assert "words" not in plain and "distilled_units" not in adapt(base).facts


def test_words_that_are_hidden_from_the_student_are_left_out():
    base = toy_base("bert", dropout=0.0)
    found = matching_of(
        base, base.tokenizer, LINES, LINES, DistillationSettings(method="words"), limit=36
    )
    store = encode_samples(base.tokenizer, LINES, 36)
    ids, mask = store.batch([1, 3], base.tokenizer.pad_token_id)
    changed = torch.zeros_like(ids, dtype=torch.bool)
    changed[0, 1] = True
    with torch.no_grad():
        hidden = ids.masked_fill(changed, base.tokenizer.mask_token_id)
        _, states = chosen_layers(base.model, base.family, hidden, mask, found.levels)
        errors = found.errors(states, [1, 3])
        both = found.loss(states, [1, 3], slice(0, 2), changed)
        assert float(both) == pytest.approx(float(errors[1:].mean()), rel=1e-5)
    assert errors[0] > errors[1:].max() > 0


def test_small_forward_passes_have_the_loss_of_the_whole_batch():
    given = {"new": True, "distillation": {"method": "words"}}
    whole = adapt(toy_base("bert", dropout=0.0), **given, training={"batch_size": 4})
    parts = adapt(
        toy_base("bert", dropout=0.0), **given, training={"batch_size": 4, "micro_batch": 1}
    )
    for one, other in zip(whole.facts["curve"], parts.facts["curve"], strict=True):
        assert other == pytest.approx(one, abs=1e-4)


def test_stored_states_are_those_of_every_step_to_two_bytes(tmp_path):
    given = {"distillation": {"method": "words"}, "kl_weight": 0.0, "training": {"steps": 9}}
    stored, computed = (
        adapt(toy_base("bert"), new=True, teacher_store=s, **given).facts for s in ("on", "off")
    )
    for one, other in zip(stored["curve"], computed["curve"], strict=True):
        assert one["words"] == pytest.approx(other["words"], rel=2e-3)
    assert stored["teacher_store_bytes"] == 2 * stored["distilled_units"] * 3 * 16
    assert computed["teacher_store_bytes"] == 0


def test_a_teacher_that_cannot_read_teaches_no_words_either():
    lines = [f"ሰላም {word}" for word in ["river", "town", "boat", "bridge", "people"]]
    found = adapt(toy_base("xlm-roberta"), lines, new=True, distillation=ALONE)
    (warning,) = found.warnings
    assert "nothing is distilled" in warning and "distilled_units" not in found.facts
    assert found.facts["curve"][0]["mlm"] > 0, "masked words are learnt instead"


def test_aligned_lines_are_read_and_not_matched():
    pairs = [("town river", "the old town")] * 3
    changed = {"distillation": {"method": "words"}, "tlm_share": 0.5}
    found = adapt_language(
        toy_base("bert"), LINES, settings(**changed), language="xx", pairs=pairs
    ).facts
    plain = adapt(toy_base("bert"), distillation={"method": "words"}).facts
    assert found["translated_samples"] > 0
    assert found["distilled_units"] == plain["distilled_units"]


def test_a_tokenizer_without_offsets_is_refused():
    class Slow:
        is_fast = False

    with pytest.raises(UnibridgeError, match=r"distillation.method.*fast tokenizer"):
        plan_units(LINES, LINES, (Slow(), 36), (toy_tokenizer("bert"), 36), words)


def test_layers_are_shares_of_the_depth():
    assert DistillationSettings().levels(12) == [4, 8, 12]
    assert DistillationSettings(layers=(0.01, 0.5, 0.5, 1.0)).levels(6) == [1, 3, 6]


def test_none_decides_no_stages_name():
    assert not {"distillation", "kl_states"} & AdaptationSettings().model_dump().keys()
    asked = AdaptationSettings(kl_states="standardised", distillation=ALONE)
    assert asked.model_dump()["distillation"]["lm_weight"] == 0
    assert asked.unasked == AdaptationSettings(kl_weight=0.0)
