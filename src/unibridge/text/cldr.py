"""Labelled, parallel phrases in more than 150 languages, built from CLDR through `babel`.

CLDR holds professionally translated names of places, languages, currencies and time zones, and the
patterns that write lists, dates, relative times and amounts. A *plan* says what a phrase speaks
about without saying it in any language (concept codes, numbers, dates, their order and seams);
rendering a plan in several languages gives phrases that are parallel by construction.

What is held out: a stable hash puts a quarter of the countries on the test side, each with its
name, cities, languages, zones and currencies, and a quarter of the units and of the concepts that
belong to no single country. No phrase of the `train` split contains, anywhere, the words of a test
name in its language. The closed vocabulary of the calendar (months, weekdays, "3 days ago") is in
every split.
"""

import datetime
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from hashlib import sha256
from itertools import islice
from pathlib import Path
from random import Random
from typing import Literal, TypeVar, get_args

from babel.core import get_global
from babel.localedata import locale_identifiers

from unibridge.errors import UnibridgeError, unknown_name
from unibridge.text.cldr_phrases import (
    LABELS,
    Item,
    NotInLanguage,
    Phrase,
    Plan,
    Segment,
    speaker,
    usable,
)

__all__ = [
    "LABELS",
    "Phrase",
    "Split",
    "cldr_languages",
    "is_test_concept",
    "parallel_phrases",
    "phrases",
    "write_task_data",
]

Split = Literal["train", "test", "plain"]
Words = tuple[str, ...]
Thing = TypeVar("Thing")

# a concept is used when all of these name it: they are well kept and cover five scripts
REFERENCES = ("en", "fr", "ru", "zh", "ar", "hi", "sw")
# has the smallest set of names that is usual in CLDR; half of the draws come from that set, or
# the many languages that know 45 names of languages would hardly ever fill a list of them
SMALL_REFERENCE = "lg"
NAMED = ("territory", "city", "language", "zone", "currency", "unit")
CALENDAR = ("year", "month", "week", "day", "hour", "minute", "second")
MINIMUM_WORDS = 4
PATIENCE = 5000  # plans tried in a row without a new phrase before a language counts as exhausted


# ------------------------------------------------------------------------------ the public surface


@cache
def _languages() -> tuple[str, ...]:
    # "no" is another code for nb
    found = sorted(code for code in locale_identifiers() if "_" not in code and code != "no")
    return tuple(code for code in found if usable(code))


def cldr_languages() -> list[str]:
    """Codes of the languages that CLDR knows well enough to make phrases in, sorted.

    At least 150 territory and 20 language names, and months of the language's own.
    """
    return list(_languages())


def phrases(
    language: str,
    count: int,
    *,
    seed: int,
    split: Split,
    exclude: Collection[Words] = (),
) -> list[Phrase]:
    """`count` different phrases in `language`, the same ones in every process.

    split: "train" says no test name; "test" names only test names; "plain" may name everything.
    exclude: word sequences that no phrase may contain, such as the phrases of a test set.
    Raises UnibridgeError for a language that CLDR does not hold or that is too poor for `count`.
    """
    rows = _stream((language,), seed=seed, split=split, exclude=exclude)
    return _take((row[0] for row in rows), count, language)


def parallel_phrases(
    languages: Collection[str],
    count: int,
    *,
    seed: int,
    split: Split,
    exclude: Collection[Words] = (),
) -> list[tuple[Phrase, ...]]:
    """`count` plans, each rendered in all of `languages` in their order; arguments as `phrases`."""
    rows = _stream(tuple(languages), seed=seed, split=split, exclude=exclude)
    return _take(rows, count, ", ".join(languages))


def write_task_data(
    folder: Path | str,
    target: str,
    sources: Collection[str],
    *,
    train_count: int,
    plain_count: int,
    test_count: int,
    parallel_count: int,
    seed: int,
) -> dict[str, Path]:
    """Write everything that a run of the pipeline reads, as ordinary files; their paths by name.

    text/LANG.txt ("LANG.text"): a phrase a line, words joined with a space, for the target and
    every source. labels/LANG.train.conll and .dev.conll ("LANG.train", "LANG.dev", an eighth as
    many): word TAB tag, a blank line between phrases; for every source, and for the target so that
    a ceiling can be trained. labels/TARGET.test.conll ("TARGET.test"). parallel/TARGET-SOURCE.tsv
    ("TARGET-SOURCE"): target TAB source.

    Every language has plans of its own, so that only parallel/ is parallel. No line of any text
    contains a test phrase, and no train or dev phrase a test name of its language or the target.
    Raises UnibridgeError where the target is a source, or as `phrases` does.
    """
    if target in sources:
        raise UnibridgeError(
            f"the target {target!r} is one of the sources", do="take it out of the sources"
        )
    test = phrases(target, test_count, seed=seed, split="test")
    hidden = {phrase.words for phrase in test}
    # languages of one script share names, and a source may have put one on the other side
    names = {words for starting in _test_names(target).values() for words in starting}
    paths = {f"{target}.test": _write(folder, f"labels/{target}.test.conll", _conll(test))}
    dev_count = max(1, train_count // 8)
    for order, language in enumerate((target, *sources), 1):
        own_seed = 1000 * seed + order
        plain = phrases(language, plain_count, seed=own_seed, split="plain", exclude=hidden)
        lines = (" ".join(phrase.words) + "\n" for phrase in plain)
        paths[f"{language}.text"] = _write(folder, f"text/{language}.txt", lines)
        labelled = phrases(
            language, train_count + dev_count, seed=own_seed, split="train", exclude=hidden | names
        )
        for part, chosen in (("train", labelled[:train_count]), ("dev", labelled[train_count:])):
            path = f"labels/{language}.{part}.conll"
            paths[f"{language}.{part}"] = _write(folder, path, _conll(chosen))
    for source in sources:
        pairs = parallel_phrases(
            (target, source), parallel_count, seed=1000 * seed, split="plain", exclude=hidden
        )
        lines = (f"{' '.join(one.words)}\t{' '.join(other.words)}\n" for one, other in pairs)
        name = f"{target}-{source}"
        paths[name] = _write(folder, f"parallel/{name}.tsv", lines)
    return paths


def _write(folder: Path | str, path: str, lines: Iterable[str]) -> Path:
    full = Path(folder) / path
    full.parent.mkdir(parents=True, exist_ok=True)
    full.write_text("".join(lines), encoding="utf-8")
    return full


def _conll(chosen: list[Phrase]) -> Iterator[str]:
    for phrase in chosen:
        yield from (f"{word}\t{tag}\n" for word, tag in zip(phrase.words, phrase.tags, strict=True))
        yield "\n"


def _take(found: Iterator[Thing], count: int, languages: str) -> list[Thing]:
    chosen = list(islice(found, count))
    if len(chosen) < count:
        raise UnibridgeError(
            f"CLDR gives only {len(chosen)} of {count} different phrases in {languages}",
            do="ask for fewer, or choose a language with more names",
        )
    return chosen


def _stream(
    languages: tuple[str, ...], *, seed: int, split: Split, exclude: Collection[Words]
) -> Iterator[tuple[Phrase, ...]]:
    """Phrases of plan 0, 1, ... of a seed and split, where it can be said in all the languages."""
    if split not in get_args(Split):
        raise unknown_name("split", split, get_args(Split))
    speakers = [speaker(language) for language in languages]
    unwanted = _by_first_word(exclude)
    held_out = [_test_names(language) if split == "train" else {} for language in languages]
    seen: set[Words] = set()
    number = last_found = 0
    while number - last_found < PATIENCE:
        plan = _plan(Random(f"{seed} {split} {number}"), split)
        number += 1
        try:
            row = tuple(each.render(plan) for each in speakers)
        except NotInLanguage:
            continue
        if row[0].words in seen or any(
            len(phrase.words) < MINIMUM_WORDS
            or _contains(phrase.words, names)
            or _contains(phrase.words, unwanted)
            for phrase, names in zip(row, held_out, strict=True)
        ):
            continue
        seen.add(row[0].words)
        last_found = number
        yield row


def _by_first_word(sequences: Iterable[Words]) -> dict[str, list[Words]]:
    index: dict[str, list[Words]] = {}
    for sequence in filter(None, sequences):
        index.setdefault(sequence[0], []).append(sequence)
    return index


def _contains(words: Words, sequences: dict[str, list[Words]]) -> bool:
    for start, word in enumerate(words):
        for sequence in sequences.get(word, ()):
            if words[start : start + len(sequence)] == sequence:
                return True
    return False


# ----------------------------------------------------------------------------------------- concepts


def is_test_concept(kind: str, code: str) -> bool:
    """Whether a concept's names are held out of the `train` split; the same in every language.

    kind: one of `NAMED`; code: CLDR's. Decided by the country that the concept belongs to.
    """
    if kind == "unit" and code in {f"duration-{unit}" for unit in CALENDAR}:
        return False
    return int(sha256(_home(kind, code).encode()).hexdigest(), 16) % 4 == 0


@cache
def _home(kind: str, code: str) -> str:
    """The country of a language, city, currency or zone; the concept itself where it has none."""
    if kind == "language":
        base = code.split("_")[0]
        return get_global("likely_subtags").get(base, base).split("_")[-1]
    if kind == "city":
        return get_global("zone_territories").get(code, code)
    if kind == "zone":
        zone = code.split()[0]  # standard, summer and general time stay together
        return _zone_homes().get(zone, zone)
    if kind == "currency":
        return code if code.startswith("X") else code[:2]
    return code


@cache
def _zone_homes() -> dict[str, str]:
    """Time zone -> country, of the zones that are in one country only."""
    countries: dict[str, set[str]] = {}
    for city, zone in get_global("meta_zones").items():
        country = get_global("zone_territories").get(city)
        countries.setdefault(zone, set()).update({country} if country else ())
    return {zone: min(found) for zone, found in countries.items() if len(found) == 1}


@cache
def _concepts(kind: str, split: Split, common: bool) -> tuple[str, ...]:
    """CLDR's codes of one kind, sorted; common: only those that small locales name as well."""
    named = [set(speaker(language).names(kind)) for language in REFERENCES]
    codes = set.intersection(*named)
    if common:
        codes = codes.intersection(speaker(SMALL_REFERENCE).names(kind)) or codes
    return tuple(
        code
        for code in sorted(codes)
        if split == "plain" or is_test_concept(kind, code) == (split == "test")
    )


@cache
def _test_names(language: str) -> dict[str, list[Words]]:
    """All test names in a language, as words, by their first word."""
    says = speaker(language)
    return _by_first_word(
        words
        for kind in NAMED
        for code in says.names(kind)
        if is_test_concept(kind, code)
        for words in sorted(says.forms(kind, code))
    )


# -------------------------------------------------------------------------------------------- plans


def _shares(**shares: int) -> tuple[str, ...]:
    return tuple(name for name, share in shares.items() for _ in range(share))


_SEGMENTS = (1, 1, 2, 2, 2, 3)
# any seam can stand between any two kinds, so that none of them tells what follows
_SEAMS = ("", "", ",", "and", "(", ":", "-", ";")
_ALONE = _shares(
    date=18, relative=12, unit=16, currency=16, place=10, language=10, zone=8, number=14
)
_COHERENT = _shares(place=6, language=6, zone=1)
_MIXED = _shares(place=26, language=26, unit=12, currency=12, date=6, number=18)
_LENGTHS = (2, 2, 2, 3, 3, 4)
_NUMBERS = _shares(count=9, year=4, amount=4, percent=3)
_SIZES = _shares(small=3, large=1, fraction=1)
_FIRST_DAY = datetime.date(1950, 1, 1).toordinal()
_LAST_DAY = datetime.date(2035, 12, 31).toordinal()


def _plan(random: Random, split: Split) -> Plan:
    segments = tuple(_segment(random, split) for _ in range(random.choice(_SEGMENTS)))
    return Plan(segments, tuple(random.choice(_SEAMS) for _ in segments[1:]))


def _segment(random: Random, split: Split) -> Segment:
    if random.random() < 0.45:
        return Segment((_item(random, split, random.choice(_ALONE)),))
    length = random.choice(_LENGTHS)
    # lists of one kind are what lets the context tell a place from a language
    if random.random() < 0.7:
        kinds = [random.choice(_COHERENT)] * length
    else:
        kinds = [random.choice(_MIXED) for _ in range(length)]
    items = tuple(_item(random, split, kind) for kind in kinds)
    return Segment(items, random.choice(("standard", "standard", "standard", "or")))


def _item(random: Random, split: Split, kind: str) -> Item:
    if kind == "date":
        day = random.randint(_FIRST_DAY, _LAST_DAY)
        return Item(kind, number=day, style=random.choice(("full", "long")))
    if kind == "relative":
        count = random.randint(1, 60) * random.choice((-1, 1))
        return Item(kind, random.choice(CALENDAR), count)
    if kind == "number":
        style = random.choice(_NUMBERS)
        number = random.randint(1900, 2035) if style == "year" else _number(random)
        return Item(kind, number=number, style=style)
    if kind == "place":
        kind = "territory" if random.random() < 0.6 else "city"
    code = random.choice(_concepts(kind, split, random.random() < 0.5))
    if kind == "currency":
        return Item(kind, code, _number(random), random.choice(("name", "name", "standard")))
    return Item(kind, code, _number(random) if kind == "unit" else 0.0)


def _number(random: Random) -> float:
    size = random.choice(_SIZES)
    if size == "fraction":
        return random.randint(1, 999) / 10
    return random.randint(1, 60) if size == "small" else random.randint(61, 9999)
