"""The vocabulary as folder in, folder out, and the first values of its embeddings."""

from dataclasses import asdict
from pathlib import Path

from unibridge.artifacts import Outcome, write_bytes
from unibridge.embeddings.settings import EmbeddingSettings
from unibridge.stages.inputs import Text, Translations
from unibridge.stages.workplace import Workplace, stage_input
from unibridge.vocabulary.search import SearchSettings


def vocabulary_stage(at: Workplace, text: Text, settings: SearchSettings, *, language: str) -> Path:
    """§2.1: the size and the tokenizer. Holds sentencepiece.model and tokenizer/."""
    from unibridge.vocabulary.extend import extend_tokenizer, read_as_base
    from unibridge.vocabulary.search import TraceRow, search_vocabulary
    from unibridge.vocabulary.tokenizer import to_fast_tokenizer

    extends = settings.mode == "extend"

    def build(folder: Path) -> Outcome:
        def tell(row: TraceRow) -> None:
            measures = {"size": float(row.size), "alp": row.alp or 0.0}
            at.on_progress(f"vocabulary-{language}", 0, 0, measures)

        lines = read_as_base(at.base.tokenizer, text.lines) if extends else text.lines

        def rounds(done: int, total: int) -> None:
            at.on_progress(f"pieces-{language}", done, total, {})

        found = search_vocabulary(lines, settings, language=language, progress=tell, rounds=rounds)
        write_bytes(folder / "sentencepiece.model", found.model)
        tokenizer = (
            extend_tokenizer(at.base.tokenizer, found.model, text.lines)
            if extends
            else to_fast_tokenizer(found.model, like=at.base.tokenizer)
        )
        tokenizer.save_pretrained(folder / "tokenizer")
        facts = {
            "added": len(tokenizer) - len(at.base.tokenizer) if extends else None,
            "trace": [asdict(row) for row in found.trace],
            "verified": [asdict(row) for row in found.verified],
            "chosen": found.size,
            "stopped": found.stopped,
            "kind": found.kind,
            "samples": found.samples,
            "words": found.words,
            "epsilon": settings.epsilon,
        }
        return Outcome(facts, found.warnings)

    return at.run("vocabulary", language, build, settings=settings.model_dump(), inputs=text.inputs)


def embed_stage(
    at: Workplace,
    text: Text,
    settings: EmbeddingSettings,
    *,
    language: str,
    vocabulary: Path,
    seed: int,
    translations: Translations | None = None,
) -> Path:
    """§2.2: the first values of the new embeddings. Holds embeddings.safetensors."""
    import torch
    from safetensors.torch import save
    from transformers import AutoTokenizer

    from unibridge.embeddings.base import ORIGINS
    from unibridge.embeddings.initialise import initialise_embeddings
    from unibridge.embeddings.install import embedding_table

    found = translations or Translations((), (), (), {})
    if not settings.reads_translations(len(found.parallel) + len(found.dictionary)):
        found = Translations((), (), (), {})

    def build(folder: Path) -> Outcome:
        result = initialise_embeddings(
            embedding_table(at.base.model),
            at.base.tokenizer,
            AutoTokenizer.from_pretrained(vocabulary / "tokenizer"),
            text.lines,
            settings,
            seed=seed,
            source_lines=found.source_lines,
            parallel=found.parallel,
            dictionary=found.dictionary,
        )
        tensors = {
            "matrix": result.matrix.contiguous(),
            "source_row": result.source_row,
            "origin": torch.tensor([ORIGINS.index(o) for o in result.origin], dtype=torch.uint8),
        }
        write_bytes(folder / "embeddings.safetensors", save(tensors))
        return Outcome({"method": settings.method, **result.facts}, result.warnings)

    return at.run(
        "embed",
        language,
        build,
        settings={**settings.model_dump(), "seed": seed},
        inputs={
            **text.inputs,
            **found.inputs,
            **stage_input("vocabulary", vocabulary, "vocabulary"),
        },
    )
