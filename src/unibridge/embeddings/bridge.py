"""A space for scripts that the base cannot read: translations tie the two vocabularies together."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from unibridge.embeddings.base import InitRequest
from unibridge.embeddings.settings import StaticSettings, translated_by
from unibridge.embeddings.vectors import StaticSpace, StaticVectors
from unibridge.errors import UnibridgeError
from unibridge.models.reading import token_ids
from unibridge.text.corpus import spread

TOKENS_IN_BATCH = 1_000
Cutter = Callable[[Sequence[str]], list[list[str]]]


@translated_by("parallel", "dictionary")
def bridge(request: InitRequest, shared: Mapping[int, int]) -> StaticSpace:
    """F^T and F^S trained together on text of both languages and on lines drawn from translations.

    The target text is cut by the target tokenizer, text of a language that the base reads by the
    source's, and each copy of an aligned line has tokens of both, each token kept by chance and
    standing where it stands in its own line, from 0 at the start to 1 at the end. A word of the
    dictionary is drawn from either side wherever the target text has it. Shared tokens are one
    symbol. Raises UnibridgeError without source text, or without translations of either kind.
    """
    settings = request.settings
    if not request.source_lines or not (request.parallel or request.dictionary):
        raise UnibridgeError(
            "a bridge needs text in a language that the base reads, and translations into it",
            where="embeddings.static_space = 'bridge'",
            do="give a source text and parallel lines (or a dictionary), or another static_space",
        )
    generator = random.Random(request.seed)
    target_of = {source: target for target, source in shared.items()}

    def target_symbol(i: int) -> str:
        return f"t{i}"

    def source_symbol(i: int) -> str:
        return f"t{target_of[i]}" if i in target_of else f"s{i}"

    def target_side(lines: Sequence[str]) -> list[list[str]]:
        return [[*map(target_symbol, ids)] for ids in token_ids(request.target_tokenizer, lines)]

    def source_side(lines: Sequence[str]) -> list[list[str]]:
        return [[*map(source_symbol, ids)] for ids in token_ids(request.source_tokenizer, lines)]

    # ---- text of either language
    source_lines = spread(request.source_lines, settings.bridge_source_lines)
    sentences = target_side(request.lines) + source_side(source_lines)

    # ---- aligned lines, tokens of both sides by place
    pairs = list(
        zip(
            target_side([target for target, _ in request.parallel]),
            source_side([source for _, source in request.parallel]),
            strict=True,
        )
    )
    for _ in range(settings.bridge_copies):
        sentences += [_drawn(pair, generator) for pair in pairs]

    # ---- words of the dictionary, from either side
    sentences += _with_translations(request, target_side, source_side, generator)
    generator.shuffle(sentences)

    found = word2vec(sentences, settings, seed=request.seed)
    target, source = (
        _static(
            found,
            {i: symbol(i) for i in tokenizer.get_vocab().values()},
            set(tokenizer.all_special_ids),
        )
        for tokenizer, symbol in (
            (request.target_tokenizer, target_symbol),
            (request.source_tokenizer, source_symbol),
        )
    )
    warnings: tuple[str, ...] = ()
    if len(request.parallel) + len(request.dictionary) < settings.bridge_trusted_lines:
        warnings = (
            f"the bridge stands on {len(request.parallel):,} aligned lines and "
            f"{len(request.dictionary):,} dictionary entries only: the semantic pairs are not to "
            "be trusted",
        )
    return StaticSpace(target, source, warnings)


def word2vec(sentences: list[list[str]], settings: StaticSettings, *, seed: int) -> Any:
    """gensim's key -> vector table of Word2Vec without n-grams; the same seed gives the same bits.

    Raises UnibridgeError where there is nothing to train on.
    """
    import numpy as np
    from gensim.models import Word2Vec

    if not any(sentences):
        raise UnibridgeError("the text gives no tokens to train static embeddings on")
    global_state = np.random.get_state()
    try:  # gensim seeds numpy's global generator
        return Word2Vec(
            sentences,
            vector_size=settings.static_dimension,
            alpha=settings.static_rate,
            window=settings.static_window,
            sg=int(settings.static_objective == "skipgram"),
            negative=settings.static_negatives,
            min_count=settings.static_min_count,
            epochs=settings.static_epochs,
            batch_words=TOKENS_IN_BATCH,
            seed=seed % 2**32,
            workers=1,
        ).wv
    finally:
        np.random.set_state(global_state)


def _drawn(pair: tuple[list[str], list[str]], generator: random.Random) -> list[str]:
    """About half of the tokens of either side, ordered by their relative place in their line."""
    placed = [
        ((place + generator.random()) / len(side), token)
        for side in pair
        for place, token in enumerate(side)
        if generator.random() < 0.5
    ]
    return [token for _, token in sorted(placed)]


def _with_translations(
    request: InitRequest, target_side: Cutter, source_side: Cutter, generator: random.Random
) -> list[list[str]]:
    """Target lines that hold words of the dictionary, each such word drawn from either side."""
    translations: dict[str, list[str]] = {}
    for target, source in request.dictionary:
        translations.setdefault(target, []).append(source)
    lines = [line.split() for line in request.lines] if translations else []
    lines = [words for words in lines if translations.keys() & set(words)]
    drawn: list[list[tuple[bool, str]]] = []
    for _ in range(request.settings.bridge_copies):
        for words in lines:
            drawn.append(
                [
                    (True, generator.choice(translations[word]))
                    if word in translations and generator.random() < 0.5
                    else (False, word)
                    for word in words
                ]
            )
    pieces: dict[tuple[bool, str], list[str]] = {}
    for from_source, side in ((False, target_side), (True, source_side)):
        words = sorted({w for line in drawn for is_source, w in line if is_source == from_source})
        pieces |= {(from_source, w): tokens for w, tokens in zip(words, side(words), strict=True)}
    return [[token for word in line for token in pieces[word]] for line in drawn]


def _static(found: Any, symbols: dict[int, str], special: set[int]) -> StaticVectors:
    import numpy as np

    ids = sorted(i for i, s in symbols.items() if s in found.key_to_index and i not in special)
    vectors = np.array([found[symbols[i]] for i in ids], dtype=np.float32)
    return StaticVectors(
        torch.tensor(ids, dtype=torch.long),
        torch.from_numpy(vectors.reshape(len(ids), found.vector_size)),
        unknown_share=0.0,
    )
