import random
from pathlib import Path

import pytest
import sentencepiece
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors
from transformers import AutoTokenizer, BertConfig, PreTrainedTokenizerFast, XLMRobertaConfig

from unibridge.vocabulary.tokenizer import XLM_R, special_tokens, to_fast_tokenizer
from unibridge.vocabulary.train import VocabularyTooSmall, train_sentencepiece

MONO = Path(__file__).parents[2].parent / "shared" / "data" / "mono"
KINDS = ["unigram", "bpe"]

ODD = [
    "plain words and  double   spaces ",
    " leading space\tand a tab\u00a0and\u3000wide spaces\u2028line separator",
    "ｆｕｌｌ ｗｉｄｔｈ １２３ ½ ² ㎏ ﬁne … ™ №",
    "e\u0301te\u0301 o\u0323\u0301 o\u0301\u0323 e\u0323\u0302 e\u0302\u0323 ê\u0301 u\u0308\u0304",
    "été ọ́ ộ ǖ ẹ̀ a\u030a\u0301 n\u0303",
    "क़ ऩ न\u093c ಕೊ ಕ\u0cc6\u0cc2 ಕ\u0cc6\u0cc2\u0cd5 か\u3099 ｶﾞ ﾊﾟ が",
    "لا ﻻ\u0651 أَ ا\u0653 شَّ ש\u05c1ּ שּׁ ב\u05bcָ",
    "ខ្មែរ\u200bសួស្តី ZW\u200cNJ zw\u200dj \ufeffbom \ufffd",
    "😀 👩\u200d👩\u200d👧 ❤\ufe0f 1\ufe0f\u20e3 🇪🇹 ☃☃☃",
    "1234567890 3.14 50% .... ..... ...... !!?? #x @y a_b",
    "\u0301starts with a mark \x01\x02 control \x7f bell\x07s",
    "▁literal ▁▁ block a▁b ▅ under_score",
    "አማርኛ፡ሰላም። 中文字符，日本語カタカナ ไทย",
    "carriage\r\nreturn <b>tag</b> &amp; \\n",
    "aaaa aaaaa aaaaaa abababab bababa",
]


def base(family: str) -> PreTrainedTokenizerFast:
    """A base tokenizer whose special tokens have ids of their own order, far apart."""
    if family == "bert":
        names = ["[PAD]", "[unused]", "[UNK]", "a", "[CLS]", "[SEP]", "b", "[MASK]"]
        roles = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]"}
        roles["mask"] = "[MASK]"
        single, pair = "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1"
        inputs = ["input_ids", "token_type_ids", "attention_mask"]
    else:
        names = ["<s>", "<pad>", "</s>", "<unk>", "a", "b", "<mask>"]
        roles = {"bos": "<s>", "eos": "</s>", "unk": "<unk>", "sep": "</s>", "pad": "<pad>"}
        roles["cls"] = "<s>"
        roles["mask"] = AddedToken("<mask>", lstrip=True, special=True)
        single, pair = "<s> $A </s>", "<s> $A </s> </s> $B </s>"
        inputs = ["input_ids", "attention_mask"]
    tokenizer = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, roles["unk"]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    framing = [(name, names.index(name)) for name in (roles["cls"], roles["sep"])]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=framing
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=77,
        padding_side="left",
        model_input_names=inputs,
        **{f"{role}_token": token for role, token in roles.items()},
    )


FAMILIES = ["bert", "xlm-roberta"]


@pytest.fixture(scope="module", params=KINDS)
def odd_model(request) -> bytes:
    return train_sentencepiece(ODD * 2, 170, kind=request.param)


def expected(model: bytes, lines: list[str]) -> list[list[str]]:
    """SentencePiece's own pieces, with <unk> for text that it does not know."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [[processor.id_to_piece(i) for i in processor.encode(line)] for line in lines]


def given(tokenizer: PreTrainedTokenizerFast, lines: list[str]) -> list[list[str]]:
    ids = tokenizer(lines, add_special_tokens=False, verbose=False)["input_ids"]
    unknown = tokenizer.unk_token
    return [
        ["<unk>" if token == unknown else token for token in tokenizer.convert_ids_to_tokens(line)]
        for line in ids
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_line_is_cut_as_sentencepiece_cuts_it(odd_model, family):
    tokenizer = to_fast_tokenizer(odd_model, base(family))
    for line, ours, theirs in zip(
        ODD, given(tokenizer, ODD), expected(odd_model, ODD), strict=True
    ):
        assert ours == theirs, line


@pytest.mark.parametrize("kind", KINDS)
def test_random_clusters_of_the_training_text_are_cut_alike(kind):
    draw = random.Random(0)
    letters, marks = (
        "aeouAn cz.ﾊｼカَكاשכनಕ²½Ａ한😀",
        "\u0300\u0301\u0302\u0323\u0308\u3099ﾞ\u0651\u05bc\u093c",
    )
    lines = [
        "".join(
            draw.choice(letters) + "".join(draw.choices(marks, k=draw.choice([0, 0, 1, 2, 3])))
            for _ in range(12)
        )
        for _ in range(400)
    ]
    model = train_sentencepiece(lines, 300, kind=kind)
    assert given(to_fast_tokenizer(model), lines) == expected(model, lines)


def test_unknown_characters_side_by_side_are_one_token():
    model = train_sentencepiece(["ab ba aab abb"] * 3, 9)
    lines = ["aqqqb", "q", "q q", "☃☃a☃"]
    assert given(to_fast_tokenizer(model), lines) == expected(model, lines)


@pytest.mark.parametrize("family", FAMILIES)
def test_special_tokens_come_first_in_the_bases_order_then_the_pieces(odd_model, family):
    like = base(family)
    tokenizer = to_fast_tokenizer(odd_model, like)
    assert tokenizer.special_tokens_map == like.special_tokens_map
    first = tokenizer.convert_ids_to_tokens(range(5))
    assert first == sorted(set(like.all_special_tokens), key=like.convert_tokens_to_ids)
    processor = sentencepiece.SentencePieceProcessor(model_proto=odd_model)
    pieces = [processor.id_to_piece(i) for i in range(3, processor.get_piece_size())]
    assert tokenizer.convert_ids_to_tokens(range(5, len(tokenizer))) == pieces
    assert tokenizer.model_max_length == 77 and tokenizer.padding_side == "left"


@pytest.mark.parametrize("family", FAMILIES)
def test_texts_are_framed_as_the_base_frames_them(odd_model, family):
    like = base(family)
    tokenizer = to_fast_tokenizer(odd_model, like)
    for texts in (["a b"], ["a b", "b"]):
        theirs, ours = like(*texts), tokenizer(*texts)
        assert set(ours) == set(theirs)
        assert [token for token in ours.tokens() if token in like.all_special_tokens] == [
            token for token in theirs.tokens() if token in like.all_special_tokens
        ]
        assert [ours.sequence_ids()[i] for i in (0, 1, -2, -1)] == [
            theirs.sequence_ids()[i] for i in (0, 1, -2, -1)
        ]
        if "token_type_ids" in theirs:
            assert ours["token_type_ids"][0] == theirs["token_type_ids"][0]
            assert ours["token_type_ids"][-1] == theirs["token_type_ids"][-1]


def test_without_a_base_the_roles_are_xlm_robertas(odd_model):
    tokenizer = to_fast_tokenizer(odd_model)
    assert tokenizer.convert_ids_to_tokens(range(5)) == ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    like = special_tokens(base("xlm-roberta"))
    assert (like.single, like.pair, like.roles) == (XLM_R.single, XLM_R.pair, XLM_R.roles)


def test_a_tokenizer_made_here_can_be_the_base_of_another(odd_model):
    first = to_fast_tokenizer(odd_model, base("bert"))
    second = to_fast_tokenizer(odd_model, first)
    assert second.backend_tokenizer.to_str() == first.backend_tokenizer.to_str()


@pytest.mark.parametrize("config", [None, BertConfig, XLMRobertaConfig])
@pytest.mark.parametrize("family", FAMILIES)
def test_saving_and_loading_changes_nothing(odd_model, family, config, tmp_path):
    tokenizer = to_fast_tokenizer(odd_model, base(family))
    tokenizer.save_pretrained(tmp_path)
    if config:
        config().save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded(ODD, verbose=False)["input_ids"] == tokenizer(ODD, verbose=False)["input_ids"]
    assert loaded("a", "b").data == tokenizer("a", "b").data
    assert loaded.special_tokens_map == tokenizer.special_tokens_map
    assert (loaded.model_max_length, loaded.padding_side) == (77, "left")


def test_offsets_point_into_the_text(odd_model):
    tokenizer = to_fast_tokenizer(odd_model)
    text = "plain  words\te\u0301te\u0301 ☃ .... "
    encoding = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    words: dict[int, tuple[int, int]] = {}
    for word, (start, end) in zip(encoding.word_ids(), encoding["offset_mapping"], strict=True):
        first, _ = words.setdefault(word, (start, end))
        words[word] = (first, end)
    # a joined accent counts with its base; the last one of a word is not spanned
    assert [text[start:end] for start, end in words.values()] == [
        "plain",
        "words",
        "e\u0301te",
        "☃",
        "....",
    ]


def test_words_cut_beforehand_keep_their_numbers(odd_model):
    tokenizer = to_fast_tokenizer(odd_model)
    words = ["plain", "", "words", "☃", "(x"]
    encoding = tokenizer(words, is_split_into_words=True, add_special_tokens=False)
    whole = tokenizer(" ".join(words), add_special_tokens=False)
    assert encoding["input_ids"] == whole["input_ids"]
    assert sorted(set(encoding.word_ids())) == [0, 2, 3, 4]


def test_decoding_gives_the_normalised_text_back(odd_model):
    tokenizer = to_fast_tokenizer(odd_model)
    ids = tokenizer(" plain  words and 123 ")["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True) == "plain words and 123"


@pytest.mark.slow
@pytest.mark.skipif(not MONO.is_dir(), reason="shared data absent")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["amh", "khm", "lij", "zh", "yor"])
def test_real_text_is_cut_as_sentencepiece_cuts_it(language, kind):
    lines = (MONO / f"{language}.txt").read_text(encoding="utf-8").split("\n")[:3_000]
    try:
        model = train_sentencepiece(lines, 4_000, kind=kind)
    except VocabularyTooSmall as refusal:
        model = train_sentencepiece(lines, refusal.smallest + 500, kind=kind)
    assert given(to_fast_tokenizer(model), lines) == expected(model, lines)
