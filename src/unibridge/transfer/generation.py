"""Texts from texts, learnt in some languages and asked for in another: mT5 and mBART as a whole.

Zero-shot generation tends to answer in the language that was learnt (Xue et al. 2021, arXiv
2010.11934, §4.1); mixing what the base was trained by into the training, as there, is `preserve`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from unibridge.errors import UnibridgeError
from unibridge.models.families import family_of
from unibridge.settings import Settings
from unibridge.text.corpus import spread
from unibridge.training import Progress, TrainingSettings, batches_of, fit, prepare

if TYPE_CHECKING:
    import torch

    from unibridge.models.base import BaseModel as Base

Pair = tuple[str, str]
"""What is read, and what is to be said."""


class GenerationSettings(Settings):
    """How texts are learnt and searched for."""

    max_tokens: int = Field(256, ge=8, description="tokens that are read of a text")
    max_output: int = Field(64, ge=2, description="tokens that are learnt and said at most")
    beams: int = Field(4, ge=1, description="width of the beam search; 1: greedy")
    length_penalty: float = Field(1.0, description="above 1 favours longer outputs, below shorter")
    no_repeat: int = Field(0, ge=0, description="n-grams that are said once only; 0: any may recur")
    preserve: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the training that goes on with what the base was trained by, on "
        "plain text (mT5 §4.1: 0.01); 0: none",
    )
    language_tokens: dict[str, str] = Field(
        default_factory=dict,
        description="language -> its token in the base's vocabulary, such as sw_KE, which mBART "
        "says first",
    )
    source_token: str | None = Field(
        None,
        description="the token of the language that is read, such as en_XX; unset: that of what is "
        "said, as for a summary",
    )
    training: TrainingSettings = TrainingSettings(
        epochs=3, batch_size=16, learning_rate=5e-4, schedule="constant", clip=1.0
    )


@dataclass
class TrainedGenerator:
    """model: fine-tuned, in evaluation mode. facts: its curve and counts."""

    model: Any
    tokenizer: Any
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def check_generator(base: "Base", settings: GenerationSettings) -> None:
    """Raise UnibridgeError for a base that cannot say texts, or language tokens that it lacks."""
    if base.family.decoder is None:
        raise UnibridgeError(
            f"{base.family.model_type} has no decoder, so it says no texts",
            where="base.model",
            do="use mT5 or mBART",
        )
    known = base.tokenizer.get_vocab()
    named = {*settings.language_tokens.values(), settings.source_token} - {None}
    if lacking := sorted(str(token) for token in named if token not in known):
        raise UnibridgeError(f"the base has no token {', '.join(lacking)}", where="language_tokens")


def train_generator(
    base: "Base",
    pairs: Mapping[str, Sequence[Pair]],
    settings: GenerationSettings,
    *,
    text: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: Progress = lambda step, steps, parts: None,
) -> TrainedGenerator:
    """Fine-tune the whole of a base on pairs of texts; the base is not touched.

    pairs: language of what is said -> pairs. text: plain text for `preserve`.
    Raises UnibridgeError for a base without decoder, and where text is needed and not there.
    """
    import copy

    from torch.nn import functional

    from unibridge.models.objectives import objective_of
    from unibridge.tasks.encoded import IGNORED, padded

    check_generator(base, settings)
    lines = [line for own in (text or {}).values() for line in own]
    if settings.preserve and not lines:
        raise UnibridgeError(
            "there is no plain text to go on with", where="preserve", do="give text, or 0"
        )
    model: Any = copy.deepcopy(base.model)
    tokenizer, objective = base.tokenizer, objective_of(base.family)

    # 1. Pairs as ids; lines of text beside them, in batches of their own.
    encoded: list[tuple[list[int], list[int]]] = []
    for language, own in pairs.items():
        _speak(tokenizer, language, settings)
        sources = tokenizer(
            [one for one, _ in own], truncation=True, max_length=settings.max_tokens
        )["input_ids"]
        encoded += list(zip(sources, _targets(tokenizer, own, language, settings), strict=True))
    count = round(len(encoded) * settings.preserve / (1 - settings.preserve))
    plain = (
        tokenizer(spread(lines, count), truncation=True, max_length=settings.max_tokens)[
            "input_ids"
        ]
        if count
        else []
    )
    groups = [0] * len(encoded) + [1] * len(plain)
    lengths = [len(source) for source, _ in encoded] + [len(ids) for ids in plain]

    def loss(indices: list[int], generator: "torch.Generator", rows: slice) -> tuple:
        if indices[0] >= len(encoded):
            ids = padded([plain[i - len(encoded)] for i in indices], tokenizer.pad_token_id)
            mask = padded([[1] * len(plain[i - len(encoded)]) for i in indices], 0)
            whole = objective.corrupt(ids, mask, tokenizer, rate=0.15, generator=generator)
            part = whole.part(rows)
            given: dict[str, Any] = {"input_ids": part.ids, "attention_mask": part.mask}
            given |= {"decoder_input_ids": part.decoder_ids}
            wanted, words = part.wanted, whole.count
        else:
            chosen = [encoded[i] for i in indices]
            words = sum(len(target) for _, target in chosen)
            sources, targets = zip(*chosen[rows], strict=True)
            wanted = padded(targets, IGNORED)
            given = {
                "input_ids": padded(sources, tokenizer.pad_token_id),
                "attention_mask": padded([[1] * len(one) for one in sources], 0),
                "labels": wanted,
            }
        said = model(**{k: v.to(model.device) for k, v in given.items() if v is not None}).logits
        value = functional.cross_entropy(
            said.flatten(0, 1),
            wanted.to(model.device).flatten(),
            ignore_index=IGNORED,
            reduction="sum",
        ) / max(1, words)
        return value, {}, int(given["attention_mask"].sum())

    # 2. Train all of it.
    parameters = dict(model.named_parameters())
    for parameter in parameters.values():
        parameter.requires_grad_(True)
    model.train()
    warnings = prepare(model, model.get_submodule(base.family.encoder), settings.training)
    result = fit(
        parameters,
        loss,
        lambda epoch: batches_of(
            lengths, settings.training.batch_size, seed=seed, epoch=epoch, groups=groups
        ),
        settings.training,
        seed=seed,
        width=model.config.hidden_size,
        checkpoint=checkpoint,
        progress=progress,
    )
    warnings += result.warnings
    facts = {
        "curve": result.curve,
        "steps": result.steps,
        "tokens_seen": result.tokens,
        "examples": len(encoded),
        "preserved": len(plain),
    }
    return TrainedGenerator(model.eval(), tokenizer, facts, warnings)


def generate(
    model: Any,
    tokenizer: Any,
    texts: Sequence[str],
    settings: GenerationSettings,
    *,
    language: str = "",
    batch_size: int = 16,
) -> list[str]:
    """What the model says of each text, by beam search. language: that is to be said."""
    import torch

    start = _start(tokenizer, model.config, language, settings)
    found: list[str] = []
    for first in range(0, len(texts), batch_size):
        given = tokenizer(
            list(texts[first : first + batch_size]),
            padding=True,
            truncation=True,
            max_length=settings.max_tokens,
            return_tensors="pt",
        )
        with torch.inference_mode():
            said = model.generate(
                input_ids=given["input_ids"].to(model.device),
                attention_mask=given["attention_mask"].to(model.device),
                num_beams=settings.beams,
                max_new_tokens=settings.max_output,
                length_penalty=settings.length_penalty,
                no_repeat_ngram_size=settings.no_repeat,
                do_sample=False,
                use_cache=True,
                **start,
            )
        found += [one.strip() for one in tokenizer.batch_decode(said, skip_special_tokens=True)]
    return found


def _targets(
    tokenizer: Any, pairs: Sequence[Pair], language: str, settings: GenerationSettings
) -> list[list[int]]:
    """What is to be said, as ids in the tokenizer's own frame, with the language's token in it."""
    texts = [target for _, target in pairs]
    read = tokenizer(text_target=texts, truncation=True, max_length=settings.max_output)
    return [list(ids) for ids in read["input_ids"]]


def _speak(tokenizer: Any, language: str, settings: GenerationSettings) -> None:
    """Set the languages that are read and said, where the tokenizer has such a thing."""
    token = settings.language_tokens.get(language)
    for role, own in (("src_lang", settings.source_token or token), ("tgt_lang", token)):
        if own is not None and hasattr(tokenizer, role):
            setattr(tokenizer, role, own)


def _start(
    tokenizer: Any, config: Any, language: str, settings: GenerationSettings
) -> dict[str, int]:
    """How the decoder is begun: as in training, where its input is what is said, moved by one.

    One that begins with the language begins with what its texts end with: mBART-25's with the
    language, mBART-50's with the end, after which the language is forced.
    """
    if not family_of(config).begins_with_language:
        return {}
    _speak(tokenizer, language, settings)
    ids = list(tokenizer(text_target="a")["input_ids"])
    start = {"decoder_start_token_id": ids[-1]}
    if ids[0] in tokenizer.all_special_ids and ids[0] != tokenizer.bos_token_id:
        start["forced_bos_token_id"] = ids[0]
    return start
