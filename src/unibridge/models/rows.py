"""Training over the rows of a vocabulary that a text uses, and leaving the others out.

A multilingual table of 250,000 rows costs more in AdamW and in the softmax than the encoder above
it, and a text of one or three languages uses a tenth of it. Rows that no training text has keep
their values to the bit (without weight decay they would anyway), and are no negatives of the
softmax, which is an approximation there and exact for tasks, which have none.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import torch
from torch import nn
from torch.nn import functional

from unibridge.models.families import ModelFamily

IDS, ROWS = ".row_ids", ".rows"
"""Ends of the two names that a table has among changed tensors: which rows changed, and to what."""


class UsedRows(nn.Module):
    """In place of an `nn.Embedding`: ids (any shape) -> rows (..., hidden), of the used ones.

    An id that is not kept is read as one of those that are. Only the random tokens of masking ask
    for such, and they are random all the same.
    """

    place: torch.Tensor

    def __init__(self, whole: nn.Embedding, ids: torch.Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(whole.weight.detach()[ids].clone())
        self.register_buffer("place", _places(ids, len(whole.weight)), persistent=False)
        # the row of padding is never trained
        self.padding = None if whole.padding_idx is None else int(self.place[whole.padding_idx])

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return functional.embedding(self.place[ids], self.weight, self.padding)


class UsedProjection(nn.Linear):
    """In place of the projection onto the vocabulary: states (..., hidden) -> (..., used).

    place: (vocab,) -> the column of each id.
    """

    place: torch.Tensor

    def __init__(self, whole: nn.Linear, ids: torch.Tensor, tied: nn.Parameter | None) -> None:
        # on no device: nothing is drawn for what is replaced at once
        super().__init__(whole.in_features, len(ids), bias=whole.bias is not None, device="meta")
        self.weight = nn.Parameter(whole.weight.detach()[ids].clone()) if tied is None else tied
        if whole.bias is not None:
            self.bias = nn.Parameter(whole.bias.detach()[ids].clone())
        self.register_buffer("place", _places(ids, len(whole.weight)), persistent=False)


def _places(ids: torch.Tensor, rows: int) -> torch.Tensor:
    place = torch.arange(rows, device=ids.device) % len(ids)
    place[ids] = torch.arange(len(ids), device=ids.device)
    return place


def can_leave_out(family: ModelFamily) -> bool:
    """Whether the family has one table that only its encoder and its projection read."""
    return family.logits_bias is None and family.decoder is None


@contextmanager
def used_rows(
    model: nn.Module, family: ModelFamily, ids: torch.Tensor, *, output: bool
) -> Iterator[None]:
    """Meanwhile the model has only these rows of its vocabulary, in place; after it all of them.

    ids: sorted, unique, special ids among them. output: the projection onto the vocabulary too,
    which is then read through `UsedProjection.place`. What was trained is in the whole tables when
    the block ends, by whatever way. Where every row is used nothing is changed.
    """
    inputs = f"{family.encoder}.{family.word_embeddings}".removeprefix(".")
    table = cast(nn.Embedding, model.get_submodule(inputs))
    projection = cast(nn.Linear, model.get_submodule(family.projection))
    if len(ids) == len(table.weight) or not can_leave_out(family):
        yield
        return
    ids = ids.to(table.weight.device)
    few = UsedRows(table, ids)
    few.weight.requires_grad_(table.weight.requires_grad)
    swapped: dict[str, tuple[nn.Module, nn.Module]] = {inputs: (table, few)}
    if output:
        tied = few.weight if projection.weight is table.weight else None
        part = UsedProjection(projection, ids, tied)
        if tied is None:
            part.weight.requires_grad_(projection.weight.requires_grad)
        if part.bias is not None:
            part.bias.requires_grad_(projection.bias.requires_grad)
        swapped[family.projection] = (projection, part)
    for name, (_, few_or_part) in swapped.items():
        model.set_submodule(name, few_or_part)
    try:
        yield
    finally:
        for name, (whole, trained) in swapped.items():
            model.set_submodule(name, whole)
            with torch.no_grad():
                for key, value in trained.named_parameters():
                    whole.get_parameter(key)[ids] = value.detach()


def lay_over(
    tensors: Mapping[str, torch.Tensor], changes: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Tensors with changed ones in their place; a table of which few rows changed is copied."""
    whole = dict(tensors)
    for name, value in changes.items():
        if name.endswith(ROWS):
            table = name.removesuffix(ROWS)
            filled = whole[table].clone()
            filled[changes[table + IDS].to(filled.device).long()] = value.to(filled)
            whole[table] = filled
        elif not name.endswith(IDS):
            whole[name] = value
    return whole


def changed(name: str, table: torch.Tensor, ids: torch.Tensor) -> dict[str, torch.Tensor]:
    """The rows `ids` of a table, as `lay_over` takes them; the whole of it where all are meant."""
    if len(ids) == len(table):
        return {name: table.detach().to("cpu", copy=True)}
    rows = table.detach()[ids.to(table.device)].to("cpu", copy=True)
    return {name + IDS: ids.to("cpu", torch.int32), name + ROWS: rows}


def changed_tensors(
    encoder: nn.Module,
    word_embeddings: str,
    rows: torch.Tensor,
    *,
    table: bool = True,
    only: Collection[str] | None = None,
) -> dict[str, torch.Tensor]:
    """An encoder's tensors by name after training, as `lay_over` takes them.

    word_embeddings: the family's name of its table, of which only the rows `rows` are taken; table:
    whether it is wanted at all. only: names of what was trained; unset: everything.
    """
    found: dict[str, torch.Tensor] = {}
    for name, parameter in encoder.named_parameters():
        if name == f"{word_embeddings}.weight":
            found |= changed(name, parameter, rows) if table else {}
        elif only is None or name in only:
            found[name] = parameter.detach().to("cpu", copy=True)
    return found


def changed_names(changes: Mapping[str, torch.Tensor]) -> set[str]:
    """The names of an encoder's tensors that `changed_tensors` gave, whole or by rows."""
    ends = (IDS, ROWS)
    return {next((n.removesuffix(e) for e in ends if n.endswith(e)), n) for n in changes}


def changed_rows(changes: Mapping[str, torch.Tensor], name: str, rows: int) -> torch.Tensor:
    """The ids of a table's rows that are among changed tensors, all of `rows` where it is whole."""
    if name in changes:
        return torch.arange(rows)
    return changes.get(name + IDS, torch.arange(0)).long()
