"""The masked-LM head of the base me5, with the last layers trained beside it, as package data.

    python scripts/package_me5_head.py [--data ../shared/data/mono] [--steps 1500] [--layers 3]

It reads the freely licensed part of the plain text (SOURCES.tsv beside it says of each range of
lines what its licence is), trains by masked-language modelling over the pieces that the text uses,
and writes src/unibridge/data/me5. What it is worth: measure_me5_head.py.
"""

import argparse
import csv
import re
from pathlib import Path

import torch
from safetensors.torch import save_file

from unibridge.models.base import load_base
from unibridge.training import TrainingSettings
from unibridge.transfer.pretrain import PretrainSettings, pretrain

ROOT = Path(__file__).parents[1]
OUT = ROOT / "src" / "unibridge" / "data" / "me5"
FREE = re.compile(r"CC0|CC BY|Apache|MIT|BSD|public domain", re.I)
# languages that the base was trained on, in all of its scripts that the text has
LANGUAGES = (
    *("en", "zh", "ru", "ar", "ja", "de", "fr", "es", "hi", "tr"),
    *("id", "sw", "vi", "ko", "fa", "he", "uk", "pl", "fi"),
)


def free_lines(folder: Path, language: str, most: int) -> list[str]:
    """Lines whose licence allows to pass on what is made of them, evenly spread over the file."""
    lines = (folder / f"{language}.txt").read_text(encoding="utf-8").splitlines()
    chosen: list[str] = []
    with (folder / "SOURCES.tsv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            free = FREE.search(row["licence"]) and "GPL" not in row["licence"]
            if row["lang"] == language and row["non_commercial"] == "no" and free:
                chosen += lines[int(row["first_line"]) - 1 : int(row["last_line"])]
    step = max(1, len(chosen) // most)
    return chosen[::step][:most]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "mono")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--lines", type=int, default=4000, help="lines of each language")
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "build" / "me5-head.pt")
    options = parser.parse_args()

    texts = {code: free_lines(options.data, code, options.lines) for code in LANGUAGES}
    settings = PretrainSettings(
        sample_words=64,
        max_tokens=128,
        mask_rate=0.2,
        top_layers=options.layers,
        training=TrainingSettings(
            steps=options.steps,
            batch_size=16,
            learning_rate=options.rate,
            schedule="linear",
            warmup=0.04,
            clip=1.0,
        ),
    )

    def tell(step: int, steps: int, parts) -> None:
        if step % 50 == 0:
            print(step, steps, {k: round(v, 3) for k, v in parts.items()}, flush=True)

    base = load_base("me5-plain", dropout=0.0)
    found = pretrain(
        texts, settings, base=base, seed=7, checkpoint=options.checkpoint, progress=tell
    )
    for row in found.fit.curve:
        print(row, flush=True)
    last = base.model.config.num_hidden_layers - options.layers
    kept = {
        name: tensor.half().contiguous()
        for name, tensor in found.model.state_dict().items()
        if name.startswith("cls.predictions.transform.")
        or any(
            name.startswith(f"bert.encoder.layer.{layer}.")
            for layer in range(last, last + options.layers)
        )
    }
    OUT.mkdir(parents=True, exist_ok=True)
    save_file(kept, OUT / "head.safetensors", metadata={"format": "pt"})
    curve = found.fit.curve
    lines = sum(map(len, texts.values()))
    (OUT / "README.md").write_text(
        f"""
Its masked-LM head and its last {options.layers} layers were trained for it by masked-language
modelling, the rest of it and the vocabulary frozen: {found.fit.steps:,} steps of
{settings.training.batch_size} samples of {settings.sample_words} words, {found.fit.tokens:,} tokens
out of {lines:,} lines in {len(texts)} languages ({", ".join(LANGUAGES)}) of which the licence is
CC0, CC BY, CC BY-SA, MIT, Apache or public domain. Training loss {curve[0]["train_loss"]:.2f} nats
a token over the first fifth of the steps, {curve[-1]["train_loss"]:.2f} over the last, over the
{found.rows:,} pieces that the text uses. Rate {options.rate:g}, seed 7.
""",
        encoding="utf-8",
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
