"""Intervals of results over examples and seeds together, from the counts in their rows."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from unibridge.evaluation.records import Result

if TYPE_CHECKING:
    import numpy as np

Ends = tuple[float, float]


class Resampled:
    """Scores of results of one test set, on the same resamples of its examples.

    groups: the results of each row, one a seed. Rows without counts, or of other examples, have no
    intervals here.
    """

    def __init__(self, groups: Sequence[Sequence[Result]]) -> None:
        self._scores: list[Mapping[int, np.ndarray]] = [{} for _ in groups]
        counted = [(i, r) for i, group in enumerate(groups) for r in group if r.counts]
        if not counted:
            return
        from unibridge.evaluation.counts import unpacked
        from unibridge.metrics import METRICS, resampled_scores
        from unibridge.tasks import answers  # noqa: F401  (registers its metrics)

        newest = counted[-1][1]
        like = [
            (i, r)
            for i, r in counted
            if (r.metric, r.examples) == (newest.metric, newest.examples) and r.metric in METRICS
        ]
        if not like:
            return
        scores = resampled_scores([unpacked(r.counts) for _, r in like], METRICS[newest.metric])
        found: list[dict[int, np.ndarray]] = [{} for _ in groups]
        for column, (i, result) in enumerate(like):
            found[i][result.seed] = scores[:, column]
        # a row of which a seed is missing would be another row
        for i, group in enumerate(groups):
            if len(found[i]) == len(group):
                self._scores[i] = found[i]

    def interval(self, row: int) -> Ends | None:
        """95% of the row's mean scores when examples and seeds are drawn again."""
        return self._ends(self._scores[row])

    def difference(self, first: int, second: int) -> Ends | None:
        """95% of the first row less the second, on the same examples and under the same seeds."""
        own, other = self._scores[first], self._scores[second]
        return self._ends({seed: own[seed] - other[seed] for seed in own if seed in other})

    def _ends(self, by_seed: "Mapping[int, np.ndarray]") -> Ends | None:
        if not by_seed:
            return None
        import numpy as np

        from unibridge.metrics import interval_of, resampled_means

        return interval_of(resampled_means(np.stack([by_seed[s] for s in sorted(by_seed)], axis=1)))
