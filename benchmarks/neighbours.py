"""Mutual nearest neighbours: blocks of matrix products against the two loops, side by side.

    python benchmarks/neighbours.py            # 5k x 50k x 300
    python benchmarks/neighbours.py --large    # and 20k x 250k x 300

Each way runs in a process of its own, so that its peak memory is its own. A loop is timed on a
slice of the target tokens and multiplied up; the table says on how many. Both loops only look for
each target token's nearest source token: what mutuality costs on top is not charged to them. CSLS
reads all products twice.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import torch

from unibridge.embeddings.neighbours import mutual_nearest

SIZES = {"5k x 50k x 300": (5_000, 50_000, 300), "20k x 250k x 300": (20_000, 250_000, 300)}
SLICE = {"cosine loop": 20, "product loop": 200}
GOALS = {"cosine loop": 100, "product loop": 8}


def cosine_loop(target: torch.Tensor, source: torch.Tensor) -> None:
    """The reference's way: a cosine with all source tokens for each target token."""
    for vector in target:
        torch.cosine_similarity(vector[None], source).argmax()


def product_loop(target: torch.Tensor, source: torch.Tensor) -> None:
    """One product of the normalised source table with each normalised target token."""
    for vector in target:
        (source @ vector).argmax()


def blocks(target: torch.Tensor, source: torch.Tensor) -> None:
    mutual_nearest(target, source)


def blocks_csls(target: torch.Tensor, source: torch.Tensor) -> None:
    mutual_nearest(target, source, similarity="csls")


WAYS: dict[str, Callable[[torch.Tensor, torch.Tensor], None]] = {
    "cosine loop": cosine_loop,
    "product loop": product_loop,
    "blocks": blocks,
    "blocks, csls": blocks_csls,
}


def measure(way: str, size: str) -> dict[str, float]:
    """Seconds for all target tokens, tokens really run, and peak memory of this process, bytes."""
    targets, sources, dimension = SIZES[size]
    generator = torch.Generator().manual_seed(0)
    source = torch.randn(sources, dimension, generator=generator)
    target = torch.randn(targets, dimension, generator=generator)
    if way == "product loop":
        source, target = (torch.nn.functional.normalize(table, dim=1) for table in (source, target))
    run = min(targets, SLICE.get(way, targets))
    WAYS[way](target[:2], source[:1000])
    start = time.perf_counter()
    WAYS[way](target[:run], source)
    seconds = time.perf_counter() - start
    # kilobytes on Linux, bytes on macOS
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return {"seconds": seconds * targets / run, "run": run, "peak": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--large", action="store_true", help="also 20k x 250k x 300")
    parser.add_argument("--only", nargs=2, metavar=("WAY", "SIZE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(measure(*arguments.only)))
        return

    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"{'':18}{'':14}{'seconds':>10}{'run on':>9}{'peak GB':>9}{'blocks are faster by':>22}")
    for size in list(SIZES)[: 2 if arguments.large else 1]:
        found = {}
        for way in WAYS:
            command = [sys.executable, __file__, "--only", way, size]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found[way] = json.loads(output)
        for way, row in found.items():
            times = row["seconds"] / found["blocks"]["seconds"]
            faster = f"{times:.0f}x (goal {GOALS[way]}x)" if way in GOALS else ""
            print(
                f"{size:18}{way:14}{row['seconds']:>10.1f}{row['run']:>9,}"
                f"{row['peak'] / 1e9:>9.2f}{faster:>22}"
            )


if __name__ == "__main__":
    main()
