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
    """IOB2 tags by `carry_spans`. lost: entities without any link."""
    spans = entities(tags)
    places = carry_spans([span[:2] for span in spans], links)
    return Carried(spelled(spans, places, words), places.count(None), len(spans))


def carry_spans(spans: Sequence[tuple[int, int]], links: Links) -> list[tuple[int, int] | None]:
    """(first word, one past the last) of spans in the other sentence; None for one without a link.

    A span is all from the first to the last word that its words are linked to; it stops before a
    word of a span that was there first.
    """
    taken: set[int] = set()
    found: list[tuple[int, int] | None] = []
    for start, end in spans:
        free = sorted({second for first, second in links if start <= first < end} - taken)
        if not free:
            found.append(None)
            continue
        inside = range(free[0], free[-1] + 1)
        stop = next((place for place in inside if place in taken), inside.stop)
        taken.update(range(free[0], stop))
        found.append((free[0], stop))
    return found


def spelled(
    spans: Sequence[tuple[int, int, str]], places: Sequence[tuple[int, int] | None], words: int
) -> tuple[str, ...]:
    """IOB2 tags of a sentence with spans of these kinds at these places."""
    tags = ["O"] * words
    for (_, _, kind), own in zip(spans, places, strict=True):
        for place in range(*own) if own else ():
            tags[place] = f"{'B' if own and place == own[0] else 'I'}-{kind}"
    return tuple(tags)


def carry_tree(tags: Sequence[str], links: Links, words: int) -> Carried:
    """Heads and relations (`2|nsubj`) where every word is linked to one word and it to no other.

    The one-to-one case of direct projection (Hwa et al., Natural Language Engineering 11(3), 2005);
    in all others, for which that invents nodes, there is no tag at all. lost: all or none.
    """
    onto = dict(links)
    if not len(links) == len(onto) == len(set(onto.values())) == len(tags) == words:
        return Carried((), len(tags), len(tags))
    found = [""] * words
    for first, tag in enumerate(tags):
        head, _, relation = tag.partition("|")
        found[onto[first]] = f"{onto[int(head) - 1] + 1 if int(head) else 0}|{relation}"
    return Carried(tuple(found), 0, len(tags))


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
