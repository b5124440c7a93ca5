"""Examples as a model reads them, one encoding each or one a window."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

IGNORED = -100
"""The label id of a position that has no label: PyTorch's own `ignore_index`."""

PADDED = -1e4
"""In logits and log-probabilities, the class of a decision that is none: finite, so that nothing
times its probability is still nothing."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One example, or a window of a long one, as the model reads it.

    input_ids, token_type_ids: (tokens,), types only where the tokenizer has them. label_ids: what
    the task learns here, in a shape of its own; IGNORED where there is no label. word_starts: the
    first token of each word that is decided here. example: the place of its example among those
    encoded; the windows of one follow each other. own: whatever else the task needs to read it or
    to decode it.
    """

    input_ids: list[int]
    label_ids: Any
    word_starts: list[int]
    token_type_ids: list[int] | None = None
    example: int = 0
    own: Any = None


def padded(rows: Sequence[Sequence[int]], filler: int) -> "torch.Tensor":
    """Rows of numbers as one tensor (rows, longest of them), `filler` behind the shorter ones."""
    import torch

    length = max(map(len, rows), default=0)
    return torch.tensor([[*row, *[filler] * (length - len(row))] for row in rows])


def by_example(encoded: Sequence[Encoded]) -> list[slice]:
    """Where the windows of each example stand among encodings that are in order."""
    starts = [i for i, one in enumerate(encoded) if not i or one.example != encoded[i - 1].example]
    return [slice(*ends) for ends in pairwise([*starts, len(encoded)])]
