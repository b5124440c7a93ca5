"""What a task is: labels, encoding, loss, decoding, score. A leaf says only what is its own.

Importing this room does not import torch; the functions that need it do.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from unibridge.errors import UnibridgeError
from unibridge.metrics import METRICS, Metric, Score, bootstrap_interval
from unibridge.tasks.cuts import ONLY_BEGINNING
from unibridge.tasks.encoded import IGNORED, Encoded, padded
from unibridge.tasks.shapes import HeadSettings, HeadShape, Output
from unibridge.text.examples import Expected
from unibridge.text.words import ChangeWords

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from unibridge.models.families import ModelFamily

Example = TypeVar("Example")
Prediction = TypeVar("Prediction")


class Task(ABC, Generic[Example, Prediction]):
    """One kind of prediction: its examples, head, loss, decisions and scores.

    Tasks hold no state: everything learnt lives in adapters and heads. A task of the user's own is
    named by the import path of its class, `package.module:Class`, which is called with nothing.

    A *decision* is one choice among classes that the model makes at an example: a word's tag, a
    text's class. Sources are weighed, merged and distilled by their decisions.

    name: key in `TASKS`. reads: what `read_labels` should expect. metric: name in `METRICS` of the
    score that counts. outputs: the tensors that the head gives. head_inputs: of what `collate`
    gives, what the head reads and not the encoder, with their axes. parts: texts that are read at
    once. auto_class: the kind of `transformers`' model that can take over the head, such as
    "TokenClassification", or None; pipeline_tag: what model hubs call the task, or None. when_cut:
    what becomes of the examples that `cut` counts. crossing: how its labels cross a translation, a
    name in `unibridge.translation.crossings.CROSSINGS` or an import path; unset: they do not.
    cloze_pattern: what a masked base is asked where no template is given, with {text}, {mask} and
    perhaps {second} and {slot}, of a task that reads `LabelledText`; unset: it is not asked.
    """

    name: str
    reads: Expected
    metric: str
    outputs: Mapping[str, Output]
    head_inputs: Mapping[str, tuple[str, ...]] = {}
    parts: int = 1
    auto_class: str | None = None
    pipeline_tag: str | None = None
    when_cut: str = ONLY_BEGINNING
    crossing: str = ""
    cloze_pattern: str = ""

    @property
    def reference(self) -> str:
        """What `task_of` finds this task by: its name, or the import path of the user's class."""
        own = type(self)
        if own.__module__.partition(".")[0] == "unibridge":
            return self.name
        return f"{own.__module__}:{own.__qualname__}"

    @property
    def reads_plain_text(self) -> bool:
        """Whether lines of plain text are examples of it, only without labels."""
        return self.parts == 1

    # --- examples -------------------------------------------------------------------------------

    @abstractmethod
    def as_example(self, value: Any) -> Example:
        """An unlabelled example from what a user types: see each kind of task."""

    @abstractmethod
    def labels_of(self, example: Example) -> Sequence[str]:
        """The labels of one example, none where it is unlabelled."""

    @abstractmethod
    def gold(self, example: Example) -> Prediction:
        """The example's labels in the form of a prediction."""

    @property
    def learns_from_predictions(self) -> bool:
        """Whether the task says how predictions become labels (`with_labels`)."""
        return type(self).with_labels is not Task.with_labels

    def with_labels(self, example: Example, prediction: Prediction) -> Example:
        """The example with a prediction in place of its labels, to learn from.

        Raises UnibridgeError where the task does not say how.
        """
        raise UnibridgeError(
            f"the task {self.name} does not say how predictions become labels",
            do="give its class a method with_labels, or set self_training.rounds = 0",
        )

    @property
    def switches_words(self) -> bool:
        """Whether the task says how an example is put into other words (`in_other_words`)."""
        return type(self).in_other_words is not Task.in_other_words

    def in_other_words(self, example: Example, change: ChangeWords) -> Example:
        """The example with words of it changed, and its labels as they are.

        Raises UnibridgeError where the task does not say how.
        """
        raise UnibridgeError(
            f"the task {self.name} does not say how its examples are put into other words",
            do="give its class a method in_other_words, or drop the method",
        )

    def in_language(self, example: Example, code: str) -> Example:
        """The example as one of a language, where that decides how it is scored."""
        return example

    def has_answer(self, example: Example) -> bool:
        """Whether there is something to predict in it."""
        return True

    def examples_of_text(self, lines: Sequence[str]) -> tuple[list[Any], list[str]]:
        """Unlabelled examples made of plain text, and what should be said of them.

        A task on two texts reads each line with the next one.
        """
        if self.parts == 1:
            return list(lines), []
        return list(pairwise(lines)), [
            "The text has no pairs: each line was read with the next one, which real pairs may "
            "not be like."
        ]

    @abstractmethod
    def encode(
        self,
        tokenizer: "PreTrainedTokenizerBase",
        examples: Sequence[Example],
        labels: Sequence[str],
        max_length: int,
        *,
        label_all_subwords: bool = False,
    ) -> list[Encoded]:
        """Examples as ids of at most `max_length` tokens, in the tokenizer's own template.

        labels: the label of each class index. An example's label that is not among them is IGNORED.
        label_all_subwords: taggers learn at every subword of a word, not the first alone.
        """

    # --- the model ------------------------------------------------------------------------------

    @abstractmethod
    def new_head(self, shape: HeadShape) -> "nn.Module":
        """What is put on the encoder: (states, mask, **head inputs) -> {output: tensor}.

        states: (batch, length, hidden), or those of every layer, the embeddings' first, where its
        `reads_layers` is true. mask: (batch, length). The weights are drawn by `build_head`.
        """

    @abstractmethod
    def targets(self, batch: Sequence[Encoded]) -> "dict[str, torch.Tensor]":
        """The label ids of a padded batch, by output: (batch, ...), IGNORED where there is none."""

    @abstractmethod
    def decisions(
        self, outputs: "Mapping[str, torch.Tensor]", batch: Sequence[Encoded]
    ) -> "list[torch.Tensor]":
        """Of each of the batch its decisions' logits, (decisions, classes).

        Classes may differ in number between examples. The windows of an example do not share any.
        """

    @abstractmethod
    def gold_decisions(self, one: Encoded) -> list[int]:
        """The right class of each of its decisions, IGNORED where it has no label."""

    @abstractmethod
    def entropies(
        self, outputs: "Mapping[str, torch.Tensor]", mask: "torch.Tensor | None"
    ) -> "torch.Tensor":
        """Mean entropy in nats of what is said of each example, (..., batch), from (..., batch, …).

        mask: (batch, length), 1 on tokens.
        """

    def reading(self, outputs: "Mapping[str, torch.Tensor]", batch: Sequence[Encoded]) -> list[Any]:
        """Of each of the batch what `decode` needs of it; by default its decisions."""
        return list(self.decisions(outputs, batch))

    @abstractmethod
    def decode(
        self, read: Sequence[Any], encoded: Sequence[Encoded], labels: Sequence[str]
    ) -> list[Prediction]:
        """Predictions of whole examples, in their order, from the `reading` of each encoding."""

    def plain_layers(self, family: "ModelFamily", settings: HeadSettings) -> dict[str, str] | None:
        """The head's layers -> theirs in `transformers`' model of `auto_class`, or None."""
        return None

    def cut(self, encoded: Sequence[Encoded]) -> int:
        """How many examples the length limit takes something from; `encoded` has all of each."""
        return 0

    def drawn_inputs(self, mask: "torch.Tensor") -> "dict[str, torch.Tensor]":
        """Values for `head_inputs`, at random tokens (batch, length) that an export is tried on."""
        return {}

    def combine(
        self, outputs: "Mapping[str, torch.Tensor]", weights: "torch.Tensor"
    ) -> "dict[str, torch.Tensor]":
        """The ensemble's outputs: the weighted sum of each output (Eq. 13).

        outputs: (sources, batch, ...). weights: (sources, batch), or (sources, 1) for all alike.
        """
        return {
            name: (weights.view(*weights.shape, *[1] * (tensor.dim() - 2)) * tensor).sum(0)
            for name, tensor in outputs.items()
        }

    def collate(self, batch: Sequence[Encoded], pad_id: int | None) -> "dict[str, torch.Tensor]":
        """Padded tensors for model and head: input_ids, attention_mask (batch, length), types if
        any, and the head's inputs."""
        ids = [one.input_ids for one in batch]
        inputs = {
            "input_ids": padded(ids, pad_id or 0),
            "attention_mask": padded([[1] * len(row) for row in ids], 0),
        }
        types = [one.token_type_ids for one in batch if one.token_type_ids is not None]
        if types:
            inputs["token_type_ids"] = padded(types, 0)
        return inputs

    def loss(
        self,
        outputs: "Mapping[str, torch.Tensor]",
        targets: "Mapping[str, torch.Tensor]",
        *,
        of: int | None = None,
    ) -> "torch.Tensor":
        """Mean cross-entropy in nats over what has a label; summed over outputs with targets.

        of: labels that the mean is over, where these are some of them only; the parts add up.
        """
        import torch

        parts = []
        for name, wanted in targets.items():
            logits = outputs[name]
            flat = (logits.flatten(0, -2), wanted.to(logits.device).flatten())
            how: dict[str, Any] = {"ignore_index": IGNORED}
            if of is None and not bool((flat[1] != IGNORED).any()):
                of = 1  # nothing to learn here; a mean would be no number
            if of is None:
                parts.append(torch.nn.functional.cross_entropy(*flat, **how))
            else:
                summed = torch.nn.functional.cross_entropy(*flat, **how, reduction="sum")
                parts.append(summed / max(of, 1))
        return sum(parts[1:], parts[0])

    def labelled(self, batch: Sequence[Encoded]) -> int:
        """Labels of these examples that count in the loss of an output."""
        return int((next(iter(self.targets(batch).values())) != IGNORED).sum())

    # --- scores ---------------------------------------------------------------------------------

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
                f"{source} has {_some(labels) or 'none'}, not {_some(everything - labels)}"
                for source, labels in sorted(differing.items())
            )
            what = f"the sources do not share their {self.name} labels: {lacking}"
            if not allow_label_union:
                raise UnibridgeError(
                    what, do="leave a source out, rename labels, or set allow_label_union = true"
                )
            warnings.append(f"{what}. All heads learn the union")
        known = {
            label for part in examples.values() for one in part for label in self.labels_of(one)
        }
        if found and (strange := self.strange_labels(test, known)):
            warnings.append(
                f"no source has the test labels {strange}: "
                "they can never be predicted and count as errors"
            )
        return warnings

    def strange_labels(self, examples: Sequence[Example], known: Collection[str]) -> str:
        """The first labels of examples that are not among the known ones; "" where all are.

        Of labels that differ in case alone the known one is named as well.
        """
        own = self.comparable({label for one in examples for label in self.labels_of(one)})
        here = self.comparable(set(known))
        like = {label.casefold(): label for label in here}
        return _some(
            {
                f"{label} (not {like[label.casefold()]})" if label.casefold() in like else label
                for label in own - here
            }
        )

    def score(
        self,
        gold_examples: Sequence[Example],
        predictions: Sequence[Prediction],
        *,
        seed: int = 0,
        samples: int = 1000,
    ) -> Score:
        """The task's metric with its 95% bootstrap interval over examples, and further scores."""
        gold: list[Any] = [self.gold(example) for example in gold_examples]
        given: Sequence[Any] = predictions
        metric: Metric = METRICS.resolve(self.metric)
        low, high = bootstrap_interval(gold, given, metric, samples=samples, seed=seed)
        return Score(
            metric.name,
            metric(gold, given),
            low,
            high,
            all=self.further_scores(gold, predictions),
        )


def scored_by(task: Task[Any, Any], metric: str) -> Task[Any, Any]:
    """The same task, of which another metric is the score that counts."""
    other = copy.copy(task)
    other.metric = metric
    return other


_NAMED = 12


def _some(labels: set[str]) -> str:
    """Labels in their order, the first of many with their number."""
    first = ", ".join(sorted(labels)[:_NAMED])
    return first if len(labels) <= _NAMED else f"{first}, … ({len(labels):,} in all)"
