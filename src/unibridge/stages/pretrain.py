"""Pretraining as folder in, folder out: a base with its card, or a checkpoint to go on from."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from unibridge.artifacts import Outcome, fingerprint, read_manifest, run_stage, write_bytes
from unibridge.models.base import load_base
from unibridge.processes import processes
from unibridge.stages.inputs import base_identity
from unibridge.training import Progress
from unibridge.transfer.pretrain import PretrainSettings, pretrain


def pretrain_base(
    out: Path,
    texts: Mapping[str, Sequence[str]],
    settings: PretrainSettings,
    *,
    base: str | None = None,
    pairs: Sequence[tuple[str, str]] = (),
    origin: str,
    seed: int,
    device: str = "cpu",
    progress: Progress = lambda step, steps, parts: None,
) -> Path:
    """Pretrain into a sub-folder of `out`, which is then a base model like any other.

    base: one to train further, by name, folder or hub id, on `device` (see `load_base`); unset: a
    new one. origin: where the text is from, for the card. Weights are stored in float16, which
    halves the folder; they are read as float32.
    """
    given = None if base is None else load_base(base, device=device, seed=seed)

    def build(folder: Path) -> Outcome:
        result = pretrain(
            texts,
            settings,
            base=given,
            pairs=pairs,
            seed=seed,
            checkpoint=folder / "checkpoint.pt",
            progress=progress,
        )
        if processes().main:
            result.model.half().save_pretrained(folder)
            result.tokenizer.save_pretrained(folder)
        facts = {
            "languages": result.languages,
            "lines": {language: len(lines) for language, lines in texts.items()},
            "pairs": len(pairs),
            "origin": origin,
            "base": None if base is None else Path(base).name,
            "steps": result.fit.steps,
            "tokens_seen": result.fit.tokens,
            "curve": result.fit.curve,
        }
        return Outcome(facts, result.warnings)

    digest = fingerprint([{k: fingerprint(list(v)) for k, v in texts.items()}, list(pairs)])
    folder = run_stage(
        out,
        "base",
        f"{len(texts)}-languages",
        build,
        settings={**settings.model_dump(), "seed": seed},
        inputs={"text": digest} | ({} if given is None else {"base": base_identity(given)}),
        together=True,
    )
    if processes().main:
        write_bytes(folder / "README.md", base_card(folder).encode())
    return folder


def base_card(folder: Path) -> str:
    """The base's card, from its manifest."""
    manifest = read_manifest(folder)
    facts, settings = manifest["facts"], manifest["settings"]
    loss = facts["curve"][-1]["train_loss"]
    translated = settings["tlm_share"] if facts["pairs"] else 0.0
    title, shape = (
        (
            "A small multilingual base",
            f"XLM-R's architecture: {settings['layers']} layers, hidden size {settings['hidden']}, "
            f"{settings['vocabulary_size']:,} pieces, at most {settings['max_tokens']} tokens.",
        )
        if facts["base"] is None
        else (f"{facts['base']}, trained further", f"The whole of {facts['base']}.")
    )
    use = (
        "It knows names, dates, amounts and lists, and nothing else. It exists so that "
        "demonstrations and\ntests run on a real multilingual model without a download.\n"
    )
    return f"""---
language: {json.dumps(facts["languages"])}
tags: ["unibridge", "fill-mask"]
---

# {title}

{shape}

Trained by masked-language modelling (translation pairs: {translated:.0%} of the \
samples; language smoothing {settings["alpha"]:g}; mask rate {settings["mask_rate"]:g}) on \
{facts["origin"]}: {sum(facts["lines"].values()):,} lines in {len(facts["languages"])} languages \
and {facts["pairs"]:,} translation pairs, {facts["steps"]:,} steps of \
{settings["training"]["batch_size"]} samples, {facts["tokens_seen"]:,} tokens. Training loss at \
the end: {loss:.2f} nats per masked token. Seed {settings["seed"]}.

Languages: {", ".join(facts["languages"])}.

{use if facts["origin"] == "CLDR phrases" else ""}"""
