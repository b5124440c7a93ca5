"""A task of the user's own, named by its import path, on its way through every stage."""

import json

import pytest

import unibridge
from toy_run import toy_lines, write_toy_run
from unibridge.artifacts import read_json
from unibridge.config import load_config
from unibridge.ensemble.distil import DistilSettings
from unibridge.pack.derive import distil_pack, merge_pack
from unibridge.pack.export import export_pack
from unibridge.study.run import run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    methods = ["floor", "fine-tune", "unibridge", "unibridge-distilled"]
    changes = [
        "task.kind=own_task:Mood",
        f"run.methods={json.dumps(methods)}",
        "weights.method=confidence",
        "distillation.training.steps=2",
        "few_shot.sentences=[5]",
        "few_shot.draws=1",
        "few_shot.training.steps=2",
    ]
    return run(load_config(write_toy_run(folder, "classification"), changes))


def test_it_ends_in_a_table_and_a_pack(finished):
    rows = [json.loads(line) for line in (finished / "results.jsonl").read_text().splitlines()]
    assert [row["method"] for row in rows] == [
        "floor",
        "fine-tune",
        "unibridge",
        "unibridge-distilled",
    ]
    assert {(row["task"], row["metric"]) for row in rows} == {("mood", "accuracy")}
    assert read_json(finished / "pack" / "config.json")["task"] == "own_task:Mood"
    assert len(list(finished.glob("few-shot-*"))) == 1


def test_its_pack_predicts_and_becomes_other_packs(finished, tmp_path):
    lines = toy_lines("lug", 12)
    pack = unibridge.load(finished)
    assert set(pack.predict(lines)) <= {"early", "late"}
    text = tmp_path / "text.txt"
    text.write_text("\n".join(lines) + "\n")
    settings = DistilSettings(student="encoder", training={"steps": 1})
    made = [
        merge_pack(finished, tmp_path / "merged"),
        distil_pack(finished, [text], tmp_path / "distilled", settings),
    ]
    made.append(export_pack(made[1], tmp_path / "pack", "pack"))
    for folder in made:
        again = unibridge.load(folder)
        assert again.config.task == "own_task:Mood"
        assert set(again.predict(lines)) <= {"early", "late"}
    assert (export_pack(made[1], tmp_path / "plain", "encoder") / "model.safetensors").exists()
