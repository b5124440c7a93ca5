"""A sequence-to-sequence model that CTranslate2 has converted: the same model, faster and smaller.

`ct2-transformers-converter --model facebook/nllb-200-distilled-600M --output_dir nllb --copy_files
tokenizer.json tokenizer_config.json` writes such a folder (Klein et al., WNMT 2020, is its origin).
"""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.settings import Available, Lack
from unibridge.translation.base import Between, TranslationSettings, needing
from unibridge.translation.seq2seq import spoken

INSTALL = 'run pip install "unibridge[ctranslate2]"'


def _lacks(settings: TranslationSettings, run: Available) -> Iterator[Lack]:
    if find_spec("ctranslate2") is None:
        yield "translation.translator", f"translates by a package that is not installed; {INSTALL}"
    if not (Path(settings.model) / "model.bin").exists():
        yield (
            "translation.model",
            "translates by a model that CTranslate2 has converted; name its folder (with "
            "model.bin and the tokenizer's files)",
        )


@needing(_lacks)
def by_ctranslate2(texts: Sequence[str], between: Between) -> list[str]:
    """Beam search; long texts are cut. Raises UnibridgeError without the package."""
    try:
        import ctranslate2
    except ImportError as error:
        raise UnibridgeError("the translator 'ctranslate2' is not installed", do=INSTALL) from error
    from transformers import AutoTokenizer

    settings = between.settings
    tokenizer = AutoTokenizer.from_pretrained(settings.model, trust_remote_code=False)
    names = spoken(tokenizer, between)
    device = "cuda" if str(between.device).startswith("cuda") else "cpu"
    translator = ctranslate2.Translator(settings.model, device=device)
    read = tokenizer(
        [names.before + text for text in texts], truncation=True, max_length=settings.max_tokens
    )["input_ids"]
    first = None if names.first is None else [tokenizer.convert_ids_to_tokens(names.first)]
    found = translator.translate_batch(
        [tokenizer.convert_ids_to_tokens(ids) for ids in read],
        target_prefix=None if first is None else [first] * len(texts),
        beam_size=settings.beams,
        max_batch_size=settings.batch_size,
        max_decoding_length=settings.max_tokens,
    )
    ids: Any = [tokenizer.convert_tokens_to_ids(one.hypotheses[0]) for one in found]
    return [text.strip() for text in tokenizer.batch_decode(ids, skip_special_tokens=True)]
