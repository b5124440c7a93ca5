"""A table of named choices that the user's own code can extend without editing this package."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Generic, TypeVar

from unibridge.errors import UnibridgeError, unknown_name

Choice = TypeVar("Choice")


class Registry(Mapping[str, Choice], Generic[Choice]):
    """name -> choice, read like a dict. `resolve` also takes the choice itself or "pkg.mod:name".

    kind: what the choices are called in messages, such as "initialiser".
    """

    def __init__(self, kind: str, choices: dict[str, Choice]) -> None:
        self.kind = kind
        self._choices = dict(choices)

    def __getitem__(self, name: str) -> Choice:
        if name not in self._choices:
            raise KeyError(name)
        return self._choices[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._choices)

    def __len__(self) -> int:
        return len(self._choices)

    def register(self, name: str, choice: Choice) -> None:
        """Add a choice under a new name; an existing name is never replaced silently."""
        if name in self._choices:
            raise UnibridgeError(f"the {self.kind} {name!r} exists already", do="pick another name")
        self._choices[name] = choice

    def resolve(self, choice: "str | Choice") -> Choice:
        """The choice meant by a registered name, an import path "pkg.mod:name", or itself."""
        if not isinstance(choice, str):
            return choice
        if ":" not in choice:
            if choice not in self._choices:
                raise unknown_name(self.kind, choice, self._choices)
            return self._choices[choice]
        module_name, _, attribute = choice.partition(":")
        try:
            return getattr(import_module(module_name), attribute)
        except (ImportError, AttributeError) as error:
            raise UnibridgeError(
                f"cannot import the {self.kind} {choice!r} ({error})",
                do="write it as package.module:name, importable from where you run",
            ) from error
