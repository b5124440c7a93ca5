"""Languages by code, and how many words a text has where its script writes no spaces."""

import re
from dataclasses import dataclass
from functools import cache

# Characters (code points of the script) per word where words are not set apart by spaces. Han:
# UD Chinese treebanks, 97,107 characters in 60,769 words. Kana: what UD Japanese leaves for kana
# once its Han characters are counted so. Khmer: 5.4 in CLDR names cut at their zero-width spaces,
# which are longer than running text. Thai, Lao, Myanmar and Tibetan are estimates.
CHARACTERS_PER_WORD: dict[str, float] = {
    "Hani": 1.6,
    "Kana": 1.9,
    "Thai": 4.0,
    "Laoo": 4.0,
    "Khmr": 5.0,
    "Mymr": 5.0,
    "Tibt": 5.0,
}
_RANGES = {
    "Hani": "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
    "Kana": "\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f",
    "Thai": "\u0e00-\u0e7f",
    "Laoo": "\u0e80-\u0eff",
    "Khmr": "\u1780-\u17ff\u19e0-\u19ff",
    "Mymr": "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f",
    "Tibt": "\u0f00-\u0fff",
}
# from a letter or digit to the next space: punctuation alone is no word, and the match is linear
_SPACED_WORD = re.compile(r"\w\S*")
# the scripts that a language's own script code stands for
_WRITTEN_IN = {"Hans": ("Hani",), "Hant": ("Hani",), "Jpan": ("Hani", "Kana"), "Hrkt": ("Kana",)}


# what is no code, or another one for the same language, beside CLDR's aliases (jpn, fre, iw, ...)
_OTHER_CODES = {"jap": "ja", "no": "nb", "sh": "sr"}
# codes that CLDR takes for the macro-language they belong to, and some that stand beside it
MACRO_LANGUAGES = {
    **{"arb": "ar", "azj": "az", "als": "sq", "cmn": "zh", "ekk": "et", "gug": "gn", "khk": "mn"},
    **{"kmr": "ku", "lvs": "lv", "npi": "ne", "ory": "or", "pes": "fa", "plt": "mg", "swh": "sw"},
    **{"uzn": "uz", "zsm": "ms", "arz": "ar", "ary": "ar", "ayr": "ay", "ckb": "ku", "pbt": "ps"},
    **{"prs": "fa", "quy": "qu", "quz": "qu", "sdh": "ku", "yue": "zh", "nan": "zh", "cdo": "zh"},
    **{"gaz": "om", "fuv": "ff", "knn": "kok", "ydd": "yi", "nob": "no", "nno": "no"},
}
"""A member -> the macro-language (ISO 639-3) that its name may also stand for."""
# a script that is written as a part of another one (FLORES: kor_Hang)
_PART_OF = {"Hang": "Kore"}
_SCRIPT, _REGION = re.compile("[A-Za-z]{4}"), re.compile("[A-Za-z]{2}|[0-9]{3}")


@dataclass(frozen=True)
class Language:
    """A language as messages, tables and word counts need it.

    code: as the user wrote it. name: English, or the code itself where CLDR has no name.
    script: ISO 15924, empty where unknown. spaced: whether words are set apart by spaces.
    """

    code: str
    name: str
    script: str
    spaced: bool


@cache
def language(code: str) -> Language:
    """The record of a CLDR or ISO 639 code ("am", "amh", "zh_Hant"); unknown codes are allowed."""
    from babel.core import Locale, UnknownLocaleError, get_global

    wanted = code.replace("-", "_")
    base, *subtags = wanted.split("_")
    canonical = get_global("language_aliases").get(base, base)
    try:
        english = Locale("en")
        names = english.languages
        name = names.get("_".join([canonical, *subtags])) or names.get(canonical) or code
    except UnknownLocaleError:
        name = code
    own_script = next((tag for tag in subtags if len(tag) == 4), "")
    likely = get_global("likely_subtags")
    tags = likely.get("_".join([canonical, *subtags])) or likely.get(canonical) or ""
    script = own_script or next((tag for tag in tags.split("_")[1:] if len(tag) == 4), "")
    written = _WRITTEN_IN.get(script, (script,))
    return Language(
        code=code,
        name=name,
        script=script,
        spaced=CHARACTERS_PER_WORD.keys().isdisjoint(written),
    )


@cache
def languages_called(name: str) -> frozenset[str]:
    """Codes of the languages that have this name, in English or any other language of CLDR.

    Case does not count: "luganda", "Ganda" and "Kiganda" are all of `lg`.
    """
    return _called().get(name.casefold(), frozenset())


@cache
def _called() -> dict[str, frozenset[str]]:
    from babel.core import Locale
    from babel.localedata import locale_identifiers

    found: dict[str, set[str]] = {}
    for locale in locale_identifiers():
        if "_" not in locale:
            for code, name in Locale(locale).languages.items():
                found.setdefault(name.casefold(), set()).add(code.partition("_")[0])
    return {name: frozenset(codes) for name, codes in found.items()}


@cache
def canonical(code: str) -> str:
    """One code for a language however it is named: ISO 639-1 where there is one, else 639-3.

    ISO 639-1, -2 and -3 and older codes (jpn, fre, iw, jap) are understood, and a code that nobody
    knows is its own. A script is kept that is not the language's likely one by CLDR ("zh_Hant",
    but "en" of "eng_Latn"); of a region only the script that it stands for ("zh_Hant" of "zh_TW",
    "pt" of "pt_BR"); anything else as it is.
    """
    from babel.core import get_global

    base, *subtags = code.replace("-", "_").split("_")
    base = base.lower()
    found = get_global("language_aliases").get(_OTHER_CODES.get(base, base))
    found = (found or base).partition("_")[0]
    found = _OTHER_CODES.get(found, found)
    script = region = ""
    rest = []
    for tag in subtags:
        if _SCRIPT.fullmatch(tag):
            script = _PART_OF.get(tag.title(), tag.title())
        elif _REGION.fullmatch(tag):
            region = tag.upper()
        else:
            rest.append(tag)
    usual = _likely_script(found)
    script = script or (region and _likely_script(f"{found}_{region}")) or usual
    return "_".join([found, *([script] if script != usual else []), *rest])


def _likely_script(code: str) -> str:
    """By CLDR, "" where it says none."""
    from babel.core import get_global

    tags = get_global("likely_subtags").get(code, "").split("_")
    return next((tag for tag in tags[1:] if len(tag) == 4), "")


def count_words(text: str) -> float:
    """Words of a text in any mixture of scripts, decided character by character.

    A run without spaces that holds a letter or a digit is one word; characters of a script that
    writes no spaces count 1 / `CHARACTERS_PER_WORD` each and end such a run.
    """
    spaced, unspaced = _unspaced().subn(" ", text)
    words = float(len(_SPACED_WORD.findall(spaced)))
    if unspaced:
        for script in _RANGES:
            words += len(_unspaced(script).findall(text)) / CHARACTERS_PER_WORD[script]
    return words


def has_unspaced(text: str) -> bool:
    """Whether any character belongs to a script that writes no spaces between words."""
    return _unspaced().search(text) is not None


def next_turn(text: str, place: int) -> int:
    """Where the next space, or character of a script without spaces, stands from a place on."""
    match = _turn().search(text, place)
    return len(text) if match is None else match.start()


@cache
def _turn() -> re.Pattern[str]:
    return re.compile(r"[\s" + "".join(_RANGES.values()) + "]")


@cache
def _unspaced(*scripts: str) -> re.Pattern[str]:
    """A character of these scripts; of any that writes no spaces where none is named.

    Made when it is first asked for: such large classes take longer to compile than all else here.
    """
    return re.compile("[" + "".join(_RANGES[script] for script in scripts or _RANGES) + "]")
