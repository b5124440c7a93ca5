"""Work and metrics for a grid, in a module of its own so that its processes can import them."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from unibridge.errors import UnibridgeError
from unibridge.metrics import ACCURACY, Metric

# named by import paths, and otherwise than these
OWN = Metric("share right", ACCURACY.count, ACCURACY.score)
OUT_OF_RANGE = Metric("odd", ACCURACY.count, lambda sums: 4 * ACCURACY.score(sums))


@dataclass(frozen=True)
class Work:
    """Counts its calls in a file, so that other processes count too."""

    calls: Path
    broken: tuple[str, ...] = ()
    deadly: tuple[str, ...] = ()

    def __call__(self, cell):
        with self.calls.open("a") as stream:
            stream.write(f"{cell}\t{os.getpid()}\t{os.environ.get('OMP_NUM_THREADS')}\n")
        if str(cell) in self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if str(cell) in self.broken:
            raise UnibridgeError("no such file", where="labels.conll")
        return {"score": 40.0 + cell.seed, "metric": "F1"}

    @property
    def called(self):
        return [line.split("\t") for line in self.calls.read_text().splitlines()]
