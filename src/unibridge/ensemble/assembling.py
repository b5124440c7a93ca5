"""A target language and trained tasks put together: the pack's configuration, then its tensors."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from unibridge.adapters import attach
from unibridge.ensemble.model import MultiSourceModel, head_name
from unibridge.ensemble.pack_config import UniBridgeConfig
from unibridge.errors import UnibridgeError
from unibridge.models.base import max_tokens as longest_input
from unibridge.models.rows import lay_over
from unibridge.transfer.adapted import AdaptedLanguage
from unibridge.transfer.trained import TrainedTask

if TYPE_CHECKING:
    import torch

    from unibridge.models.base import BaseModel as Base


def config_of(
    base: "Base",
    language: AdaptedLanguage | None,
    tasks: Mapping[str, TrainedTask],
    weights: Mapping[str, float],
    *,
    max_tokens: int,
    sentence_temperature: float | None,
) -> UniBridgeConfig:
    """What a model of these parts is. weights: of the sources that are used, above zero.

    Raises UnibridgeError where there is none, or their tasks have different labels.
    """
    used = list(weights)
    if not used:
        raise UnibridgeError("no source has a weight above zero", where="weights")
    first = tasks[used[0]]
    for source in used:
        if tasks[source].labels != first.labels or tasks[source].task != first.task:
            raise UnibridgeError(
                f"the sources {used[0]!r} and {source!r} were trained on different labels",
                do="train them with the same list of labels",
            )
    total = sum(weights.values())
    base_config = base.model.config.to_dict()
    if language is not None and language.embeddings is not None:
        base_config["vocab_size"] = language.embeddings.shape[0]
        base_config["pad_token_id"] = language.tokenizer.pad_token_id
    shape = None
    if language is not None and language.stack:
        shape, _ = attach.encoder_share(base.model, base.family, language.config, language.adapter)
    return UniBridgeConfig(
        base=base_config,
        task=first.task,
        labels=first.labels,
        language=language.language if language is not None else "",
        language_adapter=shape.model_dump(mode="json") if shape else None,
        task_adapter=first.config.model_dump(mode="json") if first.adapter else None,
        sources=used,
        weights=[weights[source] / total for source in used],
        max_tokens=min(max_tokens, longest_input(base)),
        sentence_temperature=sentence_temperature,
        head=first.head_settings.model_dump(),
    )


def fill(
    model: MultiSourceModel,
    base: "Base",
    language: AdaptedLanguage | None,
    tasks: Mapping[str, TrainedTask],
) -> None:
    """Copy the tensors of the parts into a model of their configuration."""
    used = model.config.sources
    encoder: dict[str, torch.Tensor] = base.model.get_submodule(base.family.encoder).state_dict()
    if language is not None:
        encoder = language.encoder_tensors(encoder, base.family.word_embeddings)
    encoder = lay_over(encoder, tasks[used[0]].encoder)
    missing = model.encoder.load_state_dict(encoder, strict=False)
    if missing.unexpected_keys:
        raise ValueError(f"unexpected tensors in the base: {missing.unexpected_keys}")
    if language is not None and language.stack:
        _, adapter = attach.encoder_share(
            base.model, base.family, language.config, language.adapter
        )
        attach.load_adapter_state(model.encoder, language.language, adapter)
    for source in used:
        if tasks[source].adapter:
            name = model.adapter_name(source)
            attach.load_adapter_state(model.encoder, name, tasks[source].adapter)
        model.heads[head_name(source)].load_state_dict(tasks[source].head)
