import pytest
from transformers.models.bert.tokenization_bert_legacy import BertTokenizerLegacy

from toy import LINES, toy_tokenizer
from unibridge.models.families import FAMILIES
from unibridge.models.states import frame
from unibridge.transfer.mlm import TokenStore, encode_samples, text_read


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
