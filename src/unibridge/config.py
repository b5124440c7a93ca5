"""A run's configuration: TOML in, every room's own settings out, all faults at once.

Nothing heavy is imported here, so that a mistake is answered in well under a second.
"""

import copy
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_origin

from pydantic import BaseModel, Field, ValidationError

from unibridge.ensemble.few_shot import FewShotSettings
from unibridge.errors import ConfigError, UnibridgeError
from unibridge.methods import METHODS, Method, Variant
from unibridge.registry import Registry
from unibridge.stages.sections import Given, Section, StageSettings
from unibridge.text.corpus import MOST_BYTES
from unibridge.vocabulary.search import SEARCHES
from unibridge.weighting import WEIGHTINGS
from unibridge.weighting.base import inputs_of

Settings = TypeVar("Settings", bound=BaseModel)


class RunSection(Section):
    """Where results go, and which methods are compared."""

    folder: Path = Field(description="run folder; made if it is missing")
    title: str = Field("", description="headline of the report")
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (0,), min_length=1, description="one full run per seed, from 0 up"
    )
    methods: tuple[str, ...] = Field(
        ("floor", "fine-tune", "mad-x", "unibridge"),
        min_length=1,
        description="rows of the results table, by name",
    )
    reference: str = Field(
        "unibridge",
        description="the method that the report is about: the others are compared with it, and its "
        "pack is kept",
    )
    reuse: tuple[str, ...] = Field(
        (), description="folders of other runs, whose finished stages are copied, not trained again"
    )
    text_megabytes: int = Field(
        MOST_BYTES // 2**20,
        ge=0,
        description="text of a language that is held, MiB; of more, lines evenly spread; 0: all",
    )


class Config(StageSettings, Given):
    """Everything that decides a run's numbers."""

    run: RunSection
    few_shot: FewShotSettings | None = Field(
        None,
        description="sentences, draws, ...: what a few target labels are worth; unset: not run",
    )
    methods: dict[str, Variant] = Field(default_factory=dict)

    def method(self, name: str) -> Method:
        """A method of this configuration, a registered one, or one of the user's own code."""
        variant = self.methods.get(name)
        if variant is not None:
            return variant.of(METHODS.resolve(variant.parent), name)
        found = METHODS.resolve(name)
        if not isinstance(found, Method):
            raise UnibridgeError(f"{name!r} is no method", do="make it a unibridge.methods.Method")
        return replace(found, name=name)

    def for_method(self, name: str) -> "Config":
        """This configuration with a method's settings laid over it."""
        return with_settings(self, self.method(name).settings)


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read and check a configuration; relative paths in it start at the file's folder.

    overrides: "section.field=value", the value as TOML or, failing that, as a string.
    Raises ConfigError that lists every fault.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UnibridgeError(
            f"cannot be read ({error})", where=path, do="give the path of a TOML file"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise UnibridgeError(f"is not TOML ({error})", where=path, do="mend that line") from error
    _put_all(content, overrides)
    return check_config(content, folder=path.parent, where=path)


def check_config(content: Mapping[str, Any], *, folder: Path, where: object = "") -> Config:
    """A configuration from plain data, with everything checked that needs no model.

    Raises ConfigError with the path of every fault and what to write instead.
    """
    content = _over_defaults(content)
    faults: list[str] = []
    guessed: set[str] = set()
    config: Config | None = None
    # what stands in for a missing table has missing keys itself, but no table is nested so deep
    for _ in range(9):
        try:
            config = Config.model_validate(content)
            break
        except ValidationError as error:
            found = {_path(fault["loc"]): fault for fault in error.errors()}
        # a list of faulty entries is also said to be too short
        found = {p: f for p, f in found.items() if not any(_below([p], q) for q in found if q != p)}
        faults += [_explained(f) for p, f in found.items() if not _among(guessed, p)]
        # with something valid in each faulty place the rest can be checked as well
        for fault in found.values():
            place = _stand_in(content, fault["loc"], missing=fault["type"] == "missing")
            if fault["type"] != "extra_forbidden":
                guessed.add(place)
    if config is None:
        raise ConfigError(faults, where=where)
    config = _with_absolute_paths(config, folder.absolute())
    findings = _findings(config, guessed)
    faults += [f"{path}: {text}" for path, text in findings if not _below(guessed, path)]
    if faults:
        raise ConfigError(faults, where=where)
    return config


def stage_settings(section: str, overrides: Sequence[str]) -> Any:
    """One section's settings, for a stage that is run alone. overrides: "field=value"."""
    return override(Config.model_fields[section].get_default(), overrides)


def override(settings: Settings, overrides: Sequence[str]) -> Settings:
    """A copy with "field=value" overrides laid over it; raises ConfigError for faulty ones."""
    content = settings.model_dump(mode="json")
    _put_all(content, overrides)
    try:
        return type(settings).model_validate(content)
    except ValidationError as error:
        faults = [_explained(fault, type(settings)) for fault in error.errors()]
        raise ConfigError(faults, where="--set") from error


def _over_defaults(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content over each section's own defaults, which are not those of its class."""
    merged = copy.deepcopy(dict(content))
    for name, field in Config.model_fields.items():
        if isinstance(field.default, BaseModel) and isinstance(content.get(name), Mapping):
            merged[name] = _merge(field.default.model_dump(), content[name])
    return merged


def _merge(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in above.items():
        inner = below.get(name)
        if isinstance(inner, dict) and isinstance(value, Mapping):
            value = _merge(inner, value)
        below[name] = value
    return below


def _path(parts: Sequence[str | int]) -> str:
    return ".".join(map(str, parts))


def _below(places: Iterable[str], path: str) -> bool:
    """Whether a path is one of the places, or within one."""
    return any(path == place or path.startswith(f"{place}.") for place in places)


def _among(places: Iterable[str], path: str) -> bool:
    """Whether a path is one of the places, within one, or holds one."""
    return _below(places, path) or any(_below([path], place) for place in places)


def _stand_in(content: Any, path: Sequence[str | int], *, missing: bool) -> str:
    """Put something valid into a faulty place of nested data; returns the path of what changed.

    A faulty entry is removed, for its default; one in a list with the list. What is missing becomes
    a table, or a string that is unlike all others.
    """
    place, held, depth = content, content, 0
    if missing:
        for part in path[:-1]:
            place = place[part]
        names = [str(part) for part in path]
        table = any(True for _ in _models_at(Config, names))
        place[path[-1]] = "-".join(names) if not table else [{}] if names == ["sources"] else {}
        return _path(path)
    for number, part in enumerate(path):
        if isinstance(place, dict):
            held, depth = place, number
        elif not (isinstance(place, list | tuple) and isinstance(part, int)):
            break  # pydantic names the branches of a union after the entry
        if isinstance(place, dict) and part not in place:
            break  # another branch had it removed
        place = place[part]
    held.pop(path[depth], None)
    return _path(path[: depth + 1])


def with_settings(config: Config, settings: Mapping[str, Any]) -> Config:
    """A copy with "section.field" settings replaced. Raises ConfigError for unknown ones."""
    content = config.model_dump(mode="json")
    for name, value in settings.items():
        _put(content, name, value)
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise ConfigError([_explained(fault) for fault in error.errors()]) from error


def _put_all(content: dict[str, Any], overrides: Sequence[str]) -> None:
    """Lay "section.field=value" overrides over plain data."""
    for one in overrides:
        name, equals, text = one.partition("=")
        if not equals or not name.strip():
            raise UnibridgeError(
                f"{one!r} sets nothing", where="--set", do="write section.field=value"
            )
        _put(content, name.strip(), _toml_value(text.strip()))


def _put(content: dict[str, Any], name: str, value: Any) -> None:
    *sections, last = name.split(".")
    place: Any = content
    for section in sections:
        key = _key(place, section, name)
        place = place[key] if isinstance(key, int) else place.setdefault(key, {})
        if not isinstance(place, dict | list):
            raise UnibridgeError(f"{name!r} goes through {section!r}, which is a value")
    place[_key(place, last, name)] = value


def _key(place: dict[str, Any] | list[Any], part: str, name: str) -> str | int:
    """A part of a setting's path as a table's key or a list's index."""
    if isinstance(place, dict):
        return part
    if not part.isdigit() or int(part) >= len(place):
        raise UnibridgeError(
            f"{name!r} has no place {part!r} in a list of {len(place)}",
            where="--set",
            do=f"give a number from 0 to {len(place) - 1}, or the whole list",
        )
    return int(part)


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _explained(fault: Any, root: type[BaseModel] = Config) -> str:
    """One pydantic fault as: path: what is wrong; what to write instead."""
    names = [str(part) for part in fault["loc"]]
    path, kind = ".".join(names), fault["type"]
    if kind == "extra_forbidden":
        known = [name for model in _models_at(root, names[:-1]) for name in model.model_fields]
        close = get_close_matches(names[-1], known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
        return f"{path}: there is no such setting; {hint}"
    if kind == "missing":
        return f"{path}: is missing; write {_description(root, names)}"
    what = fault["msg"].removeprefix("Value error, ")
    given = "" if isinstance(fault["input"], Mapping) else f", not {fault['input']!r}"
    return f"{path}: {what[:1].lower()}{what[1:]}{given}; {_description(root, names)}"


def _models_at(root: type[BaseModel], names: Sequence[str]) -> Iterator[type[BaseModel]]:
    """The settings class at a path below `root`, when there is one."""
    model: Any = root
    parts = iter(names)
    for name in parts:
        if name.isdigit():
            continue
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return
        field = model.model_fields.get(name)
        if field is None:
            return
        if get_origin(field.annotation) is dict:
            next(parts, None)
        choices = (field.annotation, *getattr(field.annotation, "__args__", ()))
        model = next((choice for choice in choices if hasattr(choice, "model_fields")), None)
    if isinstance(model, type) and issubclass(model, BaseModel):
        yield model


def _description(root: type[BaseModel], names: Sequence[str]) -> str:
    for model in _models_at(root, names[:-1]):
        field = model.model_fields.get(names[-1])
        if field is not None and field.description:
            return field.description
    return "see the settings in the README"


def _with_absolute_paths(config: Config, folder: Path) -> Config:
    def absolute(path: str) -> str:
        return path if path.startswith("hub:") else str(folder / Path(path).expanduser())

    def some(path: str | None) -> str | None:
        return None if path is None else absolute(path)

    base = config.base
    model = folder / Path(base.model).expanduser()
    if model.is_dir():
        base = base.model_copy(update={"model": str(model)})
    target = config.target.model_copy(
        update={
            "text": tuple(map(absolute, config.target.text)),
            "test": some(config.target.test),
            "train": some(config.target.train),
            "predict": tuple(map(absolute, config.target.predict)),
        }
    )
    sources = tuple(
        source.model_copy(
            update={
                "text": tuple(map(absolute, source.text)),
                "adapter": some(source.adapter),
                "train": absolute(source.train),
                "dev": some(source.dev),
                "parallel": tuple(map(absolute, source.parallel)),
                "dictionary": some(source.dictionary),
            }
        )
        for source in config.sources
    )
    run = config.run.model_copy(
        update={
            "folder": folder / config.run.folder.expanduser(),
            "reuse": tuple(map(absolute, config.run.reuse)),
        }
    )
    weights = config.weights.model_copy(update={"distances": some(config.weights.distances)})
    return config.model_copy(
        update={
            "run": run,
            "base": base,
            "target": target,
            "sources": sources,
            "weights": weights,
        }
    )


def _findings(config: Config, guessed: Collection[str]) -> Iterator[tuple[str, str]]:
    """(path, fault) of what types cannot say: files that are missing, unknown names, unmet needs.

    guessed: paths where something stands in for what the user meant; nothing follows from them.
    """
    from unibridge.tasks import TASKS

    def sure(*paths: str) -> bool:
        return not any(_among(guessed, path) for path in paths)

    for path, file in _files(config):
        if not file.startswith("hub:") and not Path(file).exists():
            kind = "folder" if path.startswith("run.reuse") else "file"
            yield path, f"there is no {kind} {file}; check the path"
    for path, table, choice in [("task.kind", TASKS, config.task.kind), *_choices(config)]:
        try:
            table.resolve(choice)
        except UnibridgeError as error:
            yield path, str(error)
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


def _method_findings(config: Config, sure: Callable[..., bool]) -> Iterator[tuple[str, str]]:
    """What is wrong with methods: their names, their settings, and what they need of the run."""
    languages = [source.language for source in config.sources]
    used = config.run.methods if sure("run.methods") else ()
    # source number -> the methods that need its text, its parallel sentences
    untold: dict[int, list[str]] = {}
    unpaired: dict[int, list[str]] = {}
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
            yield from ((settings, fault) for fault in _unknown(method, chosen))
        if not sure(f"methods.{name}.parent", f"methods.{name}.sources"):
            continue
        yield from ((settings, fault) for fault in _unread(method))
        if name not in used:
            continue
        taken = method.sources_of(languages)
        for need in method.needs:
            yield from ((path, f"{name!r} {lack}") for path, lack in need(config, taken))
        if chosen is not None and "embeddings" in method.reads and sure("sources"):
            yield from _untranslated(name, chosen)
        weighs = "weights" in method.reads and len(taken) > 1 and sure("weights.method", settings)
        weighs = weighs and chosen is not None
        if weighs and chosen is not None and sure("target.language", "task.kind"):
            yield from _unweighable(name, chosen, taken)
        for number, source in enumerate(config.sources):
            if source.language not in taken:
                continue
            silent = not source.text and source.adapter is None
            adapts = "source_adaptation" in method.reads
            if adapts and silent and sure(f"sources.{number}.adapter"):
                untold.setdefault(number, []).append(repr(name))
            if weighs and not source.parallel and "parallel" in _weighting(chosen, taken)[1]:
                unpaired.setdefault(number, []).append(repr(name))
    for number, needing in untold.items():
        yield (
            f"sources.{number}.text",
            f"{', '.join(needing)} must have an adapter of {languages[number]!r}; give plain text, "
            "or adapter = a folder",
        )
    for number, needing in unpaired.items():
        yield (
            f"sources.{number}.parallel",
            f"{', '.join(needing)} must have parallel sentences to weigh by; give some, or set "
            'weights.method = "uniform"',
        )


def _weighting(chosen: Config | None, sources: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """A configuration's weighting, and what it looks at where there is such a weighting."""
    if chosen is None:
        return "", ()
    plain = _reads_plain_text(chosen.task.kind)
    method = chosen.weights.settled(len(sources), plain_text=plain).method
    try:
        return method, inputs_of(WEIGHTINGS.resolve(method))
    except UnibridgeError:
        return method, ()


def _reads_plain_text(kind: str) -> bool:
    """Whether plain text has examples of a task, also of the user's own; one not found does."""
    from unibridge.tasks import task_of

    try:
        return task_of(kind).reads_plain_text
    except UnibridgeError:
        return True


def _unweighable(name: str, chosen: Config, sources: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What a weighting reads, other than parallel sentences, and the run does not have."""
    from unibridge.weighting.typology import check_distances

    method, read = _weighting(chosen, sources)
    if "labelled" in read and chosen.target.train is None:
        yield (
            "target.train",
            f"{name!r} weighs by {method!r}, which is fitted on labels of the target; give some",
        )
    if "unlabelled" in read and not _reads_plain_text(chosen.task.kind):
        yield (
            "weights.method",
            f"{name!r} weighs by {method!r}, which predicts labels of plain text, and plain text "
            "has no pairs; choose another",
        )
    if "distances" in read:
        try:
            check_distances(chosen.target.language, sources, chosen.weights.distances)
        except UnibridgeError as error:
            yield "weights.distances" if chosen.weights.distances else "weights.method", str(error)


def _untranslated(name: str, chosen: Config) -> Iterator[tuple[str, str]]:
    """An initialiser that reads what is not there: translations, tokens that no text has."""
    embeddings = chosen.embeddings
    if embeddings.search_all_source_tokens and (embeddings.method, embeddings.static_space) == (
        "unibridge",
        "joint",
    ):
        yield (
            "embeddings.search_all_source_tokens",
            f"{name!r} compares tokens in the joint space, which has none that never occur in the "
            'text; set embeddings.static_space = "separate", or leave this out',
        )
    for setting, choice, needs in (
        ("method", "wechsel", ("dictionary",)),
        ("static_space", "bridge", ("parallel", "dictionary")),
    ):
        if getattr(chosen.embeddings, setting) == choice and not any(
            source.text and any(getattr(source, need) for need in needs)
            for source in chosen.sources
        ):
            yield (
                f"embeddings.{setting}",
                f"{name!r} uses {choice!r}, which needs a source with text and "
                f"{' or '.join(needs)}; give one, or choose another",
            )


def _unknown(method: Method, chosen: Config) -> Iterator[str]:
    """A method's settings that name no entry of their table."""
    for path, table, choice in _choices(chosen):
        if path not in method.settings:
            continue
        try:
            table.resolve(choice)
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


def _choices(config: Config) -> list[tuple[str, Registry, str]]:
    """Every setting that names an entry of a table."""
    from unibridge.adapters.modules import NON_LINEARITIES
    from unibridge.embeddings.initialise import INITIALISERS
    from unibridge.embeddings.neighbours import SIMILARITIES
    from unibridge.embeddings.static_models import STATIC_MODELS
    from unibridge.embeddings.vectors import STATIC_SPACES

    adapters = ("adaptation", "source_adaptation", "task_training")
    return [
        ("vocabulary.search", SEARCHES, config.vocabulary.search),
        ("embeddings.method", INITIALISERS, config.embeddings.method),
        ("embeddings.static_space", STATIC_SPACES, config.embeddings.static_space),
        ("embeddings.untrusted_space", STATIC_SPACES, config.embeddings.untrusted_space),
        ("embeddings.static_model", STATIC_MODELS, config.embeddings.static_model),
        ("embeddings.joint_model", STATIC_MODELS, config.embeddings.joint_model),
        ("embeddings.static_similarity", SIMILARITIES, config.embeddings.static_similarity),
        ("weights.method", WEIGHTINGS, config.weights.settled(0, plain_text=False).method),
        *(
            (
                f"{s}.adapter.non_linearity",
                NON_LINEARITIES,
                getattr(config, s).adapter.non_linearity,
            )
            for s in adapters
        ),
    ]


def _files(config: Config) -> Iterator[tuple[str, str]]:
    target = config.target
    yield from ((f"run.reuse.{i}", other) for i, other in enumerate(config.run.reuse))
    yield from ((f"target.text.{i}", file) for i, file in enumerate(target.text))
    yield from ((f"target.predict.{i}", file) for i, file in enumerate(target.predict))
    for name in ("test", "train"):
        if (file := getattr(target, name)) is not None:
            yield f"target.{name}", file
    if config.weights.distances is not None:
        yield "weights.distances", config.weights.distances
    for number, source in enumerate(config.sources):
        for name in ("train", "dev", "adapter", "dictionary"):
            if (file := getattr(source, name)) is not None:
                yield f"sources.{number}.{name}", file
        for name in ("text", "parallel"):
            for i, file in enumerate(getattr(source, name)):
                yield f"sources.{number}.{name}.{i}", file
