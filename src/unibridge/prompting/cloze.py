"""Cloze questions: a template around a text, and what the model says in its blank.

Pattern-exploiting training's patterns and verbalisers (Schick and Schütze, EACL 2021, arXiv
2001.07676, §3.1), over languages as in Zhao and Schütze (EMNLP 2021, arXiv 2109.03630).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from unibridge.models.families import ModelFamily
from unibridge.models.states import frame
from unibridge.prompting.settings import PromptSettings
from unibridge.tasks.base import padded

if TYPE_CHECKING:
    from unibridge.text.examples import LabelledText

SLOT = re.compile(r"(\{(?:text|second|mask|slot)\})")
"""A place in a template that is filled."""


@dataclass(frozen=True)
class Filled:
    """A template with an example in it. ids: (tokens,). masks: where the blanks are. slot: where
    searched or trained tokens stand."""

    ids: list[int]
    masks: list[int]
    slot: list[int]


@dataclass(frozen=True)
class Wording:
    """How one language is asked. template: with {text}, {mask} and perhaps {second} and {slot}.
    words: of each label, in the order of the labels. inside: ids that stand in {slot}."""

    template: str
    words: tuple[str, ...]
    inside: tuple[int, ...] = ()


def wording_of(
    settings: PromptSettings,
    language: str,
    sources: Sequence[str],
    labels: Sequence[str],
    pattern: str,
) -> Wording:
    """The language's own template and words, or those of the first source that has some.

    pattern: what is asked where no template is given, see `Task.cloze_pattern`.
    """

    def own(table: Mapping[str, Any], otherwise: Any) -> Any:
        return next((table[code] for code in (language, *sources) if code in table), otherwise)

    said: Mapping[str, str] = own(settings.verbalisers, {})
    template = own(settings.templates, pattern)
    return Wording(template, tuple(said.get(label, label.replace("_", " ")) for label in labels))


def fill(
    tokenizer: Any, wording: Wording, example: "LabelledText", *, masks: int, slot: int, limit: int
) -> Filled:
    """The template as ids of at most `limit`: of the texts, the longer one is cut first."""
    before, after = frame(tokenizer)
    texts = {"{text}": example.text, "{second}": example.second or ""}
    parts = [part for part in SLOT.split(wording.template) if part.strip()]
    ids: list[list[int]] = [
        []
        if part in ("{mask}", "{slot}")
        else tokenizer(texts.get(part, part).strip(), add_special_tokens=False)["input_ids"]
        for part in parts
    ]
    fixed = len(before) + len(after) + masks + slot * ("{slot}" in parts)
    fixed += sum(len(own) for part, own in zip(parts, ids, strict=True) if part not in texts)
    given = [place for place, part in enumerate(parts) if part in texts]
    while given and fixed + sum(len(ids[place]) for place in given) > limit:
        longest = max(given, key=lambda place: len(ids[place]))
        if not ids[longest]:
            break
        ids[longest] = ids[longest][:-1]
    found, blanks, inside = list(before), [], []
    for part, own in zip(parts, ids, strict=True):
        if part == "{mask}":
            blanks = list(range(len(found), len(found) + masks))
            own = [tokenizer.mask_token_id] * masks
        elif part == "{slot}":
            inside = list(range(len(found), len(found) + slot))
            own = list(wording.inside) or [tokenizer.mask_token_id] * slot
        found += own
    return Filled(found + after, blanks, inside)


def word_ids(tokenizer: Any, word: str) -> list[int]:
    """The ids of a word within a text, after another one."""
    first = tokenizer("a", add_special_tokens=False)["input_ids"]
    return tokenizer(f"a {word}", add_special_tokens=False)["input_ids"][len(first) :]


@dataclass
class Asked:
    """A model with its tokenizer that is asked for labels.

    vectors: (slot, hidden) that stand in {slot} instead of tokens; None: tokens do, if any.
    slot: how many places it has.
    """

    model: Any
    family: ModelFamily
    tokenizer: Any
    labels: Sequence[str]
    limit: int
    slot: int = 0
    vectors: "torch.Tensor | None" = None

    def scores(
        self, examples: Sequence[Any], wording: Wording, given: "torch.Tensor | None" = None
    ) -> torch.Tensor:
        """What the model says of each label, (examples, labels): the mean of its tokens' logits.

        A word of several tokens is asked for with as many blanks. given: embeddings (slot, hidden)
        for {slot}, instead of `vectors`.
        """
        ids = [word_ids(self.tokenizer, word) for word in wording.words]
        inside = self.vectors if given is None else given
        columns: dict[int, torch.Tensor] = {}
        for masks in sorted({len(own) for own in ids}):
            filled = [
                fill(
                    self.tokenizer,
                    wording,
                    example,
                    masks=masks,
                    slot=self.slot,
                    limit=self.limit,
                )
                for example in examples
            ]
            logits = self._logits(filled, inside)
            for number, own in enumerate(ids):
                if len(own) == masks:
                    wanted = self._columns(torch.tensor(own, device=logits.device))
                    columns[number] = logits[:, range(masks), wanted].mean(1)
        return torch.stack([columns[number] for number in range(len(ids))], 1)

    def _logits(self, filled: Sequence[Filled], inside: "torch.Tensor | None") -> torch.Tensor:
        """(examples, blanks, vocabulary)."""
        encoder = self.model.get_submodule(self.family.encoder)
        table = encoder.get_submodule(self.family.word_embeddings)
        device = table.weight.device
        ids = padded([one.ids for one in filled], self.tokenizer.pad_token_id).to(device)
        mask = padded([[1] * len(one.ids) for one in filled], 0).to(device)
        if inside is None or not filled[0].slot:
            states = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        else:
            embedded = table(ids)
            places = torch.tensor([one.slot for one in filled], device=device)
            rows = torch.arange(len(filled), device=device)[:, None]
            embedded = embedded.index_put((rows, places), inside.expand(len(filled), -1, -1))
            states = encoder(inputs_embeds=embedded, attention_mask=mask).last_hidden_state
        rows = torch.arange(len(filled), device=device)[:, None]
        blanks = states[rows, torch.tensor([one.masks for one in filled], device=device)]
        return self.family.vocabulary_logits(self.model, blanks)

    def _columns(self, ids: torch.Tensor) -> torch.Tensor:
        """Where ids stand in the logits, also while few rows of the vocabulary are in place."""
        place = getattr(self.model.get_submodule(self.family.projection), "place", None)
        return ids if place is None else place[ids]

    def loss(
        self, examples: Sequence[Any], wording: Wording, given: "torch.Tensor | None" = None
    ) -> torch.Tensor:
        """Mean cross-entropy of the right labels among all of them, nats."""
        right = torch.tensor([self.labels.index(example.label) for example in examples])
        scores = self.scores(examples, wording, given)
        return torch.nn.functional.cross_entropy(scores, right.to(scores.device))

    def predict(self, examples: Sequence[Any], wording: Wording, batch: int = 32) -> list[str]:
        """The label of each example that the model says loudest."""
        self.model.eval()
        said: list[str] = []
        with torch.inference_mode():
            for start in range(0, len(examples), batch):
                scores = self.scores(examples[start : start + batch], wording)
                said += [self.labels[place] for place in scores.argmax(1).tolist()]
        return said
