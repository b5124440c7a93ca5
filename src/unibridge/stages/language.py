"""A language as folder in, folder out: its adapter, trained here or elsewhere."""

from collections.abc import Mapping
from pathlib import Path

from unibridge.artifacts import Outcome
from unibridge.processes import processes
from unibridge.stages.inputs import Pairs, Text, hashes
from unibridge.stages.workplace import Workplace, stage_input
from unibridge.transfer.adapted import AdaptedLanguage
from unibridge.transfer.language import AdaptationSettings


def adapt_stage(
    at: Workplace,
    text: Text,
    settings: AdaptationSettings,
    *,
    language: str,
    seed: int,
    vocabulary: Path | None = None,
    embeddings: Path | None = None,
    others: Mapping[str, Text] | None = None,
    parallel: Mapping[str, Pairs] | None = None,
) -> Path:
    """§2.3: a language adapter; new embeddings with it where a vocabulary is given.

    others: further languages -> their text, where the settings replay it. parallel: the same ->
    lines that are aligned with theirs, where the settings read such.
    """
    from safetensors.torch import load_file
    from transformers import AutoTokenizer

    from unibridge.embeddings.base import InitResult
    from unibridge.transfer.language import adapt_language

    name = language if vocabulary is not None else f"{language}-base-vocabulary"
    replayed = dict(others or {}) if settings.reads_others else {}
    aligned = dict(parallel or {}) if settings.tlm_share else {}

    def build(folder: Path) -> Outcome:
        tokenizer = initial = None
        if vocabulary is not None and embeddings is not None:
            tokenizer = AutoTokenizer.from_pretrained(vocabulary / "tokenizer")
            tensors = load_file(embeddings / "embeddings.safetensors")
            initial = InitResult(tensors["matrix"], (), tensors["source_row"], {}, [])
        adapted = adapt_language(
            at.base,
            text.lines,
            settings,
            language=language,
            tokenizer=tokenizer,
            embeddings=initial,
            others={code: one.lines for code, one in replayed.items()},
            pairs=[pair for code in sorted(aligned) for pair in aligned[code].rows],
            seed=seed,
            checkpoint=folder / "checkpoint.pt",
            progress=at.steps(f"adapt-{name}"),
            reading=lambda done, total: at.on_progress(f"tokens-{name}", done, total, {}),
        )
        if processes().main:
            adapted.save(folder)
        return Outcome(adapted.facts, adapted.warnings)

    return at.run(
        "adapt",
        name,
        build,
        settings={**settings.model_dump(), "seed": seed},
        inputs={
            **text.inputs,
            **{f"{c}:{k}": v for c, one in replayed.items() for k, v in one.inputs.items()},
            **{k: v for c, one in aligned.items() for k, v in one.inputs(f"{c}:aligned").items()},
            **stage_input("vocabulary", vocabulary, "vocabulary"),
            **stage_input("embeddings", embeddings, "embed"),
        },
        together=True,
    )


def ready_adapter_stage(at: Workplace, adapter: Path, *, language: str) -> Path:
    """A language adapter trained elsewhere, in AdapterHub's layout, instead of training one."""
    import copy

    from unibridge.adapters import attach
    from unibridge.adapters.adapterhub import load_adapter

    def build(folder: Path) -> Outcome:
        model = copy.deepcopy(at.base.model)
        load_adapter(model, at.base.family, adapter, name=language)
        config = attach.ledger_of(model).configs[language]
        state = attach.adapter_state(model, language)
        AdaptedLanguage(language, config, state).save(folder)
        return Outcome({"language": language, "ready_made": adapter.name, "steps": 0})

    return at.run(
        "adapt", f"{language}-ready", build, settings={}, inputs=hashes("adapter", [adapter])
    )


def load_language(folder: Path | None) -> AdaptedLanguage | None:
    """What an `adapt` stage holds; None for the base as it is."""
    return None if folder is None else AdaptedLanguage.load(folder)
