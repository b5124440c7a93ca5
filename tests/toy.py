"""Tiny bases of every family made in memory, for every test that needs a real model.

model, tokenizer = toy_model("bert"), toy_tokenizer("bert")
base = toy_base("bert")                             # both, as load_base gives them
folder = save_toy_base(tmp_path, "xlm-roberta")     # what load_base reads
pack = drawn_pack("ner", {"en": 0.3, "sw": 0.7})    # sources that were never trained
config = write_toy_run(tmp_path, "ner")             # a whole run's files, for load_config
"""

import json
from pathlib import Path
from random import Random

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
from unibridge.text.labels import LabelledText, TaggedSentence
from unibridge.text.squad import Answer, Question
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
    tokenizer = toy_tokenizer(family, lines)
    toy_model(family, vocab=len(tokenizer), seed=seed).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


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
    tasks = {}
    for seed, source in enumerate(drawn or weights):
        model = attach.encoder_of(language_model(base, None), base.family)
        attach.add_adapter(model, base.family, "x", config, seed=0)
        shape = head_shape(len(TOY_LABELS[name]), **TOY_HEADS.get(name, {}))
        head = build_head(task, shape, seed=0)
        draw = torch.Generator().manual_seed(seed)
        adapter, output = (
            {key: torch.randn(value.shape, generator=draw) for key, value in state.items()}
            for state in (attach.adapter_state(model, "x"), head.state_dict())
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


# letters that the toy bases know, in words that they do not
SYLLABLES = ("to", "ri", "be", "wa", "su", "le", "no", "da")
RUN = """
[run]
folder = "run"
methods = ["unibridge"]
[base]
model = "base"
[task]
kind = "{task}"
[target]
language = "lug"
text = "lug.txt"
test = "lug.test{suffix}"
train = "lug.train{suffix}"
[vocabulary]
mode = "replace"
initial_size = 60
step = 10
max_size = 90
[embeddings]
static_dimension = 8
static_buckets = 500
[adaptation]
sample_words = 0
training = {{ steps = 4, batch_size = 8, checkpoint_seconds = 0 }}
[continuing]
sample_words = 0
training = {{ steps = 3, batch_size = 8, checkpoint_seconds = 0 }}
[self_training]
max_lines = 12
training = {{ steps = 2, batch_size = 8, checkpoint_seconds = 0 }}
[source_adaptation]
sample_words = 0
training = {{ steps = 3, batch_size = 8, checkpoint_seconds = 0 }}
[task_training]
training = {{ steps = 4, batch_size = 8, learning_rate = 0.01, checkpoint_seconds = 0 }}
[fine_tuning]
training = {{ steps = 3, batch_size = 8, checkpoint_seconds = 0 }}
[weights]
sentences = 3
"""
SOURCE = """
[[sources]]
language = "{language}"
text = "{language}.txt"
train = "{language}.train{suffix}"
dev = "{language}.dev{suffix}"
parallel = "lug-{language}.tsv"
"""


def toy_lines(language: str, count: int) -> list[str]:
    """Lines of the toy bases' own words for "en", of words that are new to them otherwise."""
    draw = Random(language)
    words = sorted({word for line in LINES for word in line.split()})
    if language != "en":
        words = [first + second for first in SYLLABLES for second in SYLLABLES]
    return [" ".join(draw.choices(words, k=draw.randint(4, 7))) for _ in range(count)]


def toy_questions(lines: list[str]) -> str:
    """SQuAD's JSON: the answer to a line backwards is its first word."""
    paragraphs = [
        {
            "context": line,
            "qas": [
                {
                    "id": str(number),
                    "question": " ".join(reversed(line.split())),
                    "answers": [{"text": line.split()[0], "answer_start": 0}],
                }
            ],
        }
        for number, line in enumerate(lines)
    ]
    return json.dumps({"version": "1.1", "data": [{"title": "toy", "paragraphs": paragraphs}]})


def toy_labels(task: str, lines: list[str]) -> str:
    """A label file of a task; what begins with b, s or t is a place; the first word is a class."""
    if task == "qa":
        return toy_questions(lines)
    rows = []
    for line in lines:
        words = line.split()
        label = "early" if words[0] < "o" else "late"
        if task == "parsing":
            # every word hangs from the next one, the last from the root
            rows.append(
                "".join(
                    f"{i}\t{word}\t_\tX\t_\t_\t{i + 1 if i < len(words) else 0}\t"
                    f"{'root' if i == len(words) else 'nsubj' if word[0] in 'bst' else 'case'}"
                    "\t_\t_\n"
                    for i, word in enumerate(words, start=1)
                )
            )
        elif task in ("ner", "pos"):
            tags = ("B-LOC", "O") if task == "ner" else ("NOUN", "VERB")
            tagged = (f"{word}\t{tags[word[0] not in 'bst']}" for word in words)
            rows.append("\n".join(tagged) + "\n")
        else:
            middle = f"{' '.join(reversed(words))}\t" if task == "pairs" else ""
            rows.append(f"{line}\t{middle}{label}")
    return "\n".join(rows) + "\n"


def write_toy_run(folder: Path, task: str, *, family: str = "xlm-roberta") -> Path:
    """A base, texts and labels of a target (lug) and two sources (en, sw); returns the config."""
    save_toy_base(folder / "base", family)
    suffix = {"ner": ".conll", "pos": ".conll", "parsing": ".conllu", "qa": ".json"}.get(
        task, ".tsv"
    )
    config = RUN.format(task=task, suffix=suffix)
    for language in ("lug", "en", "sw"):
        lines = toy_lines(language, 150)
        (folder / f"{language}.txt").write_text("\n".join(lines) + "\n")
        for part, few in (("train", lines[:30]), ("dev", lines[30:36]), ("test", lines[36:50])):
            (folder / f"{language}.{part}{suffix}").write_text(toy_labels(task, few))
        if language != "lug":
            pairs = zip(toy_lines("lug", 4), lines, strict=False)
            (folder / f"lug-{language}.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in pairs))
            config += SOURCE.format(language=language, suffix=suffix)
    path = folder / "run.toml"
    path.write_text(config)
    return path
