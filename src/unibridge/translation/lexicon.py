"""Word by word through a bilingual lexicon; what it does not have stays as it is.

The cheapest translation there is (Mayhew, Tsai and Roth, EMNLP 2017, "Cheap Translation for
Cross-Lingual NER"): the order of the words is kept, and so every word knows where it came from.
"""

from collections.abc import Iterator, Mapping, Sequence

from unibridge.settings import Available, Lack
from unibridge.text.words import edges, split_words
from unibridge.translation.base import Between, Translated, TranslationSettings, needing

LONGEST = 3
"""Words of the longest entries that are looked up."""


def _lacks(settings: TranslationSettings, run: Available) -> Iterator[Lack]:
    if len(settings.without_entries(run)) == len(run.sources):
        name = "parallel" if settings.entries == "parallel" else "dictionary"
        source = next(iter(run.sources))
        yield (
            run.at(source, name),
            f"translates {source!r} by a lexicon; give a dictionary, or parallel lines",
        )


@needing(_lacks)
def by_lexicon(texts: Sequence[str], between: Between) -> list[Translated]:
    """Each text word by word, longest entries first, with the first translation of each."""
    table: dict[tuple[str, ...], list[str]] = {}
    for word, translation in between.entries:
        # what is bound to other words (-ngi) is no word
        if not any(one.startswith("-") or one.endswith("-") for one in (word, translation)):
            table.setdefault(tuple(word.lower().split()), translation.split())
    return [translate_words(text.split(), table) for text in texts]


def translate_words(words: Sequence[str], table: Mapping[tuple[str, ...], list[str]]) -> Translated:
    """Words by the longest entries that begin at each.

    table: words in lower case -> those of the translation. Capitals stay capitals, and marks stay
    at the edges of what they stood at.
    """
    parts = [edges(word) for word in words]
    said: list[str] = []
    links: list[tuple[int, int]] = []
    place = 0
    while place < len(words):
        length = next((n for n in range(LONGEST, 0, -1) if _phrase(parts, place, n) in table), 0)
        if not length:
            links.append((place, len(said)))
            said.append(words[place])
            place += 1
            continue
        found = list(table[_phrase(parts, place, length)])
        if parts[place][1][:1].isupper():
            found[0] = found[0][:1].upper() + found[0][1:]
        found[0] = parts[place][0] + found[0]
        found[-1] += parts[place + length - 1][2]
        links += [
            (place + first, len(said) + second)
            for first in range(length)
            for second in range(len(found))
        ]
        said += found
        place += length
    return Translated(" ".join(said), tuple(links))


def _phrase(parts: Sequence[tuple[str, str, str]], place: int, length: int) -> tuple[str, ...]:
    """So many words from a place on, in lower case; none where a mark stands between them."""
    own = parts[place : place + length]
    between = [after for _, _, after in own[:-1]] + [before for before, _, _ in own[1:]]
    if len(own) < length or any(between) or not all(word for _, word, _ in own):
        return ()
    return tuple(word.lower() for _, word, _ in own)


def known_share(texts: Sequence[str], entries: Sequence[tuple[str, str]]) -> float:
    """Share of the words with a letter that a lexicon has, each alone."""
    known = {word.lower() for word, _ in entries}
    words = [w.lower() for text in texts for w in split_words(text) if any(map(str.isalpha, w))]
    return sum(word in known for word in words) / max(len(words), 1)
