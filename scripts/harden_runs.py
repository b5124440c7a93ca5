"""Runs that are killed, or cannot write, and go on: the end must be that of a run left alone."""

import json
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from toy_run import write_toy_run
from unibridge.cli import main as unibridge

STEPS = ("adaptation.training.steps=40", "task_training.training.steps=40")
_NOBODY = 65534


def outcome(root: Path) -> dict[str, str]:
    """What a run comes to: tensors, vocabularies, weights and predictions by their bytes, rows
    without their seconds."""
    found = {
        str(path.relative_to(root)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and (path.suffix in (".safetensors", ".model", ".conll") or path.name == "weights.json")
    }
    rows = [json.loads(line) for line in (root / "results.jsonl").read_text().splitlines()]
    return found | {"results": json.dumps([row | {"seconds": 0} for row in rows])}


def start(config: Path, log: Path, before: Callable[[], None] = lambda: None) -> int:
    """A process of its own that runs a configuration, its words in `log`; its id.

    Forked, so that it need not import everything anew: a kill then meets work and not imports.
    """
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        os.setpgid(0, 0)
        stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(stream, 1)
        os.dup2(stream, 2)
        sys.stderr = os.fdopen(2, "w", buffering=1)
        sys.stdout = os.fdopen(1, "w", buffering=1)
        before()
        code = unibridge(["run", str(config), *[p for s in STEPS for p in ("--set", s)]])
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def ended(child: int, seconds: float | None = None) -> int | None:
    """The exit code of a process, or None where it still works after these seconds."""
    until = None if seconds is None else time.monotonic() + seconds
    while True:
        done, status = os.waitpid(child, 0 if until is None else os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if until is not None and time.monotonic() >= until:
            return None
        time.sleep(0.002)


def _whole(work: Path) -> tuple[dict[str, str], float]:
    """The outcome of a run left alone, and its seconds."""
    config = _copy_of_toy(work, "whole")
    began = time.monotonic()
    code = ended(start(config, config.parent / "log"))
    assert code == 0, (config.parent / "log").read_text()[-2000:]
    return outcome(config.parent / "run"), time.monotonic() - began


def _copy_of_toy(work: Path, name: str) -> Path:
    # rows have a fingerprint of their settings, in which the nearest folder's name is one
    folder = work / name / "toy"
    folder.mkdir(parents=True)
    return write_toy_run(folder, "ner")


def killed_runs(kills: int, seed: int, work: Path) -> dict[str, int]:
    """Runs that are killed, each in its folder time after time, until it comes to its end.

    A process is given what it needs to read everything and up to a third of the work, or none of
    it. Where it ends before its kill the run is compared, and the next one begins; the last one is
    left alone once there were enough kills.
    """
    expected, seconds = _whole(work)
    whole = work / "whole" / "toy"
    began = time.monotonic()
    assert ended(start(whole / "run.toml", whole / "log")) == 0
    reading = time.monotonic() - began
    share = max(seconds - reading, 0.0) / 3
    draw = random.Random(seed)
    found = {"kills": 0, "runs": 0, "most": 0, "differ": 0, "files": len(expected)}
    while found["kills"] < kills:
        config, here = _copy_of_toy(work, "killed"), 0
        log = config.parent / "log"
        while True:
            child = start(config, log)
            left_alone = found["kills"] == kills
            wait = None if left_alone else draw.uniform(0.2, 1) * reading + draw.uniform(0, share)
            if (code := ended(child, wait)) is not None:
                break
            os.kill(child, signal.SIGKILL)
            ended(child)
            here += 1
            found["kills"] += 1
        found["runs"] += 1
        found["most"] = max(found["most"], here)
        if code or outcome(config.parent / "run") != expected:
            print(f"killed {here} times: exit {code}\n{log.read_text()[-900:]}")
            found["differ"] += 1
        shutil.rmtree(work / "killed")
    shutil.rmtree(work / "whole")
    return found


def broken_disks(breaks: int, seed: int, work: Path) -> dict[str, int]:
    """Runs that meet a full disk or a folder that they may not write to, and go on after it."""
    expected, _ = _whole(work)
    sizes = sorted(
        {p.stat().st_size for p in (work / "whole" / "toy" / "run").rglob("*") if p.is_file()}
    )
    draw = random.Random(seed)
    found = {"breaks": breaks, "full": 0, "read-only": 0, "unclear": 0, "differ": 0}
    for number in range(breaks):
        config = _copy_of_toy(work, f"disk-{number}")
        log = config.parent / "log"
        if number % 2 == 0:
            kind, limit = "full", draw.choice(sizes[len(sizes) // 4 : -1])
            code = ended(start(config, log, lambda limit=limit: _limit(limit)))
        else:
            kind = "read-only"
            root = config.parent / "run"
            root.mkdir()
            for path in (config.parent, root):
                path.chmod(0o555)
            log.touch()
            code = ended(start(config, log, _nobody))
            for path in (config.parent, root):
                path.chmod(0o755)
        found[kind] += 1
        text = log.read_text()
        lines = [line for line in text.split("\n") if line.startswith("unibridge: ")]
        if code != 2 or "Traceback" in text or len(lines) != 1:
            found["unclear"] += 1
            print(f"{kind} disk: exit {code}\n{text[-1500:]}")
        code = ended(start(config, log))
        if code != 0 or outcome(config.parent / "run") != expected:
            found["differ"] += 1
            print(f"after a {kind} disk: exit {code}\n{log.read_text()[-900:]}")
        shutil.rmtree(config.parent.parent)
    shutil.rmtree(work / "whole")
    return found


def _limit(size: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _nobody() -> None:
    """Give the rights of root up, which may write anywhere."""
    if os.geteuid() == 0:
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
