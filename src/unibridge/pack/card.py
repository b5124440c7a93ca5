"""The model card of a language pack: README.md with the front matter that model hubs read."""

import json
from collections.abc import Mapping
from typing import Any

from unibridge.evaluation.records import Result
from unibridge.report.scores import method_scores, scores_table
from unibridge.report.tables import (
    counts_table,
    escape_markdown,
    markdown_table,
    weights_table,
    whole,
)


def model_card(facts: Mapping[str, Any]) -> str:
    """Markdown with YAML front matter, from facts alone; whatever is missing is left out.

    facts: name, language (code), language_name, base_model, license ("unknown" unless given),
    task, pipeline_tag (what hubs call it), metric, labels, example (an input in the language),
    text {"words", "samples", "files": [...]}, vocabulary (tokens), counts (embedding origins),
    sources [codes], label_files {source: file or data set}, weighting, weights {source: weight},
    distances {source: mean distance of states}, scores [Result], limits [str], warnings [str],
    loading (Python code, where it is not this package's), versions {package: str}.
    """
    name = str(facts.get("name") or f"unibridge-{facts['language']}")
    language = str(facts.get("language_name") or facts["language"])
    sections = [
        _front_matter(facts),
        f"# {escape_markdown(name)}",
        _summary(facts, language),
        "## How to load\n\n" + _loading(facts),
        _section("Data", _data(facts)),
        _section("Scores", _scores(facts)),
        _section("Source weights", _weights(facts)),
        _section("Limits", _limits(facts, language)),
        _section("Versions", ", ".join(f"{n} {v}" for n, v in facts.get("versions", {}).items())),
        "## Citation\n\nThe method is UniBridge (arXiv 2406.09717).",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _front_matter(facts: Mapping[str, Any]) -> str:
    tags = ["unibridge", "cross-lingual-transfer", "adapters", facts.get("task")]
    fields = {
        "language": [facts["language"]],
        "license": facts.get("license") or "unknown",
        "base_model": facts.get("base_model"),
        "pipeline_tag": facts.get("pipeline_tag"),
        "tags": [tag for tag in tags if tag],
        "metrics": [str(facts["metric"]).lower()] if facts.get("metric") else None,
    }
    # JSON scalars and lists are YAML too, quotes and all, so no value can break the block; a
    # bare `no` would be read as false, and that is the code of a language
    lines = [f"{key}: {json.dumps(v, ensure_ascii=False)}" for key, v in fields.items() if v]
    return "\n".join(["---", *lines, "---"])


def _summary(facts: Mapping[str, Any], language: str) -> str:
    base = facts.get("base_model")
    task = f" for {facts['task']}" if facts.get("task") else ""
    sources = ", ".join(facts.get("sources", []))
    learnt = f", learnt from labels in {sources}" if sources else ""
    on = f" on `{base}`" if base else ""
    few = facts.get("target_labels") or 0
    own = (
        f"{few} {language} examples weigh the sources" if few else f"no {language} labels were used"
    )
    return f"A {language} language pack{task}{on}{learnt} ({own})."


def _loading(facts: Mapping[str, Any]) -> str:
    if facts.get("loading"):
        return f"```python\n{facts['loading']}\n```"
    example = json.dumps(facts.get("example") or "…", ensure_ascii=False)
    return (
        "```python\nimport unibridge\n\n"
        'pack = unibridge.load("path/to/this/folder")\n'
        f"pack.predict([{example}])\n```"
    )


def _data(facts: Mapping[str, Any]) -> str:
    text, lines = facts.get("text", {}), []
    if text.get("words"):
        samples = f", {text['samples']:,.1f} samples" if text.get("samples") else ""
        lines.append(f"Plain text: {whole(text['words'])} words{samples}.")
    lines += [f"Text: {file}" for file in text.get("files", [])]
    lines += [f"Labels, {s}: {file}" for s, file in facts.get("label_files", {}).items()]
    if facts.get("labels"):
        lines.append(f"Label set: {', '.join(facts['labels'])}")
    if facts.get("vocabulary"):
        lines.append(f"Vocabulary: {whole(facts['vocabulary'])} tokens")
    listed = _bullets(lines)
    if counts := facts.get("counts"):
        listed += "\n\nWhere the initial embeddings came from:\n\n"
        listed += markdown_table(counts_table(counts))
    return listed.strip()


def _scores(facts: Mapping[str, Any]) -> str:
    scores: list[Result] = list(facts.get("scores", []))
    return markdown_table(scores_table(method_scores(scores))) if scores else ""


def _weights(facts: Mapping[str, Any]) -> str:
    weights = facts.get("weights")
    if not weights:
        return ""
    table = markdown_table(weights_table(weights, facts.get("distances") or {}))
    how = f"Weighting: {facts['weighting']}.\n\n" if facts.get("weighting") else ""
    return how + table


def _limits(facts: Mapping[str, Any], language: str) -> str:
    own = (
        f"The labels come from other languages, so names and constructions that only {language} "
        "has are the likeliest mistakes; read the intervals before relying on a score."
    )
    if not facts.get("scores"):
        own += " This pack has not been scored."
    return _bullets([own, *facts.get("limits", []), *facts.get("warnings", [])])


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""


def _bullets(lines: list[str]) -> str:
    return "\n".join(f"- {escape_markdown(line)}" for line in lines)
