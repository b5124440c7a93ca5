"""Rows drawn at random: the floor that every initialiser has to beat."""

import math

import torch

from unibridge.embeddings.base import InitRequest, InitResult
from unibridge.embeddings.draft import Draft
from unibridge.embeddings.match import vocabulary_size
from unibridge.embeddings.settings import reads


def _standard_normal(request: InitRequest) -> torch.Tensor:
    # every row is drawn, wanted or not, so that one row does not depend on which others are copied
    generator = torch.Generator().manual_seed(request.seed)
    size = (vocabulary_size(request.target_tokenizer), request.source_embeddings.shape[1])
    return torch.randn(size, generator=generator)


def normal_rows(request: InitRequest) -> torch.Tensor:
    """(target_vocab, hidden) from the normal with E^S's own mean and spread in each dimension."""
    source = request.source_embeddings.detach().float().cpu()
    return _standard_normal(request) * source.std(dim=0, correction=0) + source.mean(dim=0)


@reads()
def random(request: InitRequest) -> InitResult:
    """Every row from the normal with E^S's own mean and spread; special tokens by role.

    The fair floor: unlike `xavier` the rows have the scale that the frozen base expects.
    """
    return Draft(request, normal_rows(request)).finish()


@reads()
def xavier(request: InitRequest) -> InitResult:
    """Every row Xavier normal, variance 2 / (target_vocab + hidden); special tokens by role.

    The ablation of the paper (Table 5), whose rows do not have the scale of E^S.
    """
    rows = _standard_normal(request)
    return Draft(request, rows * math.sqrt(2 / sum(rows.shape))).finish()
