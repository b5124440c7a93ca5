"""Labels of words: words onto subwords and back, for whatever tags."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from unibridge.errors import UnibridgeError
from unibridge.metrics import accuracy, macro_f1
from unibridge.tasks.base import Task
from unibridge.tasks.encoded import IGNORED, Encoded, by_example, padded
from unibridge.tasks.shapes import HeadSettings, HeadShape, Output
from unibridge.tasks.windows import windows_of
from unibridge.text.examples import Expected, TaggedSentence
from unibridge.text.words import ChangeWords

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from unibridge.models.families import ModelFamily


class TaggingTask(Task[TaggedSentence, list[str]]):
    """A tag per word, learnt and read at the word's first subword.

    A sentence longer than the model is read in windows that overlap; each word is learnt and
    decided in one of them.
    """

    reads: Expected = "words"
    metric = "accuracy"
    outputs: Mapping[str, Output] = {"tags": Output(("batch", "length", "labels"), "logits")}
    auto_class: str | None = "TokenClassification"
    pipeline_tag: str | None = "token-classification"
    crossing = "tags"

    def as_example(self, value: Any) -> TaggedSentence:
        """A sentence from a string of words between spaces, or from a list of words."""
        if isinstance(value, TaggedSentence):
            return value
        words = value.split() if isinstance(value, str) else value
        right = isinstance(words, list | tuple) and all(isinstance(word, str) for word in words)
        if not words or not right:
            raise UnibridgeError(
                f"{value!r} is not a sentence", do='give "words between spaces" or a list of words'
            )
        return TaggedSentence(tuple(words))

    def with_labels(self, example: TaggedSentence, prediction: list[str]) -> TaggedSentence:
        return replace(example, tags=tuple(prediction))

    def in_other_words(self, example: TaggedSentence, change: ChangeWords) -> TaggedSentence:
        return replace(example, words=tuple(change(example.words, single=True)))

    def labels_of(self, example: TaggedSentence) -> Sequence[str]:
        return example.tags

    def gold(self, example: TaggedSentence) -> list[str]:
        return list(example.tags)

    def encode(
        self,
        tokenizer: "PreTrainedTokenizerBase",
        examples: Sequence[TaggedSentence],
        labels: Sequence[str],
        max_length: int,
        *,
        label_all_subwords: bool = False,
    ) -> list[Encoded]:
        """See `Task.encode`. label_all_subwords is the reference's way; the paper does not say."""
        numbers = {label: number for number, label in enumerate(labels)}
        encoded = []
        read = windows_of(tokenizer, [example.words for example in examples], max_length)
        for place, (example, windows) in enumerate(zip(examples, read, strict=True)):
            for window in windows:
                label_ids = [IGNORED] * len(window.input_ids)
                for word in window.decided if example.tags else ():
                    number = numbers.get(example.tags[window.first + word], IGNORED)
                    span = window.spans[word]
                    for position in span if label_all_subwords else span[:1]:
                        label_ids[position] = number
                starts = [window.spans[word].start for word in window.decided]
                encoded.append(Encoded(window.input_ids, label_ids, starts, example=place))
        return encoded

    def new_head(self, shape: HeadShape) -> "nn.Module":
        from unibridge.tasks.heads import TokenHead

        return TokenHead(shape, "tags")

    def plain_layers(self, family: "ModelFamily", settings: HeadSettings) -> dict[str, str] | None:
        if family.token_head is None or settings.layer_mix:
            return None
        return {"out": family.token_head}

    def targets(self, batch: Sequence[Encoded]) -> "dict[str, torch.Tensor]":
        return {"tags": padded([one.label_ids for one in batch], IGNORED)}

    def decisions(
        self, outputs: "Mapping[str, torch.Tensor]", batch: Sequence[Encoded]
    ) -> "list[torch.Tensor]":
        """A word's tag, (words, labels), read at its first subword."""
        return [tags[one.word_starts] for tags, one in zip(outputs["tags"], batch, strict=True)]

    def gold_decisions(self, one: Encoded) -> list[int]:
        return [one.label_ids[start] for start in one.word_starts]

    def entropies(
        self, outputs: "Mapping[str, torch.Tensor]", mask: "torch.Tensor | None"
    ) -> "torch.Tensor":
        """Over the tokens; the first and the last of them, which enclose the text, are left out."""
        logs = outputs["tags"].float().log_softmax(-1)
        entropies = -(logs.exp() * logs).sum(-1)
        shape = entropies.shape[-2:]
        mask = entropies.new_ones(shape) if mask is None else mask.to(entropies)
        inside = mask.clone()
        inside[:, 0] = 0
        inside.scatter_(1, mask.sum(-1, keepdim=True).long() - 1, 0)
        return (entropies * inside).sum(-1) / inside.sum(-1).clamp(min=1)

    def decode(
        self, read: Sequence[Any], encoded: Sequence[Encoded], labels: Sequence[str]
    ) -> list[list[str]]:
        return [
            [labels[best] for one in read[windows] for best in one.argmax(-1).tolist()]
            for windows in by_example(encoded)
        ]

    def floor(
        self, train_examples: Sequence[TaggedSentence], test_examples: Sequence[TaggedSentence]
    ) -> list[list[str]]:
        """Maximum likelihood from the shapes of three words and the tag before, with back-off."""
        tag_of = count_with_backoff(
            (context, tag)
            for sentence in train_examples
            for context, tag in zip(
                _contexts(sentence.words, ["", *sentence.tags]), sentence.tags, strict=False
            )
        )
        predictions = []
        for sentence in test_examples:
            tags: list[str] = [""]
            for context in _contexts(sentence.words, tags):
                tags.append(tag_of(context))
            predictions.append(tags[1:])
        return predictions

    def further_scores(
        self, gold: Sequence[list[str]], predictions: Sequence[list[str]]
    ) -> dict[str, float]:
        return {"accuracy": accuracy(gold, predictions), "macro_f1": macro_f1(gold, predictions)}


def count_with_backoff(
    observed: "Iterator[tuple[tuple[Hashable, ...], str]]",
) -> Callable[[tuple[Hashable, ...]], str]:
    """The label most often seen with the longest beginning of a context that was seen at all."""
    counts: dict[tuple[Hashable, ...], Counter[str]] = defaultdict(Counter)
    for context, label in observed:
        for length in range(len(context) + 1):
            counts[context[:length]][label] += 1
    if not counts:
        raise UnibridgeError("the floor needs labelled training examples")
    # equal counts go to the label that sorts first, whatever the order of the examples
    best = {
        context: min(labels, key=lambda label: (-labels[label], label))
        for context, labels in counts.items()
    }

    def most_likely(context: tuple[Hashable, ...]) -> str:
        return next(
            best[context[:length]]
            for length in range(len(context), -1, -1)
            if context[:length] in best
        )

    return most_likely


def word_shape(word: str) -> str:
    """What a word looks like in any script: digits, case, punctuation, length in five steps."""
    if not any(character.isalnum() for character in word):
        return "punctuation"
    if any(character.isdigit() for character in word):
        kind = "digits" if all(character.isdigit() for character in word) else "some digits"
    elif word.lower() == word.upper():
        kind = "caseless"
    elif word.isupper():
        kind = "upper"
    elif word[0].isupper():
        kind = "title"
    else:
        kind = "lower"
    steps = sum(len(word) > limit for limit in (1, 2, 4, 7))
    return f"{kind} {steps}"


def _contexts(words: Sequence[str], tags: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Per word (own shape, tag before, next shape, shape before); `tags` may grow meanwhile."""
    shapes = ["", *map(word_shape, words), ""]
    for place in range(len(words)):
        yield shapes[place + 1], tags[place], shapes[place + 2], shapes[place]
