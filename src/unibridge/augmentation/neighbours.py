"""A lexicon out of word vectors in one space: the nearest words of the other language, by CSLS."""

from pathlib import Path

MOST_WORDS = 50_000
"""Words read of each file, the commonest first as such files are sorted."""


def nearest_words(first: str | Path, second: str | Path, count: int) -> list[tuple[str, str]]:
    """(word of the first file, one of its nearest in the second), best first.

    Conneau et al. 2018 (arXiv 1710.04087, §2.3) translate words so.
    """
    from unibridge.embeddings.neighbours import nearest
    from unibridge.embeddings.word_vectors import read_word_vectors

    words, others = (read_word_vectors(path, limit=MOST_WORDS) for path in (first, second))
    _, places = nearest(words.vectors, others.vectors, count, similarity="csls")
    return [
        (word, others.words[place])
        for word, row in zip(words.words, places.tolist(), strict=True)
        for place in row
    ]
