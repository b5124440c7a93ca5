"""Which source should I take? Candidates ranked for a target, from a study or from predictors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from unibridge.comparison.intervals import Estimate
from unibridge.comparison.predictors import (
    ELSEWHERE,
    FITTED,
    Quality,
    Table,
    fitted,
    matrix_of,
    qualities,
)
from unibridge.comparison.rankings import SCALES
from unibridge.comparison.scores import Matrix
from unibridge.comparison.settings import ComparisonSettings
from unibridge.errors import UnibridgeError
from unibridge.text.languages import canonical

MEASURED = "measured"
PREFERRED = ("nearest", "piece-overlap", "word-overlap", "featural", "genetic", "size")
"""Without a study, the first of these that could be computed: as their papers rank them."""


@dataclass(frozen=True)
class Suggestion:
    """score: what it is ranked by. gains: task -> measured transfer score to this target, q."""

    source: str
    score: float
    gains: Mapping[str, tuple[Estimate, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Advice:
    """suggestions: best first. by: `MEASURED`, or the predictor that ranks. why: in a sentence.

    qualities: task -> how well each predictor ranked the studied targets. unranked: candidates
    that nothing is known of.
    """

    target: str
    by: str
    why: str
    suggestions: list[Suggestion]
    qualities: Mapping[str, list[Quality]] = field(default_factory=dict)
    unranked: list[str] = field(default_factory=list)


def advise(
    target: str,
    candidates: Sequence[str],
    *,
    matrices: Mapping[str, Matrix],
    studied: Table,
    predicted: Table,
    settings: ComparisonSettings,
    ranker: str | None = None,
) -> Advice:
    """Rank candidates for a target, itself left out.

    matrices: task -> a model's matrix at the headline's step count; none without a study. studied:
    predictors of the studied pairs. predicted: of the candidates for this target. ranker: a
    predictor to rank by, whatever is measured. A target that the study has is ranked by its own
    transfer scores, another by what ranked the studied targets best with each left out in turn.
    Tasks are put together by rank.
    """
    candidates = [code for code in candidates if canonical(code) != canonical(target)]
    if not candidates:
        raise UnibridgeError("there is no candidate but the target itself", where=target)
    quality = {task: qualities(m, studied, settings) for task, m in matrices.items()}
    own = {task: _column(matrix, target, candidates) for task, matrix in matrices.items()}
    own = {task: values for task, values in own.items() if np.isfinite(values).any()}
    if own and ranker is None:
        scores = _together(list(own.values()))
        why = "by what tuning on each was worth to this very target"
        return _advice(target, MEASURED, why, candidates, scores, matrices, quality)
    usable = [name for name in predicted if any((c, target) in predicted[name] for c in candidates)]
    if ranker is not None:
        if ranker not in usable:
            known = ", ".join(sorted(usable)) or "none"
            raise UnibridgeError(f"{ranker!r} could not be computed", do=f"choose among: {known}")
        by, why = ranker, "as was asked for"
    elif matrices:
        by, why = _best(quality, {*usable, ELSEWHERE, *([FITTED] if len(usable) > 1 else [])})
    else:
        found = [name for name in (*PREFERRED, *usable) if name in usable]
        if not found:
            raise UnibridgeError(
                "nothing could be computed that ranks the candidates",
                do="give their text and the target's, a base model, or a study",
            )
        by, why = found[0], "no study says what ranks best; with one, that is used"
    values = {name: _of_target(predicted[name], target, candidates) for name in usable}
    if by in values:
        scores = values[by]
    else:
        scores = _together(
            [_learnt(by, matrix, studied, values, candidates) for matrix in matrices.values()]
        )
    return _advice(target, by, why, candidates, scores, matrices, quality)


def _best(quality: Mapping[str, list[Quality]], usable: set[str]) -> tuple[str, str]:
    """The usable predictor whose mean NDCG over tasks is the highest."""
    each: dict[str, list[float]] = {}
    for found in quality.values():
        for one in found:
            if one.predictor in usable:
                each.setdefault(one.predictor, []).append(one.ndcg)
    if not each:
        raise UnibridgeError("the study has no pair to learn from", do="rank without it")
    means = {name: float(np.mean(own)) for name, own in each.items()}
    best = max(means, key=means.__getitem__)
    return best, f"it ranked the studied targets best, NDCG@3 {means[best]:.2f}, each left out"


def _learnt(
    by: str,
    matrix: Matrix,
    studied: Table,
    values: Mapping[str, np.ndarray],
    candidates: Sequence[str],
) -> np.ndarray:
    """What a whole study teaches of a target that it does not have."""
    if by == ELSEWHERE:
        known = np.isfinite(matrix.across)
        sums = np.where(known, matrix.across, 0).sum(1)
        means = np.where(known.any(1), sums / np.maximum(known.sum(1), 1), np.nan)
        of = {canonical(code): value for code, value in zip(matrix.sources, means, strict=True)}
        return np.array([of.get(canonical(code), np.nan) for code in candidates])
    both = [name for name in values if name in studied]
    rule = fitted(matrix.across, {name: matrix_of(studied[name], matrix) for name in both})
    return rule({name: values[name] for name in both})


def _column(matrix: Matrix, target: str, candidates: Sequence[str]) -> np.ndarray:
    """(candidates,): measured gains of a target, NaN where there are none."""
    columns = {canonical(code): i for i, code in enumerate(matrix.targets)}
    lines = {canonical(code): i for i, code in enumerate(matrix.sources)}
    column = columns.get(canonical(target))
    places = [lines.get(canonical(code)) for code in candidates]
    if column is None:
        return np.full(len(candidates), np.nan)
    return np.array([np.nan if i is None else matrix.gain[i, column] for i in places])


def _of_target(
    pairs: Mapping[tuple[str, str], float], target: str, candidates: Sequence[str]
) -> np.ndarray:
    return np.array([pairs.get((code, target), np.nan) for code in candidates])


def _together(columns: Sequence[np.ndarray]) -> np.ndarray:
    """One task's values as they are, of several the mean of ranks."""
    if len(columns) == 1:
        return columns[0]
    scaled = np.full((len(columns), len(columns[0])), np.nan)
    for row, values in zip(scaled, columns, strict=True):
        known = np.isfinite(values)
        row[known] = SCALES["rank"](values[known]) if known.sum() > 1 else 0.5
    known = np.isfinite(scaled)
    sums = np.where(known, scaled, 0).sum(0)
    return np.where(known.any(0), sums / np.maximum(known.sum(0), 1), np.nan)


def _advice(
    target: str,
    by: str,
    why: str,
    candidates: Sequence[str],
    scores: np.ndarray,
    matrices: Mapping[str, Matrix],
    quality: Mapping[str, list[Quality]],
) -> Advice:
    found = []
    for code, score in zip(candidates, scores, strict=True):
        if np.isfinite(score):
            found.append(Suggestion(code, float(score), _measured(matrices, code, target)))
    found.sort(key=lambda one: (-one.score, one.source))
    unranked = [c for c, score in zip(candidates, scores, strict=True) if not np.isfinite(score)]
    return Advice(target, by, why, found, quality, unranked)


def _measured(
    matrices: Mapping[str, Matrix], source: str, target: str
) -> dict[str, tuple[Estimate, float]]:
    found = {}
    for task, matrix in matrices.items():
        lines = {canonical(code): code for code in matrix.sources}
        columns = {canonical(code): code for code in matrix.targets}
        s, t = lines.get(canonical(source)), columns.get(canonical(target))
        if s is None or t is None:
            continue
        own = matrix.at(s, t)
        if np.isfinite(own.value):
            place = matrix.sources.index(s), matrix.targets.index(t)
            found[task] = own, float(matrix.q[place])
    return found
