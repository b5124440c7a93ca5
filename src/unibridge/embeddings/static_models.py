"""Models of static embeddings: tokens that stand in like contexts get like vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from unibridge.embeddings.settings import StaticSettings
from unibridge.embeddings.units import Units
from unibridge.registry import Registry

# gensim silently drops what follows in a longer sentence
LONGEST_SENTENCE = 10_000
# gensim lowers the rate once a batch; small batches lower it smoothly on little text
TOKENS_IN_BATCH = 1_000
# share of frequent contexts is damped so (Levy et al. 2015)
CONTEXT_SMOOTHING = 0.75
OVERSAMPLING = 20
POWER_ITERATIONS = 2

# (units, names of the tokens, settings, seed) -> (tokens, dimension) float32; no vector: zeros
StaticModel = Callable[[Units, Sequence[str], StaticSettings, int], np.ndarray]


def fasttext(units: Units, names: Sequence[str], settings: StaticSettings, seed: int) -> np.ndarray:
    """FastText by gensim (paper §2.2, Table 7), with n-grams of `names` or without.

    Units with two readings are drawn from either at random, in `static_copies` copies of the text.
    With n-grams, a token with a name but no occurrence gets a vector as well.
    """
    from gensim.models import FastText

    draw = np.random.default_rng(seed)
    alternatives = len(units.readings)
    sentences: list[list[str]] = []
    for _ in range(settings.static_copies if alternatives > 1 else 1):
        for line in units.lines:
            chosen = draw.integers(alternatives, size=len(line)) if alternatives > 1 else 0 * line
            sentence = [
                names[token]
                for unit, reading in zip(line.tolist(), chosen.tolist(), strict=True)
                for token in units.readings[reading][unit]
            ]
            sentences += [
                sentence[cut : cut + LONGEST_SENTENCE]
                for cut in range(0, len(sentence), LONGEST_SENTENCE)
            ]

    global_state = np.random.get_state()
    try:  # gensim seeds numpy's global generator
        model = FastText(
            vector_size=settings.static_dimension,
            alpha=settings.static_rate,
            window=settings.static_window,
            sg=int(settings.static_objective == "skipgram"),
            negative=settings.static_negatives,
            min_count=settings.static_min_count,
            bucket=settings.static_buckets,
            max_n=6 if settings.static_ngrams else 0,
            batch_words=TOKENS_IN_BATCH,
            seed=seed % 2**32,
            workers=1,
        )
        model.build_vocab(sentences)
        if len(model.wv):
            model.train(
                sentences,
                total_examples=model.corpus_count,
                total_words=model.corpus_total_words,
                epochs=settings.static_epochs,
            )
    finally:
        np.random.set_state(global_state)

    vectors = np.zeros((len(names), settings.static_dimension), dtype=np.float32)
    for token, name in enumerate(names):
        if name and (settings.static_ngrams or name in model.wv.key_to_index):
            vectors[token] = model.wv[name]
    return vectors


def counts(units: Units, names: Sequence[str], settings: StaticSettings, seed: int) -> np.ndarray:
    """Co-occurrences, positive pointwise mutual information, truncated SVD (Levy et al. 2015).

    Units with two readings are counted as if each were drawn from either at random: the expected
    counts, exactly, where `fasttext` draws copies. Tokens of one unit are no context of each other.
    The nearer of the `counts_window` units on either side count more, as in word2vec. No n-grams.
    """
    import torch
    from scipy import sparse

    # ---- expected tokens of a unit: (units, tokens)
    alternatives = len(units.readings)
    size = len(units.readings[0])
    shape = (size, len(names))
    expected = sparse.csr_matrix(shape, dtype=np.float32)
    for reading in units.readings:
        rows = np.repeat(np.arange(size), [len(tokens) for tokens in reading])
        columns = np.fromiter((token for tokens in reading for token in tokens), dtype=np.int64)
        ones = np.full(len(rows), 1 / alternatives, dtype=np.float32)
        expected += sparse.csr_matrix((ones, (rows, columns)), shape=shape)

    # ---- how often units stand near each other: (units, units)
    flat = units.flat()
    line_of = np.repeat(np.arange(len(units.lines)), [len(line) for line in units.lines])
    near = sparse.csr_matrix((size, size), dtype=np.float32)
    for distance in range(1, settings.counts_window + 1):
        within = line_of[distance:] == line_of[: len(line_of) - distance]
        left = flat[: len(flat) - distance][within]
        weight = np.float32(1 - (distance - 1) / settings.counts_window)
        pair = (left, flat[distance:][within])
        near += sparse.csr_matrix((np.full(len(left), weight), pair), shape=(size, size))
    near = near + near.T

    # ---- tokens with contexts, and their information: max(0, ln p(t, c) / (p(t) p'(c)))
    occurrences = np.bincount(flat, minlength=size) @ expected * alternatives
    kept = np.flatnonzero(occurrences >= settings.static_min_count)
    expected = expected[:, kept]
    table = (expected.T @ (near @ expected)).tocoo()
    token_totals = np.bincount(table.row, table.data, len(kept))
    context = np.bincount(table.col, table.data, len(kept)) ** CONTEXT_SMOOTHING
    context /= max(context.sum(), 1e-12)
    information = np.log(table.data / (token_totals[table.row] * context[table.col]))
    positive = information > 0
    shape = (len(kept), len(kept))
    cells = (table.row[positive], table.col[positive])
    matrix = sparse.csr_matrix((information[positive].astype(np.float32), cells), shape=shape)

    # ---- U S of its truncated SVD, by a randomised range finder (Halko et al. 2011)
    dimension = min(settings.static_dimension, len(kept))
    start = np.random.default_rng(seed).standard_normal(
        (len(kept), min(dimension + OVERSAMPLING, len(kept))), dtype=np.float32
    )
    transposed = matrix.T.tocsr()
    basis = matrix @ start
    for _ in range(POWER_ITERATIONS):
        basis = matrix @ (transposed @ _orthonormal(basis))
    basis = _orthonormal(basis)
    small = torch.from_numpy(transposed @ basis).double()
    squares, rotation = torch.linalg.eigh(small.T @ small)  # ascending
    scaled = (rotation * squares.clamp(min=0).sqrt()).flip(1)[:, :dimension]
    vectors = np.zeros((len(names), settings.static_dimension), dtype=np.float32)
    vectors[kept, :dimension] = basis @ scaled.float().numpy()
    return vectors


def _orthonormal(columns: np.ndarray) -> np.ndarray:
    import torch

    return torch.linalg.qr(torch.from_numpy(columns))[0].numpy()


STATIC_MODELS: Registry[StaticModel] = Registry(
    "static model", {"fasttext": fasttext, "counts": counts}
)
