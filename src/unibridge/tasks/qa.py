"""Extractive question answering: a span of a passage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from unibridge.errors import UnibridgeError
from unibridge.tasks.answers import answer_scores
from unibridge.tasks.base import Task
from unibridge.tasks.encoded import IGNORED, PADDED, Encoded, by_example
from unibridge.tasks.shapes import HeadSettings, HeadShape, Output
from unibridge.text.examples import Answer, Expected, Question
from unibridge.text.words import ChangeWords, changed_text

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from unibridge.models.families import ModelFamily

NO_ANSWER = "no answer"
"""The label that training examples without an answer bring: with it a model may give none."""
LONGEST_ANSWER = 30
"""Tokens of an answer at most, as in BERT's script."""


@dataclass(frozen=True)
class Span:
    """What decoding needs of a window.

    offsets: of every token its place in the passage, (0, 0) of what is none of it.
    """

    passage: str
    language: str
    offsets: list[tuple[int, int]]
    may_be_none: bool


class QuestionAnswering(Task[Question, list[Answer]]):
    """The first and the last token of an answer in a passage, scored by F1 over words.

    Passages longer than the model are read in windows that overlap, as BERT was for SQuAD; the
    best span of all windows is taken. A prediction is a list with one answer, or with none, which
    is learnt where training examples have none (their label is then "no answer").
    """

    name = "qa"
    reads: Expected = "question"
    metric = "answer_f1"
    parts = 2
    outputs: Mapping[str, Output] = {
        "start": Output(("batch", "length"), "start_logits"),
        "end": Output(("batch", "length"), "end_logits"),
    }
    auto_class = "QuestionAnswering"
    pipeline_tag = "question-answering"
    crossing = "answers"

    def as_example(self, value: Any) -> Question:
        """A question from two strings: question, passage."""
        if isinstance(value, Question):
            return value
        right = isinstance(value, tuple | list) and len(value) == 2
        if not right or not all(isinstance(one, str) and one.strip() for one in value):
            raise UnibridgeError(
                f"{value!r} is not a question on a passage", do="give (question, passage)"
            )
        return Question(*value)

    def in_other_words(self, example: Question, change: ChangeWords) -> Question:
        """The question alone: its answers are places in the passage."""
        return replace(example, text=changed_text(example.text, change))

    def labels_of(self, example: Question) -> Sequence[str]:
        if example.answers is None:
            return ()
        return ("start", "end") if example.answers else (NO_ANSWER,)

    def inventory(self, labels: set[str]) -> list[str]:
        return ["start", "end", *sorted(labels & {NO_ANSWER})]

    def comparable(self, labels: set[str]) -> set[str]:
        return labels & {NO_ANSWER}

    def gold(self, example: Question) -> list[Answer]:
        return list(example.answers or ())

    def in_language(self, example: Question, code: str) -> Question:
        """Of a passage whose file does not say its language."""
        if example.language or not code:
            return example
        answers = example.answers
        if answers is not None:
            answers = tuple(answer._replace(language=code) for answer in answers)
        return replace(example, language=code, answers=answers)

    def has_answer(self, example: Question) -> bool:
        return example.answers is None or bool(example.answers)

    # --- reading --------------------------------------------------------------------------------

    def encode(
        self,
        tokenizer: "PreTrainedTokenizerBase",
        examples: Sequence[Question],
        labels: Sequence[str],
        max_length: int,
        *,
        label_all_subwords: bool = False,
    ) -> list[Encoded]:
        """See `Task.encode`; a question longer than half the limit is cut, a passage never.

        label_ids: the first and the last token of the first answer, where the window has it whole.
        Other windows teach the first token, which stands for none, where there may be none.
        """
        if not tokenizer.is_fast:
            raise UnibridgeError(
                "answers need a tokenizer that knows where its tokens stand",
                do="use a base with a fast tokenizer (tokenizer.json)",
            )
        may_be_none = NO_ANSWER in labels
        encoded = []
        for place, example in enumerate(examples):
            asked, passage = _question(tokenizer, example.text, max_length), example.second or ""
            taken = len(tokenizer([asked], [""])["input_ids"][0])
            read = tokenizer(
                asked,
                passage,
                truncation="only_second",
                max_length=max_length,
                stride=max(0, (max_length - taken) // 3),
                return_overflowing_tokens=True,
                return_offsets_mapping=True,
            )
            for number, ids in enumerate(read["input_ids"]):
                offsets = [
                    offset if part == 1 else (0, 0)
                    for offset, part in zip(
                        read["offset_mapping"][number], read.sequence_ids(number), strict=True
                    )
                ]
                types = read["token_type_ids"][number] if "token_type_ids" in read else None
                own = Span(passage, example.language, offsets, may_be_none)
                known = _label(example, offsets, may_be_none)
                encoded.append(Encoded(ids, known, [], types, place, own))
        return encoded

    # --- the model ------------------------------------------------------------------------------

    def new_head(self, shape: HeadShape) -> "nn.Module":
        from unibridge.tasks.heads import SpanHead

        return SpanHead(shape)

    def plain_layers(self, family: "ModelFamily", settings: HeadSettings) -> dict[str, str] | None:
        if family.span_head is None or settings.layer_mix:
            return None
        return {"out": family.span_head}

    def targets(self, batch: Sequence[Encoded]) -> "dict[str, torch.Tensor]":
        import torch

        start, end = zip(*(one.label_ids for one in batch), strict=True)
        return {"start": torch.tensor(start), "end": torch.tensor(end)}

    def decisions(
        self, outputs: "Mapping[str, torch.Tensor]", batch: Sequence[Encoded]
    ) -> "list[torch.Tensor]":
        """The first token and the last, (2, tokens); those of the passage alone count."""
        import torch

        found = []
        for place, one in enumerate(batch):
            size = len(one.input_ids)
            both = torch.stack([outputs["start"][place, :size], outputs["end"][place, :size]])
            open_ = torch.tensor([end > start for start, end in one.own.offsets])
            open_[0] |= one.own.may_be_none
            found.append(both.masked_fill(~open_.to(both.device), PADDED))
        return found

    def gold_decisions(self, one: Encoded) -> list[int]:
        return list(one.label_ids)

    def reading(self, outputs: "Mapping[str, torch.Tensor]", batch: Sequence[Encoded]) -> list[Any]:
        """(score, first character, one after the last) of the best span, and the score of none."""
        import torch

        found = []
        for one, both in zip(batch, self.decisions(outputs, batch), strict=True):
            start, end = both.float()
            nothing = float(start[0] + end[0])
            inside = torch.tensor([b > a for a, b in one.own.offsets]).to(start.device)
            start, end = (side.masked_fill(~inside, 2 * PADDED) for side in (start, end))
            scores = start[:, None] + end[None]
            fitting = torch.ones_like(scores).triu().tril(LONGEST_ANSWER - 1).bool()
            best = int(scores.masked_fill(~fitting, 9 * PADDED).argmax())
            first, last = divmod(best, len(end))
            where = (one.own.offsets[first][0], one.own.offsets[last][1])
            found.append((float(scores[first, last]), *where, nothing))
        return found

    def entropies(
        self, outputs: "Mapping[str, torch.Tensor]", mask: "torch.Tensor | None"
    ) -> "torch.Tensor":
        """The mean of both ends', over all tokens."""
        parts = []
        for side in ("start", "end"):
            logits = outputs[side].float()
            if mask is not None:
                logits = logits.masked_fill(mask.to(logits.device) == 0, PADDED)
            logs = logits.log_softmax(-1)
            parts.append(-(logs.exp() * logs).sum(-1))
        return (parts[0] + parts[1]) / 2

    def decode(
        self, read: Sequence[Any], encoded: Sequence[Encoded], labels: Sequence[str]
    ) -> list[list[Answer]]:
        answers = []
        for windows in by_example(encoded):
            score, first, last, _ = max(read[windows])
            own: Span = encoded[windows][0].own
            none = NO_ANSWER in labels and min(one[3] for one in read[windows]) > score
            text = own.passage[first:last]
            answers.append([] if none or not text else [Answer(text, first, own.language)])
        return answers

    # --- scores ---------------------------------------------------------------------------------

    def floor(
        self, train_examples: Sequence[Question], test_examples: Sequence[Question]
    ) -> list[list[Answer]]:
        """As many words as answers usually have, where in the passage they usually stand."""
        from statistics import median

        known = [(one, one.answers[0]) for one in train_examples if one.answers]
        if not known:
            raise UnibridgeError("the floor needs labelled training examples")
        place = median(answer.start / max(1, len(one.second or "")) for one, answer in known)
        length = median(len(answer.text) for _, answer in known)
        found = []
        for one in test_examples:
            passage = one.second or ""
            start = int(place * len(passage))
            while start and not passage[start - 1].isspace():
                start -= 1
            end = min(len(passage), start + int(length))
            while end < len(passage) and not passage[end].isspace():
                end += 1
            text = passage[start:end].strip()
            found.append([Answer(text, passage.index(text, start), one.language)] if text else [])
        return found

    def further_scores(
        self, gold: Sequence[list[Answer]], predictions: Sequence[list[Answer]]
    ) -> dict[str, float]:
        return answer_scores(gold, predictions)


def _question(tokenizer: "PreTrainedTokenizerBase", text: str, max_length: int) -> str:
    """The part of a question that leaves half of the tokens to the passage."""
    read = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    offsets, room = read["offset_mapping"], max(1, max_length // 2 - 4)
    return text if len(offsets) <= room else text[: offsets[room - 1][1]]


def _label(
    example: Question, offsets: Sequence[tuple[int, int]], may_be_none: bool
) -> tuple[int, int]:
    """The tokens of the first answer in a window; those of none, or IGNORED, where it has none."""
    nothing = (0, 0) if may_be_none else (IGNORED, IGNORED)
    if example.answers is None:
        return IGNORED, IGNORED
    if not example.answers:
        return nothing
    first = example.answers[0].start
    last = first + len(example.answers[0].text)
    places = [i for i, (start, end) in enumerate(offsets) if start < last and end > first]
    read = [offset for offset in offsets if offset[1] > offset[0]]
    if not places or read[0][0] > first or read[-1][1] < last:
        return nothing
    return places[0], places[-1]
