"""A cell of a grid: what is measured, under which name its row is kept."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from unibridge.artifacts import fingerprint


@dataclass(frozen=True)
class Cell:
    """One measurement.

    data: what it is made on, such as "ner/lug". method: of the table's row. base: the base model's
    name. settings: a fingerprint of all else that decides the numbers.
    """

    data: str
    method: str
    seed: int
    base: str
    settings: str = ""

    @property
    def key(self) -> str:
        """Twelve hex digits that differ for cells that differ in anything."""
        return fingerprint(asdict(self))

    def __str__(self) -> str:
        return f"{self.data} {self.method} seed {self.seed}"


Job = tuple[Cell, ...]


def jobs_of(cells: Iterable[Cell]) -> list[Job]:
    """Cells that share most of their work, those of one data and seed, after one another."""
    found: dict[tuple[str, int, str], list[Cell]] = {}
    for cell in cells:
        found.setdefault((cell.data, cell.seed, cell.base), []).append(cell)
    return [tuple(job) for job in found.values()]
