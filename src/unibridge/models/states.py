"""States of texts: reading them off an encoder, and which of them speaks for a whole text."""

from collections.abc import Callable
from typing import Any

import torch

from unibridge.models.families import ModelFamily
from unibridge.registry import Registry


def encoder_states(
    model: torch.nn.Module, family: ModelFamily, ids: torch.Tensor, mask: torch.Tensor, **rest: Any
) -> torch.Tensor:
    """Last encoder states, (batch, length, hidden), on the model's device.

    ids, mask: on any device. rest: such as token_type_ids.
    """
    encoder = model.get_submodule(family.encoder)
    device = next(encoder.parameters()).device
    inputs = {"input_ids": ids, "attention_mask": mask, **rest}
    return encoder(**{name: value.to(device) for name, value in inputs.items()}).last_hidden_state


TextState = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""(states (batch, length, hidden), attention mask (batch, length)) -> (batch, hidden)."""


def first_state(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Of the first token: <s> or [CLS], as BERT and RoBERTa are used."""
    return states[:, 0]


def last_state(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Of the last token that is not padding: the only one that has read all where none looks on."""
    places = torch.arange(mask.shape[1], device=states.device)
    last = (mask.to(states.device) * places).argmax(1)
    return states[torch.arange(len(states), device=states.device), last]


def summed_states(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The sum over the tokens that are not padding."""
    return (states * mask.unsqueeze(-1).to(states)).sum(1)


def mean_state(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The mean over the tokens that are not padding."""
    return summed_states(states, mask) / mask.sum(1, keepdim=True).clamp(min=1).to(states)


TEXT_STATES: Registry[TextState] = Registry(
    "text state",
    {"first": first_state, "last": last_state, "mean": mean_state, "summed": summed_states},
)
"""Ways to one state of a text, for the heads that label texts."""


def frame(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The ids that a tokenizer puts before and after one text, such as <s> and </s>."""
    inner = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    spare = len(whole) - len(inner)
    start = next(i for i in range(spare + 1) if whole[i : i + len(inner)] == inner)
    return whole[:start], whole[start + len(inner) :]
