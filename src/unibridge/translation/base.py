"""What a translator is given and gives, and the settings of translating labelled examples."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import Field

from unibridge.alignment import Links, WordAlignmentSettings
from unibridge.settings import Available, ChosenFrom, Lack, Settings
from unibridge.translation.own_settings import OwnSettings

if TYPE_CHECKING:
    import torch

ANY_TRANSLATOR = ChosenFrom("unibridge.translation:TRANSLATORS")


class TranslationSettings(Settings):
    """What translates, and how labels of words find their place in a translation."""

    translator: Annotated[str, ANY_TRANSLATOR] = Field(
        "ready",
        description="ready: files that you bring (translated); lexicon: word by word; seq2seq: a "
        "model of transformers; ctranslate2: a converted one; bergamot: English and Portuguese, "
        "from a package; own: one that is learnt from the aligned lines; none: texts stay as they "
        "are; or package.module:name",
    )
    model: str = Field(
        "",
        description="seq2seq: folder or hub id; ctranslate2: folder; own: mT5 or mBART to go on "
        "from, unset: from nothing",
    )
    own: OwnSettings = OwnSettings()
    codes: dict[str, str] = Field(
        default_factory=dict,
        description='what the model calls a language, {"lug": "lug_Latn"}; unset: the first of '
        "lug_Latn, __lg__, lg_XX, <2lg> and >>lug<< that its tokenizer knows",
    )
    beams: int = Field(5, ge=1, description="beams of seq2seq, ctranslate2 and own")
    max_tokens: int = Field(256, ge=8, description="longest text and translation, tokens")
    batch_size: int = Field(16, ge=1, description="texts at a time")
    entries: Literal["any", "dictionary", "parallel", "both"] = Field(
        "any",
        description="of the lexicon: sources.dictionary, words linked in aligned lines, or both; "
        "any: the dictionary, or without one the aligned lines",
    )
    least: int = Field(2, ge=1, description="times that words must be linked to be an entry")
    pivot: str | None = Field(
        None, description="translate-test: the source that is read; unset: the first that can be"
    )
    projection: Annotated[str, ChosenFrom("unibridge.translation.projection:PROJECTIONS")] = Field(
        "alignment",
        description="how entities and answers are found again in a translation: alignment: by the "
        "words that theirs are linked to; markers: by marks that are translated with them, by "
        "alignment where one is lost; none: not at all, for tasks on whole texts; or "
        "package.module:name",
    )
    markers: Literal["brackets", "tags"] = Field(
        "brackets",
        description="[ Paris ], which translation models keep most often (EasyProject), or "
        "<e1> Paris </e1>",
    )
    passages: bool = Field(
        True,
        description="questions are translated with their passages; false: alone, where those of "
        "the test are in the source's language",
    )
    alignment: WordAlignmentSettings = WordAlignmentSettings()

    def lacks(self, run: Available) -> Iterator[Lack]:
        """What the translator needs; how labels come along is asked of the task."""
        translator = ANY_TRANSLATOR.resolve(self.translator)
        yield from getattr(translator, "lacks", nothing)(self, run)

    def unable(self, run: Available) -> list[str]:
        """The sources that there is nothing to translate by."""
        if self.translator == "own":
            return run.without("parallel")
        return self.without_entries(run) if self.translator == "lexicon" else []

    def without_entries(self, run: Available) -> list[str]:
        """The sources that a lexicon would have no entries of."""
        either = self.entries in ("any", "both")
        return run.without(*(("dictionary", "parallel") if either else (self.entries,)))


def nothing(settings: TranslationSettings, run: Available) -> Iterator[Lack]:
    """What a translator needs that says nothing of it."""
    return iter(())


@dataclass(frozen=True)
class Translated:
    """A translation. links: places of words between spaces, in the text and in it; None where the
    translator does not know."""

    text: str
    links: Links | None = None


@dataclass(frozen=True)
class Between:
    """What a translator is told.

    first, second: codes of the language that is translated and of the one that comes out. entries:
    (word, translation), the one to be preferred first. parallel: (line, translation) that a
    translator of one's own and an alignment learn from. device: where a model runs. learnt: what
    a translator trained for these languages; texts are given to it several times.
    """

    first: str
    second: str
    settings: TranslationSettings
    entries: Sequence[tuple[str, str]] = ()
    parallel: Sequence[tuple[str, str]] = ()
    device: "torch.device | str" = "cpu"
    learnt: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)


Translator = Callable[[Sequence[str], Between], Sequence[str | Translated]]
"""Texts -> their translations in the same order."""
Lacking = Callable[[TranslationSettings, Available], Iterator[Lack]]
Function = TypeVar("Function", bound=Callable[..., Any])


def needing(lacks: Lacking) -> Callable[[Function], Function]:
    """Declares what a translator needs of a run, asked before anything is trained."""

    def declare(function: Function) -> Function:
        function.lacks = lacks  # type: ignore[attr-defined]
        return function

    return declare
