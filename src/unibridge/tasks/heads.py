"""Output layers on the encoder's states: for labels of tokens, whole texts, and spans."""

from typing import TYPE_CHECKING

import torch
from torch import nn

from unibridge.models.states import TEXT_STATES
from unibridge.tasks.shapes import HeadShape

if TYPE_CHECKING:
    from unibridge.tasks.base import Task

States = torch.Tensor | tuple[torch.Tensor, ...]
"""(batch, length, hidden), or those of every layer where the head `reads_layers`."""


class LayerMix(nn.Module):
    """Σ_l softmax(weight)_l · states of layer l (ELMo, arXiv 1802.05365, without its scale).

    The embeddings count as a layer. At first all weigh the same.
    """

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(layers + 1))

    def forward(self, states: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return torch.tensordot(self.weight.softmax(0), torch.stack(tuple(states)), 1)


class TokenHead(nn.Module):
    """States (batch, length, hidden) -> logits (batch, length, labels), under the name given."""

    def __init__(self, shape: HeadShape, name: str) -> None:
        super().__init__()
        self.name = name
        self.reads_layers = shape.settings.layer_mix
        self.mix = LayerMix(shape.layers) if self.reads_layers else nn.Identity()
        self.dropout = nn.Dropout(shape.dropout)
        self.out = nn.Linear(shape.hidden, shape.labels)

    def forward(self, states: States, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        return {self.name: self.out(self.dropout(self.mix(states)))}


class SequenceHead(nn.Module):
    """One state of (batch, length, hidden), as `pooling` says -> (batch, labels), as RoBERTa."""

    reads_layers = False

    def __init__(self, shape: HeadShape, name: str) -> None:
        super().__init__()
        self.name = name
        self.text_state = TEXT_STATES.resolve(shape.settings.pooling)
        self.dense = nn.Linear(shape.hidden, shape.hidden)
        self.dropout = nn.Dropout(shape.dropout)
        self.out = nn.Linear(shape.hidden, shape.labels)

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        state = self.dropout(self.text_state(states, mask))
        return {self.name: self.out(self.dropout(torch.tanh(self.dense(state))))}


class SpanHead(nn.Module):
    """States (batch, length, hidden) -> how well each token begins and ends an answer."""

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        self.reads_layers = shape.settings.layer_mix
        self.mix = LayerMix(shape.layers) if self.reads_layers else nn.Identity()
        self.out = nn.Linear(shape.hidden, 2)

    def forward(self, states: States, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        start, end = self.out(self.mix(states)).unbind(-1)
        return {"start": start, "end": end}


def build_head(task: "Task", shape: HeadShape, *, seed: int) -> nn.Module:
    """A task's new head, weights N(0, 0.02) and biases zero, reproducible from the seed."""
    head = task.new_head(shape)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in head.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, 0.02, generator=generator)
            else:
                parameter.zero_()
    return head
