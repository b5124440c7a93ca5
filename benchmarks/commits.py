"""Seconds of a training step of me5: an earlier commit beside the code that stands here.

    python benchmarks/commits.py [--before COMMIT] [--steps 4 16] [--repeats 3] [--threads 2]

The whole base fine-tuned on English names, and English's language adapter, by the same words to
both commands, in turns. Every run is timed with few steps and with many; the difference is the
steps' own, so that loading, scoring and saving do not count. Reads ../shared/data. The commit of
before me5 wants one package more (pip install conllu).
"""

import argparse
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
GOALS = {"fine-tune": 3.0, "adapt": 4.0}
"""how many times as fast as before, by job"""
FINE_TUNE = """
run = {{ folder = "run", methods = ["fine-tune"] }}
base = {{ model = "{base}" }}
task = {{ kind = "ner" }}
target = {{ language = "lug", text = "few.txt", test = "few.conll" }}
fine_tuning = {{ training = {{ steps = {steps}, batch_size = 16, learning_rate = 1e-4 }} }}
[[sources]]
language = "en"
train = "{data}/ner/en/train.conll"
"""


def unpack(commit: str, folder: Path) -> Path:
    """The package of a commit, below a folder. Raises SystemExit where the history lacks it."""
    packed = subprocess.run(["git", "-C", ROOT, "archive", commit, "src"], capture_output=True)
    if packed.returncode:
        raise SystemExit(f"no commit {commit} here: {packed.stderr.decode().strip()}")
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder / "src"


def timed(job: str, source: Path, base: str, steps: int, threads: int) -> float:
    """Wall seconds of a job in a folder of its own, by the package below source."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        head(DATA / "mono" / "lug.txt", here / "few.txt", 20)
        head(DATA / "ner" / "lug" / "test.conll", here / "few.conll", 200)
        if job == "fine-tune":
            (here / "few.toml").write_text(FINE_TUNE.format(base=base, data=DATA, steps=steps))
            words = ["run", "few.toml"]
        else:
            words = ["adapt", "--base", base, "--out", "out", "--language", "en", "--text"]
            words += [str(DATA / "mono" / "en.txt"), "--set", f"training.steps={steps}"]
            words += ["--set", "sample_words=64", "--set", "training.batch_size=16"]
            words += ["--set", "training.learning_rate=5e-4", "--set", "max_samples=1000"]
        environment = {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": str(threads)}
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "unibridge", *words], cwd=here, env=environment,
            capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{source}: {' '.join(words)}\n{done.stdout}{done.stderr}")
        return time.perf_counter() - started


def head(path: Path, to: Path, lines: int) -> None:
    """The first lines of a file, up to the end of a block where there are any."""
    kept = path.read_text(encoding="utf-8").split("\n")[:lines]
    if path.suffix == ".conll":
        kept = kept[: len(kept) - kept[::-1].index("")]
    to.write_text("\n".join(kept) + "\n", encoding="utf-8")


def step_seconds(sides: Mapping[str, Path], job: str, base: str, given: argparse.Namespace) -> str:
    """A line of the table: medians over the repeats, which take turns."""
    few, many = given.steps
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(given.repeats):
        for side, source in sides.items():
            short, long = (timed(job, source, base, n, given.threads) for n in (few, many))
            seconds[side].append((long - short) / (many - few))
    before, now = (statistics.median(seconds[side]) for side in ("before", "now"))
    met = "met" if before / now >= GOALS[job] else "MISSED"
    return (
        f"{job:<12}{before:>9.2f}{now:>9.2f}{before / now:>8.1f}x   goal {GOALS[job]:.0f}x: {met}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--before", default="dee11d2", help="commit (default: before me5 came)")
    parser.add_argument("--steps", type=int, nargs=2, default=[4, 16], metavar=("FEW", "MANY"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()

    from unibridge.models.me5 import packaged_me5

    with tempfile.TemporaryDirectory() as folder:
        before = unpack(given.before, Path(folder))
        sides = {"before": before, "now": ROOT / "src"}
        base = str(packaged_me5())
        print(f"{'s a step':<12}{'before':>9}{'now':>9}{'':>9}   ({given.threads} threads)")
        for job in GOALS:
            print(step_seconds(sides, job, base, given), flush=True)


if __name__ == "__main__":
    main()
