"""Several processes are one: the same numbers, and one writer."""

import json
import os
import subprocess
import sys

import pytest

from toy_run import write_toy_run
from unibridge.artifacts import read_manifest
from unibridge.config import load_config
from unibridge.processes import processes
from unibridge.study.run import run


def test_without_a_launcher_there_is_one_process():
    alone = processes()
    assert (alone.rank, alone.count, alone.main) == (0, 1, True)
    assert alone.told("word") == "word"


@pytest.mark.slow
def test_two_processes_train_as_one_with_twice_the_batch_of_each(tmp_path):
    """Batches of eight: two processes read four each, the one reads all eight."""
    pytest.importorskip("accelerate")
    folders = [tmp_path / name for name in ("one", "two")]
    changes = ["base.dropout=0.0", "adaptation.kl_weight=1.0"]
    changes += ["adaptation.max_teacher_unknown=1.0", "adaptation.training.steps=12"]
    changes += ['run.methods=["unibridge","unibridge-merged"]', "merging.training.steps=3"]
    # what comes after the methods trains as well
    changes += ["target.train=lug.train.conll"]
    changes += ["few_shot={sentences=[6], draws=1, training={epochs=1}}"]
    configs = []
    for folder in folders:
        folder.mkdir()
        configs.append(write_toy_run(folder, "ner"))
    run(load_config(configs[0], changes))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += ["-m", "unibridge", "run", str(configs[1])]
    sets = [part for change in changes for part in ("--set", change)]
    done = subprocess.run(
        [*command, *sets],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr

    one, two = ({p.name for p in (folder / "run").iterdir()} for folder in folders)
    assert one == two, "the same files under the same names, and nothing left over"
    compared = 0
    for name in sorted(one):
        if not (folders[0] / "run" / name / "manifest.json").exists():
            continue
        manifests = (read_manifest(folder / "run" / name) for folder in folders)
        alone, together = (manifest.get("facts", {}) for manifest in manifests)
        assert together.get("tokens_seen") == alone.get("tokens_seen")
        for row, again in zip(alone.get("curve", []), together.get("curve", []), strict=True):
            assert again == pytest.approx(row, abs=1e-4)
            compared += 1
    assert compared >= 5 + 2 + 2 + 1, "the target, two sources, two tasks, both in one"
    results = [(f / "run" / "results.jsonl").read_text().splitlines() for f in folders]
    alone, together = ([json.loads(row)["score"] for row in rows] for rows in results)
    assert len(alone) == 2 and alone == together
    assert any(name.startswith("few-shot-") for name in two)
    assert done.stdout.count("Method ") == 1, "one process speaks for all"
