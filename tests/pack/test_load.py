import subprocess
import sys
from ast import literal_eval

import pytest
import torch

import unibridge
from toy import LINES, head_shape, toy_base
from unibridge.adapters import attach
from unibridge.adapters.settings import TASK_ADAPTER
from unibridge.artifacts import FORMAT, MANIFEST, read_json, write_json, write_manifest
from unibridge.ensemble.model import MultiSourceModel
from unibridge.errors import UnibridgeError
from unibridge.tasks import TASKS
from unibridge.tasks.heads import build_head
from unibridge.transfer.adapted import language_model
from unibridge.transfer.trained import TrainedTask

LABELS = {"ner": ["O", "B-LOC", "I-LOC"], "classification": ["boat", "no"]}


def save_pack(folder, name):
    """A single-source pack of drawn weights, as a run leaves it."""
    base, task = toy_base("xlm-roberta"), TASKS[name]
    model = language_model(base, None)
    attach.add_adapter(model, base.family, "x", TASK_ADAPTER, seed=1)
    head = build_head(task, head_shape(len(LABELS[name])), seed=1)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.mul_(50)
    trained = TrainedTask(
        f"{name}-en",
        name,
        LABELS[name],
        head.state_dict(),
        TASK_ADAPTER,
        adapter=attach.adapter_state(model, "x"),
    )
    pack = MultiSourceModel.assemble(base, None, {"en": trained}, {"en": 1.0})
    pack.save_pretrained(folder)
    write_manifest(folder, {"stage": "pack", "name": "xx", "fingerprint": "0"})
    return pack


@pytest.fixture(scope="module", params=LABELS)
def pack(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "pack"
    folder.mkdir()
    return request.param, folder, save_pack(folder, request.param)


@pytest.mark.parametrize("inside", [False, True], ids=["the pack", "its run"])
def test_a_pack_predicts_as_the_model_that_was_saved(pack, inside):
    _, folder, model = pack
    loaded = unibridge.load(folder.parent if inside else folder)
    assert loaded.predict(list(LINES)) == model.predict(list(LINES))
    assert not loaded.training


# in a process of its own, since registering cannot be undone
AUTO = """
import sys
{imports}
import torch
from transformers import AutoConfig, AutoTokenizer

for folder, auto, task, key in {packs!r}:
    assert AutoConfig.from_pretrained(folder).sources == ["en"]
    model = getattr(transformers, auto).from_pretrained(folder).eval()
    assert type(model).__name__ == "MultiSourceModel", type(model)
    inputs = AutoTokenizer.from_pretrained(folder)([{text!r}], return_tensors="pt")
    with torch.no_grad():
        logits = model(**inputs).logits.flatten().tolist()
    found = transformers.pipeline(task, model=folder)({text!r})
    print("FOUND", [logits, [one[key] for one in found]])
"""
PACKS = {
    "ner": ("AutoModelForTokenClassification", "token-classification", "entity"),
    "classification": ("AutoModelForSequenceClassification", "text-classification", "label"),
}
IMPORTS = {
    "unibridge first": "import unibridge; assert 'torch' not in sys.modules; import transformers",
    "transformers first": "import transformers; transformers.AutoModel; import unibridge",
}


@pytest.mark.slow
@pytest.mark.parametrize("order", IMPORTS)
def test_transformers_loads_a_pack_in_whatever_order_things_are_imported(tmp_path, order):
    models = {name: save_pack(tmp_path / name, name) for name in PACKS}
    packs = [(str(tmp_path / name), *rest) for name, rest in PACKS.items()]
    script = AUTO.format(imports=IMPORTS[order], packs=packs, text=LINES[0])
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [line for line in done.stdout.splitlines() if line.startswith("FOUND")]
    for row, (name, model) in zip(rows, models.items(), strict=True):
        found_logits, found = literal_eval(row.removeprefix("FOUND "))
        with torch.no_grad():
            logits = model(**model.tokenizer([LINES[0]], return_tensors="pt")).logits
        assert found_logits == pytest.approx(logits.flatten().tolist(), abs=1e-4)
        labels = [LABELS[name][i] for i in logits.argmax(-1).flatten().tolist()]
        expected = [e for e in labels[1:-1] if e != "O"] if name == "ner" else labels
        assert expected and found == expected


def test_a_pack_of_another_version_is_refused(tmp_path):
    save_pack(tmp_path, "ner")
    write_json(tmp_path / MANIFEST, read_json(tmp_path / MANIFEST) | {"format": FORMAT + 98})
    with pytest.raises(UnibridgeError, match=f"another version of unibridge .format {FORMAT + 98}"):
        unibridge.load(tmp_path)


def test_a_device_that_is_not_there_is_named(tmp_path):
    save_pack(tmp_path, "ner")
    assert unibridge.load(tmp_path, device="cpu").device.type == "cpu"
    with pytest.raises(UnibridgeError, match="there is no device 'cuda:99'"):
        unibridge.load(tmp_path, device="cuda:99")


def test_a_folder_that_is_no_pack_is_named(tmp_path):
    with pytest.raises(UnibridgeError, match=rf"{tmp_path.name}: is not a language pack.*`pack`"):
        unibridge.load(tmp_path)
