"""A penalty for leaving the weights that an earlier task needs."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from unibridge.settings import ChosenFrom, Settings

if TYPE_CHECKING:
    import torch

Losses = Callable[[], "Iterator[torch.Tensor]"]
"""The earlier task's loss of one example after the other, each a scalar with a gradient."""
Importance = Callable[["Mapping[str, torch.nn.Parameter]", Losses, int], "dict[str, torch.Tensor]"]
"""(parameters, losses, how many of these) -> how much each weight matters, in its shape."""


class ForgettingSettings(Settings):
    """What keeps a model, trained further, from forgetting what it could before."""

    method: Annotated[str, ChosenFrom("unibridge.transfer.forgetting:GUARDS", ("none",))] = Field(
        "none",
        description="ewc: weights that the sources need are held (Kirkpatrick et al. 2017); l2: "
        "all alike; none: replay alone, where there is some",
    )
    weight: float = Field(400.0, gt=0, description="λ of the penalty (Kirkpatrick et al.: 400)")
    examples: int = Field(
        200, ge=1, description="examples of the sources that say which weights they need"
    )


def guard(
    settings: ForgettingSettings, parameters: "Mapping[str, torch.nn.Parameter]", losses: Losses
) -> "Callable[[], torch.Tensor] | None":
    """A function that gives λ/2 · Σ F (θ - θ*)² (Eq. 3), θ* as the parameters are now; or None.

    parameters: what is about to be trained. losses: of what is to be kept.
    """
    if settings.method == "none":
        return None
    from unibridge.transfer.forgetting import GUARDS

    start = {name: parameter.detach().clone() for name, parameter in parameters.items()}
    weights = GUARDS.resolve(settings.method)(parameters, losses, settings.examples)

    def penalty() -> "torch.Tensor":
        parts = [
            (weights[name] * (parameter - start[name]).square()).sum()
            for name, parameter in parameters.items()
            if name in weights
        ]
        return settings.weight / 2 * sum(parts[1:], parts[0])

    return penalty
