"""Templates and label words in another language, by a translator."""

import re
from dataclasses import replace

from unibridge.prompting.cloze import SLOT, Wording
from unibridge.translation import Between, translate


def translated(wording: Wording, between: Between) -> Wording:
    """The words around the slots, and those of the labels, each translated alone.

    What stands between two slots keeps its place, so the order is the first language's; marks and
    spaces stay. A word that comes out empty stays as it was.
    """
    parts = SLOT.split(wording.template)
    words = [n for n, part in enumerate(parts) if not SLOT.fullmatch(part) and has_word(part)]
    found = translate([*(parts[n].strip() for n in words), *wording.words], between)
    for n, one in zip(words, found, strict=False):
        space = re.match(r"\s*", parts[n])
        before = space[0] if space else ""
        after = parts[n][len(parts[n].rstrip()) :]
        parts[n] = before + (one.text.strip() or parts[n].strip()) + after
    labels = found[len(words) :]
    said = [one.text.strip() or word for one, word in zip(labels, wording.words, strict=True)]
    return replace(wording, template="".join(parts), words=tuple(said))


def has_word(text: str) -> bool:
    """Whether there is a letter or a digit."""
    return any(character.isalnum() for character in text)
