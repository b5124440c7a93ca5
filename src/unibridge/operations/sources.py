"""Which source should I take? Candidates ranked for a target, and written as a run's sources."""

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.errors import UnibridgeError
from unibridge.operations.comparison import study_tokenizer
from unibridge.operations.listening import SILENCE, Listener
from unibridge.text.languages import canonical

if TYPE_CHECKING:
    from unibridge.comparison.advice import Advice
    from unibridge.comparison.analysis import Analysis
    from unibridge.comparison.rankers.base import RankerSettings
    from unibridge.comparison.settings import ComparisonSettings

Candidate = Mapping[str, Any]
"""A table of a run's `[[sources]]`: language, text, train, ..."""


@dataclass(frozen=True)
class Ranked:
    """advice: the ranking. candidates: code -> its table. left_out: ranker -> why it was not.

    beside: ranker -> candidates, best first, of all that were computed. notes: code -> what to know
    of its labels.
    """

    advice: "Advice"
    candidates: Mapping[str, Candidate]
    left_out: Mapping[str, str]
    beside: Mapping[str, list[str]] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)

    def block(self, count: int) -> str:
        """The best `count` that have labels as `[[sources]]`, for a run's configuration.

        Better ones without labels, which a run refuses, are among them as comments.
        """
        order = [one.source for one in self.advice.suggestions]
        labelled = [code for code in order if "train" in self.candidates[code]][:count]
        last = order.index(labelled[-1]) + 1 if labelled else 0
        shown = order[: last if len(labelled) == count else max(last, count)]
        return "\n".join(_table(self.candidates[code], self.notes.get(code, "")) for code in shown)


def read_candidates(path: str | Path) -> list[Candidate]:
    """The `[[sources]]` of a TOML file, such as a run's; paths start at the file's folder."""
    from unibridge.settings import with_files
    from unibridge.stages.sections import SourceSection

    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UnibridgeError(
            f"cannot be read ({error})", where=path, do="give a TOML file with [[sources]]"
        ) from error
    tables = content.get("sources")
    if not tables:
        raise UnibridgeError("has no [[sources]]", where=path, do="write one for each candidate")
    folder = path.parent.absolute()

    def absolute(name: str) -> str:
        return name if name.startswith("hub:") else str(folder / Path(name).expanduser())

    found: list[Candidate] = []
    for number, table in enumerate(tables):
        try:
            section = SourceSection.model_validate(table)
        except ValueError as error:
            place = f"{path}: sources.{number}"
            raise UnibridgeError(f"is no source ({error})", where=place) from error
        kept = with_files(section, absolute).model_dump(mode="json")
        found.append({name: value for name, value in kept.items() if value not in (None, [])})
    return found


def candidates_of_study(
    study: Mapping[str, Any], tasks: Sequence[str]
) -> tuple[list[Candidate], dict[str, str]]:
    """A study's transfer languages with their text and labels, and code -> what to know of these.

    study: its plan. tasks: whose labels; those of the mix, else the file that it is tested on.
    Where the tasks have different files of a language, it gets none.
    """
    texts = study.get("texts") or {}
    sections = (study.get("settings") or {}).get("tasks") or {}
    own = [sections.get(_section(task, sections)) or {} for task in tasks]
    found: list[Candidate] = []
    notes: dict[str, str] = {}
    for code in (one["code"] for one in study.get("transfer") or ()):
        table = {"language": code}
        if code in texts:
            table["text"] = [texts[code]["file"]]
        mixes, tests = ([(task.get(n) or {}).get(code) for task in own] for n in ("mix", "targets"))
        files = {mix or test for mix, test in zip(mixes, tests, strict=True)}
        train = next(iter(files)) if len(files) == 1 else None
        if train:
            table["train"] = train
            if train in tests:
                notes[code] = "the study has it as a test file"
        elif files - {None}:
            notes[code] = "the study's tasks have different labels of it; choose one by --task"
        found.append(table)
    return found, notes


def _section(task: str, sections: Mapping[str, Any]) -> str:
    """A task's name in the plan: "dep" of "dep uas", which is its further metric."""
    return task if task in sections else task.rpartition(" ")[0]


def sources(
    target: str,
    candidates: Sequence[Candidate] = (),
    *,
    target_text: Sequence[str | Path] = (),
    study: str | Path | None = None,
    task: str | None = None,
    base: str | None = None,
    ranker: str | None = None,
    rankers: Sequence[str] = (),
    settings: "RankerSettings | None" = None,
    judging: "ComparisonSettings | None" = None,
    listener: Listener = SILENCE,
) -> Ranked:
    """Rank candidate sources for a target language.

    candidates: tables of `[[sources]]`; none given: a study's transfer languages. study: the folder
    of one, whose measured pairs rank a target that it has, and tell what ranks another best. task:
    of the study, whose labels the candidates get; unset: all of them together, by rank. base: for
    rankers that read its states or pieces; unset: the tokenizer of the study's alone. ranker: rank
    by this one. rankers: what to compute; unset: those that the study has of its pairs, without one
    `PREFERRED`. Raises UnibridgeError where nothing ranks them.
    """
    from unibridge.comparison.advice import PREFERRED, advise
    from unibridge.comparison.predictors import predict, read_predictors
    from unibridge.comparison.settings import settings_of

    own = _studied(study, task, judging)
    judging = own.settings if own else judging or settings_of({})
    matrices = dict(own.main) if own else {}
    if own and task is not None:
        matrices = {task: own.matrices[task]}
    notes: Mapping[str, str] = {}
    if not candidates and own:
        candidates, notes = candidates_of_study(own.study.plan, list(matrices))
    tables = {str(one["language"]): one for one in candidates}
    codes = [code for code in tables if canonical(code) != canonical(target)]
    measured = any(canonical(target) in map(canonical, m.targets) for m in matrices.values())
    studied = read_predictors(own.study.folder) if own else {}
    # only what ranked the studied targets can rank another; without a study, what is quick
    asked = list(dict.fromkeys([*rankers, *([ranker] if ranker else [])]))
    names = asked or ([] if measured else list(studied) if own else list(PREFERRED))
    table, left_out = {}, {}
    if names:
        texts = _texts(tables, target, target_text, listener)
        loaded, tokenizer = None, None
        if base is None and own:
            tokenizer = study_tokenizer(own.study, listener)
        if base is not None:
            from unibridge.models.base import load_base

            loaded = load_base(base)
        found = predict(
            codes,
            [target],
            texts,
            base=loaded,
            tokenizer=tokenizer,
            rankers=names,
            settings=settings,
            progress=lambda name, done, total: listener.say(f"ranking by {name}"),
        )
        table, left_out = dict(found.table), dict(found.left_out)
    advice = advise(
        target,
        codes,
        matrices=matrices,
        studied=studied,
        predicted=table,
        settings=judging,
        ranker=ranker,
    )
    beside = {
        name: sorted(codes, key=lambda code: -pairs.get((code, target), -math.inf))
        for name, pairs in table.items()
    }
    return Ranked(advice, tables, left_out, beside, notes)


def _studied(
    study: str | Path | None, task: str | None, judging: "ComparisonSettings | None"
) -> "Analysis | None":
    from unibridge.comparison.analysis import analyse
    from unibridge.comparison.rows import read_study

    if study is None:
        return None
    analyses = analyse(read_study(study), judging)
    if not analyses or not analyses[0].steps:
        raise UnibridgeError("has no score of a tuned encoder yet", where=study)
    if task is not None and task not in analyses[0].matrices:
        known = ", ".join(analyses[0].matrices)
        raise UnibridgeError(f"has no task {task!r}", where=study, do=f"choose among: {known}")
    return analyses[0]


def _texts(
    tables: Mapping[str, Candidate],
    target: str,
    target_text: Sequence[str | Path],
    listener: Listener,
) -> dict[str, list[str]]:
    from unibridge.operations.reading import texts_by_language

    given = {code: table["text"] for code, table in tables.items() if table.get("text")}
    own = {target: target_text} if target_text else {}
    return texts_by_language({**given, **own}, listener)


def _table(candidate: Candidate, note: str = "") -> str:
    """A `[[sources]]` table, a comment without labels. JSON's strings and lists are TOML's."""
    width = max(map(len, candidate))
    lines = ["[[sources]]"]
    for name, value in candidate.items():
        lines.append(f"{name:{width}} = {json.dumps(value, ensure_ascii=False)}")
    if "train" in candidate:
        return "\n".join([*([f"# {note}"] if note else []), *lines]) + "\n"
    lines.append(f"{'train':{width}} = a file with its labels, which a run needs")
    if note:
        lines.append(note)
    return "".join(f"# {line}\n" for line in lines)
