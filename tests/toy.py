"""Tiny bases of every family made in memory, for every test that needs a real model.

model, tokenizer = toy_model("bert"), toy_tokenizer("bert")
base = toy_base("bert")                             # both, as load_base gives them
folder = save_toy_base(tmp_path, "xlm-roberta")     # what load_base reads
pack = drawn_pack("ner", {"en": 0.3, "sw": 0.7})    # sources that were never trained
"""

from collections.abc import Iterable
from functools import cache
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import AutoConfig, PreTrainedModel, PreTrainedTokenizerFast

from unibridge.adapters import attach
from unibridge.adapters.settings import LANGUAGE_ADAPTER, TASK_ADAPTER
from unibridge.ensemble.model import MultiSourceModel
from unibridge.models.base import BaseModel, keep_untied, separate_pairs
from unibridge.models.families import FAMILIES
from unibridge.models.objectives import Corrupted, objective_of
from unibridge.tasks import TASKS
from unibridge.tasks.heads import build_head
from unibridge.tasks.shapes import HeadSettings, HeadShape
from unibridge.text.examples import Answer, Question
from unibridge.text.labels import LabelledText, TaggedSentence
from unibridge.transfer.adapted import AdaptedLanguage, language_model
from unibridge.transfer.trained import TrainedTask

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
TOY_SETTINGS = {
    "xlm-roberta": {"type_vocab_size": 1},
    # as mDeBERTa
    "deberta-v2": {
        "relative_attention": True,
        "position_buckets": 8,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": False,
        "type_vocab_size": 0,
        "pad_token_id": 1,
    },
    # a window of few tokens, so that layers differ
    "gpt2": {
        "intermediate_size": None,
        "n_inner": 24,
        "use_cache": False,
        **dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), 0),
    },
    "mbart": {
        "intermediate_size": None,
        "d_model": 16,
        "hidden_size": None,
        "num_hidden_layers": None,
        "num_attention_heads": None,
        "encoder_layers": 3,
        "decoder_layers": 2,
        **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2),
        **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 24),
        "scale_embedding": True,
        "use_cache": False,
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
    },
    "mt5": {
        "intermediate_size": None,
        "max_position_embeddings": None,
        "d_ff": 24,
        "d_kv": 8,
        "num_decoder_layers": 2,
        "relative_attention_num_buckets": 8,
        "relative_attention_max_distance": 20,
        "use_cache": False,
    },
    "modernbert": {
        "local_attention": 8,
        "pad_token_id": 1,
        **dict.fromkeys(("bos_token_id", "cls_token_id"), 0),
        **dict.fromkeys(("eos_token_id", "sep_token_id"), 2),
    },
}
"""What the toy of a family has beside SHAPE, or in place of it (None: nothing)."""
SENTINELS = tuple(f"<extra_id_{number}>" for number in range(6))
UNIGRAM_FRAMES = {
    "mt5": (
        {"pad": "<pad>", "eos": "</s>", "unk": "<unk>"},
        SENTINELS,
        "$A </s>",
        "$A </s> $B </s>",
    ),
    "xlm-roberta": (
        {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"},
        (),
        "<s> $A </s>",
        "<s> $A </s> </s> $B </s>",
    ),
    # a text ends with its language
    "mbart": (
        {"bos": "<s>", "pad": "<pad>", "eos": "</s>", "unk": "<unk>", "mask": "<mask>"},
        ("xx_XX",),
        "$A </s> xx_XX",
        "$A </s> $B </s> xx_XX",
    ),
}
"""Roles of special tokens, others beside them, and how one text and a pair are framed."""
TOY_HEADS = {"parsing": {"arc_size": 4, "label_size": 4}}
TOY_LABELS = {
    "ner": ["O", "B-LOC", "I-LOC"],
    "classification": ["boat", "no"],
    "qa": ["start", "end"],
    "parsing": ["case", "nsubj", "nsubj:pass", "root"],
    "pairs": ["no", "yes"],
}


def toy_model(
    family: str, *, vocab: int = 90, seed: int = 0, **settings: object
) -> PreTrainedModel:
    """A language model with 3 layers of 16, in evaluation mode; global RNG left alone.

    settings: of its configuration, beside the family's usual ones.
    """
    settings = {"vocab_size": vocab, **SHAPE, **TOY_SETTINGS.get(family, {}), **settings}
    settings = {name: value for name, value in settings.items() if value is not None}
    record = FAMILIES[family]
    auto = getattr(transformers, objective_of(record).auto)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = auto.from_config(AutoConfig.for_model(family, **settings)).eval()
    if settings.get("tie_word_embeddings") is False:
        own = torch.randn(vocab, 16, generator=torch.Generator().manual_seed(seed))
        model.get_output_embeddings().weight = torch.nn.Parameter(0.02 * own)
        keep_untied(model, record)
    return model


def toy_tokenizer(family: str, lines: tuple[str, ...] = LINES) -> PreTrainedTokenizerFast:
    """The words and letters of `lines` as pieces: WordPiece for "bert", byte-level BPE for "gpt2",
    otherwise unigram.

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
        template, pair, beside = "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", ()
    elif family == "gpt2":
        # byte-level BPE whose merges spell each word from its start; one special token for all
        end = "<|endoftext|>"
        starts = [f"Ġ{word[:n]}" for word in words for n in range(1, len(word) + 1)]
        vocab = {p: i for i, p in enumerate(dict.fromkeys([end, *letters, "Ġ", *starts]))}
        merges = [(start[:-1], start[-1]) for start in dict.fromkeys(starts)]
        tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token=end))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
        named = {f"{role}_token": end for role in ("bos", "eos", "unk", "pad")}
        made = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named)
        separate_pairs(made)
        return made
    else:
        special, beside, template, pair = UNIGRAM_FRAMES.get(family, UNIGRAM_FRAMES["xlm-roberta"])
        scored = [(piece, 0.0) for piece in (*special.values(), *beside)]
        scored += [(f"▁{word}", -3.0) for word in words]
        scored += [(piece, -6.0) for piece in ["▁", *letters]]
        tokenizer = Tokenizer(models.Unigram(scored, unk_id=list(special).index("unk")))
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
    framing = {token for token in template.split() if not token.startswith("$")}
    tokenizer.post_processor = processors.TemplateProcessing(
        single=template,
        pair=pair,
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in framing],
    )
    named = {f"{role}_token": token for role, token in special.items()}
    inputs = ["input_ids", "attention_mask"]
    inputs += ["token_type_ids"] if family == "bert" else []
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_input_names=inputs,
        extra_special_tokens=list(beside),
        **named,
    )


def toy_base(family: str, *, built_head: bool = False, dropout: float = 0.1) -> BaseModel:
    """A toy model with its tokenizer and family record."""
    tokenizer = toy_tokenizer(family)
    record = FAMILIES[family]
    rates = dict.fromkeys(record.dropouts, dropout)
    model = toy_model(family, vocab=len(tokenizer), **rates)
    return BaseModel(model, tokenizer, record, built_head)


def say(model: PreTrainedModel, input_ids: torch.Tensor, **rest: torch.Tensor) -> torch.Tensor:
    """The language model's logits; a decoder beside the encoder is given the same ids."""
    if model.config.is_encoder_decoder:
        rest["decoder_input_ids"] = input_ids
    return model(input_ids=input_ids, **rest).logits


def their_loss(model: PreTrainedModel, batch: Corrupted) -> torch.Tensor:
    """What `transformers`' own model says that a corrupted batch costs, nats per token."""
    given = {"input_ids": batch.ids, "attention_mask": batch.mask, "labels": batch.wanted}
    if batch.decoder_ids is not None:
        given["decoder_input_ids"] = batch.decoder_ids
    elif objective_of(FAMILIES[model.config.model_type]).name == "clm":
        # it moves them by one itself
        given["labels"] = batch.ids.masked_fill(batch.mask == 0, -100)
    return model(**given).loss


def save_toy_base(
    folder: Path, family: str, *, seed: int = 0, lines: tuple[str, ...] = LINES
) -> Path:
    """Write a toy base, weights and tokenizer, as `save_pretrained` does; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in _saved(family, seed, lines).items():
        (folder / name).write_bytes(content)
    return folder


@cache
def _saved(family: str, seed: int, lines: tuple[str, ...]) -> dict[str, bytes]:
    """File name -> content: many tests want the same base, and saving takes as long as reading."""
    tokenizer = toy_tokenizer(family, lines)
    with TemporaryDirectory() as folder:
        toy_model(family, vocab=len(tokenizer), seed=seed).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def in_turn(values: Iterable[Any]) -> list[tuple[Any, str]]:
    """(value, family) of each value: for what no family reads in a way of its own, so that every
    value and every family is seen, not every pair of them.
    """
    return list(zip(values, cycle(FAMILIES), strict=False))


def head_shape(labels: int, **settings: object) -> HeadShape:
    """Of a head on a toy encoder, without dropout."""
    own = HeadSettings(**{"pooling": "first", **settings})
    return HeadShape(SHAPE["hidden_size"], labels, 0.0, SHAPE["num_hidden_layers"], own)


def drawn_pack(
    name: str,
    weights: dict[str, float],
    *,
    family: str = "xlm-roberta",
    drawn: tuple[str, ...] = (),
    leave_out: tuple[int, ...] = (-1,),
) -> MultiSourceModel:
    """A pack of a task whose adapters and heads are drawn, so that every source says its own.

    drawn: sources in the order of drawing, where it is not that of the weights.
    """
    base, task = toy_base(family), TASKS[name]
    config = TASK_ADAPTER.model_copy(update={"leave_out": leave_out})
    model = attach.encoder_of(language_model(base, None), base.family)
    attach.add_adapter(model, base.family, "x", config, seed=0)
    shape = head_shape(len(TOY_LABELS[name]), **TOY_HEADS.get(name, {}))
    parts = attach.adapter_state(model, "x"), build_head(task, shape, seed=0).state_dict()
    tasks = {}
    for seed, source in enumerate(drawn or weights):
        draw = torch.Generator().manual_seed(seed)
        adapter, output = (
            {key: torch.randn(value.shape, generator=draw) for key, value in state.items()}
            for state in parts
        )
        labels = TOY_LABELS[name]
        tasks[source] = TrainedTask(
            source, name, labels, output, config, shape.settings, adapter=adapter
        )
    language = AdaptedLanguage("xx", LANGUAGE_ADAPTER, drawn_adapter(base))
    return MultiSourceModel.assemble(base, language, tasks, weights)


def drawn_adapter(base: BaseModel) -> dict[str, torch.Tensor]:
    """The tensors of a language adapter that changes what the base says."""
    model = language_model(base, None)
    attach.add_adapter(model, base.family, "x", LANGUAGE_ADAPTER, seed=0)
    draw = torch.Generator().manual_seed(9)
    state = attach.adapter_state(model, "x")
    return {key: 0.3 * torch.randn(value.shape, generator=draw) for key, value in state.items()}


PLACES = {"town": "B-LOC", "river": "B-LOC", "bridge": "B-LOC"}
WORDS = {"the": "DET", "a": "DET", "in": "ADP", "at": "ADP", "old": "ADJ"}
VERBS = {"runs", "waits", "swim", "built", "belongs"}


def verb_tree(words):
    """All words hang from the verb."""
    (verb,) = (place for place, word in enumerate(words, start=1) if word in VERBS)
    relations = [f"{verb}|{WORDS.get(word, 'NOUN').lower()}" for word in words]
    relations[verb - 1] = "0|root"
    return TaggedSentence(tuple(words), tuple(relations))


def toy_examples(name):
    """Examples whose labels a single word gives away."""
    if name in ("ner", "pos"):
        tags, other = (PLACES, "O") if name == "ner" else (WORDS, "NOUN")
        rows = [line.split() for line in LINES]
        return [TaggedSentence(tuple(row), tuple(tags.get(w, other) for w in row)) for row in rows]
    if name == "parsing":
        return [verb_tree(line.split()) for line in LINES]
    if name == "qa":
        verbs = [next(word for word in line.split() if word in VERBS) for line in LINES]
        return [
            Question("a boat", line, answers=(Answer(verb, line.index(verb)),))
            for line, verb in zip(LINES, verbs, strict=True)
        ]
    if name == "classification":
        return [LabelledText(line, None, "boat" if "boat" in line else "no") for line in LINES]
    return [
        LabelledText(line, second, "old" if second == "old bridge" else "new")
        for line in LINES
        for second in ("old bridge", "a summer")
    ]
