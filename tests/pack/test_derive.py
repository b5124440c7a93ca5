import pytest
import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

import unibridge
from toy import LINES, drawn_pack
from unibridge.artifacts import read_manifest
from unibridge.ensemble.distil import DistilSettings, distil
from unibridge.ensemble.merge import MergeSettings, fit_merge, merge
from unibridge.errors import UnibridgeError
from unibridge.pack.derive import distil_pack, fit_merge_pack, merge_pack


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "pack"
    model = drawn_pack("ner", {"en": 0.3, "sw": 0.7})
    model.save_pretrained(folder)
    return folder, model


def test_a_merged_pack_loads_by_every_way(pack, tmp_path):
    folder, model = pack
    out = merge_pack(folder.parent, tmp_path / "merged")
    merged = merge(model)
    assert unibridge.load(out).predict(list(LINES)) == merged.predict(list(LINES))
    inputs = AutoTokenizer.from_pretrained(out)(list(LINES), return_tensors="pt", padding=True)
    with torch.no_grad():
        auto = AutoModelForTokenClassification.from_pretrained(out).eval()(**inputs).logits
        torch.testing.assert_close(auto, merged(**inputs).logits)
    found = pipeline("token-classification", model=str(out), ignore_labels=[])(LINES[0])
    labels = [merged.config.labels[i] for i in auto[0].argmax(-1).tolist()]
    assert [one["entity"] for one in found] == labels[1 : len(found) + 1]
    assert read_manifest(out, "merge")["facts"]["weights"] == {"en": 0.3, "sw": 0.7}
    assert "| en" in (out / "README.md").read_text()


def test_the_same_is_not_built_twice_and_nothing_else_is_overwritten(pack, tmp_path):
    folder, _ = pack
    first = read_manifest(merge_pack(folder, tmp_path / "merged"))
    assert read_manifest(merge_pack(folder, tmp_path / "merged")) == first
    with pytest.raises(UnibridgeError, match="something else under that name"):
        merge_pack(folder, tmp_path / "merged", weights={"en": 1.0})
    assert [path.name for path in tmp_path.iterdir()] == ["merged"]


@pytest.mark.parametrize("student", ["adapter", "encoder"])
def test_a_distilled_pack_is_a_pack(pack, tmp_path, student):
    (tmp_path / "text.txt").write_text("\n".join(LINES) + "\n")
    settings = DistilSettings(student=student, training={"steps": 2}, held_out=0.4)
    folder = distil_pack(pack[0], [tmp_path / "text.txt"], tmp_path / "out", settings)
    expected = distil(pack[1], LINES, settings).model
    found = unibridge.load(folder)
    assert found.predict(list(LINES)) == expected.predict(list(LINES))
    assert read_manifest(folder, "distil")["facts"]["lines"] == len(LINES)
    assert f"One {student} learnt from the ensemble of en, sw" in (folder / "README.md").read_text()
    assert not list(folder.glob("checkpoint*"))


def test_a_pack_merged_by_fitted_shares_is_a_pack(pack, tmp_path):
    (tmp_path / "text.txt").write_text("\n".join(LINES) + "\n")
    settings = MergeSettings(training={"steps": 2, "learning_rate": 0.3}, held_out=0.4)
    folder = fit_merge_pack(pack[0], [tmp_path / "text.txt"], tmp_path / "out", settings)
    expected = fit_merge(pack[1], LINES, settings).model
    assert unibridge.load(folder).predict(list(LINES)) == expected.predict(list(LINES))
    shares = read_manifest(folder, "merge")["facts"]["shares"]
    assert all(abs(share["en"] - 0.3) > 0.1 for share in shares.values()) and len(shares) > 6
    assert "by shares fitted to the ensemble of en, sw on" in (folder / "README.md").read_text()
    plain = fit_merge_pack(
        pack[0],
        [tmp_path / "text.txt"],
        tmp_path / "plain",
        settings.model_copy(update={"shares": "weights"}),
    )
    assert (
        "averaged into one by weight, compared with the ensemble of"
        in (plain / "README.md").read_text()
    )
