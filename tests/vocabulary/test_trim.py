"""Fewer pieces, the same tokens: over every kind of tokenizer, on drawn parts of drawn texts."""

from pathlib import Path
from random import Random

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from toy import LINES, toy_tokenizer
from unibridge.errors import UnibridgeError
from unibridge.models.base import NAMED_BASES
from unibridge.text.corpus import read_text, spread
from unibridge.vocabulary.trim import TrimSettings, read_ids, trim_tokenizer

FAMILIES = ("bert", "xlm-roberta", "gpt2", "mt5", "mbart")


def drawn_text(seed, count=60):
    """Lines of drawn words over few letters, so that words share their parts."""
    draw = Random(seed)
    words = ["".join(draw.choices("aeéiñorst", k=draw.randint(1, 9))) for _ in range(80)]
    return [" ".join(draw.choices(words, k=6)) for _ in range(count)]


def trained(kind, lines):
    """A tokenizer of a kind, trained on lines."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    size = {"vocab_size": 160, "special_tokens": special, "show_progress": False}
    if kind == "unigram":
        made = Tokenizer(models.Unigram())
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(unk_token="<unk>", **size)
    elif kind == "wordpiece":
        made = Tokenizer(models.WordPiece(unk_token="<unk>"))
        made.normalizer = normalizers.BertNormalizer()
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(**size)
    elif kind == "bytes":
        made = Tokenizer(models.BPE())
        made.pre_tokenizer = pre_tokenizers.ByteLevel()
        made.decoder = decoders.ByteLevel()
        size["vocab_size"] += 256
        trainer = trainers.BpeTrainer(initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), **size)
    elif kind == "suffix":
        made = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
        made.pre_tokenizer = pre_tokenizers.Whitespace()
        trainer = trainers.BpeTrainer(end_of_word_suffix="</w>", **size)
    else:
        made = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.BpeTrainer(**size)
    made.train_from_iterator(lines, trainer)
    names = zip(("bos", "pad", "eos", "unk"), special, strict=True)
    return PreTrainedTokenizerFast(
        tokenizer_object=made, **{f"{role}_token": token for role, token in names}
    )


@pytest.mark.parametrize("kind", ["unigram", "wordpiece", "bytes", "suffix", "bpe"])
def test_texts_are_cut_as_before(kind):
    lines = drawn_text(1)
    whole = trained(kind, lines)
    for seed in range(4):
        # words that it was trained on, and words with letters that it has never seen
        part = [*Random(seed).sample(lines, 3), *drawn_text(seed + 7, 2), "aze xos été ñandú ☃"]
        found = trim_tokenizer(whole, part, TrimSettings())
        assert len(found.kept) < len(whole) and found.changed == 0
        assert len(found.tokenizer) == len(found.kept) == len(set(found.kept))
        ids = read_ids(found.tokenizer, part)
        assert [[found.kept[i] for i in row] for row in ids] == read_ids(whole, part)
        assert found.tokenizer.decode(ids[0]) == whole.decode(read_ids(whole, part)[0])
        pieces = {i: piece for piece, i in whole.get_vocab().items()}
        kept = [pieces[old] for old in found.kept]
        assert kept == [
            p for p, _ in sorted(found.tokenizer.get_vocab().items(), key=lambda x: x[1])
        ]


@pytest.mark.parametrize("family", FAMILIES)
def test_special_tokens_keep_their_roles_and_frames(family, tmp_path):
    whole = toy_tokenizer(family)
    found = trim_tokenizer(whole, LINES[:2], TrimSettings())
    found.tokenizer.save_pretrained(tmp_path)
    again = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    assert again.special_tokens_map == whole.special_tokens_map
    for given in ((LINES[0],), (LINES[0], LINES[1])):
        ids = again(*given)["input_ids"]
        assert [found.kept[i] for i in ids] == whole(*given)["input_ids"]
    for token in whole.all_special_tokens:
        assert found.kept[again.convert_tokens_to_ids(token)] == whole.convert_tokens_to_ids(token)


def test_an_unknown_word_stays_unknown():
    """`abd` is unknown, since its longest start `ab` leads nowhere; `a` and `##bd` would."""
    vocab = {p: i for i, p in enumerate(["[UNK]", "a", "ab", "z", "##bd", "abab"])}
    inner = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    whole = PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="[UNK]")
    found = trim_tokenizer(whole, ["abd", "a zbd"], TrimSettings())
    assert found.tokenizer.tokenize("abd") == whole.tokenize("abd") == ["[UNK]"]
    assert "abab" not in found.tokenizer.get_vocab()
    without = trim_tokenizer(whole, ["a zbd"], TrimSettings())
    assert without.tokenizer.tokenize("abd") == ["a", "##bd"]


def test_unknown_characters_cost_as_much_as_before():
    """Without the lowest piece an unknown `a` would be cheaper than the piece that `a` has."""
    scored = [("<unk>", 0.0), ("a", -30.0), ("b", -1.0), ("ab", -29.5), ("zz", -32.0)]
    inner = Tokenizer(models.Unigram(scored, unk_id=0))
    whole = PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="<unk>")
    found = trim_tokenizer(whole, ["ab"], TrimSettings(characters=False))
    assert [whole.convert_ids_to_tokens(i) for i in found.kept] == ["<unk>", "ab", "zz"]
    assert read_ids(found.tokenizer, ["aab"]) == [[0, 1]]


def test_rare_pieces_may_go_and_it_is_counted():
    lines = drawn_text(1)
    whole = trained("unigram", lines)
    exact = trim_tokenizer(whole, lines, TrimSettings())
    rare = trim_tokenizer(whole, lines, TrimSettings(least=5))
    few = trim_tokenizer(whole, lines, TrimSettings(most=10))
    assert len(few.kept) < len(rare.kept) < len(exact.kept)
    assert exact.changed == 0 < rare.changed <= few.changed <= few.lines == len(lines)


def test_single_characters_are_kept_for_new_words():
    whole = toy_tokenizer("bert")
    new = "revir"  # the letters of a kept word
    for characters in (True, False):
        found = trim_tokenizer(whole, ["the river"], TrimSettings(characters=characters))
        unknown = found.tokenizer.unk_token_id in read_ids(found.tokenizer, [new])[0]
        assert unknown is not characters


DATA = Path(__file__).parents[2] / ".." / "shared" / "data" / "mono"


@pytest.mark.slow
@pytest.mark.skipif(not DATA.exists(), reason="the shared data is not here")
@pytest.mark.parametrize("name", ["me5", "minilm", "cldr"])
def test_real_tokenizers_cut_real_text_as_before(name):
    try:
        folder = NAMED_BASES[name]()
    except UnibridgeError as error:
        pytest.skip(str(error))
    whole = AutoTokenizer.from_pretrained(folder)
    # of MiniLM most of Amharic is unknown
    lines = [
        x
        for code in ("lug", "amh", "zh")
        for x in spread(read_text(DATA / f"{code}.txt").lines, 300)
    ]
    found = trim_tokenizer(whole, lines, TrimSettings())
    assert found.changed == 0 and len(found.kept) < len(whole)


def test_another_kind_is_refused_by_name():
    class Slow:
        backend_tokenizer = None

    with pytest.raises(UnibridgeError, match="slow tokenizer"):
        trim_tokenizer(Slow(), ["a"], TrimSettings())
