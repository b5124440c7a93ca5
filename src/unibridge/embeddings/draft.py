"""The new matrix while it is being made: all rows filled, then overwritten by what is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import torch

from unibridge.embeddings.base import ORIGINS, InitRequest, InitResult, Origin
from unibridge.embeddings.match import canonical_forms, special_tokens_by_role

EXAMPLES = 20


class Draft:
    """Starts from `rows` (target_vocab, hidden), all of origin "random"; special tokens are copied
    by role at once, as the settings say, since every method shares that step.
    """

    def __init__(self, request: InitRequest, rows: torch.Tensor, origin: Origin = "random") -> None:
        self.request = request
        self.source = request.source_embeddings.detach().float().cpu()
        self.matrix = rows
        self.origin: list[Origin] = [origin] * len(rows)
        self.source_row = torch.full((len(rows),), -1, dtype=torch.long)
        self.facts: dict[str, Any] = {"searched_source_tokens": 0}
        self.examples: dict[str, list[Any]] = {"lexical": [], "semantic": [], "mixed": []}
        self.warnings: list[str] = []
        if request.settings.special_tokens == "role":
            roles = special_tokens_by_role(request.source_tokenizer, request.target_tokenizer)
            self.copy(roles, "special")

    @cached_property
    def source_forms(self) -> list[str]:
        """The base's tokens as text that two vocabularies can be compared in."""
        return canonical_forms(self.request.source_tokenizer)

    @cached_property
    def target_forms(self) -> list[str]:
        """The same of the new vocabulary."""
        return canonical_forms(self.request.target_tokenizer)

    def rows_of(self, *origins: Origin) -> torch.Tensor:
        """Target ids, ascending, of the rows that have one of these origins."""
        wanted = set(origins)
        return torch.tensor([i for i, o in enumerate(self.origin) if o in wanted], dtype=torch.long)

    def copy(self, pairs: Mapping[int, int], origin: Origin) -> None:
        """E^T[target] = E^S[source] for every target id -> source id."""
        target_ids = torch.tensor(list(pairs.keys()), dtype=torch.long)
        source_ids = torch.tensor(list(pairs.values()), dtype=torch.long)
        self.matrix[target_ids] = self.source[source_ids]
        self.source_row[target_ids] = source_ids
        for target_id in pairs:
            self.origin[target_id] = origin

    def mix(self, target_ids: torch.Tensor, rows: torch.Tensor) -> None:
        """Rows that are weighted sums of source rows: (ids,) and (ids, hidden)."""
        self.matrix[target_ids] = rows
        for target_id in target_ids.tolist():
            self.origin[target_id] = "mixed"

    def finish(self) -> InitResult:
        """The filled matrix, with how many rows came from where."""
        counts = Counter(self.origin)
        facts = {
            "method": self.request.settings.method,
            "counts": {origin: counts[origin] for origin in ORIGINS},
            "source_vocab": len(self.source),
            "examples": self.examples,
            **self.facts,
        }
        return InitResult(
            self.matrix, tuple(self.origin), self.source_row, facts, list(self.warnings)
        )
