"""Everything a report says of one model, computed once."""

from collections.abc import Mapping
from dataclasses import dataclass

from unibridge.comparison.claims import Evidence, Verdict, judge
from unibridge.comparison.interference import Interference, interference
from unibridge.comparison.languages import Kin, Seen, kin_of, seen_by
from unibridge.comparison.predictors import Table, read_predictors
from unibridge.comparison.rankings import Pair, Ranked, consistent_pairs, donors, recipients
from unibridge.comparison.rows import Study
from unibridge.comparison.scores import Matrix, headline_steps, transfer_matrices
from unibridge.comparison.settings import ComparisonSettings, settings_of
from unibridge.text.languages import language


@dataclass(frozen=True)
class Analysis:
    """One model's part of a study.

    steps: task -> step count -> matrix of tuned encoders. controls: (task, kind) -> step count ->
    matrix. headline: the step count that is shown first. further: tasks that are another's further
    metric. names, kin: of every language.
    """

    model: str
    study: Study
    settings: ComparisonSettings
    steps: Mapping[str, Mapping[int, Matrix]]
    controls: Mapping[tuple[str, str], Mapping[int, Matrix]]
    headline: int
    seen: Seen
    names: Mapping[str, str]
    kin: Mapping[str, Kin]
    pairs: list[Pair]
    fused: list[Interference]
    predictors: Table

    @property
    def all(self) -> list[Matrix]:
        """Every matrix, controls too."""
        return [
            m for steps in (*self.steps.values(), *self.controls.values()) for m in steps.values()
        ]

    @property
    def main(self) -> dict[str, Matrix]:
        """task -> its headline matrix, further metrics left out."""
        return {t: m for t, m in self.matrices.items() if t not in self.study.further}

    @property
    def matrices(self) -> dict[str, Matrix]:
        """task -> its matrix at the headline's step count, or at the nearest that it has."""
        return {
            task: steps[min(steps, key=lambda count: abs(count - self.headline))]
            for task, steps in self.steps.items()
        }

    @property
    def verdicts(self) -> dict[str, list[Verdict]]:
        """task -> what it says of every claim."""
        return {
            task: judge(Evidence(matrix, self.steps[task], self.seen.of), self.settings)
            for task, matrix in self.main.items()
        }

    @property
    def donors(self) -> dict[str, list[Ranked]]:
        """task -> transfer languages, best first."""
        return {task: donors(matrix, self.settings) for task, matrix in self.main.items()}

    @property
    def recipients(self) -> dict[str, list[Ranked]]:
        """task -> targets, those that gain most first."""
        return {task: recipients(matrix, self.settings) for task, matrix in self.main.items()}


def analyse(study: Study, settings: ComparisonSettings | None = None) -> list[Analysis]:
    """Every model of a study by itself. settings: unset: those of its plan."""
    settings = settings or settings_of(study.plan)
    matrices = transfer_matrices(study, settings)
    fused = interference(study, settings)
    predictors = read_predictors(study.folder)
    found = []
    for model in study.models:
        own = [matrix for matrix in matrices if matrix.model == model]
        steps: dict[str, dict[int, Matrix]] = {}
        controls: dict[tuple[str, str], dict[int, Matrix]] = {}
        for matrix in own:
            if matrix.kind == "tuned":
                steps.setdefault(matrix.task, {})[matrix.steps] = matrix
            else:
                controls.setdefault((matrix.task, matrix.kind), {})[matrix.steps] = matrix
        mine = [one for one in fused if one.model == model]
        codes = dict.fromkeys(
            code
            for score in study.scores
            if score.model == model
            for code in (*score.transfer, score.target)
        )
        main = [m for m in own if m.task not in study.further]
        found.append(
            Analysis(
                *(model, study, settings, steps, controls, headline_steps(own, settings)),
                seen_by(study, model, codes, settings),
                {code: language(code).name for code in codes},
                {code: kin_of(code) for code in codes},
                consistent_pairs(main, settings),
                mine,
                predictors,
            )
        )
    return found
