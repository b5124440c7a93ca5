"""Two toy languages that share a third of their words, and tokenizers trained on them in memory."""

import random

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from unibridge.embeddings.initialise import initialise_embeddings
from unibridge.embeddings.match import vocabulary_size
from unibridge.embeddings.settings import EmbeddingSettings
from unibridge.vocabulary.extend import extend_tokenizer
from unibridge.vocabulary.train import train_sentencepiece

HIDDEN = 12


def _words(letters, count, generator):
    return ["".join(generator.choices(letters, k=generator.randint(2, 6))) for _ in range(count)]


def _lines(words, count, generator):
    return [" ".join(generator.choices(words, k=8)) for _ in range(count)]


def wordpiece(lines, size):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=special, show_progress=False
    )
    tokenizer.train_from_iterator(lines, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def unigram(lines, size):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=size, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(lines, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        cls_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
    )


@pytest.fixture(scope="session")
def texts():
    """(source lines, target lines)."""
    generator = random.Random(0)
    shared = _words("aeiomn", 60, generator)
    source = _words("aeiobcdfg", 120, generator) + shared
    target = _words("aeiomnpqr", 120, generator) + shared
    return _lines(source, 300, generator), _lines(target, 300, generator)


@pytest.fixture(scope="session")
def tokenizers(texts):
    """(side, kind) -> tokenizer, for source and target, WordPiece and unigram; and the source's
    unigram extended to the target.
    """
    sides = (("source", texts[0] + texts[1][:40], 260), ("target", texts[1], 200))
    made = {
        (side, kind): train(lines, size)
        for side, lines, size in sides
        for kind, train in (("wordpiece", wordpiece), ("unigram", unigram))
    }
    model = train_sentencepiece(texts[1], 200, at_most=True)
    made["target", "extended"] = extend_tokenizer(made["source", "unigram"], model, texts[1])
    return made


@pytest.fixture(scope="session")
def source_table():
    """(ids, hidden) of plain numbers with a different mean and spread in every dimension."""

    def table(size):
        generator = torch.Generator().manual_seed(11)
        spread = torch.linspace(0.5, 2, HIDDEN)
        return torch.randn(size, HIDDEN, generator=generator) * spread + spread

    return table


@pytest.fixture(scope="session")
def small():
    """Settings of static embeddings that are made in no time."""
    return {"static_dimension": 16, "static_buckets": 500}


@pytest.fixture(scope="session")
def start(small, tokenizers, texts, source_table):
    """An initialiser from the source's table to the target: (its result, the table)."""

    def run(method="unibridge", kinds=("wordpiece", "unigram"), *, seed=0, lines=None, **settings):
        source, target = tokenizers["source", kinds[0]], tokenizers["target", kinds[1]]
        table = source_table(vocabulary_size(source))
        settings = EmbeddingSettings(method=method, **small | settings)
        lines = texts[1] if lines is None else lines
        result = initialise_embeddings(
            table,
            source,
            target,
            lines,
            settings,
            seed=seed,
            source_lines=texts[0],
            parallel=list(zip(texts[1][:50], texts[0][:50], strict=True)),
            dictionary=[(word, word) for word in sorted(set(" ".join(texts[0]).split()))],
        )
        return result, table

    return run
