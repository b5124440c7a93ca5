"""What a language model learns from plain text: a corruption of it, and a loss."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

from unibridge.models.families import ModelFamily

NOTHING = -100
"""In place of a token's id: nothing is to be predicted here."""


@dataclass(frozen=True)
class Corrupted:
    """A batch as a model is given it, and what it is to say.

    ids, mask: of the encoder, (batch, length). wanted: a token's id or NOTHING at each position of
    what predicts: (batch, length), or (batch, target length) with a decoder, whose own input ids
    of that shape are decoder_ids.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    wanted: torch.Tensor
    decoder_ids: torch.Tensor | None = None

    @classmethod
    def not_at_all(cls, ids: torch.Tensor, mask: torch.Tensor) -> "Corrupted":
        """The text as it is, with nothing to predict."""
        return cls(ids, mask, torch.full_like(ids, NOTHING))

    @property
    def count(self) -> int:
        """Tokens to predict."""
        return int((self.wanted != NOTHING).sum())

    def part(self, rows: slice) -> "Corrupted":
        """Some rows, cut to the longest of them."""
        length = int(self.mask[rows].sum(1).max())
        if self.decoder_ids is None:
            return Corrupted(*(t[rows, :length] for t in (self.ids, self.mask, self.wanted)))
        places = torch.arange(1, self.wanted.shape[1] + 1)
        target = max(1, int(((self.wanted[rows] != NOTHING) * places).max()))
        return Corrupted(
            *(t[rows, :length] for t in (self.ids, self.mask)),
            *(t[rows, :target] for t in (self.wanted, self.decoder_ids)),
        )


class Objective(ABC):
    """How a family's language models are loaded and trained."""

    name: str
    """Short, for progress and curves."""
    auto: str
    """`transformers`' Auto class that has the head."""

    def lacks(self, tokenizer: Any) -> str | None:
        """What the tokenizer would need and has not, such as "mask token"."""
        return None

    @abstractmethod
    def corrupt(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        tokenizer: Any,
        *,
        rate: float,
        generator: torch.Generator,
    ) -> Corrupted:
        """A batch of whole texts, (batch, length), made into something to learn from.

        rate: share of the tokens to predict, where there is a choice.
        """

    def predictors(
        self, model: torch.nn.Module, family: ModelFamily, states: torch.Tensor, batch: Corrupted
    ) -> torch.Tensor:
        """The states that say what is `wanted`, of its shape: here the encoder's own.

        states: the encoder's last, (batch, length, hidden).
        """
        return states

    def logits(
        self, model: torch.nn.Module, family: ModelFamily, states: torch.Tensor, batch: Corrupted
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What the model says where something is wanted, (tokens, vocab), and that, (tokens,).

        These are the only positions that are projected onto the vocabulary, or onto its used rows
        (see `unibridge.models.rows`).
        """
        states = self.predictors(model, family, states, batch)
        chosen = batch.wanted != NOTHING
        logits = family.vocabulary_logits(model, states[chosen.to(states.device)])
        wanted = batch.wanted[chosen].to(states.device)
        place = getattr(model.get_submodule(family.projection), "place", None)
        return logits, wanted if place is None else place[wanted]

    def loss(
        self, model: torch.nn.Module, family: ModelFamily, states: torch.Tensor, batch: Corrupted
    ) -> torch.Tensor:
        """Mean cross-entropy (nats per predicted token), given the encoder's last states.

        Zero where nothing is wanted, as in a batch that the tokenizer reads as unknown throughout.
        """
        if not batch.count:
            return states.sum() * 0.0
        return F.cross_entropy(*self.logits(model, family, states, batch))

    def nats(
        self, model: torch.nn.Module, family: ModelFamily, states: torch.Tensor, batch: Corrupted
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Summed cross-entropy of each sample, and how many tokens it is of; both (batch,)."""
        chosen = batch.wanted != NOTHING
        counts = chosen.sum(1)
        sums = torch.zeros(len(counts), device=states.device)
        if batch.count:
            logits, wanted = self.logits(model, family, states, batch)
            found = F.cross_entropy(logits, wanted, reduction="none").float()
            sums.index_add_(0, chosen.nonzero()[:, 0].to(states.device), found)
        return sums, counts
