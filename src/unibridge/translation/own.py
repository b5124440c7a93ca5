"""A translator of one's own, learnt from the aligned lines of the run.

A small encoder and decoder (Vaswani et al. 2017, with mT5's layers, arXiv 2010.11934), trained from
nothing, or mT5 or mBART fine-tuned (`translation.model`): text from text as in
`transfer/generation.py`. The lines must be of what the texts are like; a thousand of them are few.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from unibridge.errors import UnibridgeError
from unibridge.settings import Available, Lack
from unibridge.transfer.generation import (
    GenerationSettings,
    TrainedGenerator,
    generate,
    train_generator,
)
from unibridge.translation.base import Between, TranslationSettings, needing
from unibridge.translation.own_settings import OwnSettings

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base


def _lacks(settings: TranslationSettings, run: Available) -> Iterator[Lack]:
    if len(run.without("parallel")) == len(run.sources):
        source = next(iter(run.sources))
        yield run.at(source, "parallel"), "learns to translate from aligned lines; give such"
    if settings.own.hidden % settings.own.heads:
        yield "translation.own.heads", f"must divide hidden = {settings.own.hidden}"


@needing(_lacks)
def by_own(texts: Sequence[str], between: Between) -> list[str]:
    """Beam search; an empty text stays. Raises UnibridgeError without aligned lines."""
    if not between.parallel:
        raise UnibridgeError(
            f"there are no aligned lines of {between.first!r} and {between.second!r} to learn from",
            where="sources.parallel",
            do="give a file of such, or choose another translator",
        )
    if "own" not in between.learnt:
        between.learnt["own"] = _trained(between)
    found: TrainedGenerator = between.learnt["own"]
    settings = between.settings
    said = generate(
        found.model,
        found.tokenizer,
        texts,
        _generation(settings, between),
        language=between.second,
        batch_size=settings.batch_size,
    )
    return [one if text.strip() else text for one, text in zip(said, texts, strict=True)]


def _trained(between: Between) -> TrainedGenerator:
    settings = between.settings
    if settings.model:
        from unibridge.models.base import load_base

        base = load_base(settings.model, device=str(between.device))
    else:
        base = new_translator(between.parallel, settings.own)
        model: Any = base.model
        model.to(between.device)
    pairs = {between.second: between.parallel}
    return train_generator(base, pairs, _generation(settings, between))


def _generation(settings: TranslationSettings, between: Between) -> GenerationSettings:
    codes = settings.codes if settings.model else {}
    return GenerationSettings(
        max_tokens=settings.max_tokens,
        max_output=settings.max_tokens,
        beams=settings.beams,
        language_tokens={k: v for k, v in codes.items() if k == between.second},
        source_token=codes.get(between.first),
        training=settings.own.training,
    )


def new_translator(lines: Sequence[tuple[str, str]], settings: OwnSettings) -> "Base":
    """An untrained model with one vocabulary of both sides of the lines."""
    import torch
    from transformers import MT5Config, MT5ForConditionalGeneration

    from unibridge.models.base import BaseModel as Base
    from unibridge.models.families import FAMILIES
    from unibridge.vocabulary.tokenizer import to_fast_tokenizer
    from unibridge.vocabulary.train import train_sentencepiece

    both = [side for pair in lines for side in pair]
    tokenizer = to_fast_tokenizer(train_sentencepiece(both, settings.pieces, at_most=True))
    config = MT5Config(
        vocab_size=len(tokenizer),
        d_model=settings.hidden,
        d_kv=settings.hidden // settings.heads,
        d_ff=4 * settings.hidden,
        num_layers=settings.layers,
        num_decoder_layers=settings.layers,
        num_heads=settings.heads,
        dropout_rate=settings.dropout,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = MT5ForConditionalGeneration(config)
    return Base(model.eval(), tokenizer, FAMILIES["mt5"])
