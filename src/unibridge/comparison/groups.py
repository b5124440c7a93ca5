"""Mean transfer scores of groups of pairs: seen and unseen, families, genera, scripts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unibridge.comparison.intervals import Estimate, mean_estimate
from unibridge.comparison.languages import UNKNOWN, Kin
from unibridge.comparison.scores import Matrix
from unibridge.comparison.settings import ComparisonSettings


@dataclass(frozen=True)
class Group:
    """gain: mean over its pairs, which are taken as drawn from languages like these, on both sides.

    pairs: how many have a score; helped, harmed: how many surely gain and lose. sources, targets:
    how many languages.
    """

    name: str
    gain: Estimate
    pairs: int
    helped: int
    harmed: int
    sources: int
    targets: int


def group_of(matrix: Matrix, name: str, member: np.ndarray, settings: ComparisonSettings) -> Group:
    """The pairs of a mask (sources, targets); a language with itself is never among them."""
    values = np.where(member, matrix.across, np.nan)
    there = np.isfinite(values)
    gain = mean_estimate(values, (0, 1), level=settings.level)
    return Group(
        name,
        gain,
        int(there.sum()),
        int((matrix.helped(settings.alpha) & there).sum()),
        int((matrix.harmed(settings.alpha) & there).sum()),
        int(there.any(1).sum()),
        int(there.any(0).sum()),
    )


Side = tuple[bool, bool]
"""(source was seen, target was seen)"""


def two_by_two(
    matrix: Matrix, seen: Mapping[str, bool], settings: ComparisonSettings
) -> dict[Side, Group]:
    """Seen and unseen sources by seen and unseen targets, of languages that this is known of."""
    return {
        (source, target): group_of(
            matrix,
            f"{_word(source)} to {_word(target)}",
            np.outer(
                [seen.get(code) is source for code in matrix.sources],
                [seen.get(code) is target for code in matrix.targets],
            ),
            settings,
        )
        for source in (True, False)
        for target in (True, False)
    }


def _word(seen: bool) -> str:
    return "seen" if seen else "unseen"


def by_kin(
    matrix: Matrix, kin: Mapping[str, Kin], part: str, settings: ComparisonSettings
) -> list[Group]:
    """Pairs that share a family, genus or script (`part`), those that do not, then by the target's.

    Languages whose part is unknown are left out of both comparisons.
    """
    sources = [getattr(kin[code], part) for code in matrix.sources]
    targets = [getattr(kin[code], part) for code in matrix.targets]
    both = np.outer([s != UNKNOWN for s in sources], [t != UNKNOWN for t in targets])
    same = np.array([[s == t for t in targets] for s in sources])
    found = [
        group_of(matrix, f"the same {part}", same & both, settings),
        group_of(matrix, f"another {part}", ~same & both, settings),
    ]
    for name in sorted({*targets} - {UNKNOWN}):
        of_target = np.outer(np.ones(len(sources), bool), [t == name for t in targets])
        found.append(group_of(matrix, f"to {name}", of_target, settings))
    return [group for group in found if group.pairs]


def everything(matrix: Matrix, settings: ComparisonSettings) -> Group:
    """All pairs of two languages."""
    return group_of(matrix, "all pairs", np.ones(matrix.gain.shape, bool), settings)


def difference(
    matrix: Matrix,
    other: Matrix,
    settings: ComparisonSettings,
    weigh: Callable[[np.ndarray, np.ndarray], np.ndarray] = np.subtract,
) -> Estimate:
    """The mean over pairs that both have of `weigh(gain, the other's gain)`."""
    mine, theirs = _together(matrix, other)
    return mean_estimate(weigh(mine, theirs), (0, 1), level=settings.level)


@dataclass(frozen=True)
class Beside:
    """Means of the same pairs and seeds: tuned on a language, on the control's text, the first less
    the second. sources: the transfer languages.
    """

    sources: tuple[str, ...]
    tuned: Estimate
    control: Estimate
    ahead: Estimate


def beside_control(matrix: Matrix, control: Matrix, settings: ComparisonSettings) -> Beside:
    """What tuning adds to a control, by source, target and seed; targets and seeds are drawn.

    Words in random order stand beside the same languages as they are, the mix of all beside each.
    Several transfer languages are drawn, too.
    """
    mixed = control.kind == "mixed"
    sources = tuple(code for code in matrix.sources if mixed or code in control.sources)
    targets = [code for code in matrix.targets if code in control.targets]
    seeds = [seed for seed in matrix.seeds if seed in control.seeds]

    def part(one: Matrix, lines: Sequence[int]) -> np.ndarray:
        columns = [one.targets.index(code) for code in targets]
        return one.by_seed[np.ix_(lines, columns, [one.seeds.index(seed) for seed in seeds])]

    mine = part(matrix, [matrix.sources.index(code) for code in sources])
    own = np.array([[s == t for t in targets] for s in sources]).reshape(mine.shape[:2])
    theirs = part(control, [0 if mixed else control.sources.index(code) for code in sources])
    both = np.isfinite(mine) & np.isfinite(theirs) & ~own[..., None]
    axes = (0, 1, 2) if len(sources) > 1 else (1, 2)
    tuned, beside, ahead = (
        mean_estimate(np.where(both, values, np.nan), axes, level=settings.level)
        for values in (mine, theirs, mine - theirs)
    )
    return Beside(sources, tuned, beside, ahead)


def _together(matrix: Matrix, other: Matrix) -> tuple[np.ndarray, np.ndarray]:
    sources = [code for code in matrix.sources if code in other.sources]
    targets = [code for code in matrix.targets if code in other.targets]

    def part(one: Matrix) -> np.ndarray:
        lines: Sequence[int] = [one.sources.index(code) for code in sources]
        columns: Sequence[int] = [one.targets.index(code) for code in targets]
        return one.across[np.ix_(lines, columns)]

    return part(matrix), part(other)
