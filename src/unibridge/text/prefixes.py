"""Language tags before every word of a file (`so:`, `en|`, `zh_Hant_`), told from words."""

import re
from collections import Counter
from dataclasses import dataclass, field

from unibridge.text.languages import language

# a BCP 47 tag or a Wikipedia's name: am, be-x-old, zh-Hant-TW, simple
_WITH_COLON = re.compile(r"([A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*):")
_OTHERWISE = re.compile(
    r"[<\[({]?([a-z]{2,3}(?:[-_](?:[A-Z][a-z]{3}|[A-Z]{2}))?)([>\])}]|\|+|//?|__?|[#~=@>-])"
)
# words from which on a mark that compounds have too (in_front, co-author, and/or) is no compound's
_WORDS_WITH = {"-": 10, "_": 3, "/": 4}
# words, and words of a language, that tell a file of several languages
_MANY_WORDS, _OWN_WORDS = 20, 2
_MOST = 8
# names of Wikipedias, as WikiANN has them, that are no codes of CLDR
_WIKIPEDIAS = frozenset(
    (  # noqa: SIM905
        "atj azb bat-smg cbk-zam cdo dty eml fiu-vro kbp lbe map-bms nah nrm olo pih roa-rup "
        "roa-tara sh simple"
    ).split()
)


@dataclass
class Prefixes:
    """What the words of a file begin with.

    counts: tags with a colon, "" for none, of the words until there are too many of them. bare:
    words that are nothing else. other: a tag with another mark that all words share, "" where they
    do not; other_bare: words that are nothing else. seen: words; plain: words whose rest is in
    small letters of a to z, as a compound's is.
    """

    counts: Counter[str] = field(default_factory=Counter)
    bare: int = 0
    other: str | None = None
    other_bare: int = 0
    seen: int = 0
    plain: int = 0

    def add(self, word: str) -> None:
        """One more."""
        if len(self.counts) < _MOST:
            match = _WITH_COLON.match(word)
            self.counts[match.group() if match else ""] += 1
            self.bare += match is not None and match.end() == len(word)
        self.seen += 1
        if self.other != "":
            match = _OTHERWISE.match(word)
            found = match.group() if match else ""
            self.other = found if self.other in (None, found) else ""
            rest = word[len(found) :]
            self.other_bare += not rest
            self.plain += rest.isascii() and rest.isalpha() and rest.islower()

    @property
    def differ(self) -> bool:
        """Whether there is a word without any, so that nothing will be left out."""
        return self.counts[""] > 0 and self.other == ""

    def taken(self, path: str, notes: list[str]) -> tuple[str, ...]:
        """What to leave out of every word, with a note of it; of several languages all of them."""
        if self.other and "" in self.counts and self._is_language(self.other):
            notes.append(
                f"{path}: all {self.seen} words begin with {self.other!r}, which is taken for the "
                f"language and left out{_nothing_else(self.other_bare)}"
            )
            return (self.other,)
        total = sum(self.counts.values())
        ((prefix, number),) = self.counts.most_common(1) or [("", 0)]
        several = (
            "" not in self.counts
            and 1 < len(self.counts) < _MOST
            and total >= _MANY_WORDS
            and min(self.counts.values()) >= _OWN_WORDS
        )
        shared = prefix != "" and number == total >= _OWN_WORDS
        known = all(map(_is_code, self.counts))
        if self.bare == total or not (known and (several or shared)):
            most = total > _MANY_WORDS and number >= 0.9 * total and len(self.counts) < _MOST
            if prefix and most and self.bare < total:
                others = "the others do not" if number < total else "which is no known language"
                notes.append(
                    f"{path}: {number} of {total} words begin with {prefix!r}, {others}: it is "
                    "taken for a part of the words"
                )
            return ()
        said = repr(prefix)
        if several:
            said = f"a language's tag ({', '.join(map(repr, sorted(self.counts)))})"
        taken = "which are" if several else "which is"
        notes.append(
            f"{path}: all {total} words begin with {said}, {taken} taken for the language and "
            f"left out{_nothing_else(self.bare)}"
        )
        return tuple(self.counts)

    def _is_language(self, prefix: str) -> bool:
        """Whether what all words begin with is a tag, and no part of compounds."""
        match = _OTHERWISE.match(prefix)
        if match is None or not _is_code(match[1]) or self.seen == self.other_bare:
            return False
        needed = _WORDS_WITH.get(match[2], 2)
        telling = self.seen - self.plain
        # running text has names, marks or numbers; a list of compounds of one word has none
        told = telling > 0 or match[2] not in _WORDS_WITH or self.seen >= _MANY_WORDS
        return self.seen >= needed and told


def _is_code(tag: str) -> bool:
    """Whether a tag, with a colon or without, is of a language that CLDR or Wikipedia knows."""
    code = tag.rstrip(":").lower()
    return code in _WIKIPEDIAS or language(code).name != code


def _nothing_else(bare: int) -> str:
    return f"; {bare} words are nothing else" if bare else ""


def without(word: str, prefixes: tuple[str, ...]) -> str:
    """A word without the tag that it begins with."""
    return word.removeprefix(next(filter(word.startswith, prefixes), ""))
