"""Does our `focus` compute what the authors' deepfocus does? Same tokenizers and vectors in.

deepfocus lives in the environment of the other parity check, so two environments take turns:

    deepfocus's  parity_focus.py make-golden FOLDER   toy tokenizers, static vectors, its matrix
    ours         parity_focus.py check FOLDER         the same from the same, compared

Prints the largest absolute difference of any number and exits with 1 above the threshold. Left out
are rows that both draw at random, for want of a static vector.
"""

import random
from pathlib import Path

import numpy as np
import torch
from parity import take_turn
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, PreTrainedTokenizerFast

HIDDEN, DIMENSION = 24, 16
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def make_golden(folder: Path) -> dict[str, float]:
    """Write both tokenizers, the target text, its vectors, the source table and FOCUS's matrix."""
    from deepfocus import focus as deepfocus

    draw = random.Random(0)
    # enough of them that deepfocus, which asks for over 100 marked tokens, sees a SentencePiece
    shared = words("aeiomn", 200, draw)
    sides = {"source": "aeiobcdfg", "target": "aeiomnpqr"}
    texts = {
        side: [
            " ".join(draw.choices(own, k=8))
            for own in [words(letters, 400, draw) + shared]
            for _ in range(1_000)
        ]
        for side, letters in sides.items()
    }
    tokenizers = {side: trained(texts[side]) for side in sides}
    folder.mkdir(parents=True, exist_ok=True)
    for side, tokenizer in tokenizers.items():
        tokenizer.save_pretrained(folder / side)
    (folder / "target.txt").write_text("\n".join(texts["target"]), encoding="utf-8")

    generator = torch.Generator().manual_seed(0)
    target = tokenizers["target"]
    occurring = sorted(
        {i for row in target(texts["target"], add_special_tokens=False).input_ids for i in row}
    )
    vectors = torch.zeros(len(target), DIMENSION)
    vectors[occurring] = torch.randn(len(occurring), DIMENSION, generator=generator)
    table = torch.randn(len(tokenizers["source"]), HIDDEN, generator=generator)
    given = {
        token: vectors[i].numpy() for token, i in target.get_vocab().items() if i in set(occurring)
    }
    # the vectors are given, so nothing is trained and no text is read
    deepfocus.load_target_token_embedding = lambda **_: given
    matrix = deepfocus.FOCUS(
        target_tokenizer=target,
        source_tokenizer=tokenizers["source"],
        source_embeddings=table,
        target_training_data_path=str(folder / "target.txt"),
        verbosity="silent",
    )
    save_file(
        {"vectors": vectors, "table": table, "matrix": matrix.contiguous()},
        folder / "focus.safetensors",
    )
    return {}


def check(folder: Path) -> dict[str, float]:
    """The largest difference of our matrix from deepfocus's."""
    from unibridge.embeddings.initialise import initialise_embeddings
    from unibridge.embeddings.settings import EmbeddingSettings
    from unibridge.embeddings.static_models import STATIC_MODELS

    tensors = load_file(folder / "focus.safetensors")

    def given(text: object, forms: object, settings: object, seed: int) -> np.ndarray:
        return tensors["vectors"].numpy().copy()

    STATIC_MODELS.register("given", given)
    result = initialise_embeddings(
        tensors["table"],
        *(AutoTokenizer.from_pretrained(folder / side) for side in ("source", "target")),
        (folder / "target.txt").read_text(encoding="utf-8").splitlines(),
        EmbeddingSettings(method="focus", static_model="given"),
    )
    known = torch.tensor([origin != "random" for origin in result.origin])
    differences = (result.matrix - tensors["matrix"])[known].abs()
    counts = result.facts["counts"]
    print(
        f"FOCUS, deepfocus's matrix and ours: difference {differences.max():.1e} over "
        f"{counts['special'] + counts['lexical']} copied and {counts['mixed']} mixed rows "
        f"({counts['random']} random ones left out)"
    )
    enough = counts["lexical"] > 50 and counts["mixed"] > 50
    return {"focus": float(differences.max()) if enough else float("inf")}


def words(letters: str, count: int, draw: random.Random) -> list[str]:
    """Made-up words."""
    return ["".join(draw.choices(letters, k=draw.randint(2, 6))) for _ in range(count)]


def trained(lines: list[str]) -> PreTrainedTokenizerFast:
    """A unigram tokenizer of a toy text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=800, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(lines, trainer)
    start, pad, end, unknown, mask = SPECIAL
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=start,
        cls_token=start,
        pad_token=pad,
        eos_token=end,
        sep_token=end,
        unk_token=unknown,
        mask_token=mask,
    )


if __name__ == "__main__":
    take_turn(__doc__, {"make-golden": make_golden, "check": check})
