"""Any sequence-to-sequence model of `transformers`: NLLB, M2M100, MADLAD, OPUS-MT, mBART.

They are told the languages in three ways: by the tokenizer's `src_lang` and a first token of the
translation (NLLB, arXiv 2207.04672; M2M100, arXiv 2010.11125; mBART), by a token before the text
(MADLAD, arXiv 2309.04662; OPUS-MT with several targets), or not at all (OPUS-MT). What a model's
tokenizer knows says which.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.settings import Available, Lack
from unibridge.text.languages import language
from unibridge.translation.base import Between, TranslationSettings, needing

WAYS = {
    "nllb": r"([a-z]{3})_[A-Z][a-z]{3}",
    "m2m100": r"__([a-z]{2,3})__",
    "mbart": r"([a-z]{2})_[A-Z]{2}",
    "madlad": r"<2([a-z]{2,3})>",
    "opus": r">>([a-z]{2,3})(?:_\w+)?<<",
}
"""How a token of a tokenizer names a language, its code in the brackets."""
TOLD_BEFORE = frozenset({"madlad", "opus"})
"""Ways that tell the language of the translation alone, before the text."""


def _lacks(settings: TranslationSettings, run: Available) -> Iterator[Lack]:
    if not settings.model:
        yield (
            "translation.model",
            "translates by a model; name its folder or hub id, such as "
            "facebook/nllb-200-distilled-600M",
        )


@needing(_lacks)
def by_seq2seq(texts: Sequence[str], between: Between) -> list[str]:
    """Beam search by the model of the settings; the longest texts of a batch are cut.

    Raises UnibridgeError for a model that cannot be loaded, or that does not know a language.
    """
    import torch

    settings = between.settings
    model, tokenizer = load_seq2seq(settings.model)
    model = model.to(between.device)
    names = spoken(tokenizer, between)
    given = [names.before + text for text in texts]
    # the longest together, so that little is padded
    order = sorted(range(len(given)), key=lambda place: -len(given[place]))
    said = [""] * len(given)
    with torch.inference_mode():
        for start in range(0, len(order), settings.batch_size):
            places = order[start : start + settings.batch_size]
            batch = tokenizer(
                [given[place] for place in places],
                return_tensors="pt",
                padding=True,
                truncation=True,
                max_length=settings.max_tokens,
            ).to(between.device)
            batch.pop("token_type_ids", None)
            ids = model.generate(
                **batch,
                num_beams=settings.beams,
                max_new_tokens=settings.max_tokens,
                do_sample=False,
                **({} if names.first is None else {"forced_bos_token_id": names.first}),
            )
            for place, text in zip(
                places, tokenizer.batch_decode(ids, skip_special_tokens=True), strict=True
            ):
                said[place] = text.strip()
    return said


@dataclass(frozen=True)
class Names:
    """How a model is told the languages. before: put before a text. first: the id that its
    translation begins with; None where the model is not told."""

    before: str = ""
    first: int | None = None


def load_seq2seq(name: str) -> tuple[Any, Any]:
    """The model in evaluation mode, from safetensors alone, and its tokenizer."""
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
        model = AutoModelForSeq2SeqLM.from_pretrained(
            name, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise UnibridgeError(
            f"cannot load the translator ({str(error).strip().splitlines()[0]})",
            where=name,
            do="set translation.model to a local folder with safetensors, or to a hub id while "
            "online or with the model in the cache",
        ) from error
    return model.eval(), tokenizer


def spoken(tokenizer: Any, between: Between) -> Names:
    """How the model behind a tokenizer is told the two languages, by what the tokenizer knows.

    Raises UnibridgeError where it knows names of languages and none for one of these.
    """
    known = set(tokenizer.get_vocab())
    tokens = {way: _tokens_of(known, pattern) for way, pattern in WAYS.items()}
    way = max(tokens, key=lambda one: len(tokens[one]))
    if len(tokens[way]) < 2 and not between.settings.codes:
        return Names()
    before = way in TOLD_BEFORE
    found: dict[str, str] = {}
    for code in (between.second,) if before else (between.first, between.second):
        name = between.settings.codes.get(code) or _token_of(tokens[way], code)
        if name not in known:
            raise UnibridgeError(
                f"the translator has no token for {code!r}" + (f" ({name})" if name else ""),
                where="translation.codes",
                do=f'write translation.codes = {{ "{code}" = "..." }}, as the model calls it',
            )
        found[code] = str(name)
    second = found[between.second]
    if before:
        return Names(before=f"{second} ")
    if hasattr(tokenizer, "src_lang"):
        # M2M100's is set by the bare code
        tokenizer.src_lang = found[between.first].strip("_")
    return Names(first=tokenizer.convert_tokens_to_ids(second))


def _tokens_of(known: set[str], pattern: str) -> dict[str, list[str]]:
    """Code -> the tokens that name it in one way."""
    found: dict[str, list[str]] = {}
    for token in sorted(known):
        if match := re.fullmatch(pattern, token):
            found.setdefault(match[1], []).append(token)
    return found


def _token_of(tokens: Mapping[str, list[str]], code: str) -> str | None:
    """The token of a language under any of its ISO 639 codes, in its own script where there is a
    choice."""
    from babel.core import get_global

    aliases, base = get_global("language_aliases"), re.split("[-_]", code)[0]
    short = aliases.get(base, base)
    codes = [base, short, *(longer for longer, own in aliases.items() if own == short)]
    found = [token for one in codes for token in tokens.get(one, ())]
    script = language(code).script
    return next((token for token in found if script and script in token), next(iter(found), None))
