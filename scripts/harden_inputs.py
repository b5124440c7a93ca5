"""Wrong inputs, generated: one function a kind, each breaks a copy of a finished toy run.

Each gives what was done, in words, and the command that meets it.
"""

import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from random import Random

# what tears a file of text
_PIECES = (
    b"\0", b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\r", b"\t", b"\n\n", b'"', b"{", b"]", b"\\",
    b"null", b"NaN", b"-1", b"1e999", b"../../x", b"O", b"B-", b"\x1b[2J", b"\xe2\x80\xa8", b"=",
)  # fmt: skip


Broken = tuple[str, list[str]]
"""What was done to the copy, in words, and the command that is to meet it."""


def torn(content: bytes, draw: Random) -> tuple[str, bytes]:
    """What was done, and the bytes with one wrong thing about them."""
    way = draw.randrange(6)
    place = draw.randrange(len(content) + 1)
    if way == 0:
        return "cut off", content[:place]
    if way == 1:
        piece = draw.choice(_PIECES)
        return f"with {ascii(piece)[1:]} put in", content[:place] + piece + content[place:]
    if way == 2:
        drawn = bytes(draw.randrange(256) for _ in range(8))
        return "with 8 bytes drawn anew", content[:place] + drawn + content[place + 8 :]
    if way == 3:
        return "with a part left out", content[: place // 2] + content[place:]
    if way == 4:
        lines = content.split(b"\n")
        draw.shuffle(lines)
        return "with its lines shuffled", b"\n".join(lines)
    whole = draw.choice([b"", b"\n", b" \n\t\n", b"{}", b"[]", bytes(64), b"\xef\xbb\xbf"])
    return f"replaced by {ascii(whole)[1:]}", whole


def _tear(path: Path, draw: Random) -> str:
    """Tear a file; returns what was done."""
    what, content = torn(path.read_bytes(), draw)
    path.write_bytes(content)
    return f"{path.name} {what}"


def _run(toy: Path, *settings: str) -> list[str]:
    given = [part for setting in settings for part in ("--set", setting)]
    return ["run", str(toy / "run.toml"), *given]


def configs(toy: Path, draw: Random) -> Broken:
    """A torn configuration, or a setting that means nothing."""
    path = toy / "run.toml"
    if draw.random() < 0.5:
        return _tear(path, draw), _run(toy)
    name = draw.choice(
        [
            "run.seeds",
            "run.methods",
            "base.model",
            "task.kind",
            "task.columns",
            "target.language",
            "target.text",
            "vocabulary.step",
            "adaptation.mask_rate",
            "weights.sentences",
            "task_training.training.steps",
            "sources.0.train",
            "sources.7.train",
            "methods.x.label",
            "nothing.at.all",
        ]
    )
    value = draw.choice(
        [
            "[]",
            "-1",
            "nan",
            "1e400",
            '""',
            "{}",
            "[[]]",
            "true",
            '"../../x"',
            "0",
            '"\\u0000"',
            "'",
            "=",
        ]
    )
    return f"{name} = {value}", _run(toy, f"{name}={value}")


def corpora(toy: Path, draw: Random) -> Broken:
    """Plain text that is torn, or is another format under the name of text."""
    path = toy / draw.choice(["lug.txt", "en.txt"])
    way = draw.randrange(3)
    if way == 0:
        what = _tear(path, draw)
    elif way == 1:
        what = "JSON lines of all values"
        lines = path.read_text().splitlines()
        values = [draw.choice(["a", 1, None, "\ud800", float("nan"), [], {}]) for _ in lines]
        path.write_text(
            "".join(json.dumps({draw.choice(["text", "x"]): value}) + "\n" for value in values)
        )
    else:
        what = "XML, half an array or a table"
        path.write_text(
            draw.choice(["<?xml version='1.0'?>\n<a/>\n", "[1, 2\n", "a\tb\tc\nd\te\tf\n"])
        )
    return what, ["inspect", "--base", str(toy / "base"), "--text", str(path)]


def labels(toy: Path, draw: Random) -> Broken:
    """A label file that is torn, scored against the right one; or trained on."""
    gold = toy / "lug.test.conll"
    path = toy / f"other{draw.choice(['.conll', '.conllu', '.jsonl', '.tsv'])}"
    what, content = torn(gold.read_bytes(), draw)
    path.write_bytes(content)
    if draw.random() < 0.3:
        path.replace(toy / "en.train.conll")
        return f"the target's test labels as those of a source, {what}", _run(toy)
    files = ["--gold", str(gold), "--predictions", str(path)]
    return f"the test labels as {path.suffix}, {what}", ["evaluate", "--task", "ner", *files]


def tags(toy: Path, draw: Random) -> Broken:
    """Tags that no scheme has, among those that one has."""
    path = toy / "tags.conll"
    pool = ["O", "B-LOC", "LOC", "0", "X-LOC", "B-", "LOC-B", "-", "?", "5", "BB-LOC", ""]
    some = draw.sample(pool, 3)
    path.write_text("".join(f"w{n}\t{draw.choice(some)}\n" for n in range(6)))
    files = ["--gold", str(path), "--predictions", str(path)]
    return f"the tags {', '.join(map(repr, some))}", ["evaluate", "--task", "ner", *files]


def json_lines(toy: Path, draw: Random) -> Broken:
    """JSON lines whose values are of every type."""
    path = toy / "rows.jsonl"
    values = [None, 1, True, 2.5, float("nan"), "", "a", "\ud800", [], ["a"], {}, [None], [1]]
    rows = [
        {key: draw.choice(values) for key in draw.sample(["words", "tags", "text", "label"], 3)}
        for _ in range(4)
    ]
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(content)
    what = _tear(path, draw) if draw.random() < 0.5 else f"{path.name} of all values"
    task = draw.choice(["ner", "pos", "classification", "pairs"])
    files = ["--gold", str(path), "--predictions", str(path)]
    return f"{what}, for {task}", ["evaluate", "--task", task, *files]


def parallel(toy: Path, draw: Random) -> Broken:
    """Parallel sentences that are torn."""
    return _tear(toy / "lug-en.tsv", draw), _run(toy)


def packs(toy: Path, draw: Random) -> Broken:
    """A pack of which one file is torn."""
    pack = toy / "run" / "pack"
    files = sorted(path for path in pack.iterdir() if path.suffix in (".json", ".safetensors"))
    what = _tear(draw.choice(files), draw)
    target = toy / "out.conll"
    source = str(toy / "lug.test.conll")
    return what, ["predict", "--model", str(pack), "--input", source, "--output", str(target)]


def adapters(toy: Path, draw: Random) -> Broken:
    """A finished stage of which one file is torn, given to the next."""
    stage = next((toy / "run").glob("adapt-lug-*"))
    files = sorted(path for path in stage.rglob("*") if path.is_file())
    what = _tear(draw.choice(files), draw)
    task = next((toy / "run").glob("train-task-en-*"))
    return what, [
        *("pack", "--base", str(toy / "base"), "--out", str(toy / "made")),
        *("--target", str(stage), "--tasks", f"en={task}"),
    ]


def bases(toy: Path, draw: Random) -> Broken:
    """A base of which one file is torn: configuration, tokenizer or weights."""
    what = _tear(draw.choice(sorted(p for p in (toy / "base").iterdir() if p.is_file())), draw)
    return what, ["inspect", "--base", str(toy / "base"), "--text", str(toy / "en.txt")]


def safetensors(toy: Path, draw: Random) -> Broken:
    """Weights whose header lies about what follows."""
    path = toy / "base" / "model.safetensors"
    content = path.read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size])
    name = draw.choice([key for key in header if key != "__metadata__"])
    way = draw.randrange(5)
    lies = ("a shape", "a place", "a type", "a tensor too few", "a header too long")
    if way == 0:
        header[name]["shape"] = [2**40]
    elif way == 1:
        header[name]["data_offsets"] = [0, 2**50]
    elif way == 2:
        header[name]["dtype"] = "X9"
    elif way == 3:
        del header[name]
    else:
        size = 2**62
    made = json.dumps(header).encode()
    length = size if way == 4 else len(made)
    path.write_bytes(
        struct.pack("<Q", length) + made + content[8 + struct.unpack("<Q", content[:8])[0] :]
    )
    return lies[way], ["inspect", "--base", str(toy / "base"), "--text", str(toy / "en.txt")]


Breaking = Callable[[Path, Random], Broken]
BAD: dict[str, Breaking] = {
    "configurations": configs,
    "corpora": corpora,
    "label files": labels,
    "tags": tags,
    "JSON lines": json_lines,
    "parallel files": parallel,
    "packs": packs,
    "adapters": adapters,
    "bases": bases,
    "safetensors": safetensors,
}


# --- packs: what may have happened on the way, or been done on purpose


class _Bomb:
    """What a pickle may do: it writes a file when it is read."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Callable, tuple]:
        return Path.write_text, (self.place, "this came out of a pickle")


def _unseal(pack: Path) -> None:
    (pack / "checksums.json").unlink()


def changed_byte(pack: Path, draw: Random) -> None:
    """One byte of the weights, the configuration or the tokenizer."""
    path = pack / draw.choice(["model.safetensors", "config.json", "tokenizer.json"])
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def cut_file(pack: Path, draw: Random) -> None:
    """A file that ends early; without checksums, so that the file itself must say it."""
    _unseal(pack)
    path = pack / draw.choice(["model.safetensors", "config.json", "tokenizer.json"])
    path.write_bytes(path.read_bytes()[: draw.randrange(path.stat().st_size // 2)])


def foreign_tensor(pack: Path, draw: Random) -> None:
    """A tensor too many, one too few, or one of another shape; without checksums."""
    import torch
    from safetensors.torch import load_file, save_file

    _unseal(pack)
    state = load_file(pack / "model.safetensors")
    name = draw.choice(sorted(state))
    way = draw.randrange(3)
    if way == 0:
        state["somebody.else"] = torch.zeros(3)
    elif way == 1:
        del state[name]
    else:
        state[name] = torch.zeros(*state[name].shape, 2)
    save_file(state, pack / "model.safetensors", {"format": "pt"})


def climbing_path(pack: Path, draw: Random) -> None:
    """A path out of the folder, in the checksums or in the place of the weights."""
    outside = pack.parent / "outside.safetensors"
    outside.write_bytes((pack / "model.safetensors").read_bytes())
    if draw.random() < 0.5:
        seal = json.loads((pack / "checksums.json").read_text())
        seal[draw.choice(["../outside.safetensors", "/etc/passwd", "..\\x"])] = "0" * 64
        (pack / "checksums.json").write_text(json.dumps(seal))
        return
    _unseal(pack)
    (pack / "model.safetensors").unlink()
    index = {"metadata": {}, "weight_map": {"x": "../outside.safetensors"}}
    (pack / "model.safetensors.index.json").write_text(json.dumps(index))


def pickle_or_code(pack: Path, draw: Random) -> None:
    """Weights as a pickle that writes a file, or a configuration that names code beside it."""
    _unseal(pack)
    place = pack.parent / "came-out"
    if draw.random() < 0.5:
        (pack / "model.safetensors").unlink()
        (pack / "pytorch_model.bin").write_bytes(pickle.dumps(_Bomb(place)))
        return
    (pack / "own.py").write_text(f"open({str(place)!r}, 'w').write('code was run')\n")
    config = json.loads((pack / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModel": "own.Own"}}
    (pack / "config.json").write_text(json.dumps(config))


PACKS: dict[str, Callable[[Path, Random], None]] = {
    "a changed byte": changed_byte,
    "a file cut short": cut_file,
    "a foreign tensor": foreign_tensor,
    "a path that climbs out": climbing_path,
    "a pickle, or code": pickle_or_code,
}
