"""The whole run, in data order: read everything, then every method, then the evidence.

    text, labels ── each method's journey (`stages/journey.py`) ── predict ── score ── report, pack

Every stage is a folder; methods that share settings share stages.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from unibridge.artifacts import write_bytes
from unibridge.config import Config
from unibridge.evaluation.records import append_result
from unibridge.processes import processes
from unibridge.stages.workplace import Progress, Workplace
from unibridge.study.cell import Cell, result_of, run_method
from unibridge.study.inputs import read_inputs
from unibridge.study.keep import learn_from_few, write_pack, write_run_record


def run(
    config: Config,
    *,
    command: str = "",
    on_stage: Any = lambda folder, done: None,
    on_progress: Progress = lambda stage, step, steps, parts: None,
) -> Path:
    """Run every method under every seed and write the evidence; returns the run's folder.

    Finished stages are reused, so the same call resumes an interrupted run and a changed setting
    costs only what depends on it. Raises UnibridgeError for a user's mistake, before training
    wherever it can be seen there.
    """
    # 1. Read and check everything.
    inputs = read_inputs(config)
    root = config.run.folder
    root.mkdir(parents=True, exist_ok=True)
    reuse = tuple(map(Path, config.run.reuse))
    at = Workplace(root, inputs.base, inputs.base_hash, on_stage, on_progress, reuse)

    # 2. Every method under every seed, through the same stages; its row is kept at once.
    cells: list[Cell] = []
    for seed in config.run.seeds:
        for name in config.run.methods:
            cells.append(run_method(config.for_method(name), name, inputs, at, seed))
            row = result_of(cells[-1], cells, config, inputs) if processes().main else None
            if row is not None:
                append_result(root / "results.jsonl", row)

    usable = [c for c in cells if c.ensemble and config.method(c.method).role != "ceiling"]
    main = (c for c in usable if c.method == config.run.reference)
    kept = next(main, usable[0] if usable else None)
    few = None if kept is None else learn_from_few(config, inputs, at, kept)

    # the rest trains nothing, and one process writes it
    if not processes().main:
        return root

    # 3. Scores again, beside those of methods that came later; the pack, labels, the report.
    results = [r for cell in cells if (r := result_of(cell, cells, config, inputs)) is not None]
    lines = [json.dumps(asdict(result), ensure_ascii=False) + "\n" for result in results]
    write_bytes(root / "results.jsonl", "".join(lines).encode())
    if kept is not None:
        write_pack(config, inputs, at, kept, results)
    write_run_record(config, inputs, cells, command, few)

    from unibridge.report.page import write_report

    write_report(root)
    return root
