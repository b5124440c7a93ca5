"""Many processes as one: which of them this is, sums over all of them, and waiting for each other.

`accelerate launch -m unibridge run ...` starts one for each GPU, `torchrun --nproc-per-node N -m
unibridge run ...` so many on a processor; without a launcher there is one. Each does what all do,
with its share of every batch; the main one alone writes files.
"""

import os
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from unibridge.errors import UnibridgeError

if TYPE_CHECKING:
    import torch

Value = TypeVar("Value")

# the others wait while the main process trains a vocabulary, which may take its time
PATIENCE = timedelta(days=7)


class Processes:
    """The only process there is. rank: from 0, the main one; count: of all processes."""

    rank = 0
    count = 1

    @property
    def main(self) -> bool:
        """Whether this is the process that writes files and speaks."""
        return self.rank == 0

    def sum_in_place(self, tensor: "torch.Tensor") -> None:
        """Replace a tensor by its sum over all processes."""

    def told(self, value: Value) -> Value:
        """The main process's value, in every process."""
        return value

    def wait(self) -> None:
        """Go on when all processes have come here."""


class Launched(Processes):
    """One of several processes that a launcher started."""

    def __init__(self) -> None:
        try:
            from accelerate import PartialState
        except ImportError as error:
            raise UnibridgeError(
                "several processes need accelerate", do='run pip install "unibridge[accelerate]"'
            ) from error
        import torch

        # said outright: on processors alone it would not join the others
        state = PartialState(cpu=not torch.cuda.is_available(), timeout=PATIENCE)
        expected = launched()
        if state.num_processes != expected:
            raise UnibridgeError(
                f"{expected} processes were started, and {state.num_processes} found each other",
                do="start them by accelerate launch (GPUs) or torchrun (processors)",
            )
        self.rank, self.count = state.process_index, state.num_processes
        self.state = state

    def sum_in_place(self, tensor: "torch.Tensor") -> None:
        import torch.distributed

        torch.distributed.all_reduce(tensor)

    def told(self, value: Value) -> Value:
        from accelerate.utils import broadcast_object_list

        (found,) = broadcast_object_list([value])
        return found

    def wait(self) -> None:
        self.state.wait_for_everyone()


def launched() -> int:
    """How many processes a launcher says that it has started."""
    return int(os.environ.get("WORLD_SIZE", "1"))


@cache
def processes() -> Processes:
    """What this process is among all that a launcher started; joins them at the first call.

    Raises UnibridgeError where there are several and accelerate is not installed, or they do not
    find each other.
    """
    return Launched() if launched() > 1 else Processes()
