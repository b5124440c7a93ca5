"""Classes of whole texts, alone or in pairs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from unibridge.errors import UnibridgeError
from unibridge.metrics import accuracy, macro_f1
from unibridge.tasks.base import IGNORED, Encoded, Task
from unibridge.tasks.tagging import count_with_backoff
from unibridge.text.labels import Expected, LabelledText

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase


class TextClassification(Task[LabelledText, str]):
    """One class per text, such as its topic or sentiment; macro-F1, since classes are uneven."""

    name = "classification"
    kind: Literal["token", "sequence"] = "sequence"
    reads: Expected = "text"
    metric = "macro_f1"

    def as_example(self, value: Any) -> LabelledText:
        """A text from a string."""
        if isinstance(value, LabelledText):
            return value
        if not isinstance(value, str) or not value.strip():
            raise UnibridgeError(f"{value!r} is not a text", do="give a string")
        return LabelledText(value)

    def labels_of(self, example: LabelledText) -> Sequence[str]:
        return () if example.label is None else (example.label,)

    def gold(self, example: LabelledText) -> str:
        return example.label or ""

    def encode(
        self,
        tokenizer: "PreTrainedTokenizerBase",
        examples: Sequence[LabelledText],
        labels: Sequence[str],
        max_length: int,
    ) -> list[Encoded]:
        if not examples:
            return []
        numbers = {label: number for number, label in enumerate(labels)}
        seconds = [example.second or "" for example in examples]
        batch = tokenizer(
            [example.text for example in examples],
            seconds if self.reads == "pair" else None,
            truncation="longest_first",
            max_length=max_length,
            return_attention_mask=False,
        )
        types = batch.get("token_type_ids", [None] * len(examples))
        return [
            Encoded(ids, numbers.get(example.label or "", IGNORED), [], token_types)
            for example, ids, token_types in zip(examples, batch["input_ids"], types, strict=True)
        ]

    def decode(
        self, logits: "torch.Tensor", encoded: Sequence[Encoded], labels: Sequence[str]
    ) -> list[str]:
        return [labels[best] for best in logits.argmax(-1).tolist()]

    def floor(
        self, train_examples: Sequence[LabelledText], test_examples: Sequence[LabelledText]
    ) -> list[str]:
        """The class most frequent among training texts of the same length, in powers of two."""
        label_of = count_with_backoff(
            (_length_steps(example), example.label)
            for example in train_examples
            if example.label is not None
        )
        return [label_of(_length_steps(example)) for example in test_examples]

    def further_scores(self, gold: Sequence[str], predictions: Sequence[str]) -> dict[str, float]:
        return {"accuracy": accuracy(gold, predictions), "macro_f1": macro_f1(gold, predictions)}


def _length_steps(example: LabelledText) -> tuple[int, ...]:
    return len(example.text).bit_length(), len(example.second or "").bit_length()
