"""What a task's training minds beside the task: languages, and what is not to be forgotten."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from unibridge.transfer.signals.base import LanguageClassifier


@dataclass
class Beside:
    """The losses that are added to the task's; either may be missing.

    read: ids and mask of plain text -> its states. kept: the penalty for leaving earlier weights,
    set once training begins.
    """

    read: "Callable[[torch.Tensor, torch.Tensor], torch.Tensor]"
    signal: "LanguageClassifier | None" = None
    kept: "Callable[[], torch.Tensor] | None" = None

    @property
    def token_ids(self) -> Sequence[int]:
        """Every token of the plain text."""
        return self.signal.token_ids if self.signal is not None else ()

    def parameters(self) -> "dict[str, torch.nn.Parameter]":
        """What is trained for it."""
        return self.signal.parameters() if self.signal is not None else {}

    def __bool__(self) -> bool:
        return self.signal is not None or self.kept is not None

    def of_step(
        self, owner: int, step: int, generator: "torch.Generator", rows: slice, whole: int
    ) -> "Callable[..., dict[str, torch.Tensor]]":
        """(states, mask) of some rows of a step -> the losses by name, which are to be added."""

        def losses(states: Any, mask: "torch.Tensor") -> "dict[str, torch.Tensor]":
            found = {}
            if self.signal is not None:
                found["language"] = self.signal.loss(
                    states, mask, owner, self.read, step, generator, rows, whole
                )
            if self.kept is not None:
                found["kept"] = self.kept() * (len(states) / whole)
            return found

        return losses
