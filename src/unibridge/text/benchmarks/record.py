"""What a benchmark is: where its data are, how a row of them is an example, what is averaged."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from unibridge.errors import unknown_name
from unibridge.text.languages import canonical

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")
Row = Mapping[str, Any]
"""A row as its file or the hub has it, by column."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """A data set of many languages, as its paper scores it.

    name: in its table. paper: where it is defined. languages: the codes that a user may write ->
    its own; empty where any code is its own.
    hub: (its own code, split) -> "hub:org/name:config:split", or "" where the hub has no such part.
    files: (its own code, split) -> patterns below a folder, of which the first that exists is read,
    with all files that it matches; of several together all must exist.
    metrics: names in `METRICS`, the one that counts first. averaged: the metrics whose mean is its
    single number. left_out: codes that its average leaves out.
    """

    name: str
    paper: str
    languages: Mapping[str, str]
    hub: Callable[[str, str], str]
    files: Callable[[str, str], Sequence[str | tuple[str, ...]]]
    metrics: tuple[str, ...]
    averaged: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def average(self, scores: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
        """The mean of each metric over languages, and "average": of those that are averaged.

        scores: language -> metric -> 0 to 100. Empty where no language counts.
        """
        counted = [own for code, own in scores.items() if code not in self.left_out]
        if not counted:
            return {}
        means = {name: sum(own[name] for own in counted) / len(counted) for name in self.metrics}
        over = self.averaged or self.metrics[:1]
        return means | {"average": sum(means[name] for name in over) / len(over)}

    def own_code(self, code: str) -> str:
        """What the benchmark calls a language, by the code that it is listed under or its own.

        Raises UnibridgeError for a language that it has not.
        """
        if not self.languages or code in self.languages.values():
            return code
        same = {canonical(listed): listed for listed in self.languages}
        code = code if code in self.languages else same.get(canonical(code), code)
        if code not in self.languages:
            raise unknown_name("language", code, self.languages, where=self.name)
        return self.languages[code]

    def missing(self, scores: Iterable[str]) -> list[str]:
        """Languages that its average is over and that have no score."""
        known = set(scores)
        return [c for c in self.languages if c not in known and c not in self.left_out]


@dataclass(frozen=True, kw_only=True)
class Benchmark(Published):
    """One that is learnt from labels.

    task: a name in `TASKS`. trained_on: (benchmark, language) whose training labels it is read
    with zero-shot. rows: the lines of a file -> its rows. example: (row, its own code) -> a record
    as our JSON lines are, or None where the row is another language's.
    """

    task: str
    trained_on: tuple[str, str]
    rows: Callable[[Iterable[str]], Iterator[Row]]
    example: Callable[[Row, str], Row | None]


@dataclass(frozen=True)
class Sides:
    """Texts of a language and of English, and which of them translate each other.

    texts, english: id -> text. pairs: (id of a text, id of an English one).
    """

    texts: Mapping[str, str]
    english: Mapping[str, str]
    pairs: frozenset[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Retrieval(Published):
    """One that nothing is learnt for: translations are found by states of texts.

    search: a name in `SEARCHES` (`unibridge.evaluation.retrieval`). tuned: whether what it decides
    by is chosen on dev. sides: the lines of its files, each by itself, or of `columns`, on the hub
    -> what is searched. columns: of a hub's rows.
    """

    search: str
    tuned: bool
    sides: Callable[[Sequence[Iterable[str]]], Sides]
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Suite:
    """Benchmarks whose averages are averaged: name, paper, and group -> names of benchmarks."""

    name: str
    paper: str
    groups: Mapping[str, tuple[str, ...]]

    def average(self, averages: Mapping[str, float]) -> dict[str, float]:
        """The mean of each group that is whole, and "all" where every group is."""
        means = {
            group: sum(averages[name] for name in names) / len(names)
            for group, names in self.groups.items()
            if all(name in averages for name in names)
        }
        everything = [name for names in self.groups.values() for name in names]
        if all(name in averages for name in everything):
            means["all"] = sum(averages[name] for name in everything) / len(everything)
        return means


def codes(*names: str) -> dict[str, str]:
    """Languages whose codes are the benchmark's own: several to a string, between spaces."""
    return {code: code for name in names for code in name.split()}


def hub_splits(dev: str = "validation", test: str = "test") -> dict[str, str]:
    """Our names of splits -> the hub's."""
    return {"train": "train", "dev": dev, "test": test}
