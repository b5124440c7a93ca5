"""Pretraining as folder in, folder out: a base with its card, or a checkpoint to go on from."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from unibridge.artifacts import Outcome, fingerprint, read_manifest, run_stage, write_bytes
from unibridge.processes import processes
from unibridge.training import Progress
from unibridge.transfer.pretrain import PretrainSettings, pretrain


def pretrain_base(
    out: Path,
    texts: Mapping[str, Sequence[str]],
    settings: PretrainSettings,
    *,
    pairs: Sequence[tuple[str, str]] = (),
    origin: str,
    seed: int,
    progress: Progress = lambda step, steps, parts: None,
) -> Path:
    """Pretrain into a sub-folder of `out`, which is then a base model like any other.

    origin: where the text is from, for the card. Weights are stored in float16, which halves the
    folder; they are read as float32.
    """

    def build(folder: Path) -> Outcome:
        result = pretrain(
            texts,
            settings,
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
        inputs={"text": digest},
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
    return f"""---
language: {json.dumps(facts["languages"])}
tags: ["unibridge", "fill-mask"]
---

# A small multilingual base

XLM-R's architecture: {settings["layers"]} layers, hidden size {settings["hidden"]}, \
{settings["vocabulary_size"]:,} pieces, at most {settings["max_tokens"]} tokens.

Trained by masked-language modelling (translation pairs: {settings["tlm_share"]:.0%} of the \
samples; language smoothing {settings["alpha"]:g}; mask rate {settings["mask_rate"]:g}) on \
{facts["origin"]}: {sum(facts["lines"].values()):,} lines in {len(facts["languages"])} languages \
and {facts["pairs"]:,} translation pairs, {facts["steps"]:,} steps of \
{settings["training"]["batch_size"]} samples, {facts["tokens_seen"]:,} tokens. Training loss at \
the end: {loss:.2f} nats per masked token. Seed {settings["seed"]}.

Languages: {", ".join(facts["languages"])}.

It knows names, dates, amounts and lists, and nothing else. It exists so that demonstrations and
tests run on a real multilingual model without a download.
"""
