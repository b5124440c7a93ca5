"""How large a language's vocabulary should be (UniBridge §2.1, Algorithm 1)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from unibridge.errors import UnibridgeError
from unibridge.registry import Registry
from unibridge.text.languages import count_words as words_by_script
from unibridge.text.languages import language as language_record
from unibridge.vocabulary.score import (
    average_log_probability,
    count_strings,
    token_counts,
    unknown_share,
)
from unibridge.vocabulary.train import (
    VocabularyTooLarge,
    VocabularyTooSmall,
    train_sentencepiece,
)

# Chinese, Japanese and Korean writing: rare characters would fill the vocabulary
LARGE_ALPHABETS = {"Hans", "Hant", "Jpan", "Kore"}


class SearchSettings(BaseModel):
    """How the vocabulary's size is found; the defaults are the paper's (Table 6)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    search: str = Field(
        default="scan",
        description="scan (Algorithm 1), fixed (the size below), or package.module:name",
    )
    kind: Literal["unigram", "bpe"] = Field(default="unigram", description="SentencePiece model")
    initial_size: int = Field(
        default=7_000, ge=4, description="scan: the first size tried, pieces (v_i)"
    )
    max_size: int = Field(default=60_000, ge=4, description="scan: the largest size, pieces (v_m)")
    step: int = Field(default=1_000, ge=1, description="scan: pieces between two sizes (δ_v)")
    epsilon: float = Field(
        default=5.0, description="scan: stop when ALP gains no more than this, nats per sample (ε)"
    )
    signed: bool = Field(
        default=True,
        description="scan: compare the gain itself (paper); false: its absolute value (reference)",
    )
    sample_words: int = Field(
        default=128, ge=1, description="words in one of the samples that ALP is over"
    )
    character_coverage: Annotated[float, Field(gt=0, le=1)] | Literal["auto"] = Field(
        default="auto",
        description="share of characters with a piece of their own; auto: 0.9995 for Chinese, "
        "Japanese and Korean writing, else 1",
    )
    size: int = Field(
        default=10_000, ge=4, description="fixed: pieces (10,000 in the paper's ablation)"
    )
    on_too_large: Literal["error", "largest", "quarter"] = Field(
        default="error",
        description="fixed, where the text is too small for the size: stop, take the largest "
        "possible size, or a quarter of that",
    )

    @model_validator(mode="after")
    def _sizes_in_order(self) -> SearchSettings:
        if self.max_size < self.initial_size:
            raise ValueError(
                f"max_size {self.max_size} is below initial_size {self.initial_size}; raise it"
            )
        return self


@dataclass(frozen=True)
class TraceRow:
    """A size that was trained. alp, gain: nats per sample, None where the size was not tested.

    gain: ALP less that of the size before. tokens_per_word, unknown_share (of characters): of the
    training text. seconds: training and counting.
    """

    size: int
    alp: float | None
    gain: float | None
    tokens_per_word: float
    unknown_share: float
    seconds: float


@dataclass(frozen=True)
class VocabularyResult:
    """The vocabulary that was chosen, and how.

    model: serialized SentencePiece model of `size` pieces. stopped: why the search ended, a
    sentence. words: of the text. samples: |D|, words / sample_words.
    """

    model: bytes
    size: int
    kind: str
    trace: list[TraceRow]
    stopped: str
    words: float
    samples: float
    character_coverage: float
    warnings: list[str]


@dataclass
class Trials:
    """One text on which vocabularies of several sizes are trained and measured."""

    lines: Sequence[str]
    kind: Literal["unigram", "bpe"]
    character_coverage: float
    words: float
    samples: float
    progress: Callable[[TraceRow], None] | None = None
    trace: list[TraceRow] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._strings = count_strings(self.lines)

    def train(self, size: int, *, tested: bool = True) -> bytes:
        """The model of this size; its measurements are appended to the trace.

        Raises `VocabularyTooLarge` or `VocabularyTooSmall`, leaving the trace as it was.
        """
        started = time.perf_counter()
        model = train_sentencepiece(
            self.lines, size, kind=self.kind, character_coverage=self.character_coverage
        )
        counts = token_counts(model, self._strings)
        alp = average_log_probability(counts, self.samples) if tested else None
        before = self.trace[-1].alp if self.trace else None
        row = TraceRow(
            size=size,
            alp=alp,
            gain=None if alp is None or before is None else alp - before,
            tokens_per_word=float(counts.sum()) / self.words,
            unknown_share=unknown_share(model, self._strings),
            seconds=time.perf_counter() - started,
        )
        self.trace.append(row)
        if self.progress:
            self.progress(row)
        return model

    def train_largest(self, refusal: VocabularyTooLarge) -> bytes:
        """The model of the largest size that a refusal names."""
        if refusal.largest is None:
            raise refusal
        return self.train(refusal.largest)


def scan(trials: Trials, settings: SearchSettings) -> tuple[bytes, str]:
    """Algorithm 1: grow the vocabulary by `step` while ALP gains more than `epsilon`.

    Returns the last size tried, the one whose gain is too small, and why it ended: as published,
    not the size before it. Where the next size would pass `max_size`, `max_size` is returned
    untested; where the text holds no such vocabulary, the largest it holds.
    """
    size = settings.initial_size
    try:
        model = trials.train(size)
    except VocabularyTooLarge as refusal:
        model = trials.train_largest(refusal)
        trials.warnings.append(
            f"the text is too small for the search: the first size, {size:,}, is above the "
            f"{trials.trace[-1].size:,} pieces it can hold, which were taken; set initial_size "
            "lower or bring more text"
        )
        return model, f"{trials.trace[-1].size:,} is the largest vocabulary the text can hold"

    while True:
        before, size = size, size + settings.step
        passed = f"the next size, {size:,}, would pass the maximum"
        if before == settings.max_size:
            return model, passed
        try:
            model = trials.train(min(size, settings.max_size), tested=size <= settings.max_size)
        except VocabularyTooLarge as refusal:
            if refusal.largest is not None and refusal.largest > before:
                model = trials.train_largest(refusal)
            held = trials.trace[-1].size
            return model, f"{held:,} is the largest vocabulary the text can hold"
        gain = trials.trace[-1].gain
        if gain is None:
            return model, passed
        if (gain if settings.signed else abs(gain)) <= settings.epsilon:
            return model, (
                f"from {before:,} to {size:,} pieces ALP changed by {gain:.2f} nats per sample, "
                f"not more than {settings.epsilon:g}"
            )


def fixed(trials: Trials, settings: SearchSettings) -> tuple[bytes, str]:
    """No search: the given size, or what `on_too_large` says where the text cannot hold it."""
    try:
        return trials.train(settings.size), f"the size was fixed at {settings.size:,}"
    except VocabularyTooLarge as refusal:
        largest = refusal.largest
        if settings.on_too_large == "error" or largest is None:
            raise UnibridgeError(
                refusal.what,
                where="vocabulary.size",
                do=f'set size to at most {largest:,}, or on_too_large to "quarter" or "largest"'
                if largest
                else "set a smaller size",
            ) from None
    share = {"largest": 1, "quarter": 4}[settings.on_too_large]
    try:
        model = trials.train(largest // share)
    except VocabularyTooSmall as refusal:
        model = trials.train(refusal.smallest)
    size = trials.trace[-1].size
    stopped = (
        f"the text can hold no more than {largest:,} pieces, so {size:,} were taken in place of "
        f"{settings.size:,} (on_too_large = {settings.on_too_large})"
    )
    trials.warnings.append(stopped)
    return model, stopped


Search = Callable[[Trials, SearchSettings], tuple[bytes, str]]
SEARCHES: Registry[Search] = Registry("vocabulary search", {"scan": scan, "fixed": fixed})


def search_vocabulary(
    lines: Sequence[str],
    settings: SearchSettings | None = None,
    *,
    language: str | None = None,
    count_words: Callable[[str], float] | None = None,
    progress: Callable[[TraceRow], None] | None = None,
) -> VocabularyResult:
    """The vocabulary for a language, with the trace of the search (UniBridge §2.1, Algorithm 1).

    lines: the language's text. language: its code, which decides the character coverage "auto".
    count_words: words of a text (default: by script, `unibridge.text.languages.count_words`).
    progress: called with each row of the trace as it comes.

    ALP is per sample of `sample_words` words, whatever the length of the lines: the samples only
    set |D|, training and counting are on lines.

    Raises `UnibridgeError` where the text is empty or cannot hold what is asked for.
    """
    settings = settings or SearchSettings()
    search = SEARCHES.resolve(settings.search)
    words = sum(map(count_words or words_by_script, lines))
    if not words:
        raise UnibridgeError("the text has no words to build a vocabulary from", do="bring text")
    coverage = settings.character_coverage
    if coverage == "auto":
        script = language_record(language).script if language else ""
        coverage = 0.9995 if script in LARGE_ALPHABETS else 1.0
    trials = Trials(
        lines=lines,
        kind=settings.kind,
        character_coverage=coverage,
        words=words,
        samples=words / settings.sample_words,
        progress=progress,
    )
    model, stopped = search(trials, settings)
    return VocabularyResult(
        model=model,
        size=trials.trace[-1].size,
        kind=settings.kind,
        trace=trials.trace,
        stopped=stopped,
        words=words,
        samples=trials.samples,
        character_coverage=coverage,
        warnings=trials.warnings,
    )
