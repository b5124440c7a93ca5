"""What is known of languages beforehand: their relatives, and which ones a base has seen.

Both are data of this package (`data/languages`): a table of families and genera, and the published
lists of pretraining languages, each with its source.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from unibridge.artifacts import read_json
from unibridge.comparison.rows import Study
from unibridge.comparison.settings import ComparisonSettings
from unibridge.errors import UnibridgeError
from unibridge.text.files import read_lines
from unibridge.text.languages import canonical, language

DATA = Path(__file__).parents[1] / "data"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Kin:
    """family, genus: names, `UNKNOWN` for a language that no table has. script: ISO 15924."""

    family: str
    genus: str
    script: str


def kin_of(code: str, table: Path | str | None = None) -> Kin:
    """A language's relatives and script. table: TSV of family, genus and codes, instead of ours."""
    own = canonical(code)
    known = _families(str(table or DATA / "languages" / "families.tsv"))
    family, genus = known.get(own) or known.get(own.split("_")[0]) or (UNKNOWN, UNKNOWN)
    return Kin(family, genus, language(code).script or UNKNOWN)


@cache
def _families(path: str) -> Mapping[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            family, genus, codes = line.rstrip("\n").split("\t")
        except ValueError as error:
            raise UnibridgeError(
                "a line is family, tab, genus, tab, codes", where=f"{path}:{number}"
            ) from error
        found |= dict.fromkeys(map(canonical, codes.split()), (family, genus))
    return found


@dataclass(frozen=True)
class Seen:
    """of: code -> whether the base has seen it; codes that nobody knows of are left out.

    by: where this is known from, in words.
    """

    of: Mapping[str, bool]
    by: str


def published(model: str) -> tuple[frozenset[str], str] | None:
    """The languages a base was trained on and where that is said; None without a list."""
    name = model.rstrip("/").rsplit("/", 1)[-1].casefold()
    if name == "cldr":
        facts = read_json(DATA / "base" / "manifest.json")["facts"]
        return frozenset(map(canonical, facts["languages"])), "the packaged base's own manifest"
    lists = read_json(DATA / "languages" / "pretraining.json")
    for one in lists.values():
        if name in map(str.casefold, one["models"]):
            named = lists[one["as"]] if "as" in one else one
            codes = f"{named['languages']} {named.get('members', '')}"
            return frozenset(map(canonical, codes.split())), str(one["source"])
    return None


def seen_by(study: Study, model: str, codes: Iterable[str], settings: ComparisonSettings) -> Seen:
    """Which languages a model has seen: by its published list, else by how it reads their text.

    For the latter there is reading.json: code -> {unknown: share of tokens, loss: masked-LM, nats,
    or null}, as `unibridge inspect` measures them. The plan's own list is its `seen`.
    """
    codes = list(codes)
    if isinstance(study.plan.get("seen"), list):
        own = set(map(canonical, study.plan["seen"]))
        return Seen({c: _listed(c, own) for c in codes}, "the plan's own list")
    if (listed := published(model)) is not None:
        known, source = listed
        return Seen({c: _listed(c, known) for c in codes}, source)
    reading = study.plan.get("reading") or {}
    measured = {canonical(code): facts for code, facts in reading.items()}
    found = {}
    for code in codes:
        facts = measured.get(canonical(code))
        if facts and facts.get("unknown") is not None:
            loss = facts.get("loss")
            reads = facts["unknown"] <= settings.unknown
            found[code] = reads and (loss is None or loss <= settings.loss)
    if not found:
        return Seen({}, "no published list of this base, and its reading was not measured")
    return Seen(
        found,
        f"measured, as no list is published: seen means at most {settings.unknown:.0%} unknown "
        f"tokens and a masked-LM loss up to {settings.loss:g} nats, where there is a head",
    )


def _listed(code: str, known: Iterable[str]) -> bool:
    own = canonical(code)
    bare = own.partition("_")[0]
    usual = language(bare).script
    # a variant is of its language, another script is not: who reads zh may not read zh_Hant
    return own in known or (bare in known and usual in ("", language(own).script))
