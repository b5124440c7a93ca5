"""What a task is: labels, encoding, loss, decoding, score. A leaf says only what is its own.

Importing this room does not import torch; the functions that need it do.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from unibridge.errors import UnibridgeError
from unibridge.metrics import METRICS, Metric, Score, bootstrap_interval
from unibridge.text.labels import Expected, LabelledText, TaggedSentence

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

IGNORED = -100
"""The label id of a position that has no label: PyTorch's own `ignore_index`."""

Example = TypeVar("Example", TaggedSentence, LabelledText)
Prediction = TypeVar("Prediction", list[str], str)


@dataclass(frozen=True, slots=True)
class Encoded:
    """One example as the model reads it.

    input_ids, token_type_ids: (tokens,), types only where the tokenizer has them. label_ids: one
    per token for kind "token", one number for kind "sequence"; IGNORED where there is no label.
    word_starts: per word the position of its first token, -1 where the length limit cut it off.
    """

    input_ids: list[int]
    label_ids: list[int] | int
    word_starts: list[int]
    token_type_ids: list[int] | None = None

    @property
    def cut_words(self) -> int:
        """Words past the length limit, which the model never sees."""
        return sum(start < 0 for start in self.word_starts)


class Task(ABC, Generic[Example, Prediction]):
    """One kind of prediction. Tasks hold no state: everything learnt lives in adapters and heads.

    name: key in `TASKS`. kind: whether the head labels every token or the whole text. reads: what
    `read_labels` should expect. metric: name in `METRICS` of the score that counts.
    """

    name: str
    kind: Literal["token", "sequence"]
    reads: Expected
    metric: str
    reference: str = ""

    @abstractmethod
    def as_example(self, value: Any) -> Example:
        """An unlabelled example from what a user types: see each kind of task."""

    @abstractmethod
    def labels_of(self, example: Example) -> Sequence[str]:
        """The labels of one example, none where it is unlabelled."""

    @abstractmethod
    def gold(self, example: Example) -> Prediction:
        """The example's labels in the form of a prediction."""

    @abstractmethod
    def encode(
        self,
        tokenizer: "PreTrainedTokenizerBase",
        examples: Sequence[Example],
        labels: Sequence[str],
        max_length: int,
    ) -> list[Encoded]:
        """Examples as ids of at most `max_length` tokens, in the tokenizer's own template.

        labels: the label of each class index. An example's label that is not among them is IGNORED.
        """

    @abstractmethod
    def decode(
        self, logits: "torch.Tensor", encoded: Sequence[Encoded], labels: Sequence[str]
    ) -> list[Prediction]:
        """Predictions from logits (batch, length, labels), or (batch, labels) for whole texts."""

    @abstractmethod
    def floor(
        self, train_examples: Sequence[Example], test_examples: Sequence[Example]
    ) -> list[Prediction]:
        """Predictions for the test examples of a counter that reads no word, only shapes."""

    @abstractmethod
    def further_scores(
        self, gold: Sequence[Prediction], predictions: Sequence[Prediction]
    ) -> dict[str, float]:
        """Other scores of the same predictions by name, 0 to 100."""

    def inventory(self, labels: set[str]) -> list[str]:
        """The classes of a head that learns these labels, in a fixed order."""
        return sorted(labels)

    def comparable(self, labels: set[str]) -> set[str]:
        """What two sources must have in common to share labels."""
        return labels

    def collect_labels(self, example_lists: Iterable[Sequence[Example]]) -> list[str]:
        """The label of each class index for a head trained on all these examples."""
        seen = {label for part in example_lists for one in part for label in self.labels_of(one)}
        if not seen:
            raise UnibridgeError(
                f"no label for the task {self.name}", do="give labelled source examples"
            )
        return self.inventory(seen)

    def check_labels_shared(
        self,
        examples: Mapping[str, Sequence[Example]],
        test: Sequence[Example] = (),
        *,
        allow_label_union: bool = False,
    ) -> list[str]:
        """Warnings about labels; raises UnibridgeError where sources do not share theirs.

        examples: source -> labelled examples. test: what will be scored; its labels that no source
        has cannot be predicted, which is a warning. allow_label_union: train every source's head on
        the union of the labels, for sources that are known to mean the same by them.
        """
        found = {
            source: self.comparable({label for one in part for label in self.labels_of(one)})
            for source, part in examples.items()
        }
        everything = set().union(*found.values()) if found else set()
        differing = {source: labels for source, labels in found.items() if labels != everything}
        warnings = []
        if differing:
            lacking = "; ".join(
                f"{source} has {', '.join(sorted(labels)) or 'none'}, "
                f"not {', '.join(sorted(everything - labels))}"
                for source, labels in sorted(differing.items())
            )
            what = f"the sources do not share their {self.name} labels: {lacking}"
            if not allow_label_union:
                raise UnibridgeError(
                    what, do="leave a source out, rename labels, or set allow_label_union = true"
                )
            warnings.append(f"{what}. All heads learn the union")
        unknown = self.comparable({label for one in test for label in self.labels_of(one)})
        unknown -= everything
        if unknown and found:
            warnings.append(
                f"no source has the test labels {', '.join(sorted(unknown))}: "
                "they can never be predicted and count as errors"
            )
        return warnings

    def collate(self, batch: Sequence[Encoded], pad_id: int | None) -> "dict[str, torch.Tensor]":
        """Padded tensors: input_ids, attention_mask (batch, length), labels, and types if any.

        labels: (batch, length) or (batch,) as `kind` says.
        """
        import torch

        length = max(len(one.input_ids) for one in batch)

        def padded(rows: list[list[int]], filler: int) -> "torch.Tensor":
            return torch.tensor([row + [filler] * (length - len(row)) for row in rows])

        ids = [one.input_ids for one in batch]
        inputs = {
            "input_ids": padded(ids, pad_id or 0),
            "attention_mask": padded([[1] * len(row) for row in ids], 0),
        }
        types = [one.token_type_ids for one in batch if one.token_type_ids is not None]
        if types:
            inputs["token_type_ids"] = padded(types, 0)
        labels = [one.label_ids for one in batch]
        if self.kind == "token":
            inputs["labels"] = padded([row for row in labels if isinstance(row, list)], IGNORED)
        else:
            inputs["labels"] = torch.tensor(labels)
        return inputs

    def loss(
        self, logits: "torch.Tensor", labels: "torch.Tensor", *, of: int | None = None
    ) -> "torch.Tensor":
        """Mean cross-entropy in nats over the positions that have a label.

        of: labels that the mean is over, where these are some of them only; the parts add up.
        """
        import torch

        flat = (logits.flatten(0, -2), labels.flatten())
        if of is None:
            return torch.nn.functional.cross_entropy(*flat, ignore_index=IGNORED)
        summed = torch.nn.functional.cross_entropy(*flat, ignore_index=IGNORED, reduction="sum")
        return summed / max(of, 1)

    def labelled(self, batch: Sequence[Encoded]) -> int:
        """Labels of these examples that count in the loss."""
        labels = [one.label_ids for one in batch]
        rows = [[row] if isinstance(row, int) else row for row in labels]
        return sum(label != IGNORED for row in rows for label in row)

    def score(
        self,
        gold_examples: Sequence[Example],
        predictions: Sequence[Prediction],
        *,
        seed: int = 0,
        samples: int = 1000,
    ) -> Score:
        """The task's metric with its 95% bootstrap interval over examples, and further scores."""
        gold = [self.gold(example) for example in gold_examples]
        metric: Metric = METRICS.resolve(self.metric)
        low, high = bootstrap_interval(gold, predictions, metric, samples=samples, seed=seed)
        return Score(
            metric.name,
            metric(gold, predictions),
            low,
            high,
            all=self.further_scores(gold, predictions),
        )
