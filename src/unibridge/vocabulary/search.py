"""How large a language's vocabulary should be (UniBridge §2.1, Algorithm 1)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

from pydantic import Field, model_validator

from unibridge.errors import UnibridgeError
from unibridge.registry import Registry
from unibridge.settings import ChosenFrom, Settings
from unibridge.text.languages import count_words as words_by_script
from unibridge.text.languages import language as language_record
from unibridge.text.pieces import short_pieces
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

if TYPE_CHECKING:
    import numpy as np

# Chinese, Japanese and Korean writing: rare characters would fill the vocabulary
LARGE_ALPHABETS = {"Hans", "Hant", "Jpan", "Kore"}


class SearchSettings(Settings):
    """How the vocabulary's size is found; the numbers are the paper's (Table 6)."""

    search: Annotated[str, ChosenFrom("unibridge.vocabulary.search:SEARCHES")] = Field(
        default="nested",
        description="nested (Algorithm 1, every size from one training), scan (the same, each size "
        "trained, as published), fixed (the size below), or package.module:name",
    )
    mode: Literal["auto", "keep", "extend", "replace"] = Field(
        default="auto",
        description="replace: the new vocabulary instead of the base's (the paper); extend: the "
        "base's with the new pieces added, for text that mixes languages; keep: the base's; auto: "
        "keep where the base reads the text well, as `unibridge inspect` says it, else replace",
    )
    kind: Literal["unigram", "bpe"] = Field(default="unigram", description="SentencePiece model")
    initial_size: int = Field(
        default=7_000, ge=4, description="search: the first size tried, pieces (v_i)"
    )
    max_size: int = Field(
        default=60_000, ge=4, description="search: the largest size, pieces (v_m)"
    )
    step: int = Field(default=1_000, ge=1, description="search: pieces between two sizes (δ_v)")
    epsilon: float = Field(
        default=5.0,
        description="search: stop when ALP gains no more than this, nats per sample (ε)",
    )
    signed: bool = Field(
        default=True,
        description="search: compare the gain itself (paper); false: its size (reference)",
    )
    sample_words: int = Field(
        default=128, ge=1, description="words in one of the samples that ALP is over"
    )
    character_coverage: Annotated[float, Field(gt=0, le=1)] | Literal["auto"] = Field(
        default="auto",
        description="share of characters with a piece of their own; auto: 0.9995 for Chinese, "
        "Japanese and Korean writing, else 1",
    )
    verify: bool = Field(
        default=False,
        description="nested: also train the two sizes beside the chosen one, and compare ALP",
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
    """A size that was tried. alp, gain: nats per sample, None where the size was not tested.

    gain: ALP less that of the size before. tokens_per_word, unknown_share (of characters): of the
    training text. seconds: until this was known; in the first row of "nested", its one training.
    """

    size: int
    alp: float | None
    gain: float | None
    tokens_per_word: float
    unknown_share: float
    seconds: float


@dataclass(frozen=True)
class Verified:
    """A size of the nested search that was trained for real. Nats per sample.

    difference: trained less nested.
    """

    size: int
    nested: float
    trained: float
    difference: float


@dataclass(frozen=True)
class VocabularyResult:
    """The vocabulary that was chosen, and how.

    model: serialized SentencePiece model of `size` pieces. stopped: why the search ended, a
    sentence. words: of the text. samples: |D|, words / sample_words. verified: the chosen size
    and its neighbours, where that was asked for.
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
    verified: list[Verified]


@dataclass
class Trials:
    """One text on which vocabularies of several sizes are measured."""

    lines: Sequence[str]
    kind: Literal["unigram", "bpe"]
    character_coverage: float
    words: float
    samples: float
    progress: Callable[[TraceRow], None] | None = None
    rounds: Callable[[int, int], None] = lambda done, total: None
    trace: list[TraceRow] = field(default_factory=list)
    verified: list[Verified] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def train(self, size: int, *, tested: bool = True) -> bytes:
        """The model of this size; its measurements are appended to the trace.

        Raises `VocabularyTooLarge` or `VocabularyTooSmall`, leaving the trace as it was.
        """
        started = time.perf_counter()
        model = self.model(size)
        strings = self.strings
        self.record(
            size, token_counts(model, strings), unknown_share(model, strings), started, tested
        )
        return model

    def model(self, size: int) -> bytes:
        """The model of this size, unmeasured."""
        return train_sentencepiece(
            self.lines, size, kind=self.kind, character_coverage=self.character_coverage
        )

    @cached_property
    def strings(self) -> Counter[str]:
        """The text as `token_counts` takes it."""
        return count_strings(self.lines)

    def alp(self, counts: np.ndarray) -> float:
        """ALP of the text from its token counts (tokens,), nats per sample."""
        return average_log_probability(counts, self.samples)

    def record(
        self, size: int, counts: np.ndarray, unknown: float, started: float, tested: bool
    ) -> None:
        """Append a size's measurements to the trace.

        counts: of the text's tokens (tokens,). unknown: share of characters. started: as
        `time.perf_counter` gave it when the work on this size began.
        """
        alp = self.alp(counts) if tested else None
        before = self.trace[-1].alp if self.trace else None
        row = TraceRow(
            size=size,
            alp=alp,
            gain=None if alp is None or before is None else alp - before,
            tokens_per_word=float(counts.sum()) / self.words,
            unknown_share=unknown,
            seconds=time.perf_counter() - started,
        )
        self.trace.append(row)
        if self.progress:
            self.progress(row)


class Trial(Protocol):
    """Try a size: measure it in the trace, raise `VocabularyTooLarge`; the model, if there is."""

    def __call__(self, size: int, *, tested: bool = True) -> bytes: ...


def algorithm_1(trial: Trial, trials: Trials, settings: SearchSettings) -> tuple[bytes, str]:
    """UniBridge, Algorithm 1: grow the vocabulary by `step` while ALP gains more than `epsilon`.

    trial: tries a size, and appends it to the trace of `trials`. Ends at the last size tried, the
    one whose gain is too small: as published, not the size before it. Where the next size would
    pass `max_size`, at `max_size`, untested; where the text holds no such vocabulary, at the
    largest it holds. Returns what the last trial gave, and why it ended.
    """

    def largest(refusal: VocabularyTooLarge) -> bytes:
        if refusal.largest is None:
            raise refusal
        return trial(refusal.largest)

    size = settings.initial_size
    try:
        model = trial(size)
    except VocabularyTooLarge as refusal:
        model = largest(refusal)
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
            model = trial(min(size, settings.max_size), tested=size <= settings.max_size)
        except VocabularyTooLarge as refusal:
            if refusal.largest is not None and refusal.largest > before:
                model = largest(refusal)
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


def scan(trials: Trials, settings: SearchSettings) -> tuple[bytes, str]:
    """Algorithm 1 as published: every size is trained."""
    return algorithm_1(trials.train, trials, settings)


def nested(trials: Trials, settings: SearchSettings) -> tuple[bytes, str]:
    """Algorithm 1 on the sizes of one training; SentencePiece trains the size that is chosen.

    With `verify` it also trains the sizes beside that, and all three are compared.
    """
    from unibridge.vocabulary.nested import nested_sizes

    started = time.perf_counter()
    sizes = nested_sizes(
        trials.lines,
        kind=trials.kind,
        character_coverage=trials.character_coverage,
        max_size=settings.max_size,
        told=trials.rounds,
    )

    def trial(size: int, *, tested: bool = True) -> bytes:
        began = time.perf_counter() if trials.trace else started
        trials.record(size, sizes.counts(size), sizes.unknown_share, began, tested)
        return b""

    _, stopped = algorithm_1(trial, trials, settings)
    chosen = trials.trace[-1].size
    try:
        model = trials.model(chosen)
    except VocabularyTooLarge as refusal:  # the largest size, where rounding decides the last piece
        if refusal.largest is None:
            raise
        trials.trace[-1] = replace(trials.trace[-1], size=refusal.largest)
        return trials.model(refusal.largest), stopped
    if settings.verify:
        for size in (chosen - settings.step, chosen, chosen + settings.step):
            with suppress(VocabularyTooLarge, VocabularyTooSmall):
                estimate = trials.alp(sizes.counts(size))
                trained = model if size == chosen else trials.model(size)
                real = trials.alp(token_counts(trained, trials.strings))
                trials.verified.append(Verified(size, estimate, real, real - estimate))
    return model, stopped


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
SEARCHES: Registry[Search] = Registry(
    "vocabulary search", {"nested": nested, "scan": scan, "fixed": fixed}
)


def search_vocabulary(
    lines: Sequence[str],
    settings: SearchSettings | None = None,
    *,
    language: str | None = None,
    count_words: Callable[[str], float] | None = None,
    progress: Callable[[TraceRow], None] | None = None,
    rounds: Callable[[int, int], None] = lambda done, total: None,
) -> VocabularyResult:
    """The vocabulary for a language, with the trace of the search (UniBridge §2.1, Algorithm 1).

    lines: the language's text. language: its code, which decides the character coverage "auto".
    count_words: words of a text (default: by script, `unibridge.text.languages.count_words`).
    progress: called with each row of the trace as it comes; rounds: with (done, about how many in
    all) of the nested search's one training.

    `settings.mode` is of what is made of the model: see `to_fast_tokenizer`, `extend_tokenizer`.
    ALP is per sample of `sample_words` words, whatever the length of the lines: the samples only
    set |D|, training and counting are on lines, long ones cut (see `short_pieces`).

    Raises `UnibridgeError` where the text is empty or cannot hold what is asked for.
    """
    settings = settings or SearchSettings()
    search = SEARCHES.resolve(settings.search)
    # SentencePiece takes a run without spaces for one word, however long
    lines = list(short_pieces(lines))
    words = sum(map(count_words or words_by_script, lines))
    if not words:
        raise UnibridgeError("the text has no words to build a vocabulary from", do="bring text")
    coverage = settings.character_coverage
    if coverage == "auto":
        script = language_record(language).script if language else ""
        coverage = 0.9995 if script in LARGE_ALPHABETS else 1.0
    trials = Trials(
        lines, settings.kind, coverage, words, words / settings.sample_words, progress, rounds
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
        verified=trials.verified,
    )
