"""Classes of whole texts, alone or in pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from unibridge.errors import UnibridgeError
from unibridge.metrics import accuracy, macro_f1
from unibridge.tasks.base import Task
from unibridge.tasks.encoded import IGNORED, Encoded
from unibridge.tasks.shapes import HeadSettings, HeadShape, Output
from unibridge.tasks.tagging import count_with_backoff
from unibridge.text.examples import Expected, LabelledText
from unibridge.text.words import ChangeWords, changed_text

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from unibridge.models.families import ModelFamily


class TextClassification(Task[LabelledText, str]):
    """One class per text, such as its topic or sentiment; macro-F1, since classes are uneven."""

    name = "classification"
    reads: Expected = "text"
    metric = "macro_f1"
    outputs: Mapping[str, Output] = {"label": Output(("batch", "labels"), "logits")}
    auto_class = "SequenceClassification"
    pipeline_tag = "text-classification"
    crossing = "texts"
    cloze_pattern = "{slot} {text} {mask}"

    def as_example(self, value: Any) -> LabelledText:
        """A text from a string."""
        if isinstance(value, LabelledText):
            return value
        if not isinstance(value, str) or not value.strip():
            raise UnibridgeError(f"{value!r} is not a text", do="give a string")
        return LabelledText(value)

    def with_labels(self, example: LabelledText, prediction: str) -> LabelledText:
        return replace(example, label=prediction)

    def in_other_words(self, example: LabelledText, change: ChangeWords) -> LabelledText:
        text = changed_text(example.text, change)
        second = changed_text(example.second, change) if example.second else example.second
        return replace(example, text=text, second=second)

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
        *,
        label_all_subwords: bool = False,
    ) -> list[Encoded]:
        if not examples:
            return []
        numbers = {label: number for number, label in enumerate(labels)}
        seconds = [example.second or "" for example in examples]
        batch = tokenizer(
            [example.text for example in examples],
            seconds if self.parts == 2 else None,
            truncation="longest_first",
            max_length=max_length,
            return_attention_mask=False,
        )
        types = batch.get("token_type_ids", [None] * len(examples))
        return [
            Encoded(
                ids,
                numbers.get(example.label or "", IGNORED),
                [],
                token_types,
                place,
                own=_was_cut(batch, place, max_length),
            )
            for place, (example, ids, token_types) in enumerate(
                zip(examples, batch["input_ids"], types, strict=True)
            )
        ]

    def new_head(self, shape: HeadShape) -> "nn.Module":
        from unibridge.tasks.heads import SequenceHead

        return SequenceHead(shape, "label")

    def plain_layers(self, family: "ModelFamily", settings: HeadSettings) -> dict[str, str] | None:
        if family.sequence_head is None or settings.pooling != "first":
            return None
        return dict(zip(("dense", "out"), family.sequence_head, strict=True))

    def targets(self, batch: Sequence[Encoded]) -> "dict[str, torch.Tensor]":
        import torch

        return {"label": torch.tensor([one.label_ids for one in batch])}

    def cut(self, encoded: Sequence[Encoded]) -> int:
        """A text that is too long is cut at its end, of two the longer one first."""
        return sum(bool(one.own) for one in encoded)

    def decisions(
        self, outputs: "Mapping[str, torch.Tensor]", batch: Sequence[Encoded]
    ) -> "list[torch.Tensor]":
        """The text's class, (1, labels)."""
        return list(outputs["label"].unsqueeze(1))

    def gold_decisions(self, one: Encoded) -> list[int]:
        return [one.label_ids]

    def entropies(
        self, outputs: "Mapping[str, torch.Tensor]", mask: "torch.Tensor | None"
    ) -> "torch.Tensor":
        logs = outputs["label"].float().log_softmax(-1)
        return -(logs.exp() * logs).sum(-1)

    def decode(
        self, read: Sequence[Any], encoded: Sequence[Encoded], labels: Sequence[str]
    ) -> list[str]:
        return [labels[int(one[0].argmax(-1))] for one in read]

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


def _was_cut(batch: Any, place: int, max_length: int) -> bool:
    """Whether a text was cut; a tokenizer that cannot tell (not a fast one) is taken to have."""
    if batch.is_fast:
        return bool(batch.encodings[place].overflowing)
    return len(batch["input_ids"][place]) >= max_length


def _length_steps(example: LabelledText) -> tuple[int, ...]:
    return len(example.text).bit_length(), len(example.second or "").bit_length()
