"""What a base could do with the sources' text, before it is trained further on the target's."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from unibridge.text.corpus import join_samples, spread
from unibridge.transfer.mlm import encode_samples

if TYPE_CHECKING:
    import torch

SAMPLES, BATCH = 64, 16
"""Samples of the sources' text that the loss is told on, evenly spread over each; at a time."""


class Memory:
    """The sources' text as samples, masked always alike, and what a language model says of it.

    others: language -> its plain text. samples: how many there are, of all languages together.
    """

    def __init__(
        self,
        model: "torch.nn.Module",
        family: Any,
        reader: Any,
        others: Mapping[str, Sequence[str]],
        *,
        words: int,
        limit: int,
        rate: float,
        samples: int,
    ) -> None:
        from unibridge.models.objectives import objective_of

        self.model, self.family, self.reader, self.rate = model, family, reader, rate
        self.objective = objective_of(family)
        each = -(-max(samples, SAMPLES) // len(others))
        chosen = [s for text in others.values() for s in spread(join_samples(text, words), each)]
        self.store = encode_samples(reader, chosen, limit)

    @property
    def token_ids(self) -> Any:
        """Every token of it, so that their rows are there."""
        return self.store.ids

    def losses(self) -> "Iterator[torch.Tensor]":
        """The language model's loss of each sample, nats per token, with its gradient."""
        for place in range(len(self.store)):
            yield self._loss([place])[0]

    def mean(self) -> float:
        """The mean over predicted tokens, of `SAMPLES` samples."""
        import torch

        total = weight = 0.0
        training = self.model.training
        self.model.eval()
        with torch.inference_mode():
            places = spread(range(len(self.store)), SAMPLES)
            places = sorted(places, key=lambda place: int(self.store.lengths[place]))
            for start in range(0, len(places), BATCH):
                loss, count = self._loss(places[start : start + BATCH])
                total, weight = total + float(loss) * count, weight + count
        self.model.train(training)
        return total / max(weight, 1)

    def _loss(self, places: list[int]) -> "tuple[torch.Tensor, int]":
        import torch

        from unibridge.models.states import encoder_states

        ids, mask = self.store.batch(places, self.reader.pad_token_id)
        generator = torch.Generator().manual_seed(places[0])
        batch = self.objective.corrupt(ids, mask, self.reader, rate=self.rate, generator=generator)
        hidden = encoder_states(self.model, self.family, batch.ids, batch.mask)
        return self.objective.loss(self.model, self.family, hidden, batch), batch.count
