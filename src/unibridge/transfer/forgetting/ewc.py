"""Elastic weight consolidation (Kirkpatrick et al. 2017, arXiv 1612.00796)."""

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING

from unibridge.transfer.forgetting.base import Losses

if TYPE_CHECKING:
    import torch


def fisher(
    parameters: "Mapping[str, torch.nn.Parameter]", losses: Losses, count: int
) -> "dict[str, torch.Tensor]":
    """The diagonal of the empirical Fisher information: mean squared gradient of an example's loss.

    Under the labels that are there, not under drawn ones.
    """
    import torch

    found = {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
    read = 0
    for loss in islice(losses(), count):
        gradients = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
        for name, gradient in zip(found, gradients, strict=True):
            if gradient is not None:
                found[name] += gradient.square()
        read += 1
    return {name: value / max(1, read) for name, value in found.items()}
