"""States of texts: reading them off an encoder, and which of them speaks for a whole text."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from unibridge.artifacts import read_json
from unibridge.models.families import ModelFamily
from unibridge.registry import Registry

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel


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


def chosen_layers(
    model: torch.nn.Module,
    family: ModelFamily,
    ids: torch.Tensor,
    mask: torch.Tensor,
    levels: Sequence[int],
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Last encoder states, and those of some layers, counted from 1; (batch, length, hidden) each.

    The last layer's are the encoder's own, after a norm of its own where it has one.
    """
    encoder = model.get_submodule(family.encoder)
    device = next(encoder.parameters()).device
    found = encoder(
        input_ids=ids.to(device), attention_mask=mask.to(device), output_hidden_states=True
    )
    inner, last = found.hidden_states, found.last_hidden_state
    return last, [last if level == len(inner) - 1 else inner[level] for level in levels]


def last_states(encoder: torch.nn.Module, **inputs: torch.Tensor) -> torch.Tensor:
    """The states of the last layer, (batch, length, hidden)."""
    return encoder(**inputs).last_hidden_state


def layer_states(encoder: torch.nn.Module, **inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The states of the embeddings and of every layer, (batch, length, hidden) each.

    Parallel adapters widen the batch from their first layer on; what lies below is repeated for
    each of them, so that all have the rows of the last.
    """
    states = encoder(**inputs, output_hidden_states=True).hidden_states
    rows = len(states[-1])
    return tuple(layer.repeat(rows // len(layer), 1, 1) for layer in states)


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


def trained_pooling(base: "BaseModel") -> str:
    """The text state that a base was trained with, as far as it says so: a name in `TEXT_STATES`.

    It may say so in its configuration (`unibridge_pooling`) or, as sentence encoders do, in
    `1_Pooling/config.json`; otherwise what is usual for its family.
    """
    config = base.model.config
    if said := getattr(config, "unibridge_pooling", None):
        return str(said)
    described = Path(str(config._name_or_path)) / "1_Pooling" / "config.json"
    modes = read_json(described) if described.is_file() else {}
    known = (("mean_tokens", "mean"), ("cls_token", "first"), ("lasttoken", "last"))
    for mode, name in known:
        if isinstance(modes, Mapping) and modes.get(f"pooling_mode_{mode}"):
            return name
    return base.family.text_state


def frame(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The ids that a tokenizer puts before and after one text, such as <s> and </s>."""
    inner = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    spare = len(whole) - len(inner)
    start = next(i for i in range(spare + 1) if whole[i : i + len(inner)] == inner)
    return whole[:start], whole[start + len(inner) :]
