"""What a run leaves beside its stages: the language pack, labels for new text, and its record."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unibridge.artifacts import (
    MANIFEST,
    fingerprint,
    read_manifest,
    versions,
    write_bytes,
    write_json,
    write_manifest,
)
from unibridge.config import Config
from unibridge.config.identity import base_name
from unibridge.errors import UnibridgeError
from unibridge.evaluation.records import Result
from unibridge.locks import locked
from unibridge.stages.inputs import Inputs
from unibridge.stages.journey import fingerprints
from unibridge.stages.predict import plain_notes, predictions_file
from unibridge.stages.task import few_shot_stage
from unibridge.stages.workplace import Workplace
from unibridge.study.cell import Cell
from unibridge.text.examples import ReadAs
from unibridge.text.languages import language as language_record


def write_pack(
    config: Config, inputs: Inputs, at: Workplace, cell: Cell, results: Sequence[Result]
) -> Path:
    """The folder to keep and share: model, tokenizer, card; and labels for the files to predict."""
    folder, partial = at.root / "pack", at.root / ".partial-pack"
    # a folder that was moved has other names in its rows' settings, and the same pack
    rows = [asdict(result) | {"settings": ""} for result in results]
    key = fingerprint([[path.name for path in cell.stages], rows])
    ensemble = cell.ensemble
    if ensemble is None:
        raise UnibridgeError(f"{cell.method!r} has no model to keep")
    model = ensemble.load(at)
    with locked(folder):
        if not ((folder / MANIFEST).exists() and read_manifest(folder)["fingerprint"] == key):
            _save_pack(config, inputs, model, cell, results, partial, key)
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(partial, folder)
    for file in inputs.to_label:
        told: list[str] = []
        name = Path(file.source).name
        model.predict_file(
            file.source,
            at.root / "labelled" / name,
            read_as=ReadAs(config.task.reader, config.task.columns, config.task.labels),
            progress=lambda done, total, name=name: at.on_progress(name, done, total, {}),  # type: ignore[misc]
            warn=told.append,
        )
        # what was noted when the files were first read is said already
        notes = [note for note in plain_notes(told) if note not in file.notes]
        inputs.warnings.extend(f"{name}: {note}" for note in notes)
    return folder


def _save_pack(
    config: Config,
    inputs: Inputs,
    model: Any,
    cell: Cell,
    results: Sequence[Result],
    partial: Path,
    key: str,
) -> None:
    from unibridge.pack.card import model_card

    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    model.save_pretrained(partial)
    target = language_record(config.target.language)
    manifests = {m["stage"]: m["facts"] for m in map(read_manifest, cell.stages)}
    weighed = manifests.get("weigh", {})
    card = {
        "language": target.code,
        "language_name": target.name,
        "base_model": base_name(config),
        "task": inputs.task.name,
        "pipeline_tag": inputs.task.pipeline_tag,
        "metric": inputs.task.metric,
        "labels": inputs.labels,
        "text": {
            "words": manifests.get("vocabulary", {}).get("words"),
            "files": [Path(file).name for file in config.target.text],
        },
        "vocabulary": manifests.get("vocabulary", {}).get("chosen"),
        "counts": manifests.get("embed", {}).get("counts"),
        "sources": list(cell.sources),
        "label_files": {s.language: Path(s.train).name for s in config.sources},
        "weighting": weighed.get("weighting"),
        "weights": dict(cell.ensemble.weights.by_source) if cell.ensemble else {},
        "distances": weighed.get("distances"),
        "target_labels": weighed.get("target_labels", 0),
        "scores": list(results),
        "warnings": inputs.warnings,
        "versions": versions(),
    }
    write_bytes(partial / "README.md", model_card(card).encode())
    write_manifest(partial, {"stage": "pack", "name": target.code, "fingerprint": key})


def learn_from_few(config: Config, inputs: Inputs, at: Workplace, cell: Cell) -> Path | None:
    """The few-shot stage from a method's model, where the run asks for it and has the labels."""
    ensemble = cell.ensemble
    if config.few_shot is None or inputs.target_train is None or inputs.test is None:
        return None
    if ensemble is None:
        return None
    return few_shot_stage(
        at.root,
        config.target.language,
        lambda: ensemble.load(at),
        fingerprints(cell.stages),
        inputs.target_train,
        inputs.test,
        config.few_shot,
        seed=cell.seed,
        reuse=at.reuse,
        on_stage=at.on_stage,
        on_progress=at.on_progress,
    )


def write_run_record(
    config: Config,
    inputs: Inputs,
    cells: Sequence[Cell],
    command: str,
    few_shot: Path | None = None,
) -> None:
    """run.json: what the report needs beside the stages' own manifests."""
    first = [cell for cell in cells if cell.seed == config.run.seeds[0]]
    target = language_record(config.target.language)
    write_json(
        config.run.folder / "run.json",
        {
            "title": config.run.title or f"{target.name} {inputs.task.name}",
            "target": target.code,
            "target_name": target.name,
            "script": target.script,
            "task": inputs.task.name,
            "sources": [source.language for source in config.sources],
            "base": base_name(config),
            "base_notes": inputs.base.notes,
            "teacher_unknown": inputs.teacher_unknown,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": command,
            "reference": config.run.reference,
            "versions": versions(),
            "inputs": {
                "target_lines": len(inputs.texts[target.code].lines),
                "source_examples": {s: len(f.file.examples) for s, f in inputs.train.items()},
                "parallel": {s: len(pairs.rows) for s, pairs in inputs.parallel.items()},
                "test_examples": len(inputs.test.file.examples) if inputs.test else 0,
            },
            "settings": config.model_dump(mode="json"),
            "warnings": inputs.warnings,
            "method_stages": {
                c.method: [p.name for p in c.stages] + ([c.prediction.name] if c.prediction else [])
                for c in first
            },
            "predictions": {
                c.method: str(predictions_file(c.prediction).relative_to(config.run.folder))
                for c in first
                if c.prediction
            },
            "few_shot": few_shot.name if few_shot is not None else None,
            "gold": config.target.test,
            "published": {
                "epochs": 50,
                "tokens_seen": "64M words",
                "note": "10,000 samples of 128 words (sources 50,000), 50 epochs a language; "
                "tasks 11 epochs (UniBridge, Tables 8 and 9)",
            },
        },
    )
