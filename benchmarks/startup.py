"""Seconds until `import unibridge` and `unibridge --help` are done, in fresh processes.

    python benchmarks/startup.py [REPEATS]

The interpreter's own start, which no package can change, is shown beside them.
"""

import statistics
import subprocess
import sys
import time

COMMANDS: dict[str, tuple[list[str], float | None]] = {
    "bare interpreter": (["-c", "pass"], None),
    "import unibridge": (["-c", "import unibridge"], 0.3),
    "unibridge --help": (["-m", "unibridge.cli", "--help"], 0.5),
}


def seconds(arguments: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    found: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(repeats + 1):
        for name, (arguments, _) in COMMANDS.items():
            needed = seconds(arguments)
            if turn:  # the first turn fills the disk's cache
                found[name].append(needed)
    medians = {name: statistics.median(times) for name, times in found.items()}
    bare = medians["bare interpreter"]
    print(f"python {sys.version.split()[0]}, medians of {repeats}")
    print(f"{'':18}{'seconds':>9}{'less the bare one':>19}{'goal':>6}")
    for name, (_, goal) in COMMANDS.items():
        print(f"{name:18}{medians[name]:>9.3f}{medians[name] - bare:>19.3f}{goal or '':>6}")


if __name__ == "__main__":
    main()
