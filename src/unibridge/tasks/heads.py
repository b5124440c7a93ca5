"""Output layers on the encoder's last states: one for labels of tokens, one for whole texts."""

import torch
from torch import nn


class TokenHead(nn.Module):
    """States (batch, length, hidden) -> logits (batch, length, labels)."""

    def __init__(self, hidden: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, labels)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return self.out(self.dropout(states))


class SequenceHead(nn.Module):
    """The first token's state of (batch, length, hidden) -> logits (batch, labels), as RoBERTa."""

    def __init__(self, hidden: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden, hidden)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, labels)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        first = self.dropout(states[:, 0])
        return self.out(self.dropout(torch.tanh(self.dense(first))))


def build_head(kind: str, hidden: int, labels: int, dropout: float, *, seed: int) -> nn.Module:
    """A new head, weights N(0, 0.02) and biases zero, reproducible from the seed.

    kind: "token" or "sequence", as `Task.kind` says.
    """
    head = {"token": TokenHead, "sequence": SequenceHead}[kind](hidden, labels, dropout)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in head.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, 0.02, generator=generator)
            else:
                parameter.zero_()
    return head
