"""What a translator is given and gives, and the settings of translating labelled examples."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from unibridge.alignment import Links, WordAlignmentSettings
from unibridge.settings import Available, ChosenFrom, Lack

if TYPE_CHECKING:
    import torch

ANY_TRANSLATOR = ChosenFrom("unibridge.translation:TRANSLATORS")


class TranslationSettings(BaseModel):
    """What translates, and how labels of words find their place in a translation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    translator: Annotated[str, ANY_TRANSLATOR] = Field(
        "ready",
        description="ready: files that you bring (translated); lexicon: word by word; seq2seq: a "
        "model of transformers; ctranslate2: a converted one; bergamot: English and Portuguese, "
        "from a package; none: texts stay as they are; or package.module:name",
    )
    model: str = Field("", description="seq2seq: folder or hub id; ctranslate2: folder")
    codes: dict[str, str] = Field(
        default_factory=dict,
        description='what the model calls a language, {"lug": "lug_Latn"}; unset: the first of '
        "lug_Latn, __lg__, lg_XX, <2lg> and >>lug<< that its tokenizer knows",
    )
    beams: int = Field(5, ge=1, description="beams of seq2seq and ctranslate2")
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
    alignment: WordAlignmentSettings = WordAlignmentSettings()

    def lacks(self, run: Available) -> Iterator[Lack]:
        """What the translator needs, and a task whose labels can be carried over."""
        translator = ANY_TRANSLATOR.resolve(self.translator)
        if run.reads in ("trees", "question"):
            yield (
                "task.kind",
                "cannot carry this task's labels over to a translation; use a task on words or "
                "whole texts, or drop the method",
            )
        yield from getattr(translator, "lacks", nothing)(self, run)

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
    (word, translation), the one to be preferred first. device: where a model runs.
    """

    first: str
    second: str
    settings: TranslationSettings
    entries: Sequence[tuple[str, str]] = ()
    device: "torch.device | str" = "cpu"


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
