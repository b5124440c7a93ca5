"""The published study's four claims, each judged by a rule: holds, does not, not settled.

A claim is settled only where chance is ruled out at `alpha`, in training, in test examples and in
the choice of languages, which takes two seeds and two languages on either side; what the rules ask
of the numbers is in `ComparisonSettings`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from unibridge.comparison.groups import difference, everything, two_by_two
from unibridge.comparison.intervals import Estimate, mean_estimate
from unibridge.comparison.scores import Matrix
from unibridge.comparison.settings import LEAST_SEEDS, ComparisonSettings
from unibridge.report.tables import decimal

HOLDS, FAILS, OPEN = "holds", "does not hold", "not settled"


@dataclass(frozen=True)
class Verdict:
    """claim: in a sentence. verdict: holds, does not hold, not settled. because: with numbers."""

    claim: str
    verdict: str
    because: str


@dataclass(frozen=True)
class Evidence:
    """What claims are judged by: the headline matrices of one model and task, and its other steps.

    steps: step count -> matrix of tuned encoders. seen: code -> whether the base has seen it.
    """

    matrix: Matrix
    steps: Mapping[int, Matrix]
    seen: Mapping[str, bool]


def judge(evidence: Evidence, settings: ComparisonSettings) -> list[Verdict]:
    """Every claim about one model and task."""
    return [claim(evidence, settings) for claim in CLAIMS]


def said(value: Estimate) -> str:
    """A mean with its interval."""
    mean = decimal(value.value, 2)
    if not value.known:
        return mean
    return f"{mean} [{decimal(value.low, 2)}, {decimal(value.high, 2)}]"


def no_universal_donor(evidence: Evidence, settings: ComparisonSettings) -> Verdict:
    """Holds where every transfer language surely harms a target; fails where one helps them all.

    Harm of a language is the smallest of its targets' one-sided p, times their number; that every
    language harms is as sure as the least sure of them. That one helps all is as sure as its least
    sure target, times the number of languages (both intersection-union tests).
    """
    claim = "No transfer language helps all targets."
    matrix = evidence.matrix
    upper = _one_sided(matrix)
    lower = 1 - upper
    tried, harms, helps_all = [], [], []
    for line in range(len(matrix.sources)):
        tested = np.isfinite(upper[line])
        if tested.any():
            tried.append(matrix.sources[line])
            harms.append(min(1.0, tested.sum() * float(lower[line][tested].min())))
            # a target that is missing or untested is not known to be helped
            complete = tested.sum() == (~matrix.own[line]).sum()
            helps_all.append(float(upper[line][tested].max()) if complete else 1.0)
    if not harms:
        return Verdict(claim, OPEN, f"No pair could be tested: {_SEEDS}")
    if len(harms) < 2:
        return Verdict(claim, OPEN, "The study has one transfer language with a test.")
    harmful = sum(p < settings.alpha for p in harms)
    counted = f"{harmful} of {len(harms)} transfer languages surely harm a target"
    best = int(np.argmin(helps_all))
    if helps_all[best] * len(helps_all) < settings.alpha:
        return Verdict(claim, FAILS, f"{tried[best]} surely helps every target.")
    if max(harms) < settings.alpha:
        return Verdict(claim, HOLDS, f"{counted}; none surely helps all.")
    return Verdict(claim, OPEN, f"{counted}; none surely helps all.")


def unseen_gain_from_any(evidence: Evidence, settings: ComparisonSettings) -> Verdict:
    """Holds where the share of pairs into unseen targets that surely gain is surely `almost` all.

    Fails where so many surely lose that `almost` cannot be reached. Transfer languages and targets
    are both taken as drawn.
    """
    claim = "Targets unseen in pretraining gain from almost any transfer language."
    matrix, alpha = evidence.matrix, settings.alpha
    columns = [i for i, code in enumerate(matrix.targets) if evidence.seen.get(code) is False]
    tested = np.isfinite(matrix.q) & ~matrix.own
    columns = [i for i in columns if tested[:, i].any()]
    if not columns:
        return Verdict(claim, OPEN, "No unseen target with a test is in the study.")
    gain, lose, positive = (
        np.where(tested, mask, np.nan)[:, columns]
        for mask in (matrix.helped(alpha), matrix.harmed(alpha), matrix.across > 0)
    )
    most, least = _at_least(gain, alpha), _at_least(lose, alpha)
    sure = f" (of such pairs at least {most:.0%})" if most > 0 else ""
    because = (
        f"Of {int(tested[:, columns].sum())} pairs into {len(columns)} unseen targets "
        f"{np.nanmean(gain):.0%} surely gain{sure} and {np.nanmean(lose):.0%} surely lose; "
        f"{np.nanmean(positive):.0%} are above the baseline at all. 'Almost any' is "
        f"{settings.almost:.0%}."
    )
    if most >= settings.almost:
        return Verdict(claim, HOLDS, because)
    if least >= 1 - settings.almost:
        return Verdict(claim, FAILS, because)
    return Verdict(claim, OPEN, because)


def unseen_helps_unseen(evidence: Evidence, settings: ComparisonSettings) -> Verdict:
    """Holds where unseen to unseen surely gains and unseen to seen surely stays below `hardly`.

    Fails where the first surely does not gain, or the second surely gains more than `hardly`.
    """
    claim = "Unseen languages help unseen ones, and hardly seen ones."
    if _one_seed(evidence.matrix):
        return Verdict(claim, OPEN, f"Nothing could be tested: {_SEEDS}")
    table = two_by_two(evidence.matrix, evidence.seen, settings)
    unseen, seen = table[False, False], table[False, True]
    if not unseen.pairs or not seen.pairs:
        return Verdict(claim, OPEN, "The study has no pairs of one of the two kinds.")
    because = (
        f"Unseen to unseen {said(unseen.gain)} points over {unseen.pairs} pairs, unseen to seen "
        f"{said(seen.gain)} over {seen.pairs}; 'hardly' is below {settings.hardly:g}."
    )
    bound = settings.hardly
    gains, loses = _sure(unseen.gain, 0.0, settings), _sure(unseen.gain, 0.0, settings, below=True)
    hardly, much = _sure(seen.gain, bound, settings, below=True), _sure(seen.gain, bound, settings)
    verdict = HOLDS if gains and hardly else FAILS if loses or much else OPEN
    return Verdict(claim, verdict, because)


def few_steps_suffice(evidence: Evidence, settings: ComparisonSettings) -> Verdict:
    """Holds where few steps surely gain, and surely `enough` of what the most steps gain.

    Fails where the most steps surely gain and few surely have less than that share of it.
    """
    claim = f"Few steps suffice ({settings.few} or fewer)."
    few = max((s for s in evidence.steps if s <= settings.few), default=None)
    most = max(evidence.steps, default=0)
    if few is None or most <= settings.few:
        return Verdict(claim, OPEN, "The study has no two step counts to compare.")
    if _one_seed(evidence.steps[few]) or _one_seed(evidence.steps[most]):
        return Verdict(claim, OPEN, f"Nothing could be tested: {_SEEDS}")
    first, last = (everything(evidence.steps[s], settings).gain for s in (few, most))
    share = settings.enough
    ahead = difference(
        evidence.steps[few], evidence.steps[most], settings, lambda a, b: a - share * b
    )
    because = (
        f"All pairs: {said(first)} points after {few} steps, {said(last)} after {most}; few less "
        f"{share:.0%} of most is {said(ahead)}."
    )
    if _sure(first, 0.0, settings) and _sure(ahead, 0.0, settings):
        return Verdict(claim, HOLDS, because)
    if _sure(last, 0.0, settings) and _sure(ahead, 0.0, settings, below=True):
        return Verdict(claim, FAILS, because)
    return Verdict(claim, OPEN, because)


Claim = Callable[[Evidence, ComparisonSettings], Verdict]
CLAIMS: tuple[Claim, ...] = (
    no_universal_donor,
    unseen_gain_from_any,
    unseen_helps_unseen,
    few_steps_suffice,
)


def _one_sided(matrix: Matrix) -> np.ndarray:
    """(sources, targets): p of a target that does not gain; NaN on `own` and where untested."""
    tested = np.isfinite(matrix.p) & ~matrix.own
    half = matrix.p / 2
    return np.where(tested, np.where(matrix.gain > 0, half, 1 - half), np.nan)


def _sure(
    value: Estimate, bound: float, settings: ComparisonSettings, *, below: bool = False
) -> bool:
    """Whether a mean is surely above a bound, or below it."""
    p = value.exceeds(bound)
    # half, so that what is sure is what the interval shows
    return bool((1 - p if below else p) < settings.alpha / 2) if np.isfinite(p) else False


_SEEDS = f"a test needs {LEAST_SEEDS} seeds."


def _one_seed(matrix: Matrix) -> bool:
    """Whether no pair has seeds enough, so that nothing is known of chance in training."""
    return int(np.isfinite(matrix.by_seed).sum(2).max(initial=0)) < LEAST_SEEDS


def _at_least(hits: np.ndarray, alpha: float) -> float:
    """What a share of pairs surely reaches, languages drawn on both sides; NaN of a single one.

    hits: (sources, targets), 1 or 0, NaN of pairs that do not count.
    """
    share = mean_estimate(hits, (0, 1))
    if not share.known:
        return np.nan
    if share.error:
        return share.value - float(stats.t.isf(alpha / 2, share.freedom)) * share.error
    # no language differs from another: Clopper and Pearson's exact bound, over the pairs
    number, hit = int(np.isfinite(hits).sum()), int(np.nansum(hits))
    return float(stats.beta.ppf(alpha / 2, hit, number - hit + 1)) if hit else 0.0
