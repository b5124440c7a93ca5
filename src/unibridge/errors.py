"""One family of errors: what went wrong, where, and what to do about it.

The command line prints them as one line and exits with code 2; from Python they are ordinary
exceptions. Everything that a user can cause by a wrong file, setting or folder is one of these.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class UnibridgeError(Exception):
    """A user's mistake or a broken input, never a bug of ours.

    what: the fault in plain words. where: the file and line, the setting's path, or the folder
    it was found in. do: what to type, pass or change instead.
    """

    def __init__(self, what: str, *, where: object = "", do: str = "") -> None:
        self.what, self.where, self.do = what, str(where), do
        place = f"{self.where}: " if self.where else ""
        remedy = f". {do[:1].upper()}{do[1:]}" if do else ""
        super().__init__(f"{place}{what}{remedy}")


class ConfigError(UnibridgeError):
    """Every fault of a configuration at once, one line each."""

    def __init__(self, faults: list[str], *, where: object = "") -> None:
        self.faults = faults
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(
            f"{count} in the configuration\n" + "\n".join(f"  - {fault}" for fault in faults),
            where=where,
        )


def unknown_name(
    kind: str, name: str, known: Iterable[str], *, where: object = ""
) -> UnibridgeError:
    """The error for a name that is not among `known`, with the closest ones offered."""
    names = sorted(known)
    close = get_close_matches(name, names, n=3)
    hint = f"did you mean {' or '.join(repr(c) for c in close)}? " if close else ""
    return UnibridgeError(
        f"unknown {kind} {name!r}", where=where, do=f"{hint}known: {', '.join(names)}"
    )
