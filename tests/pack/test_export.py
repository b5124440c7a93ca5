import math
import subprocess
import sys
from ast import literal_eval

import pytest
import torch

import unibridge
from toy import LINES, TOY_LABELS, drawn_pack
from toy_run import toy_labels, toy_lines
from unibridge.artifacts import read_manifest
from unibridge.ensemble.distil import DistilSettings, distil
from unibridge.errors import UnibridgeError
from unibridge.models.families import FAMILIES
from unibridge.pack.export import check_inputs, export_pack, largest_difference
from unibridge.text.labels import read_labels

WEIGHTS = {"en": 0.3, "sw": 0.7}


def encoder_pack(name, family, folder):
    """A pack without adapters, as distilling into an encoder leaves it."""
    settings = DistilSettings(student="encoder", layers=2, training={"steps": 1})
    model = distil(drawn_pack(name, WEIGHTS, family=family), toy_lines("en", 8), settings).model
    with torch.no_grad():
        for head in model.heads.parameters():
            head.copy_(torch.randn(head.shape, generator=torch.Generator().manual_seed(3)))
    model.save_pretrained(folder)
    return model


# in a process that never hears of this package
PLAIN = """
import sys, torch, transformers
from transformers import AutoTokenizer
found = []
for folder, auto in {folders!r}:
    model = getattr(transformers, auto).from_pretrained(folder).eval()
    inputs = AutoTokenizer.from_pretrained(folder)({text!r}, return_tensors="pt")
    with torch.no_grad():
        logits = model(**inputs).logits.flatten().tolist()
    found.append([inputs["input_ids"].flatten().tolist(), logits, model.config.id2label])
assert not any(name.startswith("unibridge") for name in sys.modules)
print("FOUND", found)
"""
AUTOS = {
    ("xlm-roberta", "ner"): "AutoModelForTokenClassification",
    ("bert", "classification"): "AutoModelForSequenceClassification",
}


@pytest.mark.slow
def test_an_encoder_loads_without_this_package(tmp_path):
    models, folders = [], []
    for (family, name), auto in AUTOS.items():
        models.append(encoder_pack(name, family, tmp_path / "packs" / name))
        folder = export_pack(tmp_path / "packs" / name, tmp_path / name, "encoder")
        folders.append((str(folder), auto))
    script = PLAIN.format(folders=folders, text=LINES[0])
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("FOUND"))
    for model, (ids, logits, labels) in zip(models, literal_eval(line[6:]), strict=True):
        inputs = model.tokenizer([LINES[0]], return_tensors="pt")
        assert ids == inputs["input_ids"].flatten().tolist()
        with torch.no_grad():
            expected = model(**inputs).logits.flatten().tolist()
        assert logits == pytest.approx(expected, abs=1e-4)
        assert labels == dict(enumerate(TOY_LABELS[model.task.name]))


KINDS = {"ensemble": "ner", "merged": "pairs", "encoder": "ner"}
QUICK = set(zip(KINDS, ("xlm-roberta", "gpt2", "mt5"), strict=True))
"""Each kind and each objective once; a graph takes a second to write."""


@pytest.mark.parametrize(
    ("kind", "name", "family"),
    [
        pytest.param(kind, name, family, marks=[] if (kind, family) in QUICK else pytest.mark.slow)
        for kind, name in KINDS.items()
        for family in FAMILIES
    ],
)
def test_onnx_says_what_its_source_says(tmp_path, family, name, kind):
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    if kind == "encoder":
        model = encoder_pack(name, family, tmp_path / "pack")
    else:
        weights = WEIGHTS if kind == "ensemble" else {"merged": 1.0}
        model = drawn_pack(name, weights, family=family)
        model.save_pretrained(tmp_path / "pack")
    out = export_pack(tmp_path / "pack", tmp_path / "onnx", "onnx")
    session = onnxruntime.InferenceSession(out / "model.onnx", providers=["CPUExecutionProvider"])
    for lines in (LINES[:1], LINES):
        given = (list(lines), list(reversed(lines))) if name == "pairs" else (list(lines),)
        inputs = model.tokenizer(*given, return_tensors="pt", padding=True)
        (logits,) = session.run(["logits"], {key: value.numpy() for key, value in inputs.items()})
        with torch.no_grad():
            expected = model(**inputs).logits
        real = inputs["attention_mask"].bool() if name == "ner" else slice(None)
        assert torch.allclose(torch.from_numpy(logits)[real], expected[real], atol=1e-4)
    assert read_manifest(out, "export")["facts"]["largest_difference"] < 1e-4


def weights_of(folder):
    """Numbers that a model.onnx holds in 32 bits, and in 8."""
    onnx = pytest.importorskip("onnx")
    kinds = onnx.TensorProto
    held = {kinds.FLOAT: 0, kinds.INT8: 0}
    for tensor in onnx.load(folder / "model.onnx").graph.initializer:
        if tensor.data_type in held:
            held[tensor.data_type] += math.prod(tensor.dims)
    return held[kinds.FLOAT], held[kinds.INT8]


@pytest.mark.parametrize("name", ["ner", pytest.param("qa", marks=pytest.mark.slow)])
def test_eight_bits_are_smaller_and_their_loss_is_said(tmp_path, name):
    pytest.importorskip("onnxruntime")
    model = drawn_pack(name, WEIGHTS)
    model.save_pretrained(tmp_path / "pack")
    gold = tmp_path / ("gold.json" if name == "qa" else "gold.conll")
    gold.write_text(toy_labels(name, list(LINES)))
    whole = export_pack(tmp_path / "pack", tmp_path / "whole", "onnx", gold=gold)
    out = export_pack(tmp_path / "pack", tmp_path / "int8", "onnx-int8", gold=gold)
    facts = read_manifest(out)["facts"]
    # what is left in 32 bits is norms, biases and scales; of toys the rest is the graph
    floats, bytes_ = weights_of(out)
    assert bytes_ > 4 * floats and not weights_of(whole)[1]
    said = [
        value.abs().max() for inputs in check_inputs(model) for value in model(**inputs).values()
    ]
    assert 1e-6 < facts["largest_difference"] < 0.2 * max(said)
    examples = read_labels(gold, expect=model.task.reads).examples
    own = model.task.score(examples, model.predict(examples)).value
    assert read_manifest(whole)["facts"]["score"] == [own, own]
    assert facts["score"][0] == own and 0 <= facts["score"][1] <= 100
    silent = read_manifest(export_pack(tmp_path / "pack", tmp_path / "other", "onnx-int8"))
    assert "--gold" in silent["warnings"][0] and "score" not in silent["facts"]


@pytest.mark.parametrize("family", FAMILIES)
def test_heads_of_texts_have_their_places_in_every_family(tmp_path, family):
    encoder_pack("classification", family, tmp_path / "pack")
    if FAMILIES[family].sequence_head is None:
        with pytest.raises(UnibridgeError, match=f"transformers has no {family} model"):
            export_pack(tmp_path / "pack", tmp_path / "out", "encoder")
        return
    out = export_pack(tmp_path / "pack", tmp_path / "out", "encoder")
    assert read_manifest(out, "export")["facts"]["largest_difference"] < 1e-5


def test_a_pack_comes_out_with_its_sources_merged(tmp_path):
    drawn_pack("ner", WEIGHTS).save_pretrained(tmp_path / "run" / "pack")
    out = export_pack(tmp_path / "run", tmp_path / "out", "pack")
    assert unibridge.load(out).config.sources == ["merged"]


def shifted(said, factor, shift):
    return {name: factor * value + shift for name, value in said.items()}


def test_what_differs_from_its_source_is_not_written(tmp_path):
    drawn_pack("ner", WEIGHTS).save_pretrained(tmp_path / "pack")

    def write_noise(model, folder):
        (folder / "model").write_text("noise")
        return largest_difference(model, lambda inputs: shifted(model(**inputs), 1, 2e-4))

    with pytest.raises(UnibridgeError, match=r"differ from its source's by up to 0\.0002"):
        export_pack(tmp_path / "pack", tmp_path / "out", write_noise)
    assert [path.name for path in tmp_path.iterdir()] == ["pack"]
    nothing = float("nan")
    with pytest.raises(UnibridgeError, match="differ from its source's by up to inf"):
        model = drawn_pack("pairs", WEIGHTS)
        largest_difference(model, lambda inputs: shifted(model(**inputs), nothing, 0))


def test_what_has_no_such_form_is_told_how_to_get_it(tmp_path):
    drawn_pack("ner", WEIGHTS).save_pretrained(tmp_path / "pack")
    with pytest.raises(UnibridgeError, match="Distil it first"):
        export_pack(tmp_path / "pack", tmp_path / "out", "encoder")
    with pytest.raises(UnibridgeError, match="Did you mean 'encoder'"):
        export_pack(tmp_path / "pack", tmp_path / "out", "encode")


def test_without_its_packages_onnx_names_the_extra(tmp_path, monkeypatch):
    drawn_pack("ner", WEIGHTS).save_pretrained(tmp_path / "pack")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UnibridgeError, match=r"unibridge\[onnx\]"):
        export_pack(tmp_path / "pack", tmp_path / "out", "onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["pack"]
