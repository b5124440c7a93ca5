"""Translators, and labelled examples in another language by them."""

from collections.abc import Sequence

from unibridge.errors import UnibridgeError
from unibridge.registry import Registry
from unibridge.translation.base import (
    Between,
    Translated,
    TranslationSettings,
    Translator,
)
from unibridge.translation.bergamot import by_bergamot
from unibridge.translation.ctranslate import by_ctranslate2
from unibridge.translation.lexicon import by_lexicon
from unibridge.translation.own import by_own
from unibridge.translation.seq2seq import by_seq2seq

__all__ = ["TRANSLATORS", "Between", "Translated", "TranslationSettings", "Translator", "translate"]


def untranslated(texts: Sequence[str], between: Between) -> list[Translated]:
    """Every text as it is, each word linked to itself."""
    return [
        Translated(text, tuple((place, place) for place in range(len(text.split()))))
        for text in texts
    ]


def ready(texts: Sequence[str], between: Between) -> list[Translated]:
    """Nothing translates: files are read instead. Raises UnibridgeError where there is none."""
    raise UnibridgeError(
        f"there is no translator from {between.first!r} to {between.second!r}",
        where="translation.translator",
        do="choose one that translates, such as lexicon or seq2seq",
    )


TRANSLATORS: Registry[Translator] = Registry(
    "translator",
    {
        "none": untranslated,
        "ready": ready,
        "lexicon": by_lexicon,
        "seq2seq": by_seq2seq,
        "ctranslate2": by_ctranslate2,
        "bergamot": by_bergamot,
        "own": by_own,
    },
)


def translate(texts: Sequence[str], between: Between) -> list[Translated]:
    """Translations in the order of the texts. Raises UnibridgeError where some are missing."""
    translator = TRANSLATORS.resolve(between.settings.translator)
    found = [Translated(one) if isinstance(one, str) else one for one in translator(texts, between)]
    if len(found) != len(texts):
        raise UnibridgeError(
            f"the translator gave {len(found)} translations of {len(texts)} texts",
            where="translation.translator",
        )
    return found
