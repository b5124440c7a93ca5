"""What to try first, from what was measured: every sentence names the rows that it rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.evaluation.rows import parsed
from unibridge.methods import METHODS, Method
from unibridge.settings import Available

SHIPPED = Path(__file__).parents[1] / "data" / "measured.jsonl"
"""Rows that come with the package: those of docs/results/real.md and catalogue.md."""
PLAIN = "fine-tune"
"""What others are compared with: the least that one would do."""
CLEAR = 1.0
"""Points of the mean below which no method is said to be ahead."""
CITED = 6
"""Rows that a sentence names at most; the number of all is said."""


@dataclass(frozen=True)
class Measured:
    """A row of a table of results. number: its line in the file, from 1.

    cell: what two rows must share to be compared: base, task, target and seed.
    """

    number: int
    method: str
    base: str
    task: str
    target: str
    seed: int
    score: float
    sources: tuple[str, ...] = ()

    @property
    def cell(self) -> tuple[str, str, str, int]:
        """See above."""
        return self.base, self.task, self.target, self.seed


@dataclass(frozen=True)
class Sentence:
    """text: the advice. rows: lines of the file that it follows from, never none."""

    text: str
    rows: tuple[int, ...]

    def __str__(self) -> str:
        named = ", ".join(map(str, self.rows[:CITED]))
        more = f" and {len(self.rows) - CITED} more" if len(self.rows) > CITED else ""
        return f"{self.text} [row{'s' if len(self.rows) > 1 else ''} {named}{more}]"


@dataclass(frozen=True)
class Has:
    """What a user has. given: of every source, as a configuration calls it: text, parallel,
    adapter, translated, dictionary. target_labels: whether there are any to learn from."""

    task: str
    language: str
    sources: tuple[str, ...] = ("en",)
    given: frozenset[str] = frozenset({"text"})
    base: str | None = None
    target_labels: bool = False

    @property
    def available(self) -> Available:
        """The same, as methods are asked about it."""
        from unibridge.stages.sections import StageSettings, TargetSection
        from unibridge.tasks import task_of

        # everything at its default, of a target of which no file is given
        target = TargetSection.model_construct(language=self.language, text=())
        settings = SimpleNamespace(**dict(StageSettings()), target=target)
        numbers = {code: number for number, code in enumerate(self.sources)}
        given = dict.fromkeys(self.sources, self.given)
        task = task_of(self.task)
        return Available(self.language, self.target_labels, given, numbers, task, settings)


@dataclass
class Gain:
    """A method beside the plain one, on the same cells. points: one a cell; rows: of both."""

    points: list[float] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    targets: set[str] = field(default_factory=set)

    @property
    def mean(self) -> float:
        """Points, the mean over cells."""
        return sum(self.points) / len(self.points)

    def said(self) -> str:
        """In words."""
        count = len(self.targets)
        place = "target" if count == 1 else "targets"
        spread = "" if len(self.points) == 1 else f", {min(self.points):+.1f} to "
        spread += f"{max(self.points):+.1f}" if spread else ""
        return f"{self.mean:+.1f} points against fine-tuning over {count} {place}{spread}"


def read_measured(path: Path) -> list[Measured]:
    """The rows of a grid or a run that have a score; of one cell and method the newest.

    Raises UnibridgeError for a file without any.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UnibridgeError(
            f"there are no measured rows here ({error.strerror})",
            where=path,
            do="give a file that `make real`, a grid or a run has written (--rows)",
        ) from error
    newest: dict[Any, Measured] = {}
    for number, line in enumerate(lines, start=1):
        row = parsed(line) if line.strip() else None
        if row is None or not isinstance(row.get("score"), int | float):
            continue
        task, _, target = str(row.get("data", "")).partition("/")
        one = Measured(
            number,
            str(row.get("method")),
            Path(str(row.get("base") or "")).name,
            str(row.get("task") or task),
            str(row.get("target") or target),
            int(row.get("seed", 0)),
            float(row["score"]),
            tuple(row.get("sources") or ()),
        )
        newest[one.cell, one.method] = one
    if not newest:
        raise UnibridgeError("no row has a score", where=path)
    return list(newest.values())


def advise(rows: Sequence[Measured], has: Has) -> list[Sentence]:
    """What these rows say of a user's case; nothing where they say nothing.

    Comparisons are within one base, task, target and seed, never across them.
    """
    near, about = _nearest(rows, has)
    found = [about]
    gains = _gains(near)
    able = {name: gain for name, gain in gains.items() if not _lacking(name, has)}
    competing = {n: g for n, g in able.items() if _role(n) not in ("floor", "ceiling")}
    ahead = sorted(competing, key=lambda name: -competing[name].mean)

    # 1. What to try first.
    if ahead and competing[ahead[0]].mean >= CLEAR:
        best = ahead[0]
        found.append(_sentence(f"Try {best} first: {competing[best].said()}.", competing[best]))
        for name in ahead[1:3]:
            if competing[name].mean >= CLEAR:
                found.append(_sentence(f"Then {name}: {competing[name].said()}.", competing[name]))
    elif ahead:
        best = ahead[0]
        text = f"Plain fine-tuning: of what you can run, {best} comes next with "
        found.append(_sentence(text + f"{competing[best].said()}.", competing[best]))

    # 2. What to leave.
    for name in ahead[::-1]:
        if competing[name].mean <= -CLEAR and _role(name) != "ablation":
            found.append(_sentence(f"Leave {name}: {competing[name].said()}.", competing[name]))

    # 3. What more would be worth.
    most = competing[ahead[0]].mean if ahead else 0.0
    for name, gain in sorted(gains.items(), key=lambda one: -one[1].mean):
        lacking = _lacking(name, has)
        if lacking and _role(name) != "floor" and gain.mean >= max(most, 0.0) + CLEAR:
            text = f"{name} has {gain.said()}, but {lacking}."
            found.append(_sentence(text[0].upper() + text[1:], gain))

    # 4. How many sources.
    if len(has.sources) > 1 or any(len(row.sources) > 1 for row in near):
        found += _sources(near)
    return found


def _nearest(rows: Sequence[Measured], has: Has) -> tuple[list[Measured], Sentence]:
    """The rows that are closest to the user's case, and how close that is."""
    base = Path(has.base).name if has.base else None
    steps = (
        ([r for r in rows if r.task == has.task and r.base == base], "this task and base"),
        ([r for r in rows if r.task == has.task], "this task on other bases"),
        ([r for r in rows if r.base == base], "this base on other tasks"),
        (list(rows), "other tasks and other bases"),
    )
    near, of = next((found, of) for found, of in steps if found)
    own = [row for row in near if row.target == has.language]
    targets = sorted({f"{row.task} {row.target}" for row in near})
    bases = ", ".join(sorted({row.base for row in near if row.base}))
    text = f"{len(near)} rows are of {of}"
    text += f" ({bases})" if bases and base not in bases.split(", ") else ""
    text += f": {', '.join(targets)}"
    text += "" if own else f"; none is of {has.language} itself"
    return near, Sentence(text + ".", tuple(row.number for row in near))


def _gains(rows: Sequence[Measured]) -> dict[str, Gain]:
    plain = {row.cell: row for row in rows if row.method == PLAIN}
    gains: dict[str, Gain] = {}
    for row in rows:
        other = plain.get(row.cell)
        if other is not None and row.method != PLAIN:
            gain = gains.setdefault(row.method, Gain())
            gain.points.append(row.score - other.score)
            gain.rows += [row.number, other.number]
            gain.targets.add(row.target)
    return gains


def _sources(rows: Sequence[Measured]) -> list[Sentence]:
    """One source against all of them, of the same method."""
    whole = {row.cell: row for row in rows if row.method == "unibridge-stages"}
    found = []
    for one in ("unibridge-english-only", "unibridge-single"):
        gain = Gain()
        for row in rows:
            if row.method == one and (other := whole.get(row.cell)) is not None:
                gain.points.append(other.score - row.score)
                gain.rows += [other.number, row.number]
                gain.targets.add(row.target)
        if gain.points:
            verb = "add" if gain.mean >= 0 else "cost"
            alone = "English alone" if one.endswith("only") else "the closest one alone"
            text = f"Several sources {verb} {abs(gain.mean):.1f} points to {alone}"
            found.append(_sentence(f"{text}, over {len(gain.targets)} targets.", gain))
    return found


def _sentence(text: str, gain: Gain) -> Sentence:
    return Sentence(text, tuple(dict.fromkeys(gain.rows)))


def _method(name: str) -> Method | None:
    found: Mapping[str, Method] = METHODS
    return found.get(name)


def _role(name: str) -> str:
    method = _method(name)
    return method.role if method else "method"


def _lacking(name: str, has: Has) -> str:
    """What the user would need for a method, in its own words; "" for one that can be run."""
    method = _method(name)
    if method is None:
        return ""
    lacks = [said for need in method.needs for _, said in need(has.available)]
    return lacks[0] if lacks else ""
