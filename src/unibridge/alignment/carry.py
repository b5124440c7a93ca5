"""What links between words carry over: tags onto a translation, and a lexicon out of many.

Annotation projection (Yarowsky, Ngai and Wicentowski, HLT 2001; for entities as spans, Ehrmann,
Turchi and Steinberger, RANLP 2011).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unibridge.alignment.base import Links, ToAlign, WordAlignmentSettings, WordPair
from unibridge.text.words import split_words

if TYPE_CHECKING:
    from unibridge.models.base import BaseModel as Base

UNKNOWN = ""
"""In place of a tag that no link says: it is none of a task's, so nothing is learnt from it."""


@dataclass(frozen=True)
class Carried:
    """tags: of each word of the translation. lost, all: labels that found no place, and that there
    were: entities, or words with a tag."""

    tags: tuple[str, ...]
    lost: int
    all: int


def carry_tags(tags: Sequence[str], links: Links, words: int) -> Carried:
    """A tag for each of the `words` of the other sentence: that of the first word linked to it.

    A word without a link has the tag UNKNOWN. lost: tags of words without a link.
    """
    found = [UNKNOWN] * words
    for first, second in sorted(links, reverse=True):
        found[second] = tags[first]
    linked = {first for first, _ in links}
    return Carried(tuple(found), len(tags) - len(linked), len(tags))


def carry_entities(tags: Sequence[str], links: Links, words: int) -> Carried:
    """IOB2 tags: an entity is all from the first to the last word that its words are linked to.

    It stops before a word of an entity that was there first. lost: entities without any link.
    """
    found = ["O"] * words
    spans = entities(tags)
    lost = 0
    for start, end, kind in spans:
        places = [second for first, second in links if start <= first < end]
        free = [place for place in places if found[place] == "O"]
        if not free:
            lost += 1
            continue
        place = min(free)
        for number in range(place, max(free) + 1):
            if found[number] != "O":
                break
            found[number] = f"{'B' if number == place else 'I'}-{kind}"
    return Carried(tuple(found), lost, len(spans))


def entities(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """(first word, one past the last, kind) of every entity of IOB2 tags."""
    spans: list[tuple[int, int, str]] = []
    for place, tag in enumerate(tags):
        side, _, kind = tag.partition("-")
        if side == "B" or (side == "I" and not (spans and spans[-1][1:] == (place, kind))):
            spans.append((place, place + 1, kind))
        elif side == "I":
            spans[-1] = (spans[-1][0], place + 1, kind)
    return spans


def entries_of(
    rows: Sequence[tuple[str, str]],
    settings: WordAlignmentSettings,
    *,
    least: int,
    base: "Base | None" = None,
) -> list[tuple[str, str]]:
    """A lexicon out of translated lines, see `lexicon_of`."""
    from unibridge.alignment import align_words

    pairs = [(split_words(first), split_words(second)) for first, second in rows]
    return lexicon_of(pairs, align_words(ToAlign(pairs, settings, base=base)), least=least)


def lexicon_of(
    pairs: Sequence[WordPair], links: Sequence[Links], *, least: int = 2
) -> list[tuple[str, str]]:
    """(first word, second word) of words in lower case that are linked at least so often.

    The commonest translation of a word first; words in the order of the text. Both have a letter.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for (first, second), found in zip(pairs, links, strict=True):
        counts.update((first[i].lower(), second[j].lower()) for i, j in found)
    order = {word: place for place, word in enumerate(dict.fromkeys(word for word, _ in counts))}
    kept = [
        (order[pair[0]], -count, pair)
        for pair, count in counts.items()
        if count >= least and all(any(c.isalpha() for c in word) for word in pair)
    ]
    return [pair for _, _, pair in sorted(kept)]
