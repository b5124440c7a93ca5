import pytest
import sentencepiece

from unibridge.errors import UnibridgeError
from unibridge.vocabulary.train import (
    SCORE_STEPS_PER_NAT,
    VocabularyTooLarge,
    VocabularyTooSmall,
    read_model,
    train_sentencepiece,
)

KINDS = ["unigram", "bpe"]
TEXT = ["the river runs through the old town", "a boat waits below the old bridge"] * 3


def pieces(model: bytes) -> list[str]:
    return [piece.piece for piece in read_model(model).pieces]


@pytest.mark.parametrize("kind", KINDS)
def test_the_size_is_exact_and_the_result_repeatable(kind):
    model = train_sentencepiece(TEXT, 26, kind=kind)
    assert len(pieces(model)) == 26
    assert pieces(model)[:3] == ["<unk>", "<s>", "</s>"]
    assert train_sentencepiece(TEXT, 26, kind=kind) == model


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_names_the_largest_size_and_that_size_works(kind):
    with pytest.raises(VocabularyTooLarge) as refusal:
        train_sentencepiece(TEXT, 5_000, kind=kind)
    assert refusal.value.size == 5_000
    assert len(pieces(train_sentencepiece(TEXT, refusal.value.largest, kind=kind))) < 5_000


@pytest.mark.parametrize("kind", KINDS)
def test_too_few_pieces_for_the_characters_names_the_smallest_size(kind):
    with pytest.raises(VocabularyTooSmall) as refusal:
        train_sentencepiece(TEXT, 8, kind=kind)
    smallest = refusal.value.smallest
    # the characters, the space, and <unk>, <s>, </s>
    assert smallest == len(set("".join(TEXT))) + 3
    assert len(pieces(train_sentencepiece(TEXT, smallest, kind=kind))) == smallest


@pytest.mark.parametrize("lines", [[], [""], ["", "  "]])
def test_no_text_is_a_users_error(lines):
    with pytest.raises(UnibridgeError, match="no text"):
        train_sentencepiece(lines, 20)


@pytest.mark.parametrize("line", ["q" + "ab" * 5_000, "q ▅ ab"])
def test_lines_that_sentencepiece_would_drop_are_read(line):
    assert "q" in "".join(pieces(train_sentencepiece([*TEXT, line], 26)))


def test_scores_are_multiples_that_32_bit_sums_keep_exact():
    scores = [piece.score for piece in read_model(train_sentencepiece(TEXT, 26)).pieces]
    assert all((score * SCORE_STEPS_PER_NAT).is_integer() for score in scores)
    assert any(not score.is_integer() for score in scores)


def test_coverage_below_one_leaves_rare_characters_unknown():
    lines = ["ab ba aab bba"] * 50 + ["abq"]
    kept = sentencepiece.SentencePieceProcessor(model_proto=train_sentencepiece(lines, 9))
    left = sentencepiece.SentencePieceProcessor(
        model_proto=train_sentencepiece(lines, 8, character_coverage=0.99)
    )
    assert kept.unk_id() not in kept.encode("q")
    assert left.unk_id() in left.encode("q")
