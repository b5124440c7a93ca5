"""Dependency parsing: a head among the words and a relation to it, for every word."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from unibridge.errors import UnibridgeError
from unibridge.metrics import attachment_scores
from unibridge.tasks.encoded import IGNORED, PADDED, Encoded, by_example, padded
from unibridge.tasks.shapes import HeadSettings, HeadShape, Output
from unibridge.tasks.tagging import TaggingTask, count_with_backoff, word_shape
from unibridge.tasks.windows import Window, windows_of
from unibridge.text.examples import Expected, TaggedSentence

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from unibridge.models.families import ModelFamily

RELATIONS = frozenset(
    "acl advcl advmod amod appos aux case cc ccomp clf compound conj cop csubj dep det discourse "  # noqa: SIM905
    "dislocated expl fixed flat goeswith iobj list mark nmod nsubj nummod obj obl orphan parataxis "
    "punct reparandum root vocative xcomp".split()
)
"""Relations of Universal Dependencies, version 2; a language's own subtypes follow a colon."""


class DependencyParsing(TaggingTask):
    """A tree per sentence, by a biaffine parser (Dozat & Manning 2017, arXiv 1611.01734).

    A word's tag is its head's number (0: the root) and its relation, `2|nsubj`. Relations are
    learnt with their subtypes, and compared without, as the CoNLL 2018 shared task does and as
    sources have them in common. The tree is the heaviest with a single root (Chu-Liu, Edmonds).

    Sources are weighed and distilled by two decisions a word: its head among the words, and its
    relation, over all of its possible heads. In a sentence longer than the model a head is found
    among the words of a window.
    """

    name = "parsing"
    reads: Expected = "trees"
    metric = "las"
    crossing = "trees"
    outputs: Mapping[str, Output] = {
        "arcs": Output(("batch", "words", "heads"), "arcs"),
        "labels": Output(("batch", "words", "heads", "labels"), "labels"),
    }
    head_inputs: Mapping[str, tuple[str, ...]] = {
        "word_starts": ("batch", "words"),
        "word_ends": ("batch", "words"),
    }
    auto_class = None
    pipeline_tag = None
    when_cut = "they are read in windows, and a word's head is learnt and found within its window"

    def labels_of(self, example: TaggedSentence) -> Sequence[str]:
        """The relations, with their subtypes."""
        return [relation for _, relation in map(_parts, example.tags)]

    def inventory(self, labels: set[str]) -> list[str]:
        """Every relation that was seen, and those of Universal Dependencies where all are such."""
        return sorted(labels | (RELATIONS if _universal(labels) <= RELATIONS else set()))

    def comparable(self, labels: set[str]) -> set[str]:
        universal = _universal(labels)
        return set(RELATIONS) if universal and universal <= RELATIONS else universal

    # --- reading --------------------------------------------------------------------------------

    def encode(
        self,
        tokenizer: "PreTrainedTokenizerBase",
        examples: Sequence[TaggedSentence],
        labels: Sequence[str],
        max_length: int,
        *,
        label_all_subwords: bool = False,
    ) -> list[Encoded]:
        """See `Task.encode`; a word is read as the mean of all its subwords in any case.

        label_ids: (head, relation) of each word that a window decides, heads counted in the window.
        """
        numbers = {label: number for number, label in enumerate(labels)}
        read = windows_of(tokenizer, [example.words for example in examples], max_length)
        encoded = []
        for place, (example, windows) in enumerate(zip(examples, read, strict=True)):
            tree = [_parts(tag) for tag in example.tags]
            for window in windows:
                known = []
                for word in window.decided:
                    head, relation = tree[window.first + word] if tree else (-1, "")
                    own = head - window.first if head > 0 else head
                    inside = head == 0 or 0 < own <= len(window.spans)
                    number = numbers.get(relation, IGNORED)
                    known.append((own, number) if inside else (IGNORED, IGNORED))
                starts = [span.start for span in window.spans]
                encoded.append(Encoded(window.input_ids, known, starts, example=place, own=window))
        return encoded

    def collate(self, batch: Sequence[Encoded], pad_id: int | None) -> "dict[str, torch.Tensor]":
        """With the first token of every word, and the one after its last: (batch, words)."""
        ends = [[span.stop for span in one.own.spans] for one in batch]
        return {
            **super().collate(batch, pad_id),
            "word_starts": padded([one.word_starts for one in batch], 0),
            "word_ends": padded(ends, 0),
        }

    def drawn_inputs(self, mask: "torch.Tensor") -> "dict[str, torch.Tensor]":
        """Words of two tokens."""
        lengths = mask.sum(-1).tolist()
        starts = [list(range(1, length - 1, 2)) or [0] for length in lengths]
        ends = [
            [min(start + 2, max(length - 1, 1)) for start in row]
            for row, length in zip(starts, lengths, strict=True)
        ]
        return {"word_starts": padded(starts, 0), "word_ends": padded(ends, 0)}

    def cut(self, encoded: Sequence[Encoded]) -> int:
        """Of a sentence in several windows no word is lost, but heads in other windows are."""
        return sum(own.stop - own.start > 1 for own in by_example(encoded))

    # --- the model ------------------------------------------------------------------------------

    def new_head(self, shape: HeadShape) -> "nn.Module":
        from unibridge.tasks.biaffine import BiaffineHead

        return BiaffineHead(shape)

    def plain_layers(self, family: "ModelFamily", settings: HeadSettings) -> dict[str, str] | None:
        """`transformers` has no parsers."""
        return None

    def targets(self, batch: Sequence[Encoded]) -> "dict[str, torch.Tensor]":
        """Of every word in its window: (batch, words) each."""
        rows: dict[int, list[list[int]]] = {0: [], 1: []}
        for one in batch:
            before = [IGNORED] * one.own.decided.start
            after = [IGNORED] * (len(one.own.spans) - one.own.decided.stop)
            for part, row in rows.items():
                row.append([*before, *(known[part] for known in one.label_ids), *after])
        return {"arcs": padded(rows[0], IGNORED), "labels": padded(rows[1], IGNORED)}

    def loss(
        self,
        outputs: "Mapping[str, torch.Tensor]",
        targets: "Mapping[str, torch.Tensor]",
        *,
        of: int | None = None,
    ) -> "torch.Tensor":
        """Cross-entropy of the head, and of the relation to the gold head, summed."""
        arcs = targets["arcs"].to(outputs["labels"].device)
        place = arcs.clamp_min(0)[..., None, None]
        place = place.expand(*arcs.shape, 1, outputs["labels"].shape[-1])
        at_gold = outputs["labels"].gather(2, place).squeeze(2)
        return super().loss({"arcs": outputs["arcs"], "labels": at_gold}, targets, of=of)

    def decisions(
        self, outputs: "Mapping[str, torch.Tensor]", batch: Sequence[Encoded]
    ) -> "list[torch.Tensor]":
        """First every word's head, then every word's relation: (2 * words, heads or relations)."""
        import torch

        found = []
        for arcs, labels in self._own(outputs, batch):
            # p(relation) = Σ_head p(head) p(relation | head)
            joint = arcs.log_softmax(-1).unsqueeze(-1) + labels.log_softmax(-1)
            both = [arcs, joint.logsumexp(1)]
            widest = max(one.shape[-1] for one in both)
            found.append(
                torch.cat(
                    [
                        torch.nn.functional.pad(one, (0, widest - one.shape[-1]), value=PADDED)
                        for one in both
                    ]
                )
            )
        return found

    def gold_decisions(self, one: Encoded) -> list[int]:
        return [head for head, _ in one.label_ids] + [relation for _, relation in one.label_ids]

    def reading(self, outputs: "Mapping[str, torch.Tensor]", batch: Sequence[Encoded]) -> list[Any]:
        """Of every decided word log p(head), and the best relation to each head: (words, heads)."""
        return [
            (arcs.float().log_softmax(-1), labels.argmax(-1))
            for arcs, labels in self._own(outputs, batch)
        ]

    def _own(
        self, outputs: "Mapping[str, torch.Tensor]", batch: Sequence[Encoded]
    ) -> "Iterator[tuple[torch.Tensor, torch.Tensor]]":
        """arcs (words, heads) and labels (words, heads, labels) of the words that are decided."""
        for place, one in enumerate(batch):
            window: Window = one.own
            rows = slice(window.decided.start, window.decided.stop)
            heads = len(window.spans) + 1
            yield outputs["arcs"][place, rows, :heads], outputs["labels"][place, rows, :heads]

    def entropies(
        self, outputs: "Mapping[str, torch.Tensor]", mask: "torch.Tensor | None"
    ) -> "torch.Tensor":
        """Of the heads, over the words; the columns of words that are none are `PADDED`."""
        arcs = outputs["arcs"].float()
        logs = arcs.log_softmax(-1)
        entropies = -(logs.exp() * logs).sum(-1)
        words = (arcs[..., 0, 1:] > PADDED / 2).to(entropies)
        return (entropies * words).sum(-1) / words.sum(-1).clamp(min=1)

    def decode(
        self, read: Sequence[Any], encoded: Sequence[Encoded], labels: Sequence[str]
    ) -> list[list[str]]:
        import numpy as np

        trees = []
        for windows in by_example(encoded):
            parts = list(zip(read[windows], encoded[windows], strict=True))
            size = sum(len(one.label_ids) for _, one in parts) + 1
            scores = np.full((size, size), PADDED)
            relations = np.zeros((size, size), dtype=np.int64)
            for (arcs, best), one in parts:
                window: Window = one.own
                first = window.first + window.decided.start + 1
                rows = slice(first, first + len(window.decided))
                heads = [0, *range(window.first + 1, window.first + len(window.spans) + 1)]
                scores[rows, heads] = arcs.double().numpy()
                relations[rows, heads] = best.numpy()
            trees.append(
                [
                    f"{head}|{_relation(labels[relations[word, head]], head)}"
                    for word, head in enumerate(best_tree(scores), start=1)
                ]
            )
        return trees

    # --- scores ---------------------------------------------------------------------------------

    def floor(
        self, train_examples: Sequence[TaggedSentence], test_examples: Sequence[TaggedSentence]
    ) -> list[list[str]]:
        """How far away heads are, and which relations, by the shapes of three words."""
        import numpy as np

        tag_of = count_with_backoff(
            (context, f"{head - place if head else 'root'}|{relation}")
            for sentence in train_examples
            for place, (context, (head, relation)) in enumerate(
                zip(_shapes(sentence.words), map(_parts, sentence.tags), strict=False), start=1
            )
        )
        predictions = []
        for sentence in test_examples:
            size = len(sentence.words) + 1
            scores = np.zeros((size, size))
            relations = ["dep"] * size
            for place, context in enumerate(_shapes(sentence.words), start=1):
                away, _, relations[place] = tag_of(context).partition("|")
                head = 0 if away == "root" else place + int(away)
                scores[place, max(0, place - 1)] = 0.1
                scores[place, min(max(head, 0), size - 1)] = 1
            predictions.append(
                [
                    f"{head}|{_relation(relations[word], head)}"
                    for word, head in enumerate(best_tree(scores), start=1)
                ]
            )
        return predictions

    def further_scores(
        self, gold: Sequence[list[str]], predictions: Sequence[list[str]]
    ) -> dict[str, float]:
        return attachment_scores(gold, predictions)


def best_tree(scores: "np.ndarray") -> list[int]:
    """The head of each word in the heaviest tree with one root, by Chu-Liu and Edmonds.

    scores: (words + 1, words + 1); row d, column h: how good it is that h is the head of d; row and
    column 0 are the root's. Returns a head for each word, 0 for the root.
    Raises UnibridgeError where the package that finds it is not installed.
    """
    import numpy as np

    try:
        from ufal.chu_liu_edmonds import chu_liu_edmonds
    except ImportError as error:
        raise UnibridgeError(
            "finding trees needs the package 'ufal.chu-liu-edmonds'",
            do='run pip install "unibridge[parsing]"',
        ) from error
    scores = np.array(scores, dtype=np.double)
    np.fill_diagonal(scores, 10 * PADDED)
    heads, _ = chu_liu_edmonds(scores)
    if sum(head == 0 for head in heads[1:]) > 1:
        # where a second root costs more than trees differ, the heaviest has one
        scores[1:, 0] -= 1 + len(scores) * np.ptp(scores)
        heads, _ = chu_liu_edmonds(scores)
    return [int(head) for head in heads[1:]]


def _parts(tag: str) -> tuple[int, str]:
    """(head, relation) of a word's tag."""
    head, bar, relation = tag.partition("|")
    if not bar or not head.isdecimal():
        raise UnibridgeError(
            f"the tag {tag!r} is no place in a tree", do="give CoNLL-U, or tags such as 2|nsubj"
        )
    return int(head), relation


def _relation(relation: str, head: int) -> str:
    """Only what hangs from the root is its `root`, as Universal Dependencies have it."""
    if head == 0:
        return "root"
    return "dep" if relation == "root" else relation


def _universal(labels: set[str]) -> set[str]:
    return {label.partition(":")[0] for label in labels}


def _shapes(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Per word its own shape, the next and the one before."""
    shapes = ["", *map(word_shape, words), ""]
    for place in range(1, len(words) + 1):
        yield shapes[place], shapes[place + 1], shapes[place - 1]
