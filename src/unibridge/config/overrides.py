"""Overrides "section.field=value" laid over plain data, and over settings."""

import tomllib
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from unibridge.config.faults import explained
from unibridge.errors import ConfigError, UnibridgeError

Settings = TypeVar("Settings", bound=BaseModel)


def override(settings: Settings, overrides: Sequence[str], *, where: str = "--set") -> Settings:
    """A copy with "field=value" overrides laid over it; raises ConfigError for faulty ones."""
    content = settings.model_dump(mode="json")
    put_all(content, overrides, where=where)
    try:
        return type(settings).model_validate(content)
    except ValidationError as error:
        faults = [explained(fault, type(settings)) for fault in error.errors()]
        raise ConfigError(faults, where=where) from error


def put_all(content: dict[str, Any], overrides: Sequence[str], *, where: str = "--set") -> None:
    """Lay "section.field=value" overrides over plain data."""
    for one in overrides:
        name, equals, text = one.partition("=")
        if not equals or not name.strip():
            raise UnibridgeError(
                f"{one!r} sets nothing", where=where, do="write section.field=value"
            )
        put(content, name.strip(), _toml_value(text.strip()))


def put(content: dict[str, Any], name: str, value: Any) -> None:
    """Lay one value over plain data, at "section.field" or "list.0.field"."""
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
