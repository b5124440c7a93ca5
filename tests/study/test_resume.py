import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from toy import write_toy_run
from unibridge.config import load_config
from unibridge.study.run import run

# long enough to be caught in the middle, by whoever looks every few milliseconds
SETTINGS = ("adaptation.training.steps=80", "task_training.training.steps=200")


def break_at(config, stage, number):
    """Run in a process of its own, and send it a signal once `stage` has kept a checkpoint."""
    given = [part for setting in SETTINGS for part in ("--set", setting)]
    process = subprocess.Popen(
        [sys.executable, "-m", "unibridge.cli", "run", str(config), *given],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    root, ended = config.parent / "run", time.monotonic() + 120
    while not list(root.glob(f".partial-{stage}-*/checkpoint.pt")):
        assert process.poll() is None and time.monotonic() < ended, process.communicate()
        time.sleep(0.002)
    os.kill(process.pid, number)
    said = process.communicate()[1]
    assert list(root.glob(f".partial-{stage}-*/checkpoint.pt"))
    assert not list(root.glob(f"{stage}-????????"))
    return process.returncode, said


@pytest.mark.slow
def test_killed_and_interrupted_runs_end_with_the_same_numbers(tmp_path):
    configs = {}
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
        configs[name] = write_toy_run(tmp_path / name, "ner")

    code, _ = break_at(configs["broken"], "adapt-lug", signal.SIGKILL)
    assert code == -signal.SIGKILL
    code, said = break_at(configs["broken"], "train-task-sw", signal.SIGINT)
    assert code == 130
    assert "unibridge: interrupted; the same command goes on" in said
    assert "Traceback" not in said and "adapt-lug" in said

    told = {}
    broken = run(
        load_config(configs["broken"], SETTINGS),
        on_stage=lambda folder, done: told.update({folder.rpartition("-")[0]: done}),
    )
    assert told["adapt-lug"] and told["train-task-en"] and not told["train-task-sw"]
    whole = run(load_config(configs["whole"], SETTINGS))

    def rows(root):
        lines = (root / "results.jsonl").read_text().splitlines()
        return [{**json.loads(line), "seconds": 0} for line in lines]

    def tensors(root):
        files = sorted([*root.glob("*-*/*.safetensors"), *root.glob("pack/*.safetensors")])
        return {file.relative_to(root): load_file(file) for file in files}

    assert rows(broken) == rows(whole)
    found, expected = tensors(broken), tensors(whole)
    assert found.keys() == expected.keys() and len(found) >= 7
    for file, parts in expected.items():
        assert parts.keys() == found[file].keys()
        assert all(torch.equal(parts[name], found[file][name]) for name in parts), file
