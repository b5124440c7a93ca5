import pytest

from unibridge.text.languages import CHARACTERS_PER_WORD, canonical, count_words, language


def test_two_and_three_letter_codes_name_the_same_language():
    assert language("am").name == language("amh").name == "Amharic"
    assert language("amh").code == "amh"
    assert language("am").script == "Ethi" and language("am").spaced


@pytest.mark.parametrize(
    ("code", "script"),
    [("zh", "Hans"), ("ja", "Jpan"), ("th", "Thai"), ("km", "Khmr"), ("lo", "Laoo")],
)
def test_scripts_without_spaces_are_known(code, script):
    assert language(code).script == script and not language(code).spaced


def test_unknown_codes_name_themselves_and_script_subtags_count():
    assert language("cdo").name == "cdo" and language("cdo").script == "Hans"
    assert language("xqz").name == "xqz" and language("xqz").spaced
    assert language("zh-Hant").name == "Traditional Chinese"
    assert language("sr_Latn").script == "Latn"


def test_spaced_text_counts_the_runs_that_hold_a_letter_or_digit():
    assert count_words("One two, three -- 4 !") == 4
    assert count_words("ሰላም ለዓለም።") == 2
    assert count_words("ಕನ್ನಡ") == 1
    assert count_words(" \t ... ") == 0


@pytest.mark.parametrize(
    ("text", "script"),
    [("東京都庁", "Hani"), ("ありがとう", "Kana"), ("สวัสดีครับ", "Thai"), ("កម្ពុជា", "Khmr")],
)
def test_characters_of_unspaced_scripts_count_by_word_length(text, script):
    assert count_words(text) == pytest.approx(len(text) / CHARACTERS_PER_WORD[script])


def test_a_mixture_adds_up_by_character():
    han, kana = CHARACTERS_PER_WORD["Hani"], CHARACTERS_PER_WORD["Kana"]
    assert count_words("2019年、Tokyo東京へ") == pytest.approx(2 + 3 / han + 1 / kana)


@pytest.mark.parametrize(
    ("code", "same"),
    [
        *[
            ("jap", "ja"),
            ("jpn", "ja"),
            ("fre", "fr"),
            ("fra", "fr"),
            ("wol", "wo"),
            ("luo", "luo"),
        ],
        *[("iw", "he"), ("kmr", "ku"), ("nor", "nb"), ("zh-Hant", "zh_Hant"), ("xyz", "xyz")],
        *[("eng_Latn", "en"), ("EN-latn", "en"), ("zho_Hans", "zh"), ("kor_Hang", "ko")],
        *[("zho_Hant", "zh_Hant"), ("srp_Latn", "sr_Latn"), ("bn_Latn", "bn_Latn")],
        *[("pt_BR", "pt"), ("es-419", "es"), ("zh_CN", "zh"), ("zh-TW", "zh_Hant")],
        *[("pa_PK", "pa_Arab"), ("zh_Hant_HK", "zh_Hant"), ("my_zawgyi", "my_zawgyi")],
    ],
)
def test_a_language_has_one_code_however_it_is_named(code, same):
    assert canonical(code) == canonical(same) == same
