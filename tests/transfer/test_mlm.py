import pytest
from transformers.models.bert.tokenization_bert_legacy import BertTokenizerLegacy

from toy import LINES, toy_tokenizer
from unibridge.models.families import FAMILIES
from unibridge.models.states import frame
from unibridge.transfer.mlm import (
    TokenStore,
    drawn_translations,
    encode_pairs,
    encode_samples,
    joined,
    replayed_samples,
    smoothed_shares,
    text_read,
)


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
                last = limit - len(frame(tokenizer)[1]) - 1
                assert len(kept) == whole["offset_mapping"][last][1]
                assert store.lengths[number] == limit


def test_a_tokenizer_without_offsets_stops_after_a_word(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
    slow = BertTokenizerLegacy(str(tmp_path / "vocab.txt"))
    assert not slow.is_fast
    # every word is one unknown token
    assert text_read(slow, "a boat waits at the bridge", 6) == "a boat waits at"
    assert text_read(slow, "a boat waits at the bridge", 8) == "a boat waits at the bridge"


def test_languages_smoothed_by_zero_are_alike_and_by_one_as_they_are():
    assert smoothed_shares([1, 3], 1.0).tolist() == [0.25, 0.75]
    assert smoothed_shares([1, 3], 0.0).tolist() == [0.5, 0.5]
    third = smoothed_shares([1, 8], 1 / 3)
    assert third.tolist() == pytest.approx([1 / 3, 2 / 3])


def test_replay_by_alpha_keeps_the_languages_in_their_smoothed_shares():
    others = {"en": ["a b"] * 800, "sw": ["c d"] * 100}
    found = replayed_samples(others, 0, 0.0, 100, seed=0, alpha=1 / 3)
    assert (found.count("a b"), found.count("c d")) == (200, 100)
    assert replayed_samples(others, 0, 0.0, 100, seed=0) == []
    assert replayed_samples(others, 0, 0.5, 100, seed=0).count("a b") == 50


def test_translations_are_their_share_of_all_samples_in_either_order():
    pairs = [("a", "b"), ("c", "d")]
    found = drawn_translations(pairs, 0.5, 40, seed=0)
    assert len(found) == 40 and {("a", "b"), ("b", "a"), ("c", "d"), ("d", "c")} == set(found)
    assert (
        drawn_translations(pairs, 0.0, 40, seed=0) == drawn_translations([], 0.5, 40, seed=0) == []
    )
    store = encode_pairs(toy_tokenizer("bert"), [("the river", "a boat")], 40)
    wanted = toy_tokenizer("bert")("the river", "a boat")["input_ids"]
    assert joined([store, store]).batch([1], 0)[0].tolist() == [wanted]
    assert len(joined([store, encode_pairs(toy_tokenizer("bert"), [], 40)])) == 1
