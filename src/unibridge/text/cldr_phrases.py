"""Puts plans into words: one `Speaker` per language says items, lists and phrases with CLDR's data.

Choices of our own, the same in every language: names begin with a capital letter where the script
has one, as CLDR's own rules for lists and menus ask (else the case alone would tell a French
language from a French place); digits are 0-9; words are cut as `words_of` says, so that an Arabic
"and" or an Amharic "from" that is written to the next word stands alone.
"""

import datetime
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from babel import Locale, UnknownLocaleError, dates, numbers, units
from babel.core import get_global

from unibridge.errors import UnibridgeError

# what an item can be, and the tag of its words
TAGS = {
    "territory": "LOC",
    "city": "LOC",
    "language": "LANG",
    "zone": "ZONE",
    "currency": "MONEY",
    "unit": "QTY",
    "date": "DATE",
    "relative": "DATE",
    "number": "O",
}
# class label of a phrase: the kind of thing that it names most often, the first on a tie
LABELS = {
    "LOC": "place",
    "LANG": "language",
    "DATE": "time",
    "QTY": "quantity",
    "MONEY": "money",
    "ZONE": "zone",
}
MINIMUM_TERRITORIES, MINIMUM_LANGUAGES = 150, 20
_NOT_NAMES = ("ZZ", "001", "und", "mul", "zxx", "mis", "root")
_MARKED = ("territory", "language", "city", "zone")
_DOTTED_CAPITAL = ("az", "tr")


@dataclass(frozen=True)
class Phrase:
    """Words of one phrase, an IOB2 tag for each (LOC, LANG, DATE, QTY, MONEY, ZONE), and a label.

    label: what the phrase is about, one of `LABELS`' values: the kind of thing that it names most
    often, the one that comes first on a tie.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    label: str


@dataclass(frozen=True)
class Item:
    """One thing to say. kind: a key of `TAGS`; code: CLDR's for it; the rest as the kind needs.

    number: an amount, a count, or a day (proleptic Gregorian ordinal). style: full or long (dates),
    name or standard (currencies), count, year, amount or percent (numbers).
    """

    kind: str
    code: str = ""
    number: float = 0.0
    style: str = ""


@dataclass(frozen=True)
class Segment:
    """A list of items, or one item. style: the list pattern, "standard" or "or"."""

    items: tuple[Item, ...]
    style: str = "standard"


@dataclass(frozen=True)
class Plan:
    """Segments, and the seam before each but the first: nothing, a mark, "(" or "and"."""

    segments: tuple[Segment, ...]
    seams: tuple[str, ...]


class NotInLanguage(Exception):
    """CLDR has no words of its own for this in this language, so the plan is skipped."""


class Speaker:
    """Renders plans in one language, keeping what it has looked up."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.locale = Locale.parse(language)
        letters = [c for name in self.locale.territories.values() for c in name if c.isalpha()]
        scripts = Counter(unicodedata.name(letter, "?").split()[0] for letter in letters)
        self._latin = scripts.most_common(1)[0][0] == "LATIN"
        self._names: dict[str, dict[str, str]] = {}
        self._said: dict[Item, tuple[str, ...]] = {}
        self._own: dict[tuple[str, str], bool] = {}
        self._joints: dict[tuple[str, str], tuple[tuple[str, ...], ...]] = {}

    def names(self, kind: str) -> dict[str, str]:
        """Code -> name, of everything of one kind that has one here (a unit's name is its code)."""
        if kind not in self._names:
            found = self._find_names(kind)
            self._names[kind] = {
                code: self._capital(name) if kind in _MARKED else name
                for code, name in found
                if code not in _NOT_NAMES
            }
        return self._names[kind]

    def _find_names(self, kind: str) -> Iterator[tuple[str, str]]:
        locale = self.locale
        if kind in ("territory", "language", "currency"):
            table = {
                "territory": locale.territories,
                "language": locale.languages,
                "currency": locale.currencies,
            }[kind]
            yield from ((code, name) for code, name in table.items() if name != code)
        elif kind == "zone":
            for code, forms in locale.meta_zones.items():
                for form, name in forms.get("long", {}).items():
                    if isinstance(name, str) and name != "∅∅∅":
                        yield f"{code} {form}", name
        elif kind == "city":
            root = _root().time_zones
            for code in _city_zones():
                city = locale.time_zones.get(code, {}).get("city")
                # CLDR leaves out what the zone's code says already, in the Latin script
                if self._latin and city is None:
                    city = code.rsplit("/", 1)[-1].replace("_", " ")
                if city and (self._latin or city != root.get(code, {}).get("city")):
                    yield code, city
        else:
            for code in locale._data["unit_patterns"]:
                if self._unit_length(code):
                    yield code, code

    def _capital(self, name: str) -> str:
        if name[:1] == "i" and self.language in _DOTTED_CAPITAL:
            return "İ" + name[1:]
        return name[:1].title() + name[1:]

    def _unit_length(self, code: str) -> Literal["short", "long"] | None:
        """The fullest form that is the language's own; CLDR leaves out a long one equal to the
        short one, and the root's is in no language."""
        mine = self.locale._data["unit_patterns"].get(code, {})
        root = _root()._data["unit_patterns"].get(code, {}).get("short", {})
        lengths: tuple[Literal["short", "long"], ...] = ("long", "short")
        for length in lengths:
            pattern = mine.get(length, {}).get("other")
            if pattern and pattern != root.get("other"):
                return length
        return None

    def forms(self, kind: str, code: str) -> set[tuple[str, ...]]:
        """All word forms of a name, without the numbers that units and currencies come with.

        A single Han character is left out: 克 is "gram", and a part of very many other names.
        """
        if kind not in ("unit", "currency"):
            said = {words_of(self.names(kind)[code])}
        else:
            amounts = (1, 2, 3, 5, 11, 21, 100, 1.5)
            whole = {self.say(Item(kind, code, amount, "name")) for amount in amounts}
            said = {tuple(w for w in words if _kind(w[0]) != "digit") for words in whole}
        return {words for words in said if "".join(words)[1:] or _kind("".join(words)) != "han"}

    def render(self, plan: Plan) -> Phrase:
        """The plan in words; raises NotInLanguage where CLDR has none for a part of it."""
        words: list[str] = []
        tags: list[str] = []

        def add(said: tuple[str, ...], tag: str = "O") -> None:
            words.extend(said)
            if tag == "O":
                tags.extend("O" for _ in said)
            else:
                tags.extend(f"{'I' if place else 'B'}-{tag}" for place in range(len(said)))

        for seam, segment in zip(("", *plan.seams), plan.segments, strict=True):
            said = [self.say(item) for item in segment.items]
            if seam:
                add(self._joint("standard", "2")[1] if seam == "and" else (seam,))
            for place, item in enumerate(segment.items):
                if place:
                    add(self._joint(segment.style, _part(place, len(said)))[1])
                elif len(said) > 1:
                    add(self._joint(segment.style, _part(1, len(said)))[0])
                add(said[place], TAGS[item.kind])
            if len(said) > 1:
                add(self._joint(segment.style, _part(len(said) - 1, len(said)))[2])
            if seam == "(":
                add((")",))
        named = Counter(tag[2:] for tag in tags if tag.startswith("B-"))
        if not named:
            raise NotInLanguage
        return Phrase(tuple(words), tuple(tags), LABELS[named.most_common(1)[0][0]])

    def _joint(self, style: str, part: str) -> tuple[tuple[str, ...], ...]:
        """Words before, between and after the two sides of a list pattern."""
        if (style, part) not in self._joints:
            patterns = self.locale.list_patterns
            # the root's "or" is the English word
            own = style in patterns and dict(patterns[style]) != dict(_root().list_patterns[style])
            pattern = patterns[style if own else "standard"][part]
            before, _, rest = pattern.partition("{0}")
            between, _, after = rest.partition("{1}")
            self._joints[style, part] = tuple(map(words_of, (before, between, after)))
        return self._joints[style, part]

    def say(self, item: Item) -> tuple[str, ...]:
        """The words of one item; raises NotInLanguage where CLDR has none of the language's own."""
        if item not in self._said:
            self._said[item] = words_of(self._text(item))
        return self._said[item]

    def _text(self, item: Item) -> str:
        locale, number = self.locale, item.number
        if item.kind == "number":
            if item.style == "year":
                return str(int(number))
            if item.style == "percent":
                return numbers.format_percent(number / 100, locale=locale)
            pattern = "#,##0.00" if item.style == "amount" else None
            return numbers.format_decimal(number, pattern, locale=locale)
        if item.kind in ("date", "relative"):
            return self._time(item)
        name = self.names(item.kind).get(item.code)
        if name is None:
            raise NotInLanguage
        if item.kind == "unit":
            length = self._unit_length(item.code) or "long"
            return units.format_unit(number, item.code, length, locale=locale)
        if item.kind == "currency":
            style: Literal["name", "standard"] = "name" if item.style == "name" else "standard"
            return numbers.format_currency(number, item.code, locale=locale, format_type=style)
        return name

    def _time(self, item: Item) -> str:
        key = (item.kind, item.style or item.code)
        if key not in self._own:
            # what reads as CLDR's root does is in no language
            sample = Item(item.kind, item.code, 737000 if item.kind == "date" else 17, item.style)
            self._own[key] = _time_text(self.locale, sample) != _time_text(_root(), sample)
        if not self._own[key]:
            raise NotInLanguage
        return _time_text(self.locale, item)


def _part(place: int, count: int) -> str:
    """Which of CLDR's list patterns joins the item at `place` to the one before it."""
    if count == 2:
        return "2"
    return "start" if place == 1 else "end" if place == count - 1 else "middle"


def _time_text(locale: Locale, item: Item) -> str:
    if item.kind == "date":
        day = datetime.date.fromordinal(int(item.number))
        style: Literal["full", "long"] = "full" if item.style == "full" else "long"
        return dates.format_date(day, style, locale=locale)
    direction = "future" if item.number > 0 else "past"
    patterns = locale._data["date_fields"].get(item.code, {}).get(direction, {})
    count = abs(item.number)
    pattern = patterns.get(locale.plural_form(count)) or patterns.get("other")
    if not pattern:
        raise NotInLanguage
    return pattern.replace("{0}", numbers.format_decimal(count, locale=locale))


@cache
def _root() -> Locale:
    return Locale.parse("root")


@cache
def _city_zones() -> tuple[str, ...]:
    zones = map(str, Locale.parse("ru").time_zones)
    return tuple(sorted(zone for zone in zones if not zone.startswith("Etc/")))


@cache
def speaker(language: str) -> Speaker:
    """The language's speaker, made once; raises UnibridgeError where CLDR is too poor for one."""
    if not usable(language):
        raise UnibridgeError(
            f"CLDR has too few names in the language {language!r} to make phrases",
            do="choose one of unibridge.text.cldr.cldr_languages()",
        )
    return Speaker(language)


@cache
def usable(language: str) -> bool:
    """Whether CLDR has at least 150 territory and 20 language names and the months of its own."""
    try:
        locale = Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        return False
    # CLDR's Haitian is inherited French word for word
    parent = get_global("parent_exceptions").get(language, "root").split("_")[0]
    if parent != "root" and _names_places_alike(locale, Locale.parse(parent)):
        return False
    return (
        len(locale.territories) >= MINIMUM_TERRITORIES
        and len(locale.languages) >= MINIMUM_LANGUAGES
        and locale.months["format"]["wide"][3] != "M03"
    )


def _names_places_alike(one: Locale, other: Locale) -> bool:
    return dict(one.territories) == dict(other.territories)


# -------------------------------------------------------------------------------------------- words

_UNSEEN = dict.fromkeys(map(ord, "\u200e\u200f\u061c\u202a\u202b\u202c\u2066\u2067\u2069\u00ad"))
_INSIDE_WORDS = frozenset("'’ʼ-‐·᠆\u200c\u200d״׳")
_INSIDE_NUMBERS = frozenset(".,٫٬،'’")


@cache
def _kind(character: str) -> str:
    code = ord(character)
    if 0x3400 <= code <= 0x4DBF or 0x4E00 <= code <= 0x9FFF or 0x20000 <= code <= 0x3FFFF:
        return "han"
    if 0x3040 <= code <= 0x30FF and character != "・":
        return "kana"
    if character.isspace() or character == "\u200b":
        return "space"
    if character in "་༌":  # Tibetan writes these between the syllables of a word
        return "letter"
    category = unicodedata.category(character)
    if category == "Nd":
        return "digit"
    return "letter" if category[0] in "LM" else "mark"


def words_of(text: str) -> tuple[str, ...]:
    """Cut CLDR's text into words: at spaces and CLDR's zero-width spaces, digits from letters.

    Han characters stand one by one, kana by run, punctuation one by one; apostrophes, hyphens and
    joiners inside a word stay in it, and so do the points and commas inside a number.
    """
    text = text.translate(_UNSEEN)
    kinds = [_kind(character) for character in text]
    words: list[str] = []
    last = "space"
    for place, character in enumerate(text):
        kind = kinds[place]
        if kind == "mark" and place + 1 < len(text) and last == kinds[place + 1]:
            inside = {"letter": _INSIDE_WORDS, "digit": _INSIDE_NUMBERS}.get(last, frozenset())
            kind = last if character in inside else kind
        if kind == last and kind in ("letter", "digit", "kana"):
            words[-1] += character
        elif kind != "space":
            words.append(character)
        last = kind
    return tuple(words)
