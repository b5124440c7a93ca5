"""A small made-up run to be reported."""

import math

from unibridge.artifacts import write_json, write_manifest
from unibridge.evaluation.records import Result, append_result
from unibridge.methods import METHODS
from unibridge.report.page import write_report

SOURCES = ("en", "zh", "ru", "ar", "ja")
STAGES = {
    "unibridge": ["vocabulary-am", "embed-am", "adapt-am", "adapt-en", "task-en", "weigh-am"],
    "unibridge-no-kl": ["vocabulary-am", "embed-am", "adapt-am-no-kl", "task-en", "weigh-am"],
    "mad-x": ["adapt-am-base", "task-en"],
}
SCORES = {  # method: label, score, half the interval, weighting
    "floor": ("Floor: word shapes", 28.4, 1.9, None),
    "fine-tuning": ("Fine-tuning", 12.1, 1.2, None),
    "mad-x": ("MAD-X", 3.0, 0.6, None),
    "unibridge": ("UniBridge", 41.2, 2.2, "harmony"),
    "unibridge-no-kl": ("UniBridge, KL off", 40.1, 2.3, "harmony"),
    "ceiling": ("Ceiling: target labels", 88.7, 1.1, None),
}


def curve(start, end, kl=None, epochs=8):
    return [
        {
            "step": 40 * (i + 1),
            "epoch": i + 1.0,
            "rate": 5e-4,
            "train_loss": end + (start - end) * math.exp(-i / 2) + (kl or 0),
            "mlm": end + (start - end) * math.exp(-i / 2),
            **({"kl": kl * math.exp(-i / 3)} if kl else {}),
            "valid_loss": end + 0.3 + (start - end) * math.exp(-i / 2.2),
        }
        for i in range(epochs)
    ]


def adapted(language, **changes):
    facts = {
        "language": language,
        "curve": curve(6.9, 3.4, kl=0.8),
        "steps": 320,
        "epochs": 8.0,
        "tokens_seen": 1_250_000,
        "samples": 1200,
        "kl_weight": 1.0,
        "teacher_unknown_rate": 0.62,
    }
    return "adapt", facts | changes


def stages():
    trace, alp = [], -640.0
    for size in range(500, 3000, 250):
        gain = None if size == 500 else 90 * math.exp(-size / 700)
        alp += gain or 0
        row = {"size": size, "alp": alp, "gain": gain, "seconds": 0.4}
        trace.append(row | {"tokens_per_word": 3 - size / 2000})
    weights = {"en": 0.206, "zh": 0.197, "ru": 0.203, "ar": 0.199, "ja": 0.195}
    task = {"source": "en", "task": "ner", "steps": 200, "epochs": 10.0, "tokens_seen": 90_000}
    losses = [{k: r[k] for k in ("step", "train_loss", "valid_loss")} for r in curve(1.9, 0.2)]
    return {
        "vocabulary-am": (
            "vocabulary",
            {
                "trace": trace,
                "chosen": 2750,
                "stopped": "The gain of the last step, 1.8, is below epsilon 5.",
                "kind": "unigram",
                "samples": 312.5,
                "words": 40_000,
            },
        ),
        "embed-am": (
            "embed",
            {
                "method": "unibridge",
                "counts": {
                    "special": 5,
                    "lexical": 130,
                    "semantic": 301,
                    "mixed": 2310,
                    "random": 4,
                },
                "searched_source_tokens": 204,
                "source_vocab": 24_000,
                "examples": {
                    "lexical": ["▁2026", "km", "<b>", "|"],
                    "semantic": [["▁አዲስ", "▁new", 0.71], ["አበባ", "花", 0.64], ["▁ቋንቋ", "لغة", 0.5]],
                    "mixed": [["▁ኢትዮጵያ", [["▁አዲስ", 0.61], ["አበባ", 0.39]]]],
                },
            },
        ),
        "adapt-am": adapted("am"),
        "adapt-en": adapted("en", curve=curve(4.0, 2.1), kl_weight=0.0, teacher_unknown_rate=None),
        "adapt-am-no-kl": adapted("am", curve=curve(6.9, 3.3), kl_weight=0.0),
        "adapt-am-base": adapted("am", curve=curve(9.9, 0.1), kl_weight=0.0),
        "task-en": ("train-task", task | {"curve": losses, "dev_score": 91.0, "examples": 4000}),
        "weigh-am": (
            "weigh",
            {
                "weighting": "harmony",
                "weights": weights,
                "distances": {source: weight / 2 for source, weight in weights.items()},
                "entropy": -sum(w * math.log(w) for w in weights.values()),
                "uniform_entropy": math.log(5),
            },
        ),
    }


WARNINGS = {
    "embed-am": "Only 204 of 24000 source tokens occur in the text, so the semantic step rests on "
    "little; judge its examples.",
    "adapt-am": "The teacher reads 62% of the text as unknown tokens.",
    "adapt-am-no-kl": "The teacher reads 62% of the text as unknown tokens.",
}


def make_run(folder, scores=SCORES, finished=None, **about):
    """A run folder with the given scores; finished: the stages that it got to."""
    folder.mkdir(exist_ok=True)
    for name, (stage, facts) in stages().items():
        if finished is not None and name not in finished:
            continue
        (folder / name).mkdir(parents=True)
        manifest = {
            "stage": stage,
            "name": name.split("-", 1)[1],
            "fingerprint": "abc",
            "settings": {"search": {"epsilon": 5.0}} if stage == "vocabulary" else {"seed": 0},
            "inputs": {f"text/{name}.txt": "0123456789abcdef"},
            "seconds": 12.25,
            "peak_memory_bytes": 612_000_000,
            "facts": facts,
            "warnings": [WARNINGS[name]] if name in WARNINGS else [],
        }
        write_manifest(folder / name, manifest)
    for method, (label, score, half, weighting) in scores.items():
        result = Result(
            method=method,
            label=label,
            target="am",
            task="ner",
            metric="F1",
            score=score,
            low=score - half,
            high=score + half,
            examples=600,
            seed=0,
            sources=SOURCES if method not in ("floor", "ceiling") else (),
            weighting=weighting,
            steps=520 if weighting else 1000,
            tokens_seen=1_340_000,
            seconds=74.0,
            role=METHODS[method].role if method in METHODS else "baseline",
        )
        append_result(folder / "results.jsonl", result)
    (folder / "predictions.conll").write_text(
        "በ\tO\nአዲስ\tB-LOC\nአበባ\tI-LOC\n5\tB-QTY\n<b>\tO\n<i>\tB-LANG\n\nአማርኛ\tB-LANG\nእና\tO\nሶማሊኛ\tB-LANG\n\n",
        encoding="utf-8",
    )
    write_json(
        folder / "run.json",
        {
            "title": "Amharic <demo>",
            "target": "am",
            "target_name": "Amharic",
            "task": "ner",
            "sources": SOURCES,
            "base": "demo base",
            "base_notes": ["Trained on CLDR phrases of 40 languages, without Amharic."],
            "created": "2026-11-21T08:00:00+00:00",
            "command": "unibridge demo --language am",
            "versions": {"python": "3.11", "torch": "2.13.0"},
            "warnings": ["Source adapters shipped with the base were used."],
            "method_stages": STAGES,
            "predictions": {"unibridge": "predictions.conll"},
            "published": {"epochs": 50, "note": "10K samples of 128 words, batch 32"},
            **about,
        },
    )
    return folder


def render(folder):
    """The report as HTML and as Markdown."""
    html, markdown = write_report(folder)
    return html.read_text(encoding="utf-8"), markdown.read_text(encoding="utf-8")
