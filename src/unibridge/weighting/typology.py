"""Typological distances between languages: from a table of the user's, or from URIEL+.

URIEL+ (the `typology` extra) is lang2vec's successor, which the paper compares its weights with
(Tables 14, 15). Its wheel carries its data, so it works offline; loading takes some seconds, and
its first use unpacks data into its own folder.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from unibridge.errors import UnibridgeError
from unibridge.text.files import read_lines


def language_distances(
    target: str, sources: Sequence[str], *, kind: str = "featural", table: str | Path | None = None
) -> dict[str, float]:
    """Source code -> distance to the target, 0 for the same and, from URIEL+, at most 1.

    kind: featural, syntactic, genetic or geographic; what URIEL+ is asked for. table: TSV of
    language, language, distance, in either order, which is read instead; codes are compared as
    they are written. Raises UnibridgeError for a pair without a distance.
    """
    if table is not None:
        return _from_table(target, sources, table)
    return _from_uriel(target, sources, kind)


def check_distances(target: str, sources: Sequence[str], table: str | Path | None) -> None:
    """Raise UnibridgeError where it is plain that `language_distances` could not work.

    Without a table only that URIEL+ is installed is looked at, since loading it takes seconds. A
    missing file is no fault here.
    """
    if table is None and find_spec("urielplus") is None:
        raise _not_installed()
    if table is not None and Path(table).exists():
        _from_table(target, sources, table)


def _not_installed() -> UnibridgeError:
    return UnibridgeError(
        "typological distances need the package urielplus",
        do="install unibridge[typology], or give a table in weights.distances",
    )


def _from_table(target: str, sources: Sequence[str], path: str | Path) -> dict[str, float]:
    known: dict[frozenset[str], float] = {}
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        try:
            first, second, distance = cells[0], cells[1], float(cells[2])
            if len(cells) != 3 or not 0 <= distance < float("inf"):
                raise ValueError
        except (IndexError, ValueError) as error:
            raise UnibridgeError(
                f"{line.strip()!r} is no distance",
                where=f"{path}:{number}",
                do="write language, tab, language, tab, a number from 0 up",
            ) from error
        known[frozenset((first, second))] = distance
    missing = [source for source in sources if frozenset((target, source)) not in known]
    if missing:
        raise UnibridgeError(
            f"no distance between {target} and {', '.join(missing)}",
            where=path,
            do="add a line for each",
        )
    return {source: known[frozenset((target, source))] for source in sources}


def _from_uriel(target: str, sources: Sequence[str], kind: str) -> dict[str, float]:
    with _quiet_logging():
        uriel, known = _loaded_uriel()
        codes = {language: _iso_639_3(language, known) for language in (target, *sources)}
        missing = [language for language, code in codes.items() if code is None]
        found: dict[str, float] = {}
        for source in sources if not missing else ():
            try:
                found[source] = float(uriel.new_distance(kind, [codes[target], codes[source]]))
            except ValueError:  # no feature that both languages have
                missing.append(source)
    if missing:
        raise UnibridgeError(
            f"URIEL+ has no {kind} distance for {', '.join(missing)}",
            where="weights.typology",
            do="choose another kind, or give a table in weights.distances",
        )
    return found


@cache
def _loaded_uriel() -> tuple[Any, set[str]]:
    """URIEL+ and the codes that it knows."""
    try:
        from urielplus.urielplus import URIELPlus
    except ImportError as error:
        raise _not_installed() from error
    uriel = URIELPlus()
    return uriel, {str(code) for code in uriel.get_phylogeny_languages_array()}


def _iso_639_3(language: str, known: set[str]) -> str | None:
    """The three-letter code that URIEL+ knows a language by, if it does."""
    from babel.core import get_global

    base = language.replace("-", "_").split("_")[0]
    aliases = get_global("language_aliases")
    canonical = aliases.get(base, base)
    # a shorter code may stand for several, such as "ar" for ara and arb; both have features
    members = sorted(code for code, two in aliases.items() if two == canonical and len(code) == 3)
    return next((code for code in (base, canonical, *members) if code in known), None)


@contextmanager
def _quiet_logging() -> Iterator[None]:
    """The root logger as it was: URIEL+ configures it when it is imported, and reports all."""
    root = logging.getLogger()
    handlers, level, disabled = root.handlers[:], root.level, logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(disabled)
        root.handlers[:] = handlers
        root.setLevel(level)
