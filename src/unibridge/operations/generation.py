"""Text from text: learnt on pairs of some languages, scored in others."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.artifacts import Outcome, read_manifest, write_bytes
from unibridge.errors import UnibridgeError
from unibridge.evaluation.generation import generation_packages, generation_scores
from unibridge.operations.listening import SILENCE, Listener
from unibridge.operations.stages import AnyBase, workplace
from unibridge.stages.inputs import hashes
from unibridge.text.corpus import read_text
from unibridge.text.examples import AS_IT_IS, ReadAs
from unibridge.text.identification import identifier
from unibridge.text.labels import read_labels

if TYPE_CHECKING:
    from unibridge.transfer.generation import GenerationSettings


def read_generation_pairs(path: str, read_as: ReadAs = AS_IT_IS) -> list[tuple[str, str]]:
    """(what is read, what is said) of a table or JSON lines whose label is what is said."""
    examples = read_labels(path, *read_as, expect="text").examples
    return [(one.text, one.label) for one in examples if getattr(one, "label", None)]  # type: ignore[union-attr, misc]


def generation(
    base: AnyBase,
    out: Path,
    train: Mapping[str, str],
    test: Mapping[str, str],
    settings: "GenerationSettings",
    *,
    text: Mapping[str, Sequence[str]] | None = None,
    read_as: ReadAs = AS_IT_IS,
    seed: int = 0,
    listener: Listener = SILENCE,
) -> dict[str, dict[str, float]]:
    """Fine-tune a base on pairs, let it say what it makes of others; language -> scores.

    train, test: language of what is said -> file of pairs. text: language -> files of plain text,
    by which the language of what was said is told, and for `preserve`. Both stages are kept in
    `out`: the model in `transformers`' form, and what was said as `outputs.jsonl`.
    Raises UnibridgeError before training, for files, packages and text that are missing.
    """
    from unibridge.transfer.generation import check_generator, generate, train_generator

    # 1. All that can be missing.
    generation_packages()
    pairs = {code: read_generation_pairs(file, read_as) for code, file in train.items()}
    asked = {code: read_generation_pairs(file, read_as) for code, file in test.items()}
    lines = {code: list(read_text(list(files)).lines) for code, files in (text or {}).items()}
    if lines and (unknown := sorted(set(test) - set(lines))):
        raise UnibridgeError(
            f"there is no text to know {', '.join(unknown)} by",
            where="--text",
            do="give plain text of every language that is scored, and of those learnt",
        )
    told = identifier(lines) if lines else None
    at = workplace(base, out, listener=listener)
    check_generator(at.base, settings)

    # 2. Learn.
    def build(folder: Path) -> Outcome:
        trained = train_generator(
            at.base,
            pairs,
            settings,
            text=lines,
            seed=seed,
            checkpoint=folder / "checkpoint.pt",
            progress=at.steps("train-generation"),
        )
        trained.model.save_pretrained(folder / "model")
        trained.tokenizer.save_pretrained(folder / "model")
        return Outcome(trained.facts, trained.warnings)

    read = {name: h for code, file in train.items() for name, h in hashes(code, [file]).items()}
    if settings.preserve:
        for code, files in (text or {}).items():
            read |= hashes(f"text:{code}", list(files))
    how = settings.model_dump()
    learnt = at.run(
        "train-generation",
        "-".join(sorted(train)),
        build,
        settings=how | {"seed": seed},
        inputs=read,
    )

    # 3. Say, and score.
    scores = {}
    for code, own in asked.items():

        def say(folder: Path, code: str = code, own: list[tuple[str, str]] = own) -> Outcome:
            from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

            model: Any = AutoModelForSeq2SeqLM.from_pretrained(learnt / "model").eval()
            model.to(at.base.model.device)
            tokenizer = AutoTokenizer.from_pretrained(learnt / "model")
            texts, wanted = zip(*own, strict=True)
            said = generate(
                model.to(at.base.model.device), tokenizer, texts, settings, language=code
            )
            rows = [
                {"text": one, "reference": ref, "output": output}
                for one, ref, output in zip(texts, wanted, said, strict=True)
            ]
            content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            write_bytes(folder / "outputs.jsonl", content.encode())
            return Outcome(generation_scores(wanted, said, language=code, identifier=told))

        folder = at.run(
            "generate",
            code,
            say,
            settings={k: v for k, v in how.items() if k != "training"},
            inputs={
                "learnt": str(read_manifest(learnt)["fingerprint"]),
                **hashes("test", [test[code]]),
                **{k: v for c, files in (text or {}).items() for k, v in hashes(c, files).items()},
            },
        )
        scores[code] = read_manifest(folder)["facts"]
    return scores
