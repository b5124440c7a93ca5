"""Text from text: learnt on pairs of some languages, scored in others."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unibridge.artifacts import Outcome, fingerprint, read_manifest, write_bytes
from unibridge.errors import UnibridgeError
from unibridge.evaluation.counts import packed
from unibridge.evaluation.generation import (
    CHRF2,
    chrf_counts,
    generation_packages,
    generation_scores,
)
from unibridge.evaluation.records import Result, append_result, read_results
from unibridge.metrics import bootstrap_difference, bootstrap_interval
from unibridge.operations.listening import SILENCE, Listener
from unibridge.operations.reading import say_all, texts_by_language
from unibridge.operations.stages import AnyBase, workplace
from unibridge.stages.inputs import hashes
from unibridge.text.examples import AS_IT_IS, ReadAs
from unibridge.text.identification import identifier
from unibridge.text.labels import read_labels
from unibridge.text.values import COLUMN_DOUBT

if TYPE_CHECKING:
    from unibridge.transfer.generation import GenerationSettings


SCORES = ("chrf", "rouge_l", "wrong_language")
"""What is told of a language, 0 to 100; the last where there is text to know languages by."""


def read_generation_pairs(
    path: str, read_as: ReadAs = AS_IT_IS, listener: Listener = SILENCE
) -> list[tuple[str, str]]:
    """(what is read, what is said) of a table or JSON lines whose label is what is said."""
    found = read_labels(path, *read_as, expect="text")
    # labels that hardly recur are what is meant here
    say_all((note for note in found.warnings if COLUMN_DOUBT not in note), listener)
    return [(one.text, one.label) for one in found.examples if getattr(one, "label", None)]  # type: ignore[union-attr, misc]


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
    Each language is a row of `out/results.jsonl`, beside one of `copy`, which says the text that it
    reads: what a model that has learnt nothing scores. Raises UnibridgeError before training, for
    files, packages and text that are missing.
    """
    from unibridge.transfer.generation import check_generator, generate, train_generator

    # 1. All that can be missing.
    generation_packages()
    pairs = {code: read_generation_pairs(file, read_as, listener) for code, file in train.items()}
    asked = {code: read_generation_pairs(file, read_as, listener) for code, file in test.items()}
    lines = texts_by_language(text or {}, listener)
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
            copied = generation_scores(wanted, texts, language=code, identifier=told)
            return Outcome(
                {
                    **generation_scores(wanted, said, language=code, identifier=told),
                    "copy": copied,
                    "examples": len(said),
                    "intervals": _intervals(wanted, said, texts, seed),
                    "counts": packed(chrf_counts(wanted, said)),
                }
            )

        folder = at.run(
            "generate",
            code,
            say,
            settings={k: v for k, v in how.items() if k != "training"} | {"rows": True},
            inputs={
                "learnt": str(read_manifest(learnt)["fingerprint"]),
                **hashes("test", [test[code]]),
                **{k: v for c, files in (text or {}).items() for k, v in hashes(c, files).items()},
            },
        )
        facts = read_manifest(folder)["facts"]
        scores[code] = {name: facts[name] for name in SCORES if name in facts}
        row = _row(
            facts,
            (read_manifest(learnt), read_manifest(folder)),
            settings,
            target=code,
            sources=tuple(sorted(train)),
            seed=seed,
            base=Path(str(base)).name if isinstance(base, str | Path) else "",
        )
        known = {one.cell for one in read_results(out / "results.jsonl").results}
        for one in (row, _copied(row, facts)):
            if one.cell not in known:
                append_result(out / "results.jsonl", one)
    return scores


def _row(
    facts: Mapping[str, Any],
    stages: Sequence[Mapping[str, Any]],
    settings: "GenerationSettings",
    **given: Any,
) -> Result:
    """A language's row. facts: of what was said. stages: manifests of the training and of that."""
    made = stages[0]["facts"]
    low, high = facts["intervals"]["score"]
    kept = f", {settings.preserve:.0%} of the base's own training" if settings.preserve else ""
    return Result(
        method="generate",
        label="Text from text" + kept,
        task="generation",
        metric=CHRF2.name,
        score=facts["chrf"],
        low=low,
        high=high,
        examples=facts["examples"],
        steps=made["steps"],
        tokens_seen=made["tokens_seen"],
        seconds=round(sum(stage["seconds"] for stage in stages), 1),
        note=_said(facts),
        settings=fingerprint(settings.model_dump()),
        counts=facts["counts"],
        **given,
    )


def _copied(row: Result, facts: Mapping[str, Any]) -> Result:
    """The row of the texts as they are, beside that of a model."""
    (low, high), (ahead_low, ahead_high) = (facts["intervals"][one] for one in ("copy", "ahead"))
    return replace(
        row,
        method="copy",
        label="The text as it is",
        role="floor",
        score=facts["copy"]["chrf"],
        low=low,
        high=high,
        ahead=facts["copy"]["chrf"] - facts["chrf"],
        ahead_low=ahead_low,
        ahead_high=ahead_high,
        steps=None,
        tokens_seen=None,
        seconds=None,
        note=_said(facts["copy"]),
        counts="",
    )


def _said(facts: Mapping[str, Any]) -> str:
    """A row's further scores in words."""
    note = f"ROUGE-L {facts['rouge_l']:.1f}"
    if "wrong_language" in facts:
        note += f"; {facts['wrong_language']:.1f}% in another language"
    return note


def _intervals(
    wanted: Sequence[str], said: Sequence[str], texts: Sequence[str], seed: int
) -> dict[str, tuple[float, float]]:
    """95% bootstrap intervals of chrF: of what was said, of the text as it is, and of how far the
    text is ahead."""
    ahead = bootstrap_difference(wanted, texts, said, CHRF2, seed=seed)
    return {
        "score": bootstrap_interval(wanted, said, CHRF2, seed=seed),
        "copy": bootstrap_interval(wanted, texts, CHRF2, seed=seed),
        "ahead": (ahead.low, ahead.high),
    }
