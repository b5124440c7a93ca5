"""Spans found again in translated sentences: by word alignment, or by marks translated with them.

By links between words (Yarowsky, Ngai and Wicentowski, HLT 2001), or by marks around the spans
before they are translated (Chen et al., EasyProject, Findings of ACL 2023, arXiv 2211.15613).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from unibridge.alignment import Links, ToAlign, align_words
from unibridge.alignment.carry import carry_spans
from unibridge.registry import Registry
from unibridge.text.words import split_words
from unibridge.translation import translate
from unibridge.translation.base import Between, Translated

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base

Span = tuple[int, int, str]
"""First word, one past the last, kind."""
Place = tuple[int, int]
"""First word, one past the last."""

LEAST_ALIKE = 0.5
"""Likeness of two strings, 0 to 1, that what stands in brackets must have to a span's own
translation to be that span. The bound is ours."""


@dataclass(frozen=True)
class ToProject:
    """Sentences with spans that are to be found again in their translations.

    spans: of each sentence, none of them within another. ready: words of translations that need not
    be made. base: what an alignment may read with.
    """

    sentences: Sequence[Sequence[str]]
    spans: Sequence[Sequence[Span]]
    between: Between
    ready: Sequence[Sequence[str]] | None = None
    base: "Base | None" = None


@dataclass(frozen=True)
class Projected:
    """A translation. places: of the sentence's spans in its order; None for one that is lost.

    links: of the words; None where they were not aligned. fell_back: whether marks were lost.
    """

    words: Sequence[str]
    places: Sequence[Place | None]
    links: Links | None
    fell_back: bool = False


def unprojected(given: ToProject) -> list[Projected]:
    """Translations alone; every span is lost."""
    return [
        Projected(words, [None] * len(spans), links)
        for (words, links), spans in zip(_translated(given), given.spans, strict=True)
    ]


def by_alignment(given: ToProject) -> list[Projected]:
    """A span is from the first to the last word that its words are linked to."""
    found = _translated(given)
    unlinked = [place for place, (_, links) in enumerate(found) if links is None]
    aligned: dict[int, Links] = {}
    if unlinked:
        pairs = [(given.sentences[place], found[place][0]) for place in unlinked]
        more = [
            (split_words(first), split_words(second)) for first, second in given.between.parallel
        ]
        how = given.between.settings.alignment
        links = align_words(ToAlign(pairs, how, more, given.base))
        aligned = dict(zip(unlinked, links, strict=True))
    projected = []
    for place, ((words, own), spans) in enumerate(zip(found, given.spans, strict=True)):
        links_here = aligned[place] if own is None else own
        places = carry_spans([span[:2] for span in spans], links_here)
        projected.append(Projected(words, places, links_here))
    return projected


def by_marks(given: ToProject) -> list[Projected]:
    """Marks around the spans are translated with the sentence, and read off its translation.

    A sentence that comes back without all of them, or that has such marks of its own, is translated
    without and aligned; so is one without spans.
    """
    settings = given.between.settings
    style = STYLES[settings.markers]
    marked = [
        place
        for place, (words, spans) in enumerate(zip(given.sentences, given.spans, strict=True))
        if spans and not given.ready and not style.mark.search(" ".join(words))
    ]
    said = translate([style.put(given.sentences[p], given.spans[p]) for p in marked], given.between)
    found: dict[int, Projected] = {}
    for place, one in zip(marked, said, strict=True):
        if (read := style.read(one, len(given.spans[place]))) is not None:
            found[place] = Projected(*read, None)
    if not style.numbered:
        found |= _told_apart(given, found)
    rest = [place for place in range(len(given.sentences)) if found.get(place) is None]
    part = replace(
        given,
        sentences=[given.sentences[place] for place in rest],
        spans=[given.spans[place] for place in rest],
        ready=given.ready and [given.ready[place] for place in rest],
    )
    for place, own in zip(rest, by_alignment(part) if rest else (), strict=True):
        found[place] = replace(own, fell_back=bool(given.spans[place]))
    return [found[place] for place in range(len(given.sentences))]


Projection = Callable[[ToProject], list[Projected]]
PROJECTIONS: Registry[Projection] = Registry(
    "projection", {"none": unprojected, "alignment": by_alignment, "markers": by_marks}
)


def lost_marks(between: Between, found: Sequence[Projected]) -> dict[str, int]:
    """How many sentences with spans there are, and how many came back without all marks."""
    if between.settings.projection != "markers":
        return {}
    return {
        "marked": sum(bool(one.places) for one in found),
        "markers_lost": sum(one.fell_back for one in found),
    }


# ---- translations as words


def _translated(given: ToProject) -> list[tuple[Sequence[str], Links | None]]:
    """Of each sentence the words of its translation, and their links where the translator knows."""
    if given.ready is not None:
        return [(words, None) for words in given.ready]
    said = translate([" ".join(words) for words in given.sentences], given.between)
    return [
        # one that came back empty stays as it is
        (_words(one, one.text), one.links) if one.text.split() else (words, _same(words))
        for one, words in zip(said, given.sentences, strict=True)
    ]


def _words(said: Translated, text: str) -> list[str]:
    """A translator that knows where its words came from keeps the words as they are."""
    return split_words(text) if said.links is None else text.split()


def _same(words: Sequence[str]) -> Links:
    return tuple((place, place) for place in range(len(words)))


# ---- marks


@dataclass(frozen=True)
class Style:
    """One kind of marks. form: with {number}, {words}. mark: any of them, its number and whether it
    closes in groups of those names. numbered: whether a mark says which span it is of."""

    form: str
    mark: re.Pattern[str]
    numbered: bool

    def put(self, words: Sequence[str], spans: Sequence[Span]) -> str:
        """The sentence with marks around its spans, as words of their own."""
        said: list[str] = []
        place = 0
        for number, (start, end, _) in sorted(enumerate(spans), key=lambda one: one[1][:2]):
            said += words[place:start]
            said.append(self.form.format(number=number + 1, words=" ".join(words[start:end])))
            place = end
        return " ".join([*said, *words[place:]])

    def read(self, said: Translated, spans: int) -> tuple[list[str], list[Place | None]] | None:
        """The words of a translation and the places of its marks; None unless all are there.

        Places are in the order of the marks' numbers, or in that of the text where they have none.
        """
        words: list[str] = []
        places: dict[int, Place] = {}
        start, number, last = None, -1, 0
        for mark in [*self.mark.finditer(said.text), None]:
            words += _words(said, said.text[last : mark.start() if mark else None])
            if mark is None:
                break
            last = mark.end()
            own = int(mark["number"]) - 1 if self.numbered else len(places)
            if not mark["closes"]:
                if start is not None or own in places or not 0 <= own < spans:
                    return None
                start, number = len(words), own
            elif start is None or own != number or len(words) == start:
                return None
            else:
                places[number], start = (start, len(words)), None
        if start is not None or len(places) != spans:
            return None
        return words, [places[place] for place in range(spans)]


STYLES = {
    # [ Paris ]: what translation models keep most often (EasyProject)
    "brackets": Style("[ {words} ]", re.compile(r"\[|(?P<closes>\])"), False),
    # <e1> Paris </e1>: for translators that know tags
    "tags": Style(
        "<e{number}> {words} </e{number}>",
        re.compile(r"<\s*(?P<closes>/)?\s*e(?P<number>\d+)\s*>", re.IGNORECASE),
        True,
    ),
}


def _told_apart(given: ToProject, found: dict[int, Projected]) -> dict[int, Projected]:
    """Sentences with spans of several kinds, whose brackets do not say which is which: each is that
    of the span whose own translation it is most like. Those that are like none are left out."""
    unclear = [p for p in found if len({kind for _, _, kind in given.spans[p]}) > 1]
    texts = {
        (place, number): " ".join(given.sentences[place][start:end])
        for place in unclear
        for number, (start, end, _) in enumerate(given.spans[place])
    }
    alone = dict(zip(texts, translate(list(texts.values()), given.between), strict=True))
    told: dict[int, Projected] = {}
    for place in unclear:
        one = found.pop(place)
        # a name may have stayed as it was
        names = [
            (texts[place, number], alone[place, number].text)
            for number in range(len(given.spans[place]))
        ]
        inside = [" ".join(one.words[own[0] : own[1]]) for own in one.places if own]
        order = most_alike(names, inside)
        if order is not None:
            told[place] = replace(one, places=[one.places[number] for number in order])
    return told


def most_alike(names: Sequence[Sequence[str]], inside: Sequence[str]) -> list[int] | None:
    """For each name, given in several forms, the number of that text which is most like it.

    The surest pair first, each text once; None where a name is like none that is left.
    """
    pairs = sorted(
        (-max(SequenceMatcher(None, form.lower(), text.lower()).ratio() for form in forms), n, t)
        for n, forms in enumerate(names)
        for t, text in enumerate(inside)
    )
    found: dict[int, int] = {}
    for alike, name, text in pairs:
        if name not in found and text not in found.values() and -alike >= LEAST_ALIKE:
            found[name] = text
    return [found[name] for name in range(len(names))] if len(found) == len(names) else None
