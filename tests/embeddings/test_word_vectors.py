import gzip

import pytest
import torch
from gensim.models import KeyedVectors

from unibridge.embeddings.word_vectors import read_word_vectors, write_word_vectors
from unibridge.errors import UnibridgeError

WORDS = ("the", "ሰላም", "New York", "\u00a0", "a\u2028b", "1")


def numbers():
    return torch.randn(len(WORDS), 3, generator=torch.Generator().manual_seed(0)) / 7


def test_what_is_written_is_read_back_to_the_bit(tmp_path):
    write_word_vectors(tmp_path / "v.vec", WORDS, numbers())
    found = read_word_vectors(tmp_path / "v.vec")
    assert found.words == WORDS and found.warnings == ()
    assert found.vectors.dtype == torch.float32 and torch.equal(found.vectors, numbers())
    (tmp_path / "v.vec.gz").write_bytes(gzip.compress((tmp_path / "v.vec").read_bytes()))
    assert torch.equal(read_word_vectors(tmp_path / "v.vec.gz").vectors, numbers())
    first = read_word_vectors(tmp_path / "v.vec", limit=2)
    assert first.words == WORDS[:2] and torch.equal(first.vectors, numbers()[:2])


def test_gensim_reads_ours_and_we_read_gensims(tmp_path):
    words, vectors = [w for w in WORDS if not any(c.isspace() for c in w)], numbers()[:3]
    write_word_vectors(tmp_path / "ours.vec", words, vectors)
    theirs = KeyedVectors.load_word2vec_format(tmp_path / "ours.vec")
    assert theirs.index_to_key == words
    assert torch.equal(torch.from_numpy(theirs.vectors), vectors)
    theirs.save_word2vec_format(tmp_path / "theirs.vec")
    found = read_word_vectors(tmp_path / "theirs.vec")
    assert list(found.words) == words
    torch.testing.assert_close(found.vectors, vectors)


def test_of_a_word_that_is_there_twice_the_first_counts(tmp_path):
    (tmp_path / "v.vec").write_text("3 1\na 1\nb 2\na 3 \n")
    found = read_word_vectors(tmp_path / "v.vec")
    assert (found.words, found.vectors.tolist()) == (("a", "b"), [[1], [2]])
    assert "1 words are there twice" in found.warnings[0]


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (b"", 1, "no word vectors in word2vec's text format"),
        (b"a 1 2\nb 3 4\n", 1, "WORDS DIMENSION"),
        (b"2 2\na 1 2\nb 3\n", 3, "1 instead of 2 numbers"),
        (b"2 2\na 1 2\nb 3 x\n", 3, "could not convert string to float: 'x'"),
        (b"2 2\na 1 2\nb 3 nan\n", 3, "not finite"),
        (b"2 2\na 1 2\n 3 4\n", 3, "the word is empty"),
        (b"2 2\na 1 2\n\xff 3 4\n", 3, "not UTF-8"),
        (b"3 2\na 1 2\nb 3 4\n", 4, "ends after 2 of the 3 words"),
        (b"1 2\na 1 2\nb 3 4\n", 3, "more words than the 1"),
    ],
)
def test_a_broken_file_is_told_with_its_line(tmp_path, content, line, says):
    (tmp_path / "v.vec").write_bytes(content)
    with pytest.raises(UnibridgeError, match=says) as error:
        read_word_vectors(tmp_path / "v.vec")
    assert error.value.where.endswith(f"v.vec:{line}")


def test_files_that_are_missing_or_half_there_are_told(tmp_path):
    with pytest.raises(UnibridgeError, match="no such file"):
        read_word_vectors(tmp_path / "v.vec")
    (tmp_path / "v.gz").write_bytes(gzip.compress(b"1 1\na 1\n")[:-9])
    with pytest.raises(UnibridgeError, match="not a whole gzip file"):
        read_word_vectors(tmp_path / "v.gz")


@pytest.mark.parametrize("word", ["", "a\nb", "a "])
def test_words_that_the_format_cannot_hold_are_refused(tmp_path, word):
    with pytest.raises(UnibridgeError, match="cannot hold the word"):
        write_word_vectors(tmp_path / "v.vec", [word], torch.zeros(1, 2))
