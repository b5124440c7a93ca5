"""SentencePiece training in memory: lines in, a serialized model out."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from typing import Any, Literal

from unibridge.errors import UnibridgeError

Kind = Literal["unigram", "bpe"]

# SentencePiece drops whole lines: those longer than its limit (4,192 bytes unless told otherwise),
# and those that hold the character it marks unknown text with
LONGEST_LINE = 2**30
UNKNOWN_MARK = "\u2585"

# SentencePiece adds piece scores in 32-bit floats over a whole line, `tokenizers` in 64-bit ones
# over a word. Sums of multiples of 2^-10 are exact in both (up to 16,384 nats a line), so that
# segmentations of equal score ("." + "..." and "..." + ".") end alike instead of by rounding.
SCORE_STEPS_PER_NAT = 1024


class VocabularyTooSmall(UnibridgeError):
    """The text has more characters than pieces were asked for. smallest: pieces that suffice."""

    def __init__(self, size: int, smallest: int) -> None:
        self.size, self.smallest = size, smallest
        super().__init__(
            f"a vocabulary of {size:,} pieces cannot hold the {smallest:,} that the text's "
            "characters need",
            do=f"ask for at least {smallest:,}, or lower character_coverage",
        )


class VocabularyTooLarge(UnibridgeError):
    """The text does not hold as many pieces as were asked for.

    largest: the largest vocabulary (in pieces) that SentencePiece says is possible, or None.
    """

    def __init__(self, size: int, largest: int | None) -> None:
        self.size, self.largest = size, largest
        bound = "fewer" if largest is None else f"at most {largest:,}"
        super().__init__(
            f"the text is too small for a vocabulary of {size:,} pieces",
            do=f"ask for {bound}, or bring more text",
        )


def train_sentencepiece(
    lines: Iterable[str],
    size: int,
    *,
    kind: Kind = "unigram",
    character_coverage: float = 1.0,
    at_most: bool = False,
) -> bytes:
    """A SentencePiece model of `size` pieces, trained on every line, as its serialized proto.

    size counts SentencePiece's own <unk>, <s> and </s> (ids 0 to 2). character_coverage: the share
    of the text's characters that get a piece of their own; the rest is unknown. The normaliser is
    SentencePiece's default (nmt_nfkc). at_most: where the text does not hold that many pieces, give
    the largest possible vocabulary. One thread, so that equal text gives equal bytes: with more,
    unigram's expectations are summed in another order. Scores are rounded to 1/1024 nat.

    Raises `VocabularyTooLarge` and `VocabularyTooSmall` with the size that is possible, and
    `UnibridgeError` for empty text.
    """
    import sentencepiece

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(line.replace(UNKNOWN_MARK, " ") for line in lines),
            model_writer=model,
            vocab_size=size,
            model_type=kind,
            character_coverage=character_coverage,
            hard_vocab_limit=not at_most,
            max_sentence_length=LONGEST_LINE,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise _explained(str(error), size) from None
    return _with_rounded_scores(model.getvalue())


def read_model(model: bytes) -> Any:
    """The parsed proto (`ModelProto`) of a serialized SentencePiece model."""
    from sentencepiece import sentencepiece_model_pb2

    proto = sentencepiece_model_pb2.ModelProto()  # type: ignore[attr-defined]
    proto.ParseFromString(model)
    return proto


def _with_rounded_scores(model: bytes) -> bytes:
    proto = read_model(model)
    for piece in proto.pieces:
        piece.score = round(piece.score * SCORE_STEPS_PER_NAT) / SCORE_STEPS_PER_NAT
    return proto.SerializeToString(deterministic=True)


def _explained(message: str, size: int) -> UnibridgeError:
    """SentencePiece's refusal as one of ours; its messages are all that tells them apart."""
    if "too high" in message:
        found = re.search(r"<= (\d+)", message)
        return VocabularyTooLarge(size, int(found[1]) if found else None)
    if found := re.search(r"smaller than required_chars\. \d+ vs (\d+)", message):
        return VocabularyTooSmall(size, int(found[1]))
    if "sentences_.empty()" in message or "all_chars_count" in message:
        return UnibridgeError("no text to train a vocabulary on", do="give at least one line")
    return UnibridgeError(f"SentencePiece cannot train {size:,} pieces on this text: {message}")
