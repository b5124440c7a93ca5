"""Rotations between two spaces of word vectors: the best for given pairs, refined without any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from unibridge.settings import Settings

if TYPE_CHECKING:
    import torch


class AlignmentSettings(Settings):
    """How a rotation between two spaces is found (Conneau et al. 2018; their values)."""

    refinements: int = Field(
        5,
        ge=0,
        description="rounds of Procrustes on the pairs that are mutual nearest neighbours by csls "
        "after the round before (0: none); the best round by the criterion is kept",
    )
    refinement_words: int = Field(
        15_000, ge=1, description="most frequent words of either side that a round may pair"
    )
    criterion_words: int = Field(
        10_000,
        ge=1,
        description="most frequent source words whose mean cosine to their nearest target word by "
        "csls chooses among epochs and rounds, without a dictionary",
    )
    csls_neighbourhood: int = Field(10, ge=1, description="nearest words that csls averages over")
    device: str = Field("cpu", description="where torch computes, such as cuda")
    epochs: int = Field(5, ge=1, description="passes of the adversarial training")
    steps: int = Field(31_250, ge=1, description="updates of the rotation in an epoch")
    batch_size: int = Field(32, ge=1, description="words of either side in a batch")
    frequent_words: int = Field(
        50_000, ge=1, description="most frequent words that the discriminator is shown"
    )
    discriminator_hidden: int = Field(2_048, ge=1, description="units of each of its two layers")
    discriminator_steps: int = Field(
        5, ge=1, description="updates of the discriminator for one of the rotation"
    )
    discriminator_dropout: float = Field(0.1, ge=0, lt=1, description="dropout of its input")
    smoothing: float = Field(
        0.2, ge=0, lt=0.5, description="what its labels 0 and 1 are moved towards each other by"
    )
    learning_rate: float = Field(0.1, gt=0, description="rate of both at the start (SGD)")
    rate_decay: float = Field(0.98, gt=0, le=1, description="factor on the rate after an epoch")
    rate_shrink: float = Field(
        0.5, gt=0, le=1, description="factor on the rate after an epoch that lowers the criterion"
    )
    orthogonal_beta: float = Field(
        0.01, ge=0, description="β of W ← (1 + β) W - β (W Wᵀ) W after each update of W"
    )
    restarts: int = Field(
        1,
        ge=1,
        description="adversarial trainings, the first from the identity, as published, the others "
        "from random orthogonal matrices; the best by the criterion is kept",
    )


@dataclass(frozen=True)
class Rotation:
    """rotation: (dimension, dimension), for rows on its left. facts and warnings: to report."""

    rotation: torch.Tensor
    facts: dict[str, Any]
    warnings: tuple[str, ...] = ()


def best_rotation(rows: torch.Tensor, onto: torch.Tensor) -> torch.Tensor:
    """Orthogonal W with least ‖rows W - onto‖: W = U Vᵀ, U Σ Vᵀ the SVD of rowsᵀ onto.

    rows, onto: (pairs, dimension); computed in float64.
    """
    import torch

    left, _, right = torch.linalg.svd(rows.double().T @ onto.double())
    return (left @ right).to(rows.dtype)


def refine(
    source: torch.Tensor,
    target: torch.Tensor,
    rotation: torch.Tensor,
    settings: AlignmentSettings,
) -> Rotation:
    """Rounds of Procrustes on mutual nearest neighbours by csls; the best one by the criterion."""
    from unibridge.embeddings.neighbours import mutual_nearest

    most = settings.refinement_words
    best, history = rotation, [translation_cosine(source @ rotation, target, settings)]
    for _ in range(settings.refinements):
        rows, columns, _ = mutual_nearest(
            source[:most] @ rotation,
            target[:most],
            similarity="csls",
            neighbourhood=settings.csls_neighbourhood,
        )
        rotation = best_rotation(source[rows], target[columns])
        history.append(translation_cosine(source @ rotation, target, settings))
        if history[-1] == max(history):
            best = rotation
    return Rotation(best, {"criterion_of_rounds": [round(value, 4) for value in history]})


def translation_cosine(
    mapped: torch.Tensor, target: torch.Tensor, settings: AlignmentSettings
) -> float:
    """Mean cosine of frequent source words to their nearest target word by csls (their §2.4).

    It rises with the quality of the dictionary and needs none.
    """
    import torch

    from unibridge.embeddings.neighbours import nearest

    asked = torch.arange(min(settings.criterion_words, len(mapped)), device=mapped.device)
    _, found = nearest(
        mapped,
        target,
        1,
        among=asked,
        similarity="csls",
        neighbourhood=settings.csls_neighbourhood,
    )
    cosines = torch.nn.functional.cosine_similarity(mapped[asked], target[found[:, 0]], dim=1)
    return float(cosines.mean())
