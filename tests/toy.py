"""Tiny BERT and XLM-R bases made in memory, for every test that needs a real model.

model, tokenizer = toy_model("bert"), toy_tokenizer("bert")
folder = save_toy_base(tmp_path, "xlm-roberta")     # what load_base reads
"""

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForMaskedLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

LINES = (
    "the river runs through the old town",
    "a boat waits at the bridge below the town",
    "children swim in the river every summer",
    "the old bridge was built by the river people",
    "every boat in town belongs to the river children",
)
SHAPE = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 40,
}


def toy_model(family: str, *, vocab: int = 90, seed: int = 0) -> PreTrainedModel:
    """A masked language model with 3 layers of 16, in evaluation mode; global RNG left alone."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if family == "bert":
            return BertForMaskedLM(BertConfig(vocab_size=vocab, **SHAPE)).eval()
        config = XLMRobertaConfig(vocab_size=vocab, type_vocab_size=1, **SHAPE)
        return XLMRobertaForMaskedLM(config).eval()


def toy_tokenizer(family: str, lines: tuple[str, ...] = LINES) -> PreTrainedTokenizerFast:
    """The words and letters of `lines` as pieces: WordPiece for "bert", otherwise unigram.

    Written down rather than trained, since trainers break ties differently from run to run.
    """
    words = sorted({word for line in lines for word in line.split()})
    letters = sorted({letter for word in words for letter in word})
    if family == "bert":
        special = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
        pieces = [*special.values(), *dict.fromkeys(words + letters), *(f"##{x}" for x in letters)]
        vocab = {piece: index for index, piece in enumerate(pieces)}
        tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        template, pair = "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1"
    else:
        special = {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"}
        scored = [(piece, 0.0) for piece in special.values()]
        scored += [(f"▁{word}", -3.0) for word in words]
        scored += [(piece, -6.0) for piece in ["▁", *letters]]
        tokenizer = Tokenizer(models.Unigram(scored, unk_id=3))
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        template, pair = "<s> $A </s>", "<s> $A </s> </s> $B </s>"
    tokenizer.post_processor = processors.TemplateProcessing(
        single=template,
        pair=pair,
        special_tokens=[(t, tokenizer.token_to_id(t)) for t in (special["cls"], special["sep"])],
    )
    named = {f"{role}_token": token for role, token in special.items()}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named)


def save_toy_base(
    folder: Path, family: str, *, seed: int = 0, lines: tuple[str, ...] = LINES
) -> Path:
    """Write a toy base, weights and tokenizer, as `save_pretrained` does; returns the folder."""
    tokenizer = toy_tokenizer(family, lines)
    toy_model(family, vocab=len(tokenizer), seed=seed).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
