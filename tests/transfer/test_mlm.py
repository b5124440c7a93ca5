import pytest
import torch
from transformers.models.bert.tokenization_bert_legacy import BertTokenizerLegacy

from toy import LINES, toy_model, toy_tokenizer
from unibridge.models.families import FAMILIES
from unibridge.transfer.mlm import (
    TokenStore,
    encode_samples,
    encoder_states,
    mask_tokens,
    masked_lm_loss,
    text_read,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def batch(tokenizer, repeat=1, max_tokens=40):
    store = encode_samples(tokenizer, list(LINES) * repeat, max_tokens)
    return store.batch(range(len(store)), tokenizer.pad_token_id)


@pytest.mark.parametrize("family", FAMILIES)
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
def test_the_loss_at_masked_positions_is_that_of_all_logits_there(family):
    tokenizer, record = toy_tokenizer(family), FAMILIES[family]
    model = toy_model(family, vocab=len(tokenizer))
    ids, mask = batch(tokenizer)
    corrupted, chosen = mask_tokens(ids, mask, tokenizer, rate=0.3, generator=generator())
    hidden = encoder_states(model, record, corrupted, mask)
    labels = torch.where(chosen, ids, -100)
    expected = model(input_ids=corrupted, attention_mask=mask, labels=labels).loss
    assert torch.allclose(masked_lm_loss(model, record, hidden, ids, chosen), expected, atol=1e-6)


def test_a_batch_with_nothing_to_predict_costs_nothing():
    """Text that the base reads as unknown throughout."""
    tokenizer, record = toy_tokenizer("bert"), FAMILIES["bert"]
    model = toy_model("bert", vocab=len(tokenizer))
    store = encode_samples(tokenizer, ["ሰላም ለዓለም"], 40)
    ids, mask = store.batch([0], tokenizer.pad_token_id)
    corrupted, chosen = mask_tokens(ids, mask, tokenizer, rate=0.15, generator=generator())
    assert not chosen.any() and torch.equal(corrupted, ids)
    loss = masked_lm_loss(model, record, encoder_states(model, record, ids, mask), ids, chosen)
    loss.backward()
    assert loss == 0
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())


def test_a_store_gives_back_what_was_put_in_padded_and_cut():
    tokenizer = toy_tokenizer("bert")
    store = encode_samples(tokenizer, LINES, 6)
    expected = [tokenizer(line, truncation=True, max_length=6)["input_ids"] for line in LINES]
    assert store.lengths.tolist() == [len(row) for row in expected]
    rows = TokenStore.of([[5, 6, 7], [8], []])
    ids, mask = rows.batch([1, 0], pad_id=99)
    assert ids.tolist() == [[8, 99, 99], [5, 6, 7]]
    assert mask.tolist() == [[1, 0, 0], [1, 1, 1]]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_text_read_is_what_the_kept_tokens_cover(family):
    tokenizer = toy_tokenizer(family, LINES[:2])
    for limit in range(3, 40):
        store = encode_samples(tokenizer, LINES, limit)
        for number, line in enumerate(LINES):
            kept = text_read(tokenizer, line, limit)
            whole = tokenizer(line, return_offsets_mapping=True)
            fits = len(whole["input_ids"]) <= limit
            assert line.startswith(kept) and (kept == line) == fits
            if not fits:
                # two special tokens enclose the text
                assert len(kept) == whole["offset_mapping"][limit - 2][1]
                assert store.lengths[number] == limit


def test_a_tokenizer_without_offsets_stops_after_a_word(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
    slow = BertTokenizerLegacy(str(tmp_path / "vocab.txt"))
    assert not slow.is_fast
    # every word is one unknown token
    assert text_read(slow, "a boat waits at the bridge", 6) == "a boat waits at"
    assert text_read(slow, "a boat waits at the bridge", 8) == "a boat waits at the bridge"
