"""What types cannot say: files that are missing, unknown names, needs that are not met.

Files and names are found by their marks (`unibridge.settings`), needs are asked of each method and
of the settings that it reads, so that nothing here knows which there are.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from unibridge.config.faults import among, explained
from unibridge.config.sections import Config
from unibridge.errors import ConfigError, UnibridgeError
from unibridge.methods import Method
from unibridge.settings import (
    ELSEWHERE,
    Available,
    ChosenFrom,
    Lack,
    Needing,
    OnDisk,
    OwnOptions,
    ReadInPart,
    changed_fields,
    marked,
)
from unibridge.stages.sections import StageSettings

Finding = tuple[str, str]


def findings(config: Config, guessed: Collection[str]) -> Iterator[Finding]:
    """(path, fault) of what types cannot say: files that are missing, unknown names, unmet needs.

    guessed: paths where something stands in for what the user meant; nothing follows from them.
    """

    def sure(*paths: str) -> bool:
        return not any(among(guessed, path) for path in paths)

    marks = list(marked(config))
    for path, value, mark in marks:
        if (
            isinstance(mark, OnDisk)
            and not value.startswith(ELSEWHERE)
            and not Path(value).exists()
        ):
            yield path, f"there is no {mark.what} {value}; check the path"
        if isinstance(mark, OnDisk) and value.startswith(ELSEWHERE):
            from unibridge.text.benchmarks import is_part, part_of

            try:
                if is_part(value):
                    part_of(value).check()
            except UnibridgeError as error:
                yield path, str(error)
    for path, choice, mark in marks:
        if isinstance(mark, ChosenFrom):
            try:
                mark.resolve(choice)
            except UnibridgeError as error:
                yield path, str(error)
    if config.task.dataset != "none" and sure("task.dataset", "task.kind"):
        from unibridge.text.benchmarks import BENCHMARKS

        with suppress(UnibridgeError):  # an unknown name, which is told as such
            kind = BENCHMARKS.resolve(config.task.dataset).task
            if kind != config.task.kind:
                yield "task.kind", f"{config.task.dataset!r} is {kind}; drop the kind"
    languages = [source.language for source in config.sources] + [config.target.language]
    for language in sorted({code for code in languages if languages.count(code) > 1}):
        yield "sources", f"the language {language!r} is there twice; every language is one entry"
    for name in ("methods", "seeds"):
        if len(set(getattr(config.run, name))) < len(getattr(config.run, name)):
            yield f"run.{name}", "the same one is there twice; name each once"
    names = [Path(file).name for file in config.target.predict]
    if len(set(names)) < len(names):
        yield (
            "target.predict",
            "two files have the same name, and so would their labels; rename one",
        )
    if config.target.test is None and not config.target.predict and sure("target.predict"):
        yield "target.test", "nothing to score or to label; give target.test or target.predict"

    if config.few_shot is not None and sure("few_shot"):
        for name in ("train", "test"):
            if getattr(config.target, name) is None:
                yield f"target.{name}", "few_shot needs labels of the target, to learn and to score"

    yield from _method_findings(config, sure)


def _method_findings(config: Config, sure: Callable[..., bool]) -> Iterator[Finding]:
    """What is wrong with methods: their names, their settings, and what they need of the run."""
    languages = [source.language for source in config.sources]
    used = config.run.methods if sure("run.methods") else ()
    # what is lacking -> the methods that need it
    lacking: dict[Lack, list[str]] = {}
    own: dict[Finding, None] = {}
    for name in dict.fromkeys([*config.methods, *used]):
        try:
            method = config.method(name)
        except UnibridgeError as error:
            if name in config.methods:
                yield f"methods.{name}.parent", str(error)
            elif sure(f"methods.{name}"):
                yield "run.methods", str(error)
            continue
        settings = f"methods.{name}.settings"
        chosen: Config | None = None
        try:
            chosen = config.for_method(name)
        except ConfigError as error:
            yield from ((settings, fault) for fault in error.faults)
        except UnibridgeError as error:
            yield settings, str(error)
        if chosen is not None:
            unknown = list(_unknown(method, chosen))
            yield from ((settings, fault) for fault in unknown or _ignored_in(method, chosen))
        if not sure(f"methods.{name}.parent", f"methods.{name}.sources"):
            continue
        yield from ((settings, fault) for fault in _unread(method))
        yield from _faulty(f"methods.{name}.options", name, method.options, method.given)
        for section in method.reads if chosen is not None else ():
            own.update(_own_options(section, getattr(chosen, section)))
        if name in used and sure("target.language", "task.kind"):
            run = _available(chosen or config, method.sources_of(languages))
            for lack in _lacks(method, run, chosen if sure(settings) else None, sure):
                lacking.setdefault(lack, []).append(repr(name))
    yield from own
    # a row alone that varies the choice may lie over settings that are for the others
    rows = [name for name in used if sure(f"methods.{name}.settings")]
    yield from _ignored(config, list(dict.fromkeys([*rows, config.run.reference])), sure)
    for (path, said), needing in lacking.items():
        yield path, f"{', '.join(needing)} {said}"


def _ignored(config: Config, names: Sequence[str], sure: Callable[..., bool]) -> Iterator[Finding]:
    """Settings that are changed and that nobody reads, whatever method of the run is looked at."""
    for section in StageSettings.model_fields:
        default = Config.model_fields[section].get_default()
        if not isinstance(default, ReadInPart) or not sure(section):
            continue
        changed = changed_fields(getattr(config, section), default)
        unread: list[dict[str, str]] = []
        choices = []
        for name in names if sure("run.reference", "run.methods") else ():
            try:
                if section in config.method(name).reads:
                    chosen = getattr(config.for_method(name), section)
                    unread.append(chosen.unread(changed))
                    choices.append(chosen.method)
            except UnibridgeError:
                return  # told as what it is
        for field in changed if unread else ():
            if all(field in one for one in unread):
                yield f"{section}.{field}", ignored_by(choices, unread[0][field])


def _ignored_in(method: Method, chosen: Config) -> Iterator[str]:
    """A method's own settings that the choice it makes among them does not read."""
    for section in method.reads:
        settings = getattr(chosen, section)
        own = [path for path in method.settings if path.startswith(f"{section}.")]
        if own and isinstance(settings, ReadInPart):
            fields = {path.split(".")[1]: path for path in own}
            choice = getattr(settings, "method", "")
            for field, readers in settings.unread(list(fields)).items():
                yield f"{fields[field]}: {ignored_by([choice], readers)}"


def ignored_by(choices: Iterable[str], readers: str) -> str:
    """What is said of a setting that these choices do not read, and others do."""
    named = ", ".join(repr(choice) for choice in dict.fromkeys(choices))
    return f"is not read by {named} but by {readers or 'nothing here'}; drop it, or choose that"


def _available(config: Config, sources: Sequence[str]) -> Available:
    """What the run has for a method that learns from these sources."""
    given = {
        source.language: frozenset(n for n in type(source).model_fields if getattr(source, n))
        for source in config.sources
        if source.language in sources
    }
    return Available(
        config.target.language,
        config.target.train is not None,
        given,
        {source.language: number for number, source in enumerate(config.sources)},
        _task_of(config.task.kind),
        config,
    )


def _task_of(kind: str) -> Any:
    """A task, also one of the user's own; None where it is not found."""
    from unibridge.tasks import task_of

    with suppress(UnibridgeError):  # told as what it is
        return task_of(kind)
    return None


def _lacks(
    method: Method, run: Available, chosen: Config | None, sure: Callable[..., bool]
) -> Iterator[Lack]:
    """What a method lacks, and the settings that it reads; nothing that follows from a guess."""
    found = [lack for need in method.needs for lack in need(run)]
    for section in method.reads if chosen is not None else ():
        settings = getattr(chosen, section)
        choices = [p for p, _, mark in marked(settings) if isinstance(mark, ChosenFrom)]
        if isinstance(settings, Needing) and sure(*(f"{section}.{path}" for path in choices)):
            try:
                found += settings.lacks(run)
            except UnibridgeError:
                continue  # an unknown name, which is told as such
    for path, said in found:
        if not path.startswith("sources.") or sure(".".join(path.split(".")[:2])):
            yield path, said


def _own_options(section: str, settings: Any) -> dict[Finding, None]:
    """Faults in settings that a section's method declares itself; the method may be unknown."""
    if not isinstance(settings, OwnOptions):
        return {}
    (mark,) = (mark for path, _, mark in marked(settings) if path == "method")
    try:
        declared = getattr(mark.resolve(settings.method), "options", None)
    except UnibridgeError:
        return {}
    return dict.fromkeys(_faulty(f"{section}.options", settings.method, declared, settings.options))


def _faulty(
    path: str, name: str, declared: type[BaseModel] | None, given: Mapping[str, Any]
) -> Iterator[Finding]:
    """What is wrong with settings that a choice declares itself."""
    if declared is None:
        if given:
            yield path, f"{name!r} declares no settings of its own; drop them"
        return
    try:
        declared.model_validate(given)
    except ValidationError as error:
        for fault in error.errors():
            place, _, said = explained(fault, declared).partition(": ")
            yield f"{path}.{place}", said


def _unknown(method: Method, chosen: Config) -> Iterator[str]:
    """A method's settings that name no entry of their table."""
    for path, choice, mark in marked(chosen):
        if isinstance(mark, ChosenFrom) and path in method.settings:
            try:
                mark.resolve(choice)
            except UnibridgeError as error:
                yield f"{path}: {error}"


def _unread(method: Method) -> Iterator[str]:
    """A method's settings that would change nothing, since it never looks at them."""
    for path in method.settings:
        section = path.partition(".")[0]
        if section in method.reads or section not in Config.model_fields:
            continue
        if section not in StageSettings.model_fields:
            yield f"{path}: is the same for all methods; write it outside [methods]"
        else:
            reads = ", ".join(method.reads) or "no settings"
            yield f"{path}: would change nothing, since this method reads {reads}; drop it"
