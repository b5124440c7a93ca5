"""The whole way on each model family: tiny bases of the same size and steps, CLDR phrases.

    python benchmarks/families.py --out build/families [--families modernbert gpt2] [--write FILE]

A base of each family is drawn, pretrained by its own objective on phrases of eight languages, and
brought to a ninth, which is then tagged for named entities. The bases are far too small and young
to say which family is better: the table says that each goes the whole way on real phrases, and
what that costs. A family that has its row already is not run again.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig

from unibridge.config import load_config
from unibridge.demo import pretraining_text, write_demo
from unibridge.models.base import BaseModel
from unibridge.models.families import FAMILIES
from unibridge.models.objectives import objective_of
from unibridge.study.run import run
from unibridge.training import TrainingSettings
from unibridge.transfer.pretrain import PretrainSettings, pretrain
from unibridge.vocabulary.tokenizer import XLM_R, SpecialTokens, _special, to_fast_tokenizer
from unibridge.vocabulary.train import train_sentencepiece

LANGUAGES = ("en", "ru", "ar", "de", "fr", "id", "sw", "tr")
SOURCES, TARGET, PIECES, STEPS = ("en", "ar"), "so", 6_000, 600
METHODS = ("floor", "fine-tune", "unibridge")

WIDTH, LAYERS, HEADS, LONGEST = 128, 4, 4, 130
SHAPE = {
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "intermediate_size": 4 * WIDTH,
    "max_position_embeddings": LONGEST,
}
HALF = LAYERS // 2
PAGE = "docs/results/families.md"
SETTINGS: dict[str, dict[str, Any]] = {
    "deberta-v2": {
        "relative_attention": True,
        "position_buckets": 32,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": False,
        "type_vocab_size": 0,
    },
    "gpt2": {"intermediate_size": None, "n_inner": 4 * WIDTH},
    "mbart": {
        **dict.fromkeys(SHAPE),
        "d_model": WIDTH,
        **dict.fromkeys(("encoder_layers", "decoder_layers"), HALF),
        **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), HEADS),
        **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 4 * WIDTH),
        "max_position_embeddings": LONGEST,
    },
    "mt5": {
        **dict.fromkeys(SHAPE),
        "d_model": WIDTH,
        **dict.fromkeys(("num_layers", "num_decoder_layers"), HALF),
        "num_heads": HEADS,
        "d_kv": WIDTH // HEADS,
        "d_ff": 4 * WIDTH,
    },
}
"""Beside SHAPE, or in place of it (None: nothing); a decoder has half of the layers."""
MT5 = SpecialTokens(
    tokens=tuple(
        _special(token)
        for token in ("<pad>", "</s>", "<unk>", *(f"<extra_id_{n}>" for n in range(20)))
    ),
    roles={"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"},
    single=["$A:0", "</s>:0"],
    pair=["$A:0", "</s>:0", "$B:0", "</s>:0"],
    settings=XLM_R.settings,
)


def new_base(family: str, lines: list[str]) -> BaseModel:
    """A base of the family that has learnt nothing."""
    pieces = train_sentencepiece(lines, PIECES)
    tokenizer = to_fast_tokenizer(pieces, like=MT5 if family == "mt5" else None)
    tokenizer.model_max_length = LONGEST - 2
    given = {**SHAPE, **SETTINGS.get(family, {}), "vocab_size": len(tokenizer)}
    for role in ("pad", "bos", "eos", "cls", "sep"):
        if getattr(tokenizer, f"{role}_token_id", None) is not None:
            given[f"{role}_token_id"] = getattr(tokenizer, f"{role}_token_id")
    record = FAMILIES[family]
    given |= dict.fromkeys(record.dropouts, 0.0) | dict(record.loaded_with)
    given = {name: value for name, value in given.items() if value is not None}
    auto = getattr(transformers, objective_of(record).auto)
    torch.manual_seed(0)
    model = auto.from_config(AutoConfig.for_model(family, **given))
    if family == "mt5":
        # rows of length sqrt(width), as it draws them, are for an output that is scaled or untied
        model.get_input_embeddings().weight.data.mul_(0.05)
    return BaseModel(model.eval(), tokenizer, record)


def measure(family: str, folder: Path) -> dict[str, Any]:
    """Pretrain, adapt, train the task and score; the row of one family."""
    texts, _ = pretraining_text(LANGUAGES, lines=4_000, pairs=1, seed=0)
    start = time.perf_counter()
    base = new_base(family, [line for lines in texts.values() for line in lines])
    training = TrainingSettings(
        steps=STEPS, batch_size=32, learning_rate=1e-3, schedule="linear", warmup=0.05, clip=1.0
    )
    trained = pretrain(texts, PretrainSettings(training=training), base=base)
    trained.model.save_pretrained(folder / "base")
    trained.tokenizer.save_pretrained(folder / "base")
    pretraining = time.perf_counter() - start

    config = write_demo(folder, TARGET, from_scratch=True)
    changed = ["run.methods=" + json.dumps(METHODS), f'base.model="{(folder / "base").resolve()}"']
    given = load_config(config, changed)
    sources = tuple(source for source in given.sources if source.language in SOURCES)
    start = time.perf_counter()
    root = run(given.model_copy(update={"sources": sources}))
    rows = [json.loads(line) for line in (root / "results.jsonl").read_text().splitlines()]
    curve = trained.fit.curve
    return {
        "family": family,
        "objective": objective_of(base.family).name,
        "parameters": sum(p.numel() for p in trained.model.parameters()),
        "loss": [curve[0]["train_loss"], curve[-1]["train_loss"]],
        "pretraining_seconds": pretraining,
        "run_seconds": time.perf_counter() - start,
        "rows": {row["method"]: row for row in rows},
    }


def page(rows: list[dict[str, Any]]) -> str:
    """The table of all families that have a row."""
    lines = [
        "# The whole way on each model family",
        "",
        f"`python benchmarks/families.py --write {PAGE}`: a base of each family, {LAYERS} layers "
        f"of {WIDTH} (an encoder and a decoder have {HALF} each), is drawn and pretrained by its "
        f"own objective for {STEPS} steps on CLDR phrases of {len(LANGUAGES)} languages; then "
        f"named entities in Somali, which none of them has seen, from the labels of {len(SOURCES)} "
        "sources, with the demo's other settings. One seed, one thread of a shared machine, so the "
        "times are rough.",
        "",
        "The bases have seen a minute or two of text, and what they give may lie below the floor, "
        "which reads no words: the table says that a family goes the whole way on real phrases, "
        "every stage included, not which family is better.",
        "",
        "| family | objective | parameters | loss, first and last step | floor | fine-tuning | "
        "UniBridge | pretraining | run |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in sorted(rows, key=lambda row: row["family"]):
        scores = [
            f"{row['rows'][name]['score']:.1f} "
            f"[{row['rows'][name]['low']:.1f}, {row['rows'][name]['high']:.1f}]"
            for name in METHODS
        ]
        first, last = row["loss"]
        lines.append(
            f"| {row['family']} | {row['objective']} | {row['parameters'] / 1e6:.1f} M | "
            f"{first:.1f} → {last:.1f} | {' | '.join(scores)} | "
            f"{row['pretraining_seconds']:.0f} s | {row['run_seconds']:.0f} s |"
        )
    lines += [
        "",
        "Span F1 with a 95% bootstrap interval over the test examples. Losses are in nats per "
        "predicted token and not comparable between objectives.",
    ]
    if others := sorted(FAMILIES.keys() - {row["family"] for row in rows}):
        lines += ["", f"Not run here: {', '.join(others)}."]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--out", type=Path, default=Path("build/families"))
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for family in arguments.families:
        file = arguments.out / family / "row.json"
        if not file.exists():
            row = measure(family, arguments.out / family)
            file.write_text(json.dumps(row, indent=1))
        rows.append(json.loads(file.read_text()))
    text = page(rows)
    print(text)
    if arguments.write is not None:
        arguments.write.write_text(text)


if __name__ == "__main__":
    main()
