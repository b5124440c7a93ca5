"""Configurations as a grid: a cell for each configuration, method and seed, a `Result` a row."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from unibridge.artifacts import read_manifest
from unibridge.config import Config
from unibridge.config.identity import base_name, deciding
from unibridge.console import quiet
from unibridge.errors import UnibridgeError
from unibridge.grid.cells import Cell
from unibridge.grid.store import Store
from unibridge.stages.inputs import Inputs
from unibridge.stages.workplace import Workplace
from unibridge.study.cell import result_of, run_method
from unibridge.study.inputs import read_inputs
from unibridge.text.languages import language as language_record


def cells_of(configs: Mapping[str, Config]) -> list[Cell]:
    """Every method under every seed of each configuration; the main one first, then as listed.

    configs: name of the data, such as "ner/lug" -> its configuration.
    """
    return [
        Cell(data, method, seed, base_name(config), deciding(config.for_method(method)))
        for data, config in configs.items()
        for seed in config.run.seeds
        for method in sorted(config.run.methods, key=lambda name: name != config.run.reference)
    ]


@dataclass
class Measure:
    """The work of a cell: the method's stages, and its `Result` with what a page says of it.

    stages: the folder that all cells share, so that a source is trained once for its targets, also
    by several processes. rows: the grid's own, which say whether the main method is finished.
    """

    configs: Mapping[str, Config]
    stages: Path
    rows: Path
    _read: dict[str, tuple[Inputs, Workplace]] = field(default_factory=dict, repr=False)

    def __call__(self, cell: Cell) -> dict[str, Any]:
        """Raises UnibridgeError where the configuration has no test file."""
        config = self.configs[cell.data]
        inputs, at = self._inputs(cell.data)
        own = run_method(config.for_method(cell.method), cell.method, inputs, at, cell.seed)
        beside, main = [own], config.run.reference
        if cell.method != main and self._main_is_there(cell):
            beside.append(run_method(config.for_method(main), main, inputs, at, cell.seed))
        result = result_of(own, beside, config, inputs)
        if result is None:
            raise UnibridgeError("nothing to score", where=cell.data, do="give target.test")
        ensemble = own.ensemble
        adapted = ensemble.language if ensemble else None
        facts = read_manifest(adapted)["facts"] if adapted else {}
        held = [read_manifest(stage).get("peak_memory_bytes") or 0 for stage in own.stages]
        return {
            **asdict(result),
            "target_name": language_record(result.target).name,
            "epochs": facts.get("epochs"),
            "peak_memory_bytes": max(held, default=0),
            "unknown": round(inputs.teacher_unknown, 4),
            "target_lines": len(inputs.texts[result.target].lines),
            "source_examples": {s: len(f.file.examples) for s, f in inputs.train.items()},
            "weights": dict(ensemble.weights.by_source) if ensemble else {},
        }

    def _inputs(self, data: str) -> tuple[Inputs, Workplace]:
        if data not in self._read:
            self._read.clear()  # one base at a time
            quiet()
            inputs = read_inputs(self.configs[data])
            self.stages.mkdir(parents=True, exist_ok=True)
            reuse: Sequence[Path] = tuple(map(Path, self.configs[data].run.reuse))
            at = Workplace(self.stages, inputs.base, inputs.base_hash, reuse=reuse)
            self._read[data] = inputs, at
        return self._read[data]

    def _main_is_there(self, cell: Cell) -> bool:
        config = self.configs[cell.data]
        name = config.run.reference
        if name not in config.run.methods:
            return False
        main = replace(cell, method=name, settings=deciding(config.for_method(name)))
        return main.key in Store(self.rows).finished()
