"""AdapterHub's files both ways. tests/golden was written by its own library (scripts/parity.py)."""

import copy
import json
import shutil
from functools import cache
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file

from toy import in_turn
from unibridge.adapters.adapterhub import load_adapter, save_adapter
from unibridge.adapters.attach import (
    activate,
    adapter_state,
    add_adapter,
    encoder_of,
    layers_of,
    ledger_of,
)
from unibridge.adapters.modules import LANGUAGE_ADAPTER, TASK_ADAPTER, AdapterConfig
from unibridge.errors import UnibridgeError
from unibridge.models.families import FAMILIES
from unibridge.models.objectives import objective_of

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(params=FAMILIES)
def family(request):
    return FAMILIES[request.param]


@pytest.fixture
def golden(family):
    return GOLDEN / family.model_type


@pytest.fixture
def model(golden):
    return copy.deepcopy(golden_base(golden))


@cache
def golden_base(golden):
    auto = getattr(transformers, objective_of(FAMILIES[golden.name]).auto)
    return auto.from_pretrained(golden / "base").eval()


def copied(folder: Path, to: Path, **changes: object) -> Path:
    """The adapter in `folder` with other settings."""
    shutil.copytree(folder, to)
    file = to / "adapter_config.json"
    record = json.loads(file.read_text())
    for key, value in changes.items():
        (record if key in record else record["config"])[key] = value
    file.write_text(json.dumps(record))
    return to


def test_states_and_logits_are_adapterhubs(family, golden, model):
    assert load_adapter(model, family, golden / "en") == "en"
    assert load_adapter(model, family, golden / "ner") == "ner"
    expected = load_file(golden / "expected.safetensors")
    inputs = {name: tensor for name, tensor in expected.items() if "." not in name}
    read = {name: inputs[name] for name in ("input_ids", "attention_mask")}
    real = read["attention_mask"].bool()
    said = real if family.decoder is None else slice(None)
    for label, stack in (
        ("none", ()),
        ("en", ("en",)),
        ("ner", ("ner",)),
        ("en+ner", ("en", "ner")),
    ):
        activate(model, *stack)
        with torch.no_grad():
            states = encoder_of(model, family)(**read).last_hidden_state
            logits = model(**inputs).logits
        for found, place, kind in ((states, real, "states"), (logits, said, "logits")):
            theirs = expected[f"{kind}.{label}"]
            torch.testing.assert_close(found[place], theirs[place], rtol=0, atol=1e-5)


def test_our_files_have_adapterhubs_names_shapes_and_settings(family, golden, model, tmp_path):
    load_adapter(model, family, golden / "en")
    save_adapter(model, "en", tmp_path / "en")
    theirs, ours = (load_file(f / "en" / "adapter.safetensors") for f in (golden, tmp_path))
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(tensor, ours[key]) for key, tensor in theirs.items())
    record, written = (
        json.loads((f / "en" / "adapter_config.json").read_text()) for f in (golden, tmp_path)
    )
    assert written["config"].items() <= record["config"].items()
    for key in ("name", "model_type", "hidden_size"):
        assert written[key] == record[key]


@pytest.mark.parametrize("config", [LANGUAGE_ADAPTER, TASK_ADAPTER, AdapterConfig(leave_out=())])
def test_save_then_load_under_another_name(family, model, tmp_path, config):
    add_adapter(model, family, "one", config, seed=0)
    save_adapter(model, "one", tmp_path)
    assert load_adapter(model, family, tmp_path, "two") == "two"
    one, two = adapter_state(model, "one"), adapter_state(model, "two")
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)
    last = len(layers_of(model, family)) - 1
    assert ledger_of(model).configs["two"].leave_out == ((last,) if config.leave_out else ())


def test_layers_can_be_dropped_while_loading(family, golden, model):
    load_adapter(model, family, golden / "ner", "whole")
    load_adapter(model, family, golden / "ner", leave_out=(-1,))
    whole, dropped = adapter_state(model, "whole"), adapter_state(model, "ner")
    last = f"layer.{len(layers_of(model, family)) - 1}."
    assert {key for key in whole if not key.startswith(last)} == dropped.keys()
    assert all(torch.equal(whole[key], tensor) for key, tensor in dropped.items())


def test_files_from_before_adapters_1_0(family, golden, model, tmp_path):
    """Other names of the places, no version, and "gelu" for the tanh approximation."""
    folder = copied(golden / "ner", tmp_path / "old")
    weights = torch.load(folder / "pytorch_adapter.bin", weights_only=True)
    torch.save(
        {key.replace(".adapters.", ".layer_text_task_adapters."): t for key, t in weights.items()},
        folder / "pytorch_adapter.bin",
    )
    record = json.loads((folder / "adapter_config.json").read_text())
    del record["version"]
    (folder / "adapter_config.json").write_text(json.dumps(record))
    load_adapter(model, family, folder, "old")
    load_adapter(model, family, golden / "ner")
    old, new = adapter_state(model, "old"), adapter_state(model, "ner")
    assert all(torch.equal(old[key], new[key]) for key in new)
    assert ledger_of(model).configs["old"].non_linearity == "gelu_new"


REFUSED = {
    "use_gating": True,
    "phm_layer": True,
    "is_parallel": True,
    "mh_adapter": True,
    "original_ln_before": False,
    "original_ln_after": False,
    "residual_before_ln": "post_add",
    "ln_after": True,
    "scaling": "learned",
    "inv_adapter": "glow",
    "reduction_factor": {"default": 16},
    "a_new_switch": True,
    "non_linearity": "mish",
    "leave_out": ["last"],
    "hidden_size": 32,
    "model_type": "roberta",
    "config": "pfeiffer",
}


@pytest.mark.parametrize(("key", "family"), in_turn(REFUSED), indirect=["family"])
def test_other_kinds_of_adapter_are_refused_by_name(family, golden, model, tmp_path, key):
    folder = copied(golden / "en", tmp_path / "x", **{key: REFUSED[key]})
    with pytest.raises(UnibridgeError) as error:
        load_adapter(model, family, folder)
    named = {"hidden_size": "hidden size 32", "model_type": "for roberta", "non_linearity": "mish"}
    named["leave_out"] = "integer"
    assert named.get(key, key) in str(error.value)
    assert str(folder) in str(error.value)


def test_a_setting_that_a_file_leaves_out_has_adapterhubs_default(family, golden, model, tmp_path):
    folder = copied(golden / "en", tmp_path / "x")
    file = folder / "adapter_config.json"
    record = json.loads(file.read_text())
    del record["config"]["use_gating"]
    file.write_text(json.dumps(record))
    load_adapter(model, family, folder)
    del record["config"]["original_ln_before"]
    file.write_text(json.dumps(record))
    with pytest.raises(UnibridgeError, match="original_ln_before = False"):
        load_adapter(model, family, folder, "other")


def missing_weights(folder):
    (folder / "adapter.safetensors").unlink()


def broken_weights(folder):
    (folder / "adapter.safetensors").write_bytes(b"not safetensors")


def pickled_code(folder):
    missing_weights(folder)
    torch.save({"x": print}, folder / "pytorch_adapter.bin")


def broken_config(folder):
    (folder / "adapter_config.json").write_text("{")


def missing_config(folder):
    (folder / "adapter_config.json").unlink()


def other_layers(folder):
    file = folder / "adapter_config.json"
    record = json.loads(file.read_text())
    record["config"]["leave_out"] = [1]
    file.write_text(json.dumps(record))


SPOILT = (
    missing_weights,
    broken_weights,
    pickled_code,
    broken_config,
    missing_config,
    other_layers,
)


@pytest.mark.parametrize(("spoil", "family"), in_turn(SPOILT), indirect=["family"])
def test_broken_folders_leave_the_model_as_it_was(family, golden, model, tmp_path, spoil):
    folder = Path(shutil.copytree(golden / "en", tmp_path / "x"))
    spoil(folder)
    names = set(model.state_dict())
    with pytest.raises(UnibridgeError) as error:
        load_adapter(model, family, folder)
    assert str(error.value).startswith(str(folder))
    assert set(model.state_dict()) == names


def test_a_folder_that_cannot_be_written(family, model, tmp_path):
    add_adapter(model, family, "one", TASK_ADAPTER, seed=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(UnibridgeError, match="cannot write"):
        save_adapter(model, "one", tmp_path / "file" / "folder")


def test_a_non_linearity_without_a_name_cannot_be_written(family, model, tmp_path):
    config = AdapterConfig(non_linearity="torch.nn.functional:mish")
    add_adapter(model, family, "one", config, seed=0)
    with pytest.raises(UnibridgeError, match="NON_LINEARITIES"):
        save_adapter(model, "one", tmp_path / "x")
    assert not (tmp_path / "x").exists()
