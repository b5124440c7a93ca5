"""Output layers on the encoder's last states: one for labels of tokens, one for whole texts."""

import torch
from torch import nn

from unibridge.models.states import TEXT_STATES


class TokenHead(nn.Module):
    """States (batch, length, hidden) -> logits (batch, length, labels)."""

    def __init__(self, hidden: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, labels)

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.out(self.dropout(states))


class SequenceHead(nn.Module):
    """One state of (batch, length, hidden), the first or as told -> (batch, labels), as RoBERTa."""

    def __init__(self, hidden: int, labels: int, dropout: float, text_state: str) -> None:
        super().__init__()
        self.text_state = TEXT_STATES.resolve(text_state)
        self.dense = nn.Linear(hidden, hidden)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, labels)

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        state = self.dropout(self.text_state(states, mask))
        return self.out(self.dropout(torch.tanh(self.dense(state))))


def build_head(
    kind: str, hidden: int, labels: int, dropout: float, *, seed: int, text_state: str = "first"
) -> nn.Module:
    """A new head, weights N(0, 0.02) and biases zero, reproducible from the seed.

    kind: "token" or "sequence", as `Task.kind` says. text_state: which state speaks for a text, in
    `TEXT_STATES`. Heads are given the states and the attention mask (batch, length).
    """
    head = (
        TokenHead(hidden, labels, dropout)
        if kind == "token"
        else SequenceHead(hidden, labels, dropout, text_state)
    )
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in head.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, 0.02, generator=generator)
            else:
                parameter.zero_()
    return head
