"""What could have been told beforehand: predictors of a pair beside its measured transfer score."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from unibridge.artifacts import read_json, write_json
from unibridge.comparison.intervals import spread
from unibridge.comparison.rankers import RANKERS
from unibridge.comparison.rankers.base import RankerSettings, RankRequest, lacking
from unibridge.comparison.scores import Matrix
from unibridge.comparison.settings import ComparisonSettings
from unibridge.errors import UnibridgeError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from unibridge.models.base import BaseModel

Table = Mapping[str, Mapping[tuple[str, str], float]]
"""predictor -> (source, target) -> its number, higher for what should help more."""

FILE = "predictors.json"
TOP = 3
MOST_RELEVANT = 10
FITTED, ELSEWHERE, CHANCE = "all, fitted", "gains elsewhere", "chance"


@dataclass(frozen=True)
class Predicted:
    """table: what was computed. left_out: predictor -> why it was not."""

    table: Table
    left_out: Mapping[str, str]


def predict(
    sources: Sequence[str],
    targets: Sequence[str],
    texts: Mapping[str, Sequence[str]],
    *,
    base: "BaseModel | None" = None,
    tokenizer: "PreTrainedTokenizerBase | None" = None,
    rankers: Sequence[str] = (),
    settings: RankerSettings | None = None,
    progress: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> Predicted:
    """Every ranker's number for every pair of two languages.

    tokenizer: the base's, where there is no base. rankers: by name; none given: all registered ones
    but `none`. One that lacks something, such as text of a language, is left out with the reason.
    """
    tokenizer = base.tokenizer if base else tokenizer
    names = list(rankers) or [name for name in RANKERS if name != "none"]
    table: dict[str, dict[tuple[str, str], float]] = {}
    left_out = {}
    kept: dict = {}
    for name in names:
        ranker = RANKERS.resolve(name)
        if why := lacking(ranker, texts, base, tokenizer):
            left_out[name] = why
            continue
        found: dict[tuple[str, str], float] = {}
        for number, target in enumerate(targets):
            progress(name, number, len(targets))
            others = tuple(source for source in sources if source != target)
            request = RankRequest(
                *(target, others, texts, base, tokenizer), settings or RankerSettings(), kept
            )
            try:
                said = ranker(request)
            except UnibridgeError as error:
                left_out.setdefault(name, str(error))
                continue
            found |= {(source, target): value for source, value in said.items()}
        if found:
            table[name] = found
    return Predicted(table, {name: why for name, why in left_out.items() if name not in table})


def write_predictors(folder: Path, table: Table) -> None:
    """Keep predictors with a study, for its report and for `unibridge sources`."""
    content = {
        name: {f"{s} {t}": value for (s, t), value in pairs.items()}
        for name, pairs in table.items()
    }
    write_json(folder / FILE, content)


def read_predictors(folder: Path) -> Table:
    """What `write_predictors` kept; empty where nothing was."""
    if not (folder / FILE).exists():
        return {}
    found = {}
    for name, pairs in read_json(folder / FILE).items():
        if name == "overlap":
            continue  # of words or of pieces, which that name did not say
        split = ((tuple(pair.split(" ")), float(value)) for pair, value in pairs.items())
        found[name] = {(s, t): value for (s, t), value in split}
    return found


def matrix_of(pairs: Mapping[tuple[str, str], float], matrix: Matrix) -> np.ndarray:
    """A predictor in a matrix's shape, NaN where it says nothing."""
    return np.array(
        [[pairs.get((s, t), np.nan) for t in matrix.targets] for s in matrix.sources]
    ).reshape(len(matrix.sources), len(matrix.targets))


# ---------------------------------------------------------------------------------------------
# Correlation
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Correlation:
    """rho: Spearman's over all pairs, with the ends of its interval, -1 to 1.

    within: mean over targets of Spearman's over their sources, which is what choosing a source
    needs, with its interval. pairs: how many both have.
    """

    predictor: str
    rho: float
    low: float
    high: float
    within: float
    within_low: float
    within_high: float
    pairs: int


def correlations(
    matrix: Matrix, table: Table, settings: ComparisonSettings, *, resamples: int = 500
) -> list[Correlation]:
    """Each predictor with the transfer scores of one model's matrix.

    Models are never pooled, which can turn a sign. The interval of `rho` is from resampling
    transfer languages and targets, both at once, since pairs that share a language are not
    independent; that of `within` is over the targets.
    """
    found = []
    chance = np.random.default_rng(settings.seed)
    lines, columns = matrix.gain.shape
    drawn = [
        np.ix_(chance.integers(lines, size=lines), chance.integers(columns, size=columns))
        for _ in range(resamples)
    ]
    for name, pairs in table.items():
        values = matrix_of(pairs, matrix)
        known = np.isfinite(values) & np.isfinite(matrix.across)
        if known.sum() < 4:
            continue
        # ranked once: a resample is Pearson's coefficient of the ranks
        first, second = _ranked(values, known), _ranked(matrix.across, known)
        again = [_pearson(first[part], second[part]) for part in drawn]
        each = np.array([_spearman(values[:, i], matrix.across[:, i]) for i in range(columns)])
        found.append(
            Correlation(
                name,
                _pearson(first, second),
                *_ends(again, settings.level),
                *_mean_with_ends(each, settings.level),
                int(known.sum()),
            )
        )
    return sorted(found, key=lambda one: -np.nan_to_num(one.within))


def _ranked(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    ranks = np.full(values.shape, np.nan)
    ranks[known] = stats.rankdata(values[known])
    return ranks


def _pearson(first: np.ndarray, second: np.ndarray) -> float:
    both = np.isfinite(first) & np.isfinite(second)
    if both.sum() < 3 or min(first[both].std(), second[both].std()) == 0:
        return np.nan
    return float(np.corrcoef(first[both], second[both])[0, 1])


def _spearman(first: np.ndarray, second: np.ndarray) -> float:
    both = np.isfinite(first) & np.isfinite(second)
    return _pearson(_ranked(first, both), _ranked(second, both)) if both.sum() > 2 else np.nan


def _mean_with_ends(
    values: np.ndarray, level: float, least: float = -1.0
) -> tuple[float, float, float]:
    """The mean of what is known, and a t interval of it, cut to what can be: least to 1."""
    known = values[np.isfinite(values)]
    if not len(known):
        return np.nan, np.nan, np.nan
    part, freedom = spread(known)
    mean, reach = float(known.mean()), float(stats.t.ppf((1 + level) / 2, freedom) * part**0.5)
    # what is unknown stays so
    return mean, float(np.maximum(least, mean - reach)), float(np.minimum(1.0, mean + reach))


def _ends(values: Sequence[float], level: float) -> tuple[float, float]:
    known = np.array(values)[np.isfinite(values)]
    if len(known) < 2:
        return np.nan, np.nan
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


# ---------------------------------------------------------------------------------------------
# How well they rank
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Quality:
    """ndcg: mean over targets of NDCG@3, 0 to 1, with its interval over the targets."""

    predictor: str
    ndcg: float
    low: float
    high: float
    targets: int


def ndcg(predicted: np.ndarray, gains: np.ndarray, *, top: int = TOP) -> float:
    """NDCG@top of one target's sources, both (sources,); NaN with fewer than two that both have.

    As LangRank's: the best source has relevance 10, the next 9, and so on down to 0, and a gain of
    2^relevance - 1. Sources that are predicted alike share their places' mean.
    """
    both = np.isfinite(predicted) & np.isfinite(gains)
    if both.sum() < 2:
        return np.nan
    predicted, gains = predicted[both], gains[both]
    relevance = np.maximum(0, MOST_RELEVANT + 1 - stats.rankdata(-gains, method="min"))
    worth = 2.0**relevance - 1
    top = min(top, len(worth))
    discount = np.zeros(len(worth))
    discount[:top] = 1 / np.log2(np.arange(2, top + 2))
    order = np.argsort(-predicted, kind="stable")
    shared = discount.copy()
    for value in np.unique(predicted):
        tied = predicted[order] == value
        shared[tied] = discount[tied].mean()
    return float((worth[order] * shared).sum() / (np.sort(worth)[::-1] * discount).sum())


def qualities(matrix: Matrix, table: Table, settings: ComparisonSettings) -> list[Quality]:
    """How well each predictor ranks the sources of the studied targets, best first.

    Beside the predictors: `chance`; the sources' mean gain on the other targets; and a ridge
    regression on all predictors, fitted on the other targets. Both leave the target out that they
    rank.
    """
    values = {name: matrix_of(pairs, matrix) for name, pairs in table.items()}
    values[CHANCE] = np.zeros(matrix.gain.shape)
    values[ELSEWHERE] = elsewhere(matrix)
    if len(table) > 1:
        shaped = {name: values[name] for name in table}
        values[FITTED] = np.column_stack(
            [
                fitted(matrix.across, shaped, without=i)({n: v[:, i] for n, v in shaped.items()})
                for i in range(len(matrix.targets))
            ]
        )
    found = []
    for name, predicted in values.items():
        each = np.array(
            [ndcg(predicted[:, i], matrix.across[:, i]) for i in range(len(matrix.targets))]
        )
        if known := int(np.isfinite(each).sum()):
            found.append(Quality(name, *_mean_with_ends(each, settings.level, 0.0), known))
    return sorted(found, key=lambda one: -one.ndcg)


def elsewhere(matrix: Matrix) -> np.ndarray:
    """(sources, targets): a source's mean gain over all targets but this one and itself."""
    known = np.isfinite(matrix.across)
    gains = np.where(known, matrix.across, 0.0)
    number = known.sum(1, keepdims=True) - known
    others = (gains.sum(1, keepdims=True) - gains) / np.maximum(number, 1)
    return np.where(number > 0, others, np.nan)


Rule = Callable[[Mapping[str, np.ndarray]], np.ndarray]
"""predictor -> (sources,) of one target -> what is expected, in points above the target's mean."""


def fitted(
    gains: np.ndarray,
    values: Mapping[str, np.ndarray],
    *,
    without: int | None = None,
    ridge: float = 1.0,
) -> Rule:
    """A ridge regression of gains on all predictors over all targets but the column `without`.

    gains, each of values: (sources, targets). Both are taken less their mean over a target's
    sources, and predictors in their standard deviations there, so that what is learnt is which
    source, and not which target. A predictor that says nothing of a pair counts as average.
    """
    names = list(values)
    rows, wanted = [np.zeros((0, len(names)))], [np.zeros(0)]
    for column in range(gains.shape[1]):
        known = np.isfinite(gains[:, column])
        if column == without or not known.any():
            continue
        rows.append(_standard({n: v[:, column] for n, v in values.items()}, names)[known])
        wanted.append(gains[known, column] - gains[known, column].mean())
    features, aims = np.concatenate(rows), np.concatenate(wanted)
    penalty = ridge * np.eye(len(names))
    slopes = np.linalg.solve(features.T @ features + penalty, features.T @ aims)

    def rule(of_target: Mapping[str, np.ndarray]) -> np.ndarray:
        return _standard(of_target, names) @ slopes

    return rule


def _standard(values: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    """(sources, predictors), each of mean 0 and deviation 1 over what is known; 0 elsewhere."""
    columns = []
    for name in names:
        one = np.asarray(values[name], dtype=float)
        known = np.isfinite(one)
        scaled = np.zeros(len(one))
        if known.sum() > 1 and one[known].std() > 0:
            scaled[known] = (one[known] - one[known].mean()) / one[known].std()
        columns.append(scaled)
    return np.column_stack(columns)
