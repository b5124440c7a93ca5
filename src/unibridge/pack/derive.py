"""Packs made from packs: merged into one source, or distilled into one student."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.artifacts import (
    Outcome,
    build_folder,
    fingerprint,
    hash_path,
    versions,
    write_bytes,
)
from unibridge.pack import find, load
from unibridge.pack.card import model_card
from unibridge.processes import processes
from unibridge.text.corpus import read_text
from unibridge.text.languages import language as language_record
from unibridge.training import Progress

if TYPE_CHECKING:
    from unibridge.ensemble.distil import DistilSettings
    from unibridge.ensemble.merge import MergeSettings
    from unibridge.ensemble.model import MultiSourceModel
    from unibridge.ensemble.student import Student, StudentSettings


AVERAGED = (
    "The task adapters and heads of {sources} are averaged by weight into one: the cost of one "
    "source, and other predictions than theirs together, sometimes much worse ones."
)
"""What a card says of a plain average."""


def merge_pack(
    pack: str | Path, folder: Path, *, weights: Mapping[str, float] | None = None
) -> Path:
    """`merge` from folder to folder. weights: as there; by default the pack's own."""

    def build(partial: Path) -> Outcome:
        from unibridge.ensemble.merge import merge

        model = load(pack)
        given = dict(weights or _weights(model))
        note = AVERAGED.format(sources=", ".join(given))
        save(merge(model, weights), partial, weights=given, limits=[note])
        return Outcome({"weights": given})

    inputs = {"pack": hash_path(find(pack))}
    return build_folder(folder, "merge", build, settings={"weights": weights}, inputs=inputs)


def fit_merge_pack(
    pack: str | Path,
    text: Sequence[str | Path],
    folder: Path,
    settings: "MergeSettings",
    **how: Any,
) -> Path:
    """`fit_merge` from folder to folder; parameters as for `distil_pack`."""
    from unibridge.ensemble.merge import fit_merge

    how_far = (
        ", by shares fitted to" if settings.shares == "fitted" else " by weight, compared with"
    )
    note = f"Task adapters and heads averaged into one{how_far}"
    return _student_pack("merge", pack, text, folder, settings, fit_merge, note, **how)


def distil_pack(
    pack: str | Path,
    text: Sequence[str | Path],
    folder: Path,
    settings: "DistilSettings",
    **how: Any,
) -> Path:
    """`distil` from folder to folder; taken up again where it was interrupted.

    text: files or folders of the target's own plain text. how: seed, device (as for
    `unibridge.load`), progress.
    """
    from unibridge.ensemble.distil import distil

    note = f"One {settings.student} learnt from"
    return _student_pack("distil", pack, text, folder, settings, distil, note, **how)


def _student_pack(
    stage: str,
    pack: str | Path,
    text: Sequence[str | Path],
    folder: Path,
    settings: "StudentSettings",
    teach: "Callable[..., Student]",
    note: str,
    *,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress = lambda step, steps, parts: None,
) -> Path:
    # outside the build, so that a wrong path leaves nothing behind
    corpus = read_text(text)
    lines = corpus.lines

    def build(partial: Path) -> Outcome:
        model = load(pack, device=device)
        found = teach(
            model,
            lines,
            settings,
            seed=seed,
            checkpoint=partial / "checkpoint.pt",
            progress=progress,
        )
        weights = _weights(model)
        told = (
            f"{note} the ensemble of {', '.join(weights)} on "
            f"{found.facts['lines']:,} unlabelled lines; of decisions on text held out "
            f"{found.agreement:.1%} are theirs."
        )
        if processes().main:
            save(found.model, partial, weights=weights, limits=[told, *found.warnings])
        return Outcome(found.facts, [*corpus.warnings, *found.warnings])

    return build_folder(
        folder,
        stage,
        build,
        settings=settings.model_dump(mode="json") | {"seed": seed},
        inputs={"pack": hash_path(find(pack)), "text": fingerprint(lines)},
        together=True,
    )


def _weights(model: "MultiSourceModel") -> dict[str, float]:
    return dict(zip(model.config.sources, model.config.weights, strict=True))


def save(
    model: "MultiSourceModel",
    folder: Path,
    *,
    weights: Mapping[str, float],
    limits: Sequence[str],
) -> None:
    """Model, tokenizer and card."""
    model.save_pretrained(folder)
    write_card(model, folder, weights=weights, limits=limits)


def write_card(
    model: "MultiSourceModel",
    folder: Path,
    *,
    weights: Mapping[str, float] | None = None,
    limits: Sequence[str] = (),
    loading: str | None = None,
) -> None:
    """A card that says no more than is known without the run. loading: code, where not ours."""
    config = model.config
    card: dict[str, Any] = {
        "language": config.language or "und",
        "language_name": language_record(config.language or "und").name,
        "task": model.task.name,
        "pipeline_tag": model.task.pipeline_tag,
        "labels": config.labels,
        "vocabulary": config.base["vocab_size"],
        "sources": list(weights or ()),
        "weights": weights,
        "limits": list(limits),
        "loading": loading,
        "versions": versions(),
    }
    write_bytes(folder / "README.md", model_card(card).encode())
