"""Sentence alignment as folder in, folder out: an `adapt` stage without text of its own."""

from collections.abc import Mapping
from pathlib import Path

from unibridge.artifacts import Outcome
from unibridge.processes import processes
from unibridge.stages.inputs import Pairs
from unibridge.stages.workplace import Workplace
from unibridge.transfer.contrast import ContrastSettings


def contrast_stage(
    at: Workplace,
    parallel: Mapping[str, Pairs],
    settings: ContrastSettings,
    *,
    language: str,
    seed: int,
) -> Path:
    """The base with like states for lines that translate each other. parallel: by source."""
    from unibridge.transfer.contrast import align_sentences

    name = f"{language}-aligned"

    def build(folder: Path) -> Outcome:
        adapted = align_sentences(
            at.base,
            {source: pairs.rows for source, pairs in parallel.items()},
            settings,
            language=language,
            seed=seed,
            checkpoint=folder / "checkpoint.pt",
            progress=at.steps(f"adapt-{name}"),
        )
        if processes().main:
            adapted.save(folder)
        return Outcome(adapted.facts, adapted.warnings)

    return at.run(
        "adapt",
        name,
        build,
        settings={**settings.model_dump(), "seed": seed},
        inputs={k: v for s, one in parallel.items() for k, v in one.inputs(f"{s}:aligned").items()},
        together=True,
    )
