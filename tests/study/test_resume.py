import json
import signal
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from toy_run import write_toy_run
from unibridge.config import load_config
from unibridge.study.run import run

SETTINGS = ("adaptation.training.steps=40", "task_training.training.steps=40")

# the command line, which sends itself a signal in the middle of a stage
BREAKS = """
import os, signal, sys
from unibridge import cli, console

# a job in the background of a shell is started with interrupts ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
stage, number, *command = sys.argv[1:]
tell = console.Console.on_progress

def on_progress(self, at, step, steps, parts):
    tell(self, at, step, steps, parts)
    if at == stage and step == 25:
        os.kill(os.getpid(), int(number))

console.Console.on_progress = on_progress
sys.exit(cli.main(command))
"""


def break_at(config, stage, number):
    """Run in a process of its own that gets a signal within `stage`: (exit code, what it said)."""
    given = [part for setting in SETTINGS for part in ("--set", setting)]
    done = subprocess.run(
        [sys.executable, "-c", BREAKS, stage, str(int(number)), "run", str(config), *given],
        capture_output=True,
        text=True,
        timeout=300,
    )
    root = config.parent / "run"
    assert list(root.glob(f".partial-{stage}-*/checkpoint.pt")), done.stderr
    assert not list(root.glob(f"{stage}-????????"))
    return done.returncode, done.stderr


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
        # the settings' fingerprint has the names of the folders that files lie in
        return [{**json.loads(line), "seconds": 0, "settings": ""} for line in lines]

    def tensors(root):
        files = sorted([*root.glob("*-*/*.safetensors"), *root.glob("pack/*.safetensors")])
        return {file.relative_to(root): load_file(file) for file in files}

    assert rows(broken) == rows(whole)
    found, expected = tensors(broken), tensors(whole)
    assert found.keys() == expected.keys() and len(found) >= 7
    for file, parts in expected.items():
        assert parts.keys() == found[file].keys()
        assert all(torch.equal(parts[name], found[file][name]) for name in parts), file


@pytest.mark.slow
def test_two_runs_in_one_folder_do_the_work_once_and_both_end_well(tmp_path):
    # on a busy machine one may be at its end before the other has begun, and they do not meet
    assert any(two_runs_meet(tmp_path / str(attempt)) for attempt in range(3))


def two_runs_meet(folder):
    """Two runs at once end as one does; whether one had to wait for the other."""
    folder.mkdir()
    config = write_toy_run(folder, "ner")
    command = [sys.executable, "-m", "unibridge.cli", "run", str(config)]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [one.communicate(timeout=300) for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    # the times are of the stages, so that even they are told alike
    assert said[0][0] == said[1][0] and "Traceback" not in said[0][1] + said[1][1]
    waited = [line for _, errors in said for line in errors.splitlines() if "waiting for" in line]
    root = folder / "run"
    assert not [path.name for path in root.rglob(".*")]
    assert len((root / "results.jsonl").read_text().splitlines()) == 1
    return bool(waited)


@pytest.mark.slow
def test_a_run_folder_that_was_moved_is_finished_where_it_is(tmp_path):
    config = write_toy_run(tmp_path, "ner")
    root = run(load_config(config, SETTINGS))
    (tmp_path / "elsewhere").mkdir()
    moved = root.rename(tmp_path / "elsewhere" / "lug")
    told = []
    again = run(
        load_config(config, [*SETTINGS, f"run.folder={moved}"]),
        on_stage=lambda folder, done: told.append(done),
    )
    assert again == moved and told and all(told)


@pytest.mark.slow
def test_a_run_that_broke_off_goes_on_where_it_was_copied_to(tmp_path):
    """From its checkpoint, with its texts, its base and its unfinished stage at another place."""
    (tmp_path / "one").mkdir()
    config = write_toy_run(tmp_path / "one", "ner")
    code, _ = break_at(config, "adapt-lug", signal.SIGKILL)
    assert code == -signal.SIGKILL
    (tmp_path / "one").rename(tmp_path / "two")
    steps = []
    root = run(
        load_config(tmp_path / "two" / "run.toml", SETTINGS),
        on_progress=lambda stage, step, *_: steps.append(step) if stage == "adapt-lug" else None,
    )
    assert steps[0] > 20 and steps[-1] == 40
    assert not list(root.glob(".*")) and list(root.glob("adapt-lug-????????"))
