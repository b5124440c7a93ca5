"""Code-switching: words of the training text in other languages, labels as they are (CoSDA-ML).

Qin, Ni, Zhang and Che, IJCAI 2020 (arXiv 2006.06402), Algorithm 1: some sentences, some of their
words, and for each word one of the languages and one of its translations, drawn anew in every
epoch. Words without a translation stay.
"""

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from unibridge.augmentation.settings import CodeSwitchingSettings
from unibridge.text.words import edges

if TYPE_CHECKING:
    from unibridge.tasks.base import Task

Table = Mapping[str, Sequence[str]]
"""A word in lower case -> its translations into one language."""


def tables_of(lexicons: Mapping[str, Sequence[tuple[str, str]]]) -> list[Table]:
    """(word, translation) pairs by language, as one table a language; single words only."""
    tables: list[Table] = []
    for _, entries in sorted(lexicons.items()):
        table: dict[str, list[str]] = {}
        for word, translation in entries:
            # what is bound to other words (-ngi) is no word
            if (
                " " not in word
                and not translation.startswith("-")
                and not translation.endswith("-")
            ):
                table.setdefault(word.lower(), []).append(translation)
        tables.append(table)
    return tables


def switch_words(
    words: Sequence[str],
    tables: Sequence[Table],
    settings: CodeSwitchingSettings,
    draw: random.Random,
    *,
    single: bool,
) -> list[str]:
    """Words of one sentence, each as it was or in another language; as many as before.

    single: only translations of one word, so that no word holds a space.
    """
    if not tables or draw.random() >= settings.sentence_rate:
        return list(words)
    # CoSDA-ML draws a language for each word; one for all makes two languages in a sentence
    of_sentence = draw.choice(tables)
    said = []
    for word in words:
        before, core, after = edges(word)
        table = draw.choice(tables) if settings.mixing == "words" else of_sentence
        found = [one for one in table.get(core.lower(), ()) if not single or " " not in one]
        if not core or not found or draw.random() >= settings.word_rate:
            said.append(word)
            continue
        chosen = draw.choice(found)
        if core[:1].isupper():
            chosen = chosen[:1].upper() + chosen[1:]
        said.append(before + chosen + after)
    return said


def switch_text(
    text: str, tables: Sequence[Table], settings: CodeSwitchingSettings, draw: random.Random
) -> str:
    """A text with words of it in other languages."""
    return " ".join(switch_words(text.split(), tables, settings, draw, single=False))


def switch_examples(
    task: "Task[Any, Any]",
    examples: Sequence[Any],
    tables: Sequence[Table],
    settings: CodeSwitchingSettings,
    *,
    seed: int,
    version: int = 0,
) -> list[Any]:
    """Examples in other words with the same labels, as their task changes words."""
    draw = random.Random(f"{seed}:{version}")

    def change(words: Sequence[str], *, single: bool) -> list[str]:
        return switch_words(words, tables, settings, draw, single=single)

    return [task.in_other_words(example, change) for example in examples]
