"""One space for the word vectors of two languages, and dictionaries read off it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.embeddings.rotation import AlignmentSettings, Rotation, best_rotation, refine
from unibridge.errors import UnibridgeError
from unibridge.registry import Registry

if TYPE_CHECKING:
    import torch

    from unibridge.embeddings.word_vectors import WordVectors

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Alignment:
    """Two vocabularies in one space.

    source: the given source vectors, rotated; target: as given. rotation: (dimension, dimension)
    float32, source = given source @ rotation. facts: method, anchors, and the criterion (mean
    cosine) of every epoch and round, as plain numbers.
    """

    source: WordVectors
    target: WordVectors
    rotation: torch.Tensor
    facts: dict[str, Any]
    warnings: list[str]


@dataclass(frozen=True)
class Induction:
    """How often a word's translation is among the first k (k -> share of `words`, 0 to 1).

    words: source words that were asked for. missing: pairs left out because a side has no vector.
    """

    precision: Mapping[int, float]
    words: int
    missing: int


def align_embeddings(
    source: WordVectors | str | Path,
    target: WordVectors | str | Path,
    method: str = "procrustes",
    settings: AlignmentSettings | None = None,
    *,
    dictionary: Pairs | None = None,
    seed: int = 0,
) -> Alignment:
    """Rotate the source vectors onto the target's space.

    source, target: word vectors, or files in word2vec's text format. method: "procrustes" (anchors
    from the dictionary, or the strings that both sides have), "adversarial" (no anchors at all),
    "none" (as they are), or another of ALIGNMENTS. dictionary: (source word, target word) pairs.
    The same seed gives the same bits on a processor; no global random state is used.
    Raises UnibridgeError for files that cannot be read, unequal dimensions and missing anchors.
    """
    import torch

    settings = settings or AlignmentSettings()
    align = ALIGNMENTS.resolve(method)
    source, target = _loaded(source), _loaded(target)
    if source.vectors.shape[1] != target.vectors.shape[1]:
        raise UnibridgeError(
            f"the source vectors have {source.vectors.shape[1]} dimensions, the target's "
            f"{target.vectors.shape[1]}",
            do="train both with the same dimension",
        )
    x, y = (
        torch.nn.functional.normalize(side.vectors.float(), dim=1).to(settings.device)
        for side in (source, target)
    )
    anchors, missing = _anchors(source, target, dictionary)
    found = align(x, y, anchors.to(x.device), settings, seed)
    rotation = found.rotation.cpu()
    kind = "identical strings" if dictionary is None else "dictionary"
    facts = {"method": method, "anchors": len(anchors), "anchors_from": kind, "missing": missing}
    return Alignment(
        replace(source, vectors=source.vectors @ rotation),
        target,
        rotation,
        facts | found.facts,
        [*source.warnings, *target.warnings, *found.warnings],
    )


def induce_dictionary(
    source: WordVectors,
    target: WordVectors,
    pairs: Pairs,
    *,
    top: Sequence[int] = (1, 5),
    similarity: str = "csls",
    neighbourhood: int = 10,
) -> Induction:
    """Precision at k of translating by nearest neighbours, in a space that both sides share.

    pairs: gold (source word, target word); a word with several translations is right with any.
    similarity: "csls" or "cosine" (SIMILARITIES). Raises UnibridgeError where no pair is covered.
    """
    import torch

    from unibridge.embeddings.neighbours import nearest

    rows, columns = _places(source), _places(target)
    gold: dict[int, set[int]] = {}
    missing = 0
    for word, translation in pairs:
        if word in rows and translation in columns:
            gold.setdefault(rows[word], set()).add(columns[translation])
        else:
            missing += 1
    if not gold:
        raise UnibridgeError(
            f"none of the {len(pairs):,} gold pairs has vectors on both sides",
            do="check which column is which language, and the words' spelling",
        )
    _, found = nearest(
        source.vectors,
        target.vectors,
        max(top),
        among=torch.tensor(list(gold)),
        similarity=similarity,
        neighbourhood=neighbourhood,
    )
    hits = [
        [column in right for column in row]
        for row, right in zip(found.tolist(), gold.values(), strict=True)
    ]
    precision = {k: sum(any(row[:k]) for row in hits) / len(hits) for k in top}
    return Induction(precision, len(gold), missing)


# ---- methods: (source, target: unit rows, most frequent first; anchors (pairs, 2) of row numbers;
# settings, seed) -> Rotation


Aligner = Callable[
    ["torch.Tensor", "torch.Tensor", "torch.Tensor", AlignmentSettings, int], Rotation
]


def procrustes(
    source: torch.Tensor,
    target: torch.Tensor,
    anchors: torch.Tensor,
    settings: AlignmentSettings,
    seed: int,
) -> Rotation:
    """The rotation that fits the anchors best, then refined (Conneau et al. 2018, Eq. 2)."""
    if not len(anchors):
        raise UnibridgeError(
            "no anchor: no word of the dictionary, or no identical string, is on both sides",
            do="give a dictionary of words that have vectors, or method = 'adversarial'",
        )
    dimension = source.shape[1]
    warnings: tuple[str, ...] = ()
    if len(anchors) < dimension:
        warnings = (
            f"{len(anchors):,} anchors leave a rotation in {dimension:,} dimensions undetermined: "
            "the result is not to be trusted",
        )
    first = best_rotation(source[anchors[:, 0]], target[anchors[:, 1]])
    return replace(refine(source, target, first, settings), warnings=warnings)


def adversarial(
    source: torch.Tensor,
    target: torch.Tensor,
    anchors: torch.Tensor,
    settings: AlignmentSettings,
    seed: int,
) -> Rotation:
    """The rotation that a discriminator cannot see through, then refined; anchors are not used."""
    from unibridge.embeddings.adversarial import adversarial_rotation

    first, epochs = adversarial_rotation(source, target, settings, seed=seed)
    refined = refine(source, target, first, settings)
    return replace(refined, facts={"criterion_of_epochs": epochs, **refined.facts})


def none(
    source: torch.Tensor,
    target: torch.Tensor,
    anchors: torch.Tensor,
    settings: AlignmentSettings,
    seed: int,
) -> Rotation:
    """Both spaces as they are."""
    import torch

    return Rotation(torch.eye(source.shape[1], device=source.device), {})


ALIGNMENTS: Registry[Aligner] = Registry(
    "alignment", {"procrustes": procrustes, "adversarial": adversarial, "none": none}
)


# ---- words


def _loaded(side: WordVectors | str | Path) -> WordVectors:
    from unibridge.embeddings.word_vectors import read_word_vectors

    return read_word_vectors(side) if isinstance(side, str | Path) else side


def _places(side: WordVectors) -> dict[str, int]:
    return {word: row for row, word in enumerate(side.words)}


def _anchors(
    source: WordVectors, target: WordVectors, dictionary: Pairs | None
) -> tuple[torch.Tensor, int]:
    """Row numbers of the pairs with a vector on both sides, (pairs, 2), and how many have none."""
    import torch

    rows, columns = _places(source), _places(target)
    if dictionary is None:
        pairs = [(rows[word], columns[word]) for word in source.words if word in columns]
        return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2), 0
    pairs = [(rows[s], columns[t]) for s, t in dictionary if s in rows and t in columns]
    return torch.tensor(pairs, dtype=torch.long).reshape(-1, 2), len(dictionary) - len(pairs)
