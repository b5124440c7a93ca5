"""A base or a pack cut down to the vocabulary of given texts (Abdaoui et al. 2020).

What is left says of these texts exactly what it said before; see `unibridge.vocabulary.trim`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import Field

from unibridge.artifacts import Outcome, build_folder, hash_path, write_bytes
from unibridge.errors import UnibridgeError
from unibridge.pack import find, load
from unibridge.text.corpus import read_text, spread
from unibridge.text.labels import read_labels
from unibridge.vocabulary.trim import Trimmed, TrimSettings, trim_tokenizer

if TYPE_CHECKING:
    import torch
    from torch import nn

    from unibridge.ensemble.model import MultiSourceModel
    from unibridge.models.base import BaseModel as Base
    from unibridge.models.families import ModelFamily

TOLERANCE = 1e-4
"""The largest difference of a state or a logit, where texts are to be read as before."""
TIMED_LINES = 64
"""Lines that the speed is measured on, evenly spread over the texts."""
BATCH = 16
"""Lines that are read at once for it."""


class TrimOutput(TrimSettings):
    """Which pieces are kept, and how the weights are stored."""

    store: Literal["float32", "float16"] = Field(
        "float32", description="what a weight is stored in; float16 rounds it, in half the bytes"
    )


def trim(
    base: str | Path,
    folder: Path,
    text: Sequence[str | Path],
    settings: TrimOutput,
    *,
    gold: str | Path | None = None,
) -> Path:
    """Write a base, or a pack, with the pieces that the texts use; returns the folder.

    base: folder, hub id or name of a base, folder of a pack or of a run. text: files of plain text.
    gold: a labelled file that a pack is scored on, before and after.
    Facts: pieces, parameters, megabytes, lines_per_second and scores, each before and after.
    Raises UnibridgeError for a tokenizer that cannot be trimmed, and for labels without a pack.
    """
    corpus = read_text(list(text))
    lines = corpus.lines
    ready = _is_pack(base)
    if gold is not None and not ready:
        raise UnibridgeError(
            "a base alone cannot be scored on labels", where=gold, do="give the folder of a pack"
        )
    inputs = {f"text:{number}": _identity(file) for number, file in enumerate(text)}
    inputs |= {"base": _identity(find(base) if ready else base)}
    inputs |= {} if gold is None else {"gold": _identity(gold)}

    def build(partial: Path) -> Outcome:
        if ready:
            found = _trim_pack(load(base), partial, lines, settings, gold)
        else:
            from unibridge.models.base import load_base

            found = _trim_base(load_base(base), partial, lines, settings)
        return Outcome(found.facts, [*corpus.warnings, *found.warnings])

    return build_folder(folder, "trim", build, settings=settings.model_dump(), inputs=inputs)


# --- a base -------------------------------------------------------------------------------------


def _trim_base(base: Base, folder: Path, lines: Sequence[str], settings: TrimOutput) -> Outcome:
    import torch

    from unibridge.embeddings.base import InitResult
    from unibridge.embeddings.install import embedding_table, install_embeddings
    from unibridge.models.states import encoder_states, trained_pooling

    def read(model: nn.Module, tokenizer: Any) -> Any:
        def states(lines: Sequence[str]) -> list[torch.Tensor]:
            found = []
            for start in range(0, len(lines), BATCH):
                batch = list(lines[start : start + BATCH])
                given = tokenizer(batch, padding=True, truncation=True, return_tensors="pt")
                found.append(encoder_states(model, base.family, **_renamed(given)))
            return found

        return states

    model = base.model
    found = trim_tokenizer(base.tokenizer, lines, settings, also=_also(base.tokenizer, base.family))
    facts = _facts(found, len(base.tokenizer))
    # like lengths together, so that little is padding
    timed = sorted(spread(lines, TIMED_LINES), key=len)
    before, said = _measured(model, read(model, base.tokenizer), timed)
    pooling = trained_pooling(base)

    # 1. The rows of every table, and the output's bias.
    configs = [model.config, getattr(model, "generation_config", None)]
    named = [_ids_in(config) for config in configs]
    rows = torch.tensor(found.kept)
    table = embedding_table(model)[rows]
    install_embeddings(model, InitResult(table, (), rows, {}, []), found.tokenizer)

    # 2. The ids that configurations name, also where the tokenizer gives them no role.
    new = {old: number for number, old in enumerate(found.kept)}
    for config, ids in zip(configs, named, strict=True):
        for name, value in ids.items():
            told = [new[i] for i in value if i in new] if isinstance(value, list) else None
            setattr(config, name, new.get(value) if told is None else told)
    if pooling != base.family.text_state:
        model.config.unibridge_pooling = pooling

    after, says = _measured(model, read(model, found.tokenizer), timed)
    facts |= _both(before, after) | _same(said, says, settings)
    # a head that was built has learnt nothing, and would be taken for the checkpoint's own
    stored = cast(Any, model.base_model if base.built_head else model)
    stored.to(getattr(torch, settings.store)).save_pretrained(folder)
    found.tokenizer.save_pretrained(folder)
    facts["stored_megabytes"] = _stored(folder)
    write_bytes(folder / "README.md", _card(str(model.config._name_or_path), facts).encode())
    return Outcome(facts, _warnings(found))


def _also(tokenizer: Any, family: ModelFamily) -> list[int]:
    """Ids that must stay: all up to padding's where positions are counted from it."""
    count = tokenizer.pad_token_id if family.first_position == "after_padding" else 0
    return list(range(count or 0))


def _ids_in(config: Any) -> dict[str, Any]:
    """The token ids that a configuration names, one or a list each."""
    return {
        name: value
        for name, value in (vars(config) if config is not None else {}).items()
        if name.endswith("_token_id") and isinstance(value, int | list)
    }


# --- a pack -------------------------------------------------------------------------------------


def _trim_pack(
    model: MultiSourceModel,
    folder: Path,
    lines: Sequence[str],
    settings: TrimOutput,
    gold: str | Path | None,
) -> Outcome:
    import torch

    from unibridge.models.families import family_of
    from unibridge.pack.derive import write_card

    task, family = model.task, family_of(model.config.base)
    plain, _ = task.examples_of_text(list(lines))
    examples = [task.as_example(one) for one in plain]
    # words between spaces may be cut otherwise than the line that they stand in
    encoded = task.encode(model.tokenizer, examples, model.config.labels, model.config.max_tokens)
    used = {i for one in encoded for i in one.input_ids}
    also = [*_also(model.tokenizer, family), *(used if settings.exact else ())]
    found = trim_tokenizer(model.tokenizer, lines, settings, also=also)
    facts = _facts(found, len(model.tokenizer))
    timed = spread(examples, TIMED_LINES)
    scored = read_labels(gold, expect=task.reads) if gold is not None else None
    labelled = scored.examples if scored else []
    before, said = _measured(model, model.decided, timed)
    if labelled:
        before["score"] = task.score(labelled, model.predict(labelled)).value

    # in place, since a family's table may be a class of its own
    table = cast("nn.Embedding", model.encoder.get_submodule(family.word_embeddings))
    table.weight = torch.nn.Parameter(table.weight.detach()[torch.tensor(found.kept)].clone())
    table.num_embeddings = len(found.kept)
    new = {old: number for number, old in enumerate(found.kept)}
    if table.padding_idx is not None:
        table.padding_idx = new[table.padding_idx]
    ids = {k: new[v] for k, v in model.config.base.items() if k.endswith("_token_id") and v in new}
    model.config.base |= {"vocab_size": len(found.kept), **ids}
    model.encoder.config.vocab_size = len(found.kept)
    model.tokenizer = found.tokenizer

    after, says = _measured(model, model.decided, timed)
    if labelled:
        after["score"] = task.score(labelled, model.predict(labelled)).value
    facts |= _both(before, after) | _same(said, says, settings)
    model.to(getattr(torch, settings.store)).save_pretrained(folder)
    weights = dict(zip(model.config.sources, model.config.weights, strict=True))
    write_card(model, folder, weights=weights, limits=[_LIMIT])
    facts["stored_megabytes"] = _stored(folder)
    return Outcome(facts, [*(scored.warnings if scored else ()), *_warnings(found)])


# --- what is said of it -------------------------------------------------------------------------


def _measured(
    model: nn.Module, read: Callable[[Sequence[Any]], Sequence[torch.Tensor]], inputs: Sequence[Any]
) -> tuple[dict[str, float], list[torch.Tensor]]:
    """Parameters, their megabytes in float32, lines read a second; and what is said of each."""
    import torch

    parameters = sum(parameter.numel() for parameter in model.parameters())
    with torch.inference_mode():
        read(inputs[:2])  # what is made once does not count
        start = time.perf_counter()
        said = list(read(inputs))
        seconds = time.perf_counter() - start
    return {
        "parameters": parameters,
        "megabytes": round(parameters * 4 / 1e6, 1),
        "lines_per_second": round(len(inputs) / seconds, 1),
    }, said


def _same(
    before: Sequence[torch.Tensor], after: Sequence[torch.Tensor], settings: TrimOutput
) -> dict[str, float]:
    """The largest difference of what is said; raises where there may be none and is one."""
    if not settings.exact:
        return {}
    worst = max(float((a - b).abs().max()) for a, b in zip(before, after, strict=True) if len(a))
    if worst > TOLERANCE:
        raise UnibridgeError(
            f"what is left differs from what was there by up to {worst:.2g}, so it was not written"
        )
    return {"largest_difference": worst}


def _both(before: dict[str, float], after: dict[str, float]) -> dict[str, list[float]]:
    return {name: [value, after[name]] for name, value in before.items()}


def _facts(found: Trimmed, pieces: int) -> dict[str, Any]:
    return {
        "pieces": [pieces, len(found.kept)],
        "lines": found.lines,
        "lines_cut_otherwise": found.changed,
    }


def _warnings(found: Trimmed) -> list[str]:
    if not found.changed:
        return []
    return [f"{found.changed} of {found.lines} lines are cut otherwise than before"]


def _stored(folder: Path) -> float:
    return round(sum(file.stat().st_size for file in folder.glob("*.safetensors")) / 1e6, 1)


def _renamed(given: Any) -> dict[str, torch.Tensor]:
    names = {"input_ids": "ids", "attention_mask": "mask"}
    return {names.get(name, name): value for name, value in given.items()}


def _identity(file: str | Path) -> str:
    return hash_path(Path(file)) if Path(file).exists() else str(file)


def _is_pack(base: str | Path) -> bool:
    if not Path(base).is_dir():
        return False
    try:
        find(base)
    except UnibridgeError:
        return False
    return True


_LIMIT = (
    "The vocabulary has only the pieces that given texts use: other languages, and words of other "
    "texts, are cut into more pieces or not known."
)


def _card(base: str, facts: dict[str, Any]) -> str:
    (old, new), (before, after) = facts["pieces"], facts["parameters"]
    return (
        f"# {Path(base).name}, trimmed\n\n{base} with {new:,} of its {old:,} pieces and {after:,} "
        f"of its {before:,} parameters: those that {facts['lines']:,} lines of text use. {_LIMIT}\n"
    )
