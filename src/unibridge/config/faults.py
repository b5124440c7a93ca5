"""Faults that pydantic finds, told by their path with what to write instead."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_origin

from pydantic import BaseModel


def explained(fault: Any, root: type[BaseModel]) -> str:
    """One pydantic fault as: path: what is wrong; what to write instead."""
    names = [str(part) for part in fault["loc"]]
    path, kind = ".".join(names), fault["type"]
    if kind == "extra_forbidden":
        known = [name for model in models_at(root, names[:-1]) for name in model.model_fields]
        close = get_close_matches(names[-1], known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
        return f"{path}: there is no such setting; {hint}"
    if kind == "missing":
        return f"{path}: is missing; write {_description(root, names)}"
    what = fault["msg"].removeprefix("Value error, ")
    given = "" if isinstance(fault["input"], Mapping) else f", not {fault['input']!r}"
    return f"{path}: {what[:1].lower()}{what[1:]}{given}; {_description(root, names)}"


def models_at(root: type[BaseModel], names: Sequence[str]) -> Iterator[type[BaseModel]]:
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
    for model in models_at(root, names[:-1]):
        field = model.model_fields.get(names[-1])
        if field is not None and field.description:
            return field.description
    return "see the settings in the README"


def path_of(parts: Sequence[str | int]) -> str:
    """A place in nested data, as it is written: sources.0.text."""
    return ".".join(map(str, parts))


def below(places: Iterable[str], path: str) -> bool:
    """Whether a path is one of the places, or within one."""
    return any(path == place or path.startswith(f"{place}.") for place in places)


def among(places: Iterable[str], path: str) -> bool:
    """Whether a path is one of the places, within one, or holds one."""
    return below(places, path) or any(below([path], place) for place in places)
