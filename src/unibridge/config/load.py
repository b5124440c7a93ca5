"""TOML in, a checked configuration out: all faults at once."""

import copy
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from unibridge.config.checks import findings, ignored_by
from unibridge.config.datasets import filled
from unibridge.config.faults import among, below, explained, models_at, path_of
from unibridge.config.overrides import override, put_all
from unibridge.config.sections import Config
from unibridge.errors import ConfigError, UnibridgeError
from unibridge.settings import ELSEWHERE, ReadInPart, changed_fields, with_files


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read and check a configuration; relative paths in it start at the file's folder.

    overrides: "section.field=value", the value as TOML or, failing that, as a string.
    Raises ConfigError that lists every fault.
    """
    path = Path(path)
    return check_config(read_content(path, overrides), folder=path.parent, where=path)


def read_content(path: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """What a TOML file says, with the overrides laid over it, unchecked."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UnibridgeError(
            f"cannot be read ({error})", where=path, do="give the path of a TOML file"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise UnibridgeError(f"is not TOML ({error})", where=path, do="mend that line") from error
    put_all(content, overrides)
    return content


def check_config(content: Mapping[str, Any], *, folder: Path, where: object = "") -> Config:
    """A configuration from plain data, with everything checked that needs no model.

    Raises ConfigError with the path of every fault and what to write instead.
    """
    content = _over_defaults(filled(content, folder.absolute()))
    faults: list[str] = []
    guessed: set[str] = set()
    config: Config | None = None
    # what stands in for a missing table has missing keys itself, but no table is nested so deep
    for _ in range(9):
        try:
            config = Config.model_validate(content)
            break
        except ValidationError as error:
            found = {path_of(fault["loc"]): fault for fault in error.errors()}
        # a list of faulty entries is also said to be too short
        found = {p: f for p, f in found.items() if not any(below([p], q) for q in found if q != p)}
        faults += [explained(f, Config) for p, f in found.items() if not among(guessed, p)]
        # with something valid in each faulty place the rest can be checked as well
        for fault in found.values():
            place = _stand_in(content, fault["loc"], missing=fault["type"] == "missing")
            if fault["type"] != "extra_forbidden":
                guessed.add(place)
    if config is None:
        raise ConfigError(faults, where=where)
    config = _with_absolute_paths(config, folder.absolute())
    found_out = findings(config, guessed)
    faults += [f"{path}: {text}" for path, text in found_out if not below(guessed, path)]
    if faults:
        raise ConfigError(faults, where=where)
    return config


def stage_settings(section: str, overrides: Sequence[str]) -> Any:
    """One section's settings, for a stage that is run alone. overrides: "field=value".

    Raises ConfigError for what the choice among them would not read.
    """
    default = Config.model_fields[section].get_default()
    settings = override(default, overrides)
    if isinstance(settings, ReadInPart):
        unread = settings.unread(changed_fields(settings, default))
        if unread:
            choice = [settings.method]
            raise ConfigError([f"{n}: {ignored_by(choice, by)}" for n, by in unread.items()])
    return settings


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
        table = any(True for _ in models_at(Config, names))
        place[path[-1]] = "-".join(names) if not table else [{}] if names == ["sources"] else {}
        return path_of(path)
    for number, part in enumerate(path):
        if isinstance(place, dict):
            held, depth = place, number
        elif not (isinstance(place, list | tuple) and isinstance(part, int)):
            break  # pydantic names the branches of a union after the entry
        if isinstance(place, dict) and part not in place:
            break  # another branch had it removed
        place = place[part]
    held.pop(path[depth], None)
    return path_of(path[: depth + 1])


def _with_absolute_paths(config: Config, folder: Path) -> Config:
    """Paths start at the configuration's folder; a base may be a folder or a hub id."""

    def absolute(path: str) -> str:
        return path if path.startswith(ELSEWHERE) else str(folder / Path(path).expanduser())

    config = with_files(config, absolute)
    model = folder / Path(config.base.model).expanduser()
    base = config.base.model_copy(update={"model": str(model)}) if model.is_dir() else config.base
    run = config.run.model_copy(update={"folder": folder / config.run.folder.expanduser()})
    return config.model_copy(update={"run": run, "base": base})
