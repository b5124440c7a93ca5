"""Put a pretrained base into the package, with ready adapters of the demo's source languages.

unibridge pretrain --out build/base
python scripts/package_base.py build/base/base-40-languages-…
"""

import shutil
import sys
from pathlib import Path

from safetensors.torch import load_file, save_file

from unibridge.adapters.adapterhub import save_adapter
from unibridge.demo import SOURCES, packaged_base
from unibridge.models.base import load_base
from unibridge.text import cldr
from unibridge.training import TrainingSettings
from unibridge.transfer.adapted import language_model
from unibridge.transfer.language import AdaptationSettings, adapt_language

PHRASES, SEED = 8000, 11
SETTINGS = AdaptationSettings(
    sample_words=0,
    training=TrainingSettings(steps=300, batch_size=64, learning_rate=1e-3, schedule="linear"),
)
PACKAGED = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def main(pretrained: str) -> None:
    target = packaged_base()
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in (*PACKAGED, "README.md", "manifest.json"):
        shutil.copy(Path(pretrained) / name, target / name)
    base = load_base(target)
    for source in SOURCES:
        found = cldr.phrases(source, PHRASES, seed=SEED, split="plain")
        lines = [" ".join(phrase.words) for phrase in found]
        adapted = adapt_language(base, lines, SETTINGS, language=source, seed=SEED)
        first, last = (adapted.facts["curve"][i]["valid_loss"] for i in (0, -1))
        print(
            f"{source}: held-out loss {first:.3f} after a fifth of the steps, {last:.3f} at the end"
        )
        model = language_model(base, adapted)
        folder = target / "adapters" / source
        save_adapter(model, source, folder)
        file = folder / "adapter.safetensors"
        save_file({name: tensor.half() for name, tensor in load_file(file).items()}, file)


if __name__ == "__main__":
    main(sys.argv[1])
