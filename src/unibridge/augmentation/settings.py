"""How training text is code-switched."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from unibridge.alignment import WordAlignmentSettings
from unibridge.settings import Available, Lack, Settings


class CodeSwitchingSettings(Settings):
    """Which words are replaced, and by what."""

    method: Literal["none", "lexicon", "alignment", "neighbours"] = Field(
        "lexicon",
        description="where a word's translations are from: lexicon: sources.dictionary; alignment: "
        "words linked in the parallel lines; neighbours: the nearest in sources.vectors; none: "
        "nothing is replaced. sources.lexicons add further languages to any but none",
    )
    sentence_rate: float = Field(
        1.0, ge=0, le=1, description="share of the sentences (the paper searches 0.4 to 1)"
    )
    word_rate: float = Field(
        0.5,
        ge=0,
        le=1,
        description="share of their words that have a translation (the paper searches 0.4 to 1)",
    )
    mixing: Literal["words", "sentence"] = Field(
        "words", description="a language is drawn for each word (CoSDA-ML), or for a sentence"
    )
    versions: int = Field(
        10, ge=1, description="draws, of which each epoch reads the next; 1: the same in each"
    )
    neighbours: int = Field(1, ge=1, description="neighbours: how many nearest words are drawn of")
    least: int = Field(2, ge=1, description="alignment: times that words must be linked")
    alignment: WordAlignmentSettings = WordAlignmentSettings()

    @property
    def ingredient(self) -> str | None:
        """What of a source the translations are from; None where nothing is replaced."""
        known = {"lexicon": "dictionary", "alignment": "parallel", "neighbours": "vectors"}
        return known.get(self.method)

    def lacks(self, run: Available) -> Iterator[Lack]:
        """A task whose labels stay while words change, and translations of some words."""
        if self.method != "none" and run.task is not None and not run.task.switches_words:
            yield (
                "task.kind",
                f"puts examples into other words, and the task {run.task.name} does not say how; "
                "give its class a method in_other_words, or drop the method",
            )
        needed = self.ingredient
        if needed and len(run.without(needed, "lexicons")) == len(run.sources):
            first = next(iter(run.sources))
            yield (
                run.at(first, needed),
                f"switches words by {self.method!r} and has none of any source; give {needed}, or "
                "set code_switching.method",
            )
