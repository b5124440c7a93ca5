"""The state h of whole samples (Eq. 9 and 11): pooled over their tokens, and compared."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from unibridge.models.families import ModelFamily

HeldState = Literal["encoder", "inverse"]
KLStates = Literal["plain", "standardised"]


def state_divergence(student: "torch.Tensor", teacher: "torch.Tensor") -> "torch.Tensor":
    """D_KL(softmax(student) ‖ softmax(teacher)) over the hidden dimension, batch mean (Eq. 9).

    Both (batch, hidden). Nats; ≥ 0, and 0 only where the two distributions are equal.
    """
    log_p = student.log_softmax(-1)
    log_q = teacher.log_softmax(-1)
    return (log_p.exp() * (log_p - log_q)).sum(-1).mean()


def deviation_of(states: "torch.Tensor") -> "torch.Tensor":
    """Standard deviation of each dimension over rows, (rows, hidden) -> (hidden,); never near 0.

    One that hardly varies counts as a hundredth of the mean deviation.
    """
    found = states.float().std(0, correction=0)
    return found.clamp(min=max(float(found.mean()) / 100, 1e-6))


def standardiser(states: "torch.Tensor") -> "Callable[[torch.Tensor], torch.Tensor]":
    """A function that gives states by these states' mean and deviation, dimension by dimension.

    Mean-pooled states of one base are nearly alike, so that the softmax of Eq. 9 over hundreds of
    dimensions hardly tells two sentences apart; over standardised ones it does.
    """
    mean, deviation = states.float().mean(0), deviation_of(states)
    return lambda given: (given - mean.to(given)) / deviation.to(given)


def mean_pool(states: "torch.Tensor", attention_mask: "torch.Tensor") -> "torch.Tensor":
    """Mean over a sample's tokens: (batch, length, hidden), (batch, length) -> (batch, hidden)."""
    states = states.float()
    weights = attention_mask.unsqueeze(-1).to(states)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)


def pooled_states(
    model: "PreTrainedModel",
    family: "ModelFamily",
    tokenizer: Any,
    samples: Sequence[str],
    *,
    state: HeldState = "encoder",
    batch_size: int = 32,
) -> "torch.Tensor":
    """Mean-pooled state h of each sample, (samples, hidden), unmasked and without dropout.

    A sample past the model's length limit is read in windows, all tokens pooled together.
    """
    import torch

    from unibridge.adapters import attach
    from unibridge.models.states import encoder_states, frame
    from unibridge.transfer.mlm import TokenStore

    before, after = frame(tokenizer)
    window = family.max_positions(model.config) - len(before) - len(after)
    pieces: list[list[int]] = []
    owner: list[int] = []
    for start in range(0, len(samples), 1024):
        encoded = tokenizer(
            list(samples[start : start + 1024]), add_special_tokens=False, verbose=False
        )["input_ids"]
        for i, ids in enumerate(encoded, start):
            for cut in range(0, max(len(ids), 1), window):
                piece = [*before, *ids[cut : cut + window], *after]
                # a text of nothing, framed by nothing, is still one token
                pieces.append(piece or [tokenizer.eos_token_id])
                owner.append(i)
    store = TokenStore.of(pieces)
    sums = torch.zeros(len(samples), model.config.hidden_size)
    counts = torch.zeros(len(samples), 1)
    training = model.training
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(store), batch_size):
            part = range(start, min(start + batch_size, len(store)))
            ids, mask = store.batch(part, tokenizer.pad_token_id)
            hidden = encoder_states(model, family, ids, mask)
            if state == "inverse":
                hidden = attach.invert(model, hidden)
            hidden = hidden.cpu()
            weights = mask.unsqueeze(-1).to(hidden.dtype)
            rows = torch.tensor([owner[i] for i in part])
            sums.index_add_(0, rows, (hidden * weights).sum(1))
            counts.index_add_(0, rows, weights.sum(1))
    model.train(training)
    return (sums / counts.clamp(min=1)).clone()
