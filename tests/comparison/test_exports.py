import json

import numpy as np
import pytest
from sklearn.datasets import load_svmlight_file

from toy_study import Toy, cell, write_study
from unibridge.comparison.exports import write_langrank, write_litmus, write_tables
from unibridge.comparison.rows import read_study
from unibridge.comparison.scores import transfer_matrices
from unibridge.comparison.settings import ComparisonSettings
from unibridge.errors import UnibridgeError
from unibridge.transfer_study.settings import StudySettings

SETTINGS = ComparisonSettings(samples=100)
SOURCES, TARGETS = ("ar", "en", "ru"), ("am", "ar")


@pytest.fixture
def study(tmp_path):
    gains = {"ar": 9.0, "en": 5.0, "ru": 0.0}
    toy = Toy(lambda task, s, t, steps: gains[s], noise=0.1, examples=100)
    rows = [*toy.cells(SOURCES, TARGETS), cell("tuned", "en", 10, 9, "so", error="no text")]
    asked = {
        **{"run": {"folder": "s"}, "base": {"model": "toy"}, "text": {"ar": "ar.txt"}},
        "tasks": {"pos": {"mix": {"en": "en.conllu"}, "targets": {"am": "am.conllu"}}},
        "tuning": {"batch_size": 8},
    }
    settings = StudySettings.model_validate(asked).model_dump(mode="json")  # as study.json has them
    return read_study(write_study(tmp_path / "s", rows, settings=settings))


def test_the_tables_hold_every_cell_and_every_pair(study, tmp_path):
    from pyarrow import parquet

    matrices = transfer_matrices(study, SETTINGS)
    files = write_tables(tmp_path / "out", study, matrices, SETTINGS)
    assert {file.name for file in files} == {
        f"{name}.{suffix}" for name in ("scores", "transfer") for suffix in ("jsonl", "parquet")
    }
    scores = parquet.read_table(tmp_path / "out" / "scores.parquet").to_pylist()
    lines = (tmp_path / "out" / "scores.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == scores
    assert len(scores) == len(study.scores) + 1
    assert [s["value"] for s in scores if s["error"]] == [None]
    pairs = parquet.read_table(tmp_path / "out" / "transfer.parquet").to_pylist()
    assert len(pairs) == 6 and sum(pair["own"] for pair in pairs) == 1
    (one,) = (p for p in pairs if (p["source"], p["target"]) == ("ar", "am"))
    assert one["gain"] == pytest.approx(matrices[0].at("ar", "am").value) and one["seeds"] == 3


def test_litmus_gets_a_configuration_an_encoder(study, tmp_path):
    content = json.loads(write_litmus(tmp_path / "l.json", study, "toy", "pos").read_text())
    assert [entry["train_config"] for entry in content] == [
        {"ar": 0, "en": 0, "ru": 0},
        {"ar": 80, "en": 0, "ru": 0},
        {"ar": 0, "en": 80, "ru": 0},
        {"ar": 0, "en": 0, "ru": 80},
    ]
    assert set(content[0]["eval_results"]) == set(TARGETS)
    assert 0 < content[0]["eval_results"]["am"] < content[1]["eval_results"]["am"] < 1


def test_langrank_reads_its_training_files(study, tmp_path):
    (matrix,) = transfer_matrices(study, SETTINGS)
    texts = {"ar": ["a b", "c"], "en": ["a x"], "ru": ["y"], "am": ["a b c d"]}
    distances = {"genetic": {("ar", "am"): 0.25}}
    train, sizes = write_langrank(tmp_path / "lr", matrix, texts, distances)
    features, relevance = load_svmlight_file(str(train))
    groups = np.atleast_1d(np.loadtxt(sizes)).tolist()
    # ar to itself is no pair
    assert groups == [3, 2] and list(relevance) == [10, 9, 8, 10, 9]
    first = features.toarray()[0]
    assert first[0] == pytest.approx(3 / 7) and list(first[1:4]) == [2, 1, 2]
    assert first[7] == 0.25
    pairs = (tmp_path / "lr" / "train_pos_pairs.csv").read_text().split()
    assert pairs[0] == "am,ar" and len(pairs) == 5
    with pytest.raises(UnibridgeError, match="two scored sources"):
        write_langrank(tmp_path / "none", matrix, {}, {})
