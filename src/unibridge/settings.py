"""What settings say of their values beside type and range: a table, a file, what a run must have.

Whoever checks a configuration finds this by itself, so that a new setting is written in one place.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, Protocol, TypeVar, get_args, runtime_checkable

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


@dataclass(frozen=True)
class ChosenFrom:
    """Mark of a setting that names an entry of a table, or is an import path "pkg.mod:name".

    table: where the `Registry` is, as "package.module:TABLE"; imported when it is looked at.
    besides: words that are no entries and mean something to the settings themselves.
    """

    table: str
    besides: tuple[str, ...] = ()

    def resolve(self, choice: str) -> Any:
        """The entry, None for a word besides. Raises UnibridgeError for an unknown name."""
        if choice in self.besides:
            return None
        module, _, name = self.table.partition(":")
        return getattr(import_module(module), name).resolve(choice)


ELSEWHERE = ("hub:", "bench:")
"""What begins so in a path's place is no path: a data set of the hub, a benchmark's part."""


@dataclass(frozen=True)
class OnDisk:
    """Mark of a setting that is a path, or an id that begins as in `ELSEWHERE`.

    what: file or folder.
    """

    what: str = "file"


Choice = TypeVar("Choice", bound=Callable[..., Any])


class Settings(BaseModel):
    """A table of a configuration, or a part of one: no unknown keys, never changed."""

    # its validator is made when it is first used: most tables of a program never are
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class OwnOptions(Settings):
    """Settings whose `method` may be of the user's own code, with settings that it declares."""

    method: str
    options: dict[str, Any] = Field(
        default_factory=dict,
        exclude_if=lambda options: not options,
        description="settings of a method of your own, as it declares them by `takes`",
    )


def takes(options: type[BaseModel]) -> Callable[[Choice], Choice]:
    """Declares the settings of a choice of one's own: @takes(MySettings) before its function."""

    def declare(choice: Choice) -> Choice:
        choice.options = options  # type: ignore[attr-defined]
        return choice

    return declare


def options_of(choice: Any, given: Mapping[str, Any]) -> Any:
    """The settings that a choice declares, as given. Raises pydantic's ValidationError."""
    return choice.options.model_validate(given)


File = Annotated[str, OnDisk()]
Folder = Annotated[str, OnDisk("folder")]
Files = Annotated[
    tuple[File, ...], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)
]
"""Of these, one may be written without brackets."""


@dataclass(frozen=True)
class Available:
    """What a run has for one method.

    target: its code. target_labels: whether there are labels of it to learn from. sources: code ->
    names of what is given of a source the method learns from: text, adapter, parallel, ... numbers:
    code -> its place. task: a `Task`; None for one that is not found. settings: the method's own
    configuration.
    """

    target: str
    target_labels: bool
    sources: Mapping[str, frozenset[str]]
    numbers: Mapping[str, int]
    task: Any = None
    settings: Any = None

    @property
    def plain_text(self) -> bool:
        """Whether plain text has examples of the task."""
        return self.task is None or self.task.reads_plain_text

    def at(self, source: str, name: str) -> str:
        """The path of a source's setting."""
        return f"sources.{self.numbers[source]}.{name}"

    def without(self, *names: str) -> list[str]:
        """The sources that have none of these."""
        return [code for code, given in self.sources.items() if not given & {*names}]


Lack = tuple[str, str]
"""(path of a setting, what is lacking there and what to do); the method's name goes before it."""


@runtime_checkable
class Needing(Protocol):
    """Settings that need something of the run: asked of each method that reads them."""

    def lacks(self, run: Available) -> Iterator[Lack]:
        """What the run does not have."""
        ...


@runtime_checkable
class ReadInPart(Protocol):
    """Settings of which a choice among them, `method`, reads some and leaves others unread."""

    method: str

    def unread(self, changed: Collection[str]) -> dict[str, str]:
        """Of the changed fields those that the choice ignores -> who would read them."""
        ...


def changed_fields(settings: Any, default: Any) -> list[str]:
    """Names of the fields of settings that are not as in others of their class."""
    return [n for n in type(settings).model_fields if getattr(settings, n) != getattr(default, n)]


def marked(settings: BaseModel) -> Iterator[tuple[str, str, Any]]:
    """(path, value, mark) of every marked value of settings, nested ones too."""
    for name, field in type(settings).model_fields.items():
        marks = [*field.metadata, *_marks(field.annotation)]
        marks = [mark for mark in marks if isinstance(mark, ChosenFrom | OnDisk)]
        for path, value in _values(getattr(settings, name), name):
            if isinstance(value, BaseModel):
                yield from ((f"{path}.{p}", v, mark) for p, v, mark in marked(value))
            elif isinstance(value, str):
                yield from ((path, value, mark) for mark in marks)


def with_files(settings: Any, change: Callable[[str], str]) -> Any:
    """A copy with `change` applied to every path."""
    changed = {}
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        disk = any(isinstance(m, OnDisk) for m in [*field.metadata, *_marks(field.annotation)])

        def new(one: Any, disk: bool = disk) -> Any:
            if isinstance(one, BaseModel):
                return with_files(one, change)
            return change(one) if disk and isinstance(one, str) else one

        found = tuple(map(new, value)) if isinstance(value, tuple) else new(value)
        if found != value:
            changed[name] = found
    return settings.model_copy(update=changed)


def _marks(annotation: Any) -> Iterator[Any]:
    """What stands anywhere in an annotation beside its types."""
    yield from getattr(annotation, "__metadata__", ())
    for part in get_args(annotation):
        yield from _marks(part)


def _values(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, tuple):
        for number, one in enumerate(value):
            yield f"{path}.{number}", one
    else:
        yield path, value
