"""Settings of the embedding initialisers, in groups by whose code reads them; needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field

from unibridge.settings import Available, ChosenFrom, Lack, OwnOptions, Settings

Function = TypeVar("Function", bound=Callable[..., Any])
ANY_INITIALISER = ChosenFrom("unibridge.embeddings.initialise:INITIALISERS")
ANY_SPACE = ChosenFrom("unibridge.embeddings.initialise:STATIC_SPACES")
ANY_MODEL = ChosenFrom("unibridge.embeddings.static_models:STATIC_MODELS")
ANY_SIMILARITY = ChosenFrom("unibridge.embeddings.neighbours:SIMILARITIES")


def translated_by(*kinds: Literal["parallel", "dictionary"]) -> Callable[[Function], Function]:
    """Declares that an initialiser or a space needs source text and one of these translations."""

    def declare(function: Function) -> Function:
        function.translated_by = kinds  # type: ignore[attr-defined]
        return function

    return declare


def translations_needed(table: ChosenFrom, name: str) -> tuple[str, ...]:
    """Kinds of translations of which an entry of a table needs one."""
    return getattr(table.resolve(name), "translated_by", ())


def goes_through_translations(table: ChosenFrom, name: str) -> bool:
    """Whether an initialiser or a space of this name does, or is the user's own and may."""
    return bool(translations_needed(table, name)) or ":" in name


def reads(*tables: type[BaseModel] | str) -> Callable[[Function], Function]:
    """Declares which tables of settings (or single ones, by name) an initialiser reads.

    Others that are changed beside it are refused. One that declares nothing may read everything.
    """

    def declare(function: Function) -> Function:
        names = [[t] if isinstance(t, str) else list(t.model_fields) for t in tables]
        function.reads = frozenset(n for part in names for n in part)  # type: ignore[attr-defined]
        return function

    return declare


class _Group(Settings):
    """Flat in a configuration, whatever the group."""


class MatchSettings(_Group):
    """Which tokens two vocabularies share; read by lexical.py."""

    case_insensitive: bool = Field(
        False, description="tokens without an equal partner also match one that differs in case"
    )


class StaticSettings(_Group):
    """How static embeddings of tokenised text are made; read by static_models.py."""

    static_dimension: int = Field(300, ge=2, description="dimensions of the static embeddings")
    static_epochs: int = Field(3, ge=1, description="passes of FastText over the target text")
    static_copies: int = Field(
        4,
        ge=1,
        description="copies of the text for FastText in a joint space, each stretch of text in "
        "each copy drawn from either tokenisation at random",
    )
    static_rate: float = Field(
        0.05,
        gt=0,
        description="learning rate of the static embeddings at the start, FastText's own; it falls "
        "to nearly 0 (gensim's lower one leaves all tokens alike after 3 passes over little text)",
    )
    static_objective: Literal["cbow", "skipgram"] = Field(
        "cbow", description="FastText's training objective"
    )
    static_window: int = Field(
        5,
        ge=1,
        description="context of FastText in tokens on either side",
    )
    counts_window: int = Field(
        2,
        ge=1,
        description="context of counts on either side: tokens, or in a joint space the stretches "
        "of text between common cuts of both tokenisations",
    )
    static_negatives: int = Field(10, ge=1, description="negative samples for every token")
    static_min_count: int = Field(
        1, ge=1, description="occurrences below which a token gets no static embedding"
    )
    static_ngrams: bool = Field(
        True, description="FastText's character n-grams; a joint space never has any"
    )
    static_buckets: int = Field(
        200_000,
        ge=1,
        description="hash buckets for character n-grams, each static_dimension floats "
        "(FastText's own 2,000,000 would take 2.4 GB at 300 dimensions)",
    )


class SpaceSettings(_Group):
    """In which space vocabularies are compared, and how; read by vectors.py, unibridge.py."""

    static_space: Annotated[str, ANY_SPACE] = Field(
        "joint",
        description="how the static embeddings of the two vocabularies are made comparable: "
        "joint (one training on both tokenisations), separate (trained apart, the paper's way), "
        "procrustes, bridge (through translations, for scripts that the base cannot read), "
        "none (no semantic step), or pkg.mod:name",
    )
    static_model: Annotated[str, ANY_MODEL] = Field(
        "fasttext",
        description="what makes static embeddings of tokenised text: fasttext (the paper's), "
        "counts (co-occurrences and an SVD, without n-grams), or pkg.mod:name",
    )
    joint_model: Annotated[str, ANY_MODEL] = Field(
        "counts",
        description="the same for the joint space, which only compares the two vocabularies: rows "
        "are mixed by static_model, whose n-grams know the parts of a word",
    )
    static_similarity: Annotated[str, ANY_SIMILARITY] = Field(
        "cosine",
        description="what nearest means between static embeddings: cosine, as in the paper, csls "
        "(hubs are penalised), or pkg.mod:name",
    )
    csls_neighbourhood: int = Field(
        10, ge=1, description="nearest tokens of the other side that csls averages over"
    )
    search_all_source_tokens: bool = Field(
        False,
        description="also search source tokens that never occur in the target text, by their "
        "character n-grams, as the reference does",
    )


class TrustSettings(_Group):
    """When the semantic step is trusted, and what is done where it is not; read by precision.py."""

    semantic_step: Literal["trusted", "always"] = Field(
        "trusted",
        description="align tokens by static embeddings where the next settings allow it, or "
        "always, as in the paper",
    )
    untrusted_space: Annotated[str, ANY_SPACE] = Field(
        "bridge",
        description="what aligns tokens instead where static_space is not trusted and there are "
        "bridge_trusted_lines translations: bridge, none (no semantic step), or pkg.mod:name",
    )
    max_source_unknown: float = Field(
        0.5,
        ge=0,
        le=1,
        description="share of the target text's tokens that the base tokenizer does not know, "
        "above which there is nothing to align",
    )
    min_trusted_tokens: int = Field(
        100,
        ge=0,
        description="shared tokens, and searched source tokens, below which the semantic step is "
        "not trusted",
    )
    min_held_out_precision: float = Field(
        0.2,
        ge=0,
        le=1,
        description="share of held-out shared tokens that find themselves again (P@1) below which "
        "the semantic step is not trusted",
    )
    max_same_word_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="share of a joint space's pairs that are a token and a piece of the same word, "
        "above which its nearest neighbours tell places, not meanings, and are not trusted",
    )
    same_word_pairs: Literal["drop", "keep"] = Field(
        "drop", description="what happens to these pairs where the others are trusted"
    )
    held_out_share: float = Field(
        1 / 3,
        ge=0,
        lt=1,
        description="share of the shared tokens held out to measure P@1, by a second training of "
        "the static embeddings; 0: not measured",
    )


class BridgeSettings(_Group):
    """How translations tie two vocabularies together; read by bridge.py."""

    bridge_copies: int = Field(
        30, ge=1, description="times that bridge draws each aligned line from its two sides"
    )
    bridge_source_lines: int = Field(
        20_000, ge=1, description="most lines of source-language text that bridge trains on"
    )
    bridge_trusted_lines: int = Field(
        1_000,
        ge=0,
        description="a bridge on fewer aligned lines and dictionary entries is reported as not to "
        "be trusted, and is not taken unasked",
    )


class WechselSettings(_Group):
    """Read by wechsel.py alone."""

    wechsel_neighbours: int = Field(
        10, ge=1, description="source tokens that a row of wechsel is mixed from"
    )
    wechsel_temperature: float = Field(
        0.1, gt=0, description="temperature of the softmax over their cosines"
    )


class EmbeddingSettings(
    OwnOptions,
    MatchSettings,
    StaticSettings,
    SpaceSettings,
    TrustSettings,
    BridgeSettings,
    WechselSettings,
):
    """How the rows of the new vocabulary get their first values (paper §2.2, Table 7)."""

    method: Annotated[str, ANY_INITIALISER] = Field(
        "unibridge",
        description="initialiser: unibridge, focus, wechsel, pieces, lexical, mean, random, "
        "xavier, or pkg.mod:name",
    )
    special_tokens: Literal["role", "none"] = Field(
        "role",
        description="special tokens copy the row of the same role (role), or are treated as "
        "ordinary tokens, as in the paper (none)",
    )

    @property
    def translates(self) -> bool:
        """Whether the method or its space goes through translations, as far as known."""
        return any(goes_through_translations(*choice) for choice in self._translating)

    @property
    def needs_dictionary(self) -> bool:
        """Whether nothing else than a dictionary will do."""
        return ("dictionary",) in [translations_needed(*choice) for choice in self._translating]

    @property
    def _translating(self) -> tuple[tuple[ChosenFrom, str], tuple[ChosenFrom, str]]:
        return (ANY_INITIALISER, self.method), (ANY_SPACE, self.static_space)

    def lacks(self, run: Available) -> Iterator[Lack]:
        """Translations that the initialiser or its space needs, tokens that no text has."""
        if self.search_all_source_tokens and (self.method, self.static_space) == (
            "unibridge",
            "joint",
        ):
            yield (
                "embeddings.search_all_source_tokens",
                "compares tokens in the joint space, which has none that never occur in the text; "
                'set embeddings.static_space = "separate", or leave this out',
            )
        for field, (table, choice) in zip(
            ("method", "static_space"), self._translating, strict=True
        ):
            needs = translations_needed(table, choice)
            if needs and not any("text" in has and has & {*needs} for has in run.sources.values()):
                yield (
                    f"embeddings.{field}",
                    f"uses {choice!r}, which needs a source with text and {' or '.join(needs)}; "
                    "give one, or choose another",
                )

    def unread(self, changed: Collection[str]) -> dict[str, str]:
        """Of the changed fields those that the initialiser ignores -> the names of who reads them.

        Raises UnibridgeError for an unknown initialiser.
        """
        own = getattr(ANY_INITIALISER.resolve(self.method), "reads", None)
        ignored = [n for n in changed if own is not None and n not in own and n not in _OF_ALL]
        return {name: ", ".join(_readers(name)) for name in ignored}

    def reads_translations(self, number: int) -> bool:
        """Whether source text and so many aligned lines and dictionary entries may decide rows."""
        unasked = (self.method, self.semantic_step) == ("unibridge", "trusted")
        enough = number >= self.bridge_trusted_lines and self.untrusted_space != "none"
        return self.translates or (unasked and enough)


TABLES = tuple(table for table in EmbeddingSettings.__bases__ if issubclass(table, _Group))
"""What initialisers declare to read, see `reads`; the rest is for all of them."""
_OF_ALL = frozenset(EmbeddingSettings.model_fields) - {n for t in TABLES for n in t.model_fields}


def _readers(field: str) -> list[str]:
    from unibridge.embeddings.initialise import INITIALISERS

    return [name for name in INITIALISERS if field in getattr(INITIALISERS[name], "reads", ())]
