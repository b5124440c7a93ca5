"""Pretrain a small multilingual base of the XLM-R architecture by MLM, and TLM on parallel text.

Or train a given base further, which is how one without a masked-LM head gets it.

Languages are sampled with probability proportional to (their share of the text) ** alpha
(XLM-R, arXiv 1911.02116, §3; α = 0.3), so that small ones are seen often enough. TLM (XLM,
arXiv 1901.07291, §3.3) masks words in two translations at once: each can be read off the other.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from unibridge.errors import UnibridgeError
from unibridge.settings import Settings
from unibridge.text.corpus import join_samples
from unibridge.training import FitResult, Progress, TrainingSettings, batches_of, fit, prepare

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from unibridge.models.base import BaseModel as Base

# a sample of this many lines decides a vocabulary as well as all of them, in a fraction of the time
TOKENIZER_LINES = 150_000


class PretrainSettings(Settings):
    """The shape of the base and how it is trained; the defaults make the shipped one.

    Of a base that is given, vocabulary and shape are its own.
    """

    vocabulary_size: int = Field(16_000, ge=100, description="pieces, special tokens not counted")
    hidden: int = Field(128, ge=8, description="width of the states")
    layers: int = Field(4, ge=1, description="transformer layers")
    heads: int = Field(4, ge=1, description="attention heads")
    sample_words: int = Field(
        0, ge=0, description="words that lines are joined up to; 0: a line is a sample"
    )
    max_tokens: int = Field(128, ge=16, description="longest sample, special tokens included")
    alpha: float = Field(0.3, ge=0, le=1, description="language smoothing; 1: as the text is")
    tlm_share: float = Field(0.4, ge=0, lt=1, description="share of samples that are translations")
    mask_rate: float = Field(0.2, gt=0, lt=1, description="share of tokens to predict")
    top_layers: int | None = Field(
        None,
        ge=0,
        description="of a given base: how many of its last layers are trained beside the head, "
        "the vocabulary frozen; 0: the head alone; unset: everything",
    )
    training: TrainingSettings = TrainingSettings(
        steps=9_000, batch_size=64, learning_rate=1e-3, schedule="linear", warmup=0.03, clip=1.0
    )


FURTHER = PretrainSettings(
    sample_words=64,
    training=TrainingSettings(
        steps=500, batch_size=16, learning_rate=3e-4, schedule="linear", warmup=0.04, clip=1.0
    ),
)
"""For a given base and running text."""


@dataclass
class PretrainResult:
    """The model (eval mode), its tokenizer and how training went.

    rows: how many rows of the vocabulary the text uses.
    """

    model: "PreTrainedModel"
    tokenizer: Any
    fit: FitResult
    languages: list[str]
    rows: int
    warnings: list[str] = field(default_factory=list)


def pretrain(
    texts: Mapping[str, Sequence[str]],
    settings: PretrainSettings,
    *,
    base: "Base | None" = None,
    pairs: Sequence[tuple[str, str]] = (),
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: Progress = lambda step, steps, parts: None,
) -> PretrainResult:
    """Train a tokenizer and a masked language model on plain text of several languages.

    texts: language -> lines. base: trained further, as a whole, instead of a new model, with its
    own tokenizer; it is left alone itself. pairs: translations in any two of the languages, for
    TLM.
    Raises UnibridgeError when there is no text.
    """
    import numpy as np
    import torch

    from unibridge.models.base import max_tokens
    from unibridge.models.families import FAMILIES
    from unibridge.models.rows import used_rows
    from unibridge.transfer.mlm import (
        TokenStore,
        encode_pairs,
        encode_samples,
        freeze_below,
        joined,
        language_loss,
        log_frequencies,
        set_output_bias,
        smoothed_shares,
        used_ids,
    )

    languages = sorted(language for language, lines in texts.items() if lines)
    if not languages:
        raise UnibridgeError("there is no text to pretrain on", where="pretrain")

    # 1. One tokenizer for all, each language with its smoothed share.
    share = smoothed_shares([len(texts[language]) for language in languages], settings.alpha)
    smoothed = dict(zip(languages, share, strict=True))
    tokenizer = _new_tokenizer(texts, smoothed, settings, seed) if base is None else base.tokenizer

    # 2. Everything encoded once.
    limit = settings.max_tokens if base is None else min(settings.max_tokens, max_tokens(base))
    rows: list[TokenStore] = [
        encode_samples(tokenizer, join_samples(texts[language], settings.sample_words), limit)
        for language in languages
    ]
    if pairs:
        rows.append(encode_pairs(tokenizer, pairs, limit))
    starts = np.cumsum([0] + [len(store) for store in rows])
    store = joined(rows)
    tlm_share = settings.tlm_share if pairs else 0.0
    parts = [*(share * (1 - tlm_share)), *([tlm_share] if pairs else [])]

    # 3. The model.
    model = _new_model(settings, tokenizer, seed) if base is None else copy.deepcopy(base.model)
    family = FAMILIES["xlm-roberta"] if base is None else base.family

    def batches(epoch: int) -> list[list[int]]:
        draw = np.random.default_rng([seed, 1, epoch])
        picked = np.concatenate(
            [
                start + draw.integers(len(rows[i]), size=round(len(store) * part))
                for i, (start, part) in enumerate(zip(starts, parts, strict=False))
            ]
        )
        cut = batches_of(
            store.lengths[picked], settings.training.batch_size, seed=seed, epoch=epoch
        )
        return [picked[batch].tolist() for batch in cut]

    # 4. Train everything, or the head with the layers that are asked for.
    model.train()
    warnings = prepare(model, model.get_submodule(family.encoder), settings.training)
    if base is not None and base.built_head:
        set_output_bias(model, family, log_frequencies(store.ids, len(tokenizer)))
    # a new model's vocabulary is made of this text
    kept = torch.arange(len(tokenizer))
    if base is not None:
        kept = used_ids(store.ids, tokenizer, settings.training)
    with used_rows(model, family, kept, output=True):
        if base is not None and settings.top_layers is not None:
            freeze_below(model, family, settings.top_layers)
        result = fit(
            {name: p for name, p in model.named_parameters() if p.requires_grad},
            language_loss(model, family, tokenizer, store, rate=settings.mask_rate),
            batches,
            settings.training,
            seed=seed,
            width=model.config.hidden_size,
            checkpoint=checkpoint,
            progress=progress,
        )
    warnings += result.warnings
    model.requires_grad_(True)
    if base is None:
        model.config.hidden_dropout_prob = 0.1
        model.config.attention_probs_dropout_prob = 0.1
    return PretrainResult(model.eval(), tokenizer, result, languages, len(kept), warnings)


def _new_tokenizer(
    texts: Mapping[str, Sequence[str]],
    share: Mapping[str, float],
    settings: PretrainSettings,
    seed: int,
) -> Any:
    """A SentencePiece tokenizer of a sample in which every language has its share."""
    import numpy as np

    from unibridge.vocabulary.tokenizer import to_fast_tokenizer
    from unibridge.vocabulary.train import train_sentencepiece

    random = np.random.default_rng(seed)
    budget = min(sum(len(texts[language]) for language in share), TOKENIZER_LINES)
    sample: list[str] = []
    for language, part in share.items():
        take = min(len(texts[language]), round(budget * part))
        chosen = random.choice(len(texts[language]), size=take, replace=False)
        sample += [texts[language][i] for i in chosen]
    tokenizer = to_fast_tokenizer(train_sentencepiece(sample, settings.vocabulary_size), like=None)
    tokenizer.model_max_length = settings.max_tokens
    return tokenizer


def _new_model(settings: PretrainSettings, tokenizer: Any, seed: int) -> "PreTrainedModel":
    """XLM-R's layout, with weights drawn by the seed."""
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return XLMRobertaForMaskedLM(
            XLMRobertaConfig(
                vocab_size=len(tokenizer),
                hidden_size=settings.hidden,
                num_hidden_layers=settings.layers,
                num_attention_heads=settings.heads,
                intermediate_size=4 * settings.hidden,
                max_position_embeddings=settings.max_tokens + 2,
                type_vocab_size=1,
                layer_norm_eps=1e-5,
                # such a small model underfits: dropout is for those who tune it later
                hidden_dropout_prob=0.0,
                attention_probs_dropout_prob=0.0,
                pad_token_id=tokenizer.pad_token_id,
                bos_token_id=tokenizer.cls_token_id,
                eos_token_id=tokenizer.sep_token_id,
            )
        )
