"""One way on many target languages: its average, worst language, spread, and transfer gap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from unibridge.artifacts import write_bytes
from unibridge.comparison.intervals import Estimate, mean_estimate
from unibridge.comparison.languages import UNKNOWN, Kin, kin_of
from unibridge.comparison.wording import interval
from unibridge.errors import UnibridgeError
from unibridge.report.document import Block, Drawing, Fold, Section, html_page, markdown_page
from unibridge.report.figures import BLUE, GREY, INK, MUTED, ORANGE, STYLE
from unibridge.report.folder import Run, read_run
from unibridge.report.scores import MethodScore
from unibridge.report.tables import Cell, Table, decimal, whole
from unibridge.text.languages import language


@dataclass(frozen=True)
class Across:
    """One method on many targets, points of one metric.

    scores: target -> its score, the seeds' mean. mean: over targets, which are taken as drawn from
    languages like these. deviation: standard deviation between languages (its square is the
    variance). gap: mean over targets of the score on the sources' dev files less the target's
    (Hu et al. 2020, arXiv 2003.11080, who take English test sets); None where no source has one.
    ahead: mean over targets less the reference, paired by target.
    """

    method: str
    label: str
    scores: Mapping[str, MethodScore]
    mean: Estimate
    deviation: float
    gap: Estimate | None
    ahead: Estimate | None
    reference: bool

    @property
    def competes(self) -> bool:
        """Whether it is compared; floor and ceiling only bound what is."""
        return next(iter(self.scores.values())).competes

    @property
    def worst(self) -> str:
        """The target with the lowest score."""
        return min(self.scores, key=lambda code: self.scores[code].score)

    @property
    def best(self) -> str:
        """The target with the highest score."""
        return max(self.scores, key=lambda code: self.scores[code].score)

    @property
    def spread(self) -> float:
        """The best language's score less the worst's."""
        return self.scores[self.best].score - self.scores[self.worst].score

    def by(self, part: str, kin: Mapping[str, Kin]) -> dict[str, Estimate]:
        """family, genus or script of the targets -> mean score."""
        groups: dict[str, list[float]] = {}
        for code, score in self.scores.items():
            groups.setdefault(getattr(kin[code], part), []).append(score.score)
        return {
            # two languages say next to nothing of others like them
            name: mean_estimate(np.array(own), (0,))
            if len(own) > 2
            else Estimate(float(np.mean(own)))
            for name, own in sorted(groups.items())
        }


def read_runs(folder: Path) -> dict[str, Run]:
    """target -> its run, of every run in a folder. Raises UnibridgeError where there is none."""
    found = [read_run(path.parent) for path in sorted(folder.glob("*/run.json"))]
    if not found:
        raise UnibridgeError(
            "holds no run", where=folder, do="pass the folder of a run with several targets"
        )
    tasks = {str(run.about.get("task")) for run in found}
    if len(tasks) > 1:
        raise UnibridgeError(f"holds runs of several tasks ({', '.join(tasks)})", where=folder)
    return {run.target: run for run in found}


def across_targets(runs: Mapping[str, Run]) -> list[Across]:
    """Every method that was scored, as the runs list them; the best mean first."""
    scores: dict[str, dict[str, MethodScore]] = {}
    for target, run in runs.items():
        for score in run.scores:
            scores.setdefault(score.newest.method, {})[target] = score
    main = next((m for m, own in scores.items() if any(s.reference for s in own.values())), None)
    found = []
    for method, own in scores.items():
        values = np.array([score.score for score in own.values()])
        gaps = [
            source - score.score
            for target, score in own.items()
            if (source := source_score(runs[target], method)) is not None
        ]
        ahead = None
        if main is not None and method != main:
            both = [t for t in own if t in scores[main]]
            ahead = _mean([own[t].score - scores[main][t].score for t in both])
        found.append(
            Across(
                method,
                next(iter(own.values())).label,
                own,
                mean_estimate(values, (0,)),
                float(values.std(ddof=1)) if len(values) > 1 else np.nan,
                _mean(gaps),
                ahead,
                method == main,
            )
        )
    return sorted(found, key=lambda one: -one.mean.value)


def source_score(run: Run, method: str) -> float | None:
    """The mean score of a method's task training on the sources' dev files, 0 to 100.

    It is what training itself read after its last epoch; None without dev files.
    """
    each = [
        float(np.mean(list(scores.values())))
        for name in run.about.get("method_stages", {}).get(method, ())
        if name in run.stages and (scores := run.stages[name]["facts"].get("dev_scores"))
    ]
    return float(np.mean(each)) if each else None


def _mean(values: Sequence[float]) -> Estimate | None:
    return mean_estimate(np.array(values), (0,)) if len(values) else None


# ---------------------------------------------------------------------------------------------
# The page
# ---------------------------------------------------------------------------------------------


def write_targets_report(folder: Path | str) -> tuple[Path, Path]:
    """Write report.html and report.md (with report/*.png) over the runs in a folder."""
    folder = Path(folder)
    runs = read_runs(folder)
    found = across_targets(runs)
    if not found:
        raise UnibridgeError("no target has a score", where=folder, do="give target.test")
    first = next(iter(runs.values()))
    best = next((one for one in found if one.competes), found[0])
    lead = (
        f"{len(runs)} target languages: {best.label} has the best mean, "
        f"{decimal(best.mean.value)} {_metric(best)}; its worst language is "
        f"{_name(best.worst)} ({decimal(best.scores[best.worst].score)})."
    )
    kin = {code: kin_of(code) for code in runs}
    sections = [_averages(found), _languages(found, runs, kin), _groups(found, kin)]
    title = f"{first.about.get('task', 'Task')} in {len(runs)} languages"
    html_path, markdown_path = folder / "report.html", folder / "report.md"
    pictures = folder / "report"
    pictures.mkdir(exist_ok=True)
    write_bytes(markdown_path, markdown_page(title, lead, sections, pictures).encode())
    write_bytes(html_path, html_page(title, lead, sections).encode())
    return html_path, markdown_path


def _averages(found: Sequence[Across]) -> Section:
    rows: list[tuple[str | Cell, ...]] = [
        (
            Cell(one.label, strong=one.reference),
            _plain(one.mean),
            "" if one.ahead is None else interval(one.ahead),
            f"{_name(one.worst)} {decimal(one.scores[one.worst].score)}",
            decimal(one.deviation) if np.isfinite(one.deviation) else "",
            decimal(one.spread),
            "" if one.gap is None else interval(one.gap),
            whole(len(one.scores)),
        )
        for one in found
    ]
    heads = ("Method", "Average", "Less the reference", "Worst language", "Deviation", "Range")
    note = (
        f"{_metric(found[0])}, 0 to 100. Brackets: 95% interval over the languages, taken as drawn "
        "from languages like these. Deviation: standard deviation between languages. Range: best "
        "less worst. Transfer gap: score on the sources' dev files less the target's."
    )
    table = Table((*heads, "Transfer gap", "Languages"), "lrrlrrrr", rows, note=note)
    drawing = Drawing(
        language_strips(found),
        "languages",
        "Every language's score by method; the bar is the mean.",
    )
    return Section("All languages", [table, drawing])


def _languages(found: Sequence[Across], runs: Mapping[str, Run], kin: Mapping[str, Kin]) -> Section:
    order = sorted(runs, key=lambda code: (kin[code].family == UNKNOWN, kin[code].family, code))
    rows: list[tuple[str | Cell, ...]] = []
    for code in order:
        own = [one.scores.get(code) for one in found]
        top = max((score.score for score in own if score is not None), default=0.0)
        cells = ["" if s is None else Cell(decimal(s.score), strong=s.score == top) for s in own]
        rows.append((f"{_name(code)} ({code})", kin[code].family, *cells))
    heads = ("Language", "Family", *(one.label for one in found))
    table = Table(heads, "ll" + "r" * len(found), rows)
    return Section("By language", [table])


def _groups(found: Sequence[Across], kin: Mapping[str, Kin]) -> Section:
    blocks: list[Block] = []
    for part in ("family", "genus", "script"):
        names = sorted({getattr(kin[code], part) for one in found for code in one.scores})
        means = [one.by(part, kin) for one in found]
        rows: list[tuple[str | Cell, ...]] = [
            (
                name,
                whole(sum(getattr(own, part) == name for own in kin.values())),
                *(_plain(each[name]) if name in each else "" for each in means),
            )
            for name in names
        ]
        heads = (part.capitalize(), "Languages", *(one.label for one in found))
        table = Table(heads, "lr" + "r" * len(found), rows)
        blocks.append(table if part == "family" else Fold(f"By {part}", [table]))
    return Section("Families, genera, scripts", blocks)


def language_strips(found: Sequence[Across]) -> Figure:
    """A line a method: its languages as dots, the worst named, the mean as a bar."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.4, 0.38 * len(found) + 0.9), layout="constrained")
        axes = figure.subplots()
        axes.grid(True, axis="x")
        axes.grid(False, axis="y")
        for place, one in enumerate(found):
            colour = ORANGE if one.reference else BLUE
            scores = [score.score for score in one.scores.values()]
            axes.plot(scores, [place] * len(scores), "o", color=colour, alpha=0.55, markersize=5)
            axes.plot([one.mean.value] * 2, [place - 0.3, place + 0.3], color=INK, linewidth=1.8)
            axes.annotate(
                one.worst,
                (one.scores[one.worst].score, place),
                xytext=(0, -11),
                textcoords="offset points",
                ha="center",
                color=MUTED,
                fontsize=7,
            )
        axes.set_yticks(range(len(found)), [one.label for one in found])
        axes.set_ylim(len(found) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.spines["left"].set_visible(False)
        axes.axvline(0, color=GREY, linewidth=0.8)
        axes.set_xlabel(f"{_metric(found[0])}, 0 to 100; named: the worst language")
    return figure


def _plain(value: Estimate) -> str:
    ends = f" [{decimal(value.low)}, {decimal(value.high)}]" if value.known else ""
    return decimal(value.value) + ends


def _metric(one: Across) -> str:
    return next(iter(one.scores.values())).metric


def _name(code: str) -> str:
    return language(code).name
