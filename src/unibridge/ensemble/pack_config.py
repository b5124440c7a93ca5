"""The configuration of a language pack, in a file that loads without torch."""

from collections.abc import Sequence
from typing import Any

from transformers import AutoConfig, PretrainedConfig


class UniBridgeConfig(PretrainedConfig):
    """What a `MultiSourceModel` is made of.

    base: the encoder's own configuration. language_adapter, task_adapter: adapter settings, or
    None for none. sources: a task adapter and a head each; weights: theirs, summing to one.
    sentence_temperature: of weights that every sentence has for itself; None for the same for all.
    head: what the heads read, `HeadSettings` (packs that do not say read the first token's state).
    """

    model_type = "unibridge"

    def __init__(
        self,
        base: dict[str, Any] | None = None,
        task: str = "ner",
        labels: Sequence[str] = (),
        language: str = "",
        language_adapter: dict[str, Any] | None = None,
        task_adapter: dict[str, Any] | None = None,
        sources: Sequence[str] = (),
        weights: Sequence[float] = (),
        max_tokens: int = 128,
        sentence_temperature: float | None = None,
        head: dict[str, Any] | None = None,
        **rest: Any,
    ) -> None:
        self.base = base or {}
        self.task = task
        self.labels = list(labels)
        self.language = language
        self.language_adapter = language_adapter
        self.task_adapter = task_adapter
        self.sources = list(sources)
        self.weights = list(weights)
        self.max_tokens = max_tokens
        self.sentence_temperature = sentence_temperature
        self.head = {"pooling": "first"} | (head or {})
        if self.labels:
            rest["id2label"] = dict(enumerate(self.labels))
            rest["label2id"] = {label: i for i, label in enumerate(self.labels)}
        super().__init__(**rest)


AutoConfig.register(UniBridgeConfig.model_type, UniBridgeConfig, exist_ok=True)
