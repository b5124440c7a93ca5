"""Every objective: what it makes of a batch, and that its loss is `transformers`' own."""

from itertools import pairwise

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import Unigram
from transformers import PreTrainedTokenizerFast

from toy import LINES, their_loss, toy_model, toy_tokenizer
from unibridge.models.families import FAMILIES
from unibridge.models.objectives import objective_of
from unibridge.models.objectives.denoising import draw_spans, sentinels
from unibridge.models.objectives.masked import mask_tokens
from unibridge.models.states import encoder_states
from unibridge.transfer.mlm import encode_samples
from unibridge.vocabulary.tokenizer import to_fast_tokenizer
from unibridge.vocabulary.train import train_sentencepiece


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def batch(tokenizer, repeat=1, max_tokens=40):
    store = encode_samples(tokenizer, list(LINES) * repeat, max_tokens)
    return store.batch(range(len(store)), tokenizer.pad_token_id)


@pytest.mark.parametrize("family", ["bert", "xlm-roberta"])
def test_masking_keeps_to_its_rates_and_spares_special_tokens(family):
    tokenizer = toy_tokenizer(family)
    ids, mask = batch(tokenizer, repeat=400)
    corrupted, chosen = mask_tokens(ids, mask, tokenizer, rate=0.15, generator=generator())
    eligible = mask.bool() & ~torch.isin(ids, torch.tensor(tokenizer.all_special_ids))

    assert not chosen[~eligible].any()
    assert torch.equal(corrupted[~chosen], ids[~chosen])
    # 15,000 tokens: three standard deviations of a share of 0.15 are under 0.009
    assert abs(chosen.sum() / eligible.sum() - 0.15) < 0.01
    masked = (corrupted == tokenizer.mask_token_id)[chosen].float().mean()
    kept = (corrupted == ids)[chosen].float().mean()
    assert abs(masked - 0.8) < 0.03 and abs(kept - 0.1) < 0.03
    assert len(corrupted[chosen].unique()) > 20


def test_masking_is_a_function_of_its_generator():
    tokenizer = toy_tokenizer("bert")
    ids, mask = batch(tokenizer)
    torch.manual_seed(5)
    first = mask_tokens(ids, mask, tokenizer, rate=0.3, generator=generator(1))
    torch.manual_seed(6)
    again = mask_tokens(ids, mask, tokenizer, rate=0.3, generator=generator(1))
    other = mask_tokens(ids, mask, tokenizer, rate=0.3, generator=generator(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[1], other[1])


def test_at_least_one_token_is_always_chosen():
    tokenizer = toy_tokenizer("xlm-roberta")
    ids, mask = batch(tokenizer)
    for seed in range(20):
        _, chosen = mask_tokens(ids, mask, tokenizer, rate=1e-6, generator=generator(seed))
        assert chosen.sum() == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_the_loss_is_that_of_transformers_own_model(family):
    tokenizer, record = toy_tokenizer(family), FAMILIES[family]
    model = toy_model(family, vocab=len(tokenizer))
    ids, mask = batch(tokenizer)
    objective = objective_of(record)
    one = objective.corrupt(ids, mask, tokenizer, rate=0.3, generator=generator())
    hidden = encoder_states(model, record, one.ids, one.mask)
    found = objective.loss(model, record, hidden, one)
    assert torch.allclose(found, their_loss(model, one), atol=1e-6)
    # a part of the batch costs what it weighs
    parts = [one.part(rows) for rows in (slice(0, 2), slice(2, None))]
    states = [encoder_states(model, record, part.ids, part.mask) for part in parts]
    losses = [objective.loss(model, record, *pair) for pair in zip(states, parts, strict=True)]
    shares = [part.count / one.count for part in parts]
    assert torch.allclose(sum(a * b for a, b in zip(losses, shares, strict=True)), found, atol=1e-6)


def test_a_causal_model_predicts_every_token_but_the_first():
    tokenizer = toy_tokenizer("gpt2")
    ids, mask = batch(tokenizer)
    one = objective_of(FAMILIES["gpt2"]).corrupt(
        ids, mask, tokenizer, rate=0.3, generator=generator()
    )
    assert torch.equal(one.ids, ids)
    for row, real, wanted in zip(ids, mask, one.wanted, strict=True):
        length = int(real.sum())
        assert wanted.tolist() == row[1:length].tolist() + [-100] * (len(row) - length + 1)


def test_a_batch_with_nothing_to_predict_costs_nothing():
    """Text that the base reads as unknown throughout."""
    tokenizer, record = toy_tokenizer("bert"), FAMILIES["bert"]
    model = toy_model("bert", vocab=len(tokenizer))
    store = encode_samples(tokenizer, ["ሰላም ለዓለም"], 40)
    ids, mask = store.batch([0], tokenizer.pad_token_id)
    objective = objective_of(record)
    one = objective.corrupt(ids, mask, tokenizer, rate=0.15, generator=generator())
    assert not one.count and torch.equal(one.ids, ids)
    loss = objective.loss(model, record, encoder_states(model, record, ids, mask), one)
    loss.backward()
    assert loss == 0
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())


@pytest.mark.parametrize("family", ["mbart", "mt5"])
def test_denoising_hides_its_share_and_the_target_has_what_is_hidden(family):
    tokenizer = toy_tokenizer(family)
    ids, mask = batch(tokenizer, repeat=100)
    one = objective_of(FAMILIES[family]).corrupt(
        ids, mask, tokenizer, rate=0.3, generator=generator()
    )
    marks = sentinels(tokenizer) or [tokenizer.mask_token_id]
    special = set(tokenizer.all_special_ids)
    hidden = total = 0
    for row, real, source, target in zip(ids, mask, one.ids, one.wanted, strict=True):
        text = row[real.bool()].tolist()
        source, target = source.tolist(), [i for i in target.tolist() if i != -100]
        if family == "mt5":
            # every sentinel is followed by what it stands for, up to the end of the text
            said, current = {}, None
            for i in target[:-1]:
                current = i if i in marks else current
                said.setdefault(current, []).append(i)
            whole = [i for mark in source for i in said.get(mark, [mark, mark])[1:]]
            assert [i for i in whole if i != tokenizer.pad_token_id] == text
            assert [i for i in source if i in marks] == marks[: len(said)]
        else:
            assert target == text
        kept = [i for i in source if i not in special]
        hidden += sum(i not in special for i in text) - len(kept)
        total += sum(i not in special for i in text)
    assert abs(hidden / total - 0.3) < 0.03
    # the decoder is given what it has to say, one place later
    same = one.wanted[:, 1:] != -100
    assert torch.equal(one.decoder_ids[:, 1:][same], one.wanted[:, :-1][same])


@pytest.mark.parametrize("poisson", [False, True])
def test_spans_have_a_token_between_them(poisson):
    for tokens in range(60):
        for rate in (0.1, 0.5, 0.99):
            spans = draw_spans(tokens, rate, most=9, poisson=poisson, generator=generator(tokens))
            assert sum(end - start for start, end in spans) == min(
                max(round(rate * tokens), 1), tokens
            )
            places = [place for span in spans for place in span]
            assert places == sorted(places) and all(0 <= place <= tokens for place in places)
            assert all(a[1] < b[0] for a, b in pairwise(spans))
            assert poisson or len(spans) <= 9


def test_sentinels_are_kept_in_a_new_vocabulary():
    tokenizer = toy_tokenizer("mt5")
    pieces = train_sentencepiece(list(LINES) * 5, 36)
    fresh = to_fast_tokenizer(pieces, like=tokenizer)
    names = tokenizer.convert_ids_to_tokens(sentinels(tokenizer))
    assert fresh.convert_ids_to_tokens(sentinels(fresh)) == names
    assert fresh("the old town")["input_ids"][-1] == fresh.eos_token_id


@pytest.mark.parametrize("mark", ["", "▁"])
def test_sentinels_may_be_plain_pieces(mark):
    pieces = ["<pad>", "</s>", "<unk>", "▁a", *(f"{mark}<extra_id_{n}>" for n in (1, 0))]
    plain = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(Unigram([(piece, -1.0) for piece in pieces], unk_id=2)),
        **{"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"},
    )
    assert sentinels(plain) == [5, 4]
    assert sentinels(toy_tokenizer("mbart")) == []
