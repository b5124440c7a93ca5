"""Packs made from packs: merged into one source, or distilled."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.artifacts import Outcome, build_folder, hash_path, versions, write_bytes
from unibridge.pack import find, load
from unibridge.pack.card import model_card
from unibridge.text.languages import language as language_record

if TYPE_CHECKING:
    from unibridge.transfer.infer import MultiSourceModel


def merge_pack(
    pack: str | Path, folder: Path, *, weights: Mapping[str, float] | None = None
) -> Path:
    """`merge` from folder to folder. weights: as there; by default the pack's own."""

    def build(partial: Path) -> Outcome:
        from unibridge.transfer.merge import merge

        model = load(pack)
        given = dict(weights or zip(model.config.sources, model.config.weights, strict=True))
        note = (
            f"The task adapters and heads of {', '.join(given)} are averaged by weight into one: "
            "the cost of one source, and other predictions than theirs together."
        )
        save(merge(model, weights), partial, weights=given, limits=[note])
        return Outcome({"weights": given})

    inputs = {"pack": hash_path(find(pack))}
    return build_folder(folder, "merge", build, settings={"weights": weights}, inputs=inputs)


def save(
    model: "MultiSourceModel",
    folder: Path,
    *,
    weights: Mapping[str, float] | None = None,
    limits: Sequence[str] = (),
) -> None:
    """Model, tokenizer and a card that says no more than is known without the run."""
    config = model.config
    model.save_pretrained(folder)
    card: dict[str, Any] = {
        "language": config.language or "und",
        "language_name": language_record(config.language or "und").name,
        "task": model.task.name,
        "kind": model.task.kind,
        "labels": config.labels,
        "vocabulary": config.base["vocab_size"],
        "sources": list(weights or ()),
        "weights": weights,
        "limits": list(limits),
        "versions": versions(),
    }
    write_bytes(folder / "README.md", model_card(card).encode())
