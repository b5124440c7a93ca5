"""Whatever can be imported says what it is; a method may leave that to the one it overrides."""

import inspect
from importlib import import_module
from pathlib import Path

import pytest

import unibridge

SOURCE = Path(unibridge.__file__).parent
MODULES = [
    ".".join(("unibridge", *file.relative_to(SOURCE).with_suffix("").parts))
    for file in sorted(SOURCE.rglob("*.py"))
    if file.name != "__main__.py"
]


def public(module):
    """(name, what) of a module's own public functions and classes, and of their methods."""
    for name, value in vars(module).items():
        own = getattr(value, "__module__", None) == module.__name__
        if (
            name.startswith("_")
            or not own
            or not (inspect.isclass(value) or inspect.isfunction(value))
        ):
            continue
        yield name, value
        for part, method in list(vars(value).items()) if inspect.isclass(value) else ():
            method = getattr(method, "__func__", method)  # of class and static methods
            written = inspect.isfunction(method) and method.__name__ != "<lambda>"
            if not part.startswith("_") and (written or isinstance(method, property)):
                yield f"{name}.{part}", getattr(value, part)


def says(name, value):
    """Its docstring, or that of what it overrides; dataclasses get one that repeats the fields."""
    text = inspect.getdoc(value) or ""
    return text and not text.startswith(f"{name}(")


@pytest.mark.parametrize("name", MODULES)
def test_every_public_definition_says_what_it_is(name):
    module = import_module(name.removesuffix(".__init__"))
    silent = [what for what, value in public(module) if not says(what, value)]
    assert not silent
    assert module.__doc__, "the module itself"


def test_what_is_offered_at_the_top_is_documented_there_and_exists():
    for name in unibridge.__all__:
        assert inspect.getdoc(getattr(unibridge, name)), name
